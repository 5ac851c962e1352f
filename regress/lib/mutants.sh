#! /bin/sh
# SPDX-License-Identifier: ISC
#
# mutants.sh SRCDIR OBJDIR [NAME...]: is every guard guarded itself?  In a
# copy of the tree one guard after another is taken out, what changes is built
# anew, and the test that is named beside it must turn red.  Prints a table;
# fails when a mutant survives, when a change no longer applies, or when a
# test is red without any.  With names, only these mutants, or all those of a
# directory of that name.
#
# The mutants stand in the files regress/DIRECTORY/mutants, one to a line:
#	NAME | FILE | TEST | sed script
# TEST is a case of a test program (smtp/limits_test:max_errors), or another
# program and its arguments (crash/powercut -n 3000).
set -eu

srcdir=$1
objdir=$2
shift 2
only=" $* "
tree=$objdir/mutants
log=$tree/log
disk=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$disk"' EXIT
trap 'exit 1' INT TERM
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

# The rows that are wanted, with their directory in front.
table()
{
	for mutants in "$srcdir"/regress/*/mutants; do
		dir=${mutants%/*}
		dir=${dir##*/}
		grep -v '^ *#' "$mutants" | grep '|' | while read -r row; do
			[ "$only" = "  " ] || case $only in
			*" $dir "* | *" ${row%% *} "*) ;;
			*) continue ;;
			esac
			printf '%s\n' "$row"
		done
	done
}

# Of a copy, and not of the original, whose objects stay what they are.
copy()
{
	rm -rf "$tree"
	mkdir -p "$tree/build"
	(cd "$srcdir" && cp -a Makefile LICENSE README.md privsep smtpd spool \
	    delivery regress man "$tree/")
	(cd "$objdir" && cp -a bin sbin libexec obj regress "$tree/build/")
	# a red test is not waited for as long as a slow machine
	sed -i 's/^DEADLINE=.*/DEADLINE=8/' "$tree/regress/lib/instance.sh"
}

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
		set -- $1
		program=$1
		shift
		timeout 300 "$tree/build/regress/$program" -d "$disk" "$@" \
		    >>"$log" 2>&1 ;;
	esac
}

say()
{
	printf '%-30s %-58s %s\n' "$@"
}

copy
bad=0
made=0
say MUTANT 'TEST THAT MUST TURN RED' RESULT
table >"$tree/table"

# Without a change all is green: or red says nothing.
while IFS='|' read -r _ _ test _; do
	echo $test
done <"$tree/table" | sort -u >"$tree/tests"
while read -r test; do
	build "$test" && try "$test" && continue
	say - "$test" 'RED WITHOUT A MUTANT'
	bad=1
done <"$tree/tests"

while IFS='|' read -r name file test script; do
	name=$(echo $name) file=$tree/$(echo $file) test=$(echo $test)
	made=$((made + 1))
	cp -p "$file" "$tree/original"
	sed -i -e "${script# }" "$file"
	echo "=== $name" >>"$log"
	if cmp -s "$file" "$tree/original"; then
		result='DOES NOT APPLY' bad=1
	elif ! build "$test"; then
		result='DOES NOT COMPILE' bad=1
	elif try "$test"; then
		result=SURVIVES bad=1
	else
		result=killed
	fi
	say "$name" "$test" "$result"
	cp "$tree/original" "$file"
done <"$tree/table"

[ "$made" -gt 0 ] || bad=1
if [ "$bad" != 0 ]; then
	echo "mutants: not all of $made are killed; see $log"
	exit 1
fi
rm -rf "$tree"
echo "mutants: $made killed"
