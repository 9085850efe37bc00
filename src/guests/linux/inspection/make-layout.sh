#!/bin/sh
# Writes where a built kernel keeps its processes, namespaces and control groups, as JSON on stdout.
#
#   make-layout.sh VMLINUX SYSTEM_MAP RELEASE OFFSETS_ASSEMBLY
#
# OFFSETS_ASSEMBLY is offsets.c beside this, compiled to assembly with that kernel's configuration; build.sh does it.
set -eu
vmlinux=$1 map=$2 release=$3 assembly=$4

build_id=$(riscv64-linux-gnu-readelf -n "$vmlinux" | sed -n 's/^ *Build ID: //p')
[ -n "$build_id" ] || { echo "make-layout.sh: $vmlinux has no build ID" >&2; exit 1; }

printf '{\n  "release": "%s",\n  "buildId": "%s",\n  "symbols": {\n' "$release" "$build_id"
for symbol in init_task init_nsproxy __start_notes __stop_notes vm_zone_stat; do
	address=$(awk -v name="$symbol" '$3 == name { print $1 }' "$map")
	[ -n "$address" ] || { echo "make-layout.sh: $map has no $symbol" >&2; exit 1; }
	printf '    "%s": %d,\n' "$symbol" "0x$address"
done | sed '$s/,$//'
printf '  },\n  "offsets": {\n'
sed -n 's/^[[:space:]]*\.ascii "->\([^ ]*\) \([0-9]*\) .*/    "\1": \2,/p' "$assembly" | sed '$s/,$//'
printf '  }\n}\n'
