#! /bin/sh
# SPDX-License-Identifier: ISC
#
# fuzz.sh OBJDIR SECONDS TARGET: run that target for so long.  Prints one line
# of what it has done, or, when it has found something, the end of its log.
set -u

objdir=$1 seconds=$2 target=$3
log=$objdir/fuzz/$target.log
mkdir -p "$objdir/fuzz" "$objdir/crash" "$objdir/corpus/$target"
seeds=regress/fuzz/corpus/$target
[ -d "$seeds" ] || seeds=
if ! "$objdir/regress/fuzz/fuzz_$target" -max_total_time="$seconds" \
    -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$objdir/crash/$target-" "$objdir/corpus/$target" \
    $seeds >"$log" 2>&1; then
	tail -n 60 "$log"
	echo "fuzz_$target: found something; see $log"
	# no other target is begun
	exit 255
fi
awk -v target="$target" '
/^stat::number_of_executed_units:/ { runs = $2 }
/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
END { printf "fuzz_%-12s %10d runs, %6d places covered\n", target, runs, cov }
' "$log"
