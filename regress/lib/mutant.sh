#! /bin/sh
# SPDX-License-Identifier: ISC
#
# mutant.sh BASE ROW: one row of mutants.sh, in the copy of the tree
# BASE/$SLOT.  A row that is only the name of a test: whether that passes
# without a change.  Prints a line of the table; fails when that is bad news.
set -u

base=$1
tree=$base/$SLOT
log=$tree/log
IFS='|' read -r name file test script <<END
$2
END
: "${file:=}" "${test:=}" "${script:=}"

# build TEST: what that runs, and no more.
build()
{
	case $1 in
	unit/ipc/process_test:*) set -- all "build/regress/${1%:*}" ;;
	unit/*) set -- "build/regress/${1%:*}" ;;
	*:*)	set -- "harness-${1%%/*}" "build/regress/${1%:*}" ;;
	*)	set -- "build/regress/${1%% *}" ;;
	esac
	make -C "$tree" -s O=build "$@" >>"$log" 2>&1
}

# try TEST: whether it passes.
try()
{
	rm -rf "$tree/work"
	mkdir "$tree/work"
	case $1 in
	*:*)
		(cd "$tree/work" &&
		    timeout 120 "$tree/build/regress/${1%:*}" \
		    -s "$tree/build/regress/${1%/*}" -v srcdir="$tree" \
		    -v objdir="$tree/build" \
		    -r "$tree/work/result" "${1#*:}" >>"$log" 2>&1) &&
		    grep -q '^passed' "$tree/work/result" ;;
	*)
		disk=$(mktemp -d -p /dev/shm) || return 1
		set -- $1
		program=$1
		shift
		timeout 600 "$tree/build/regress/$program" -d "$disk" "$@" \
		    >>"$log" 2>&1
		_status=$?
		rm -rf "$disk"
		return "$_status" ;;
	esac
}

say()
{
	printf '%-30s %-58s %s\n' "$@"
}

if [ -z "$file" ]; then
	build "$name" && try "$name" && exit 0
	say - "$name" 'RED WITHOUT A MUTANT'
	exit 1
fi
name=$(echo $name) file=$tree/$(echo $file) test=$(echo $test)
echo "=== $name" >>"$log"
cp -p "$file" "$tree/original"
sed -i -e "${script# }" "$file"
status=1
if cmp -s "$file" "$tree/original"; then
	result='DOES NOT APPLY'
elif ! build "$test"; then
	result='DOES NOT COMPILE'
elif try "$test"; then
	result=SURVIVES
else
	result=killed status=0
fi
cp "$tree/original" "$file"
say "$name" "$test" "$result"
exit "$status"
