#! /bin/sh
# SPDX-License-Identifier: ISC
#
# mutants.sh SRCDIR OBJDIR [NAME...]: is every guard guarded itself?  In a
# copy of the tree one guard after another is taken out, what changes is built
# anew, and the test that is named beside it must turn red.  Prints a table;
# fails when a mutant survives, when a change no longer applies, or when a
# test is red without any.  With names, only these mutants, or all those of a
# directory of that name.  There is a copy for each processor.
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
base=$objdir/mutants
copies=$(nproc)
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

# The rows that are wanted.
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
	mkdir -p "$1/build"
	(cd "$srcdir" && cp -a Makefile LICENSE README.md privsep smtpd spool \
	    delivery regress man "$1/")
	(cd "$objdir" && cp -a bin sbin libexec obj regress "$1/build/")
	# a red test is not waited for as long as a slow machine
	sed -i 's/^DEADLINE=.*/DEADLINE=8/' "$1/regress/lib/instance.sh"
}

rm -rf "$base"
slot=0
while [ "$slot" -lt "$copies" ]; do
	copy "$base/$slot"
	slot=$((slot + 1))
done
table >"$base/table"
made=$(wc -l <"$base/table")
# Without a change all is green: or red says nothing.
cut -d '|' -f 3 "$base/table" | sed 's/^ *//;s/ *$//' | sort -u >"$base/tests"

printf '%-30s %-58s %s\n' MUTANT 'TEST THAT MUST TURN RED' RESULT
if [ "$made" = 0 ] || ! cat "$base/tests" "$base/table" |
    xargs -d '\n' -P "$copies" -n 1 --process-slot-var=SLOT \
    "$srcdir/regress/lib/mutant.sh" "$base"; then
	echo "mutants: not all of $made are killed; see $base/*/log"
	exit 1
fi
rm -rf "$base"
echo "mutants: $made killed"
