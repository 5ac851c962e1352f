#! /bin/sh
# SPDX-License-Identifier: ISC
#
# Run test programs under kyua: suite.sh SRCDIR OBJDIR PROGRAM...
# The programs lie under OBJDIR/regress; a Kyuafile is written into each of
# their directories.  The last line says N passed, N failed, N skipped; the
# exit status is 0 only if something passed and nothing failed.
set -eu

srcdir=$1
objdir=$2
shift 2
top=$objdir/regress
out=$objdir/kyua
results=$out/results.db
mkdir -p "$out"

# The same surroundings for everybody: Debian's own programs, and nothing of
# what make or the caller have in their environment.
kyua()
{
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent \
	    LC_ALL=C.UTF-8 BULKHEAD_SRC="$srcdir" kyua --logfile="$out/log" "$@"
}

# The harness needs namespaces and users of its own.
if [ "$(id -u)" != 0 ]; then
	echo "the tests are to run as root"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

head='syntax(2)
test_suite("bulkhead")'
find "$top" -name Kyuafile -exec rm -f {} +
echo "$head" >"$top/Kyuafile"
for program; do
	program=$(realpath -s "$program")
	dir=${program%/*}
	if [ ! -e "$dir/Kyuafile" ]; then
		echo "$head" >"$dir/Kyuafile"
		echo "include(\"${dir#"$top/"}/Kyuafile\")" >>"$top/Kyuafile"
	fi
	case $dir in
	*/fuzz) kind=plain_test_program ;;
	*) kind=atf_test_program ;;
	esac
	echo "$kind{name=\"${program##*/}\"}" >>"$dir/Kyuafile"
done

# kyua itself has been seen to die of a signal in the middle of a run, which
# leaves no verdict on anything: then, and only then, all of it is run anew.
for attempt in 1 2 3; do
	rm -f "$results"
	status=0
	kyua -v parallelism="${TEST_JOBS:-4}" \
	    -v test_suites.bulkhead.srcdir="$srcdir" \
	    -v test_suites.bulkhead.objdir="$objdir" \
	    test --results-file="$results" -k "$top/Kyuafile" || status=$?
	[ "$status" -gt 128 ] || break
	echo "kyua ended by signal $((status - 128)) in attempt $attempt"
done
if [ ! -e "$results" ]; then
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
if [ "$status" != 0 ]; then
	kyua report --verbose \
	    --results-file="$results" --results-filter=broken,failed
fi
kyua report --results-file="$results" >"$out/report"
# kyua counts "5 total, 1 skipped, 0 expected failures, 1 broken, 0 failed".
awk -v status="$status" '
/^Test cases: / {
	failed = $10 + $12
	passed = $3 - $5 - failed
	skipped = $5
}
END {
	if (status != 0 && failed == 0)
		failed = 1
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0 || passed == 0
}' "$out/report"
