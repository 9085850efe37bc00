// What the guest is given to do: rounds of the work of a build — text made, edited, counted, sorted, compressed, checked — of
// copying, of hashing, of starting processes, for ever. Every round does the same, so every round prints the same checksum.

/** A shell script for busybox, typed at the guest's prompt. It announces each round as `round N CHECKSUM`. */
export const LOAD = String.raw`
cat > /tmp/load.sh <<'END'
cd /tmp
text() {
  awk 'BEGIN { for (i = 0; i < 1500; i++) { x = (x * 1103515245 + 12345) % 65536
    printf "int f%d(int a) { return a * %d + g%d(a - %d); }\n", i, x % 1000, x % 300, i % 7 } }' > a.c
}
edit() {
  sed -e 's/int/long/g' -e 's/return \(.*\);/r = \1; return r;/' a.c > b.c
  awk -F'[ (*+]' '{ n[$8]++ } END { for (k in n) print n[k], k }' b.c | sort -n > c
  grep -c g12 b.c >> c
  tr 'a-z' 'A-Z' < b.c | sort -r | uniq -c | cut -c1-40 | head -200 >> c
}
pack() {
  gzip -c b.c > d.gz
  gzip -dc d.gz | cmp - b.c && cat d.gz | md5sum | cut -c1-8
}
copy() {
  dd if=/dev/zero of=z bs=4k count=256 2>/dev/null
  cat z b.c c | sha256sum | cut -c1-16
}
storm() {
  i=0
  while [ $i -lt 30 ]; do
    (exit 0) &
    /bin/true
    i=$((i + 1))
  done
  wait
  echo $i
}
n=0
while :; do
  sum=$(text; edit; pack; copy; storm)
  n=$((n + 1))
  echo round $n $sum
done
END
sh /tmp/load.sh
`.trimStart();

/** The checksum of the round that a line of the console announces; undefined where it announces none. */
export const checksumIn = (line: string): string | undefined => /^round \d+ (.+?)\r?$/.exec(line)?.[1];
