#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The long form of kill_test, run by "make crash": processes of all roles and
# the whole daemon are killed at random moments while mail flows.
#	kills -s DIR -v kills=N -v seed=N random
. "$(atf_get_srcdir)/kill_test"

# below N: set R to a number from 0 on that is smaller.
below()
{
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	R=$((seed / 65536 % $1))
}

# Kill one, without waiting for it to come back.
kill_one()
{
	below 8
	if [ "$R" = 7 ]; then
		instance_kill i 2>/dev/null
		instance_run i >/dev/null
		return
	fi
	set -- $ROLES
	shift "$R"
	role=$1
	for _pid in $(pid_of "$role"); do
		kill -KILL "$_pid" 2>/dev/null && return
	done
	return 1
}

atf_test_case random
random_head()
{
	atf_set descr "kills at random moments: nothing lost, few things twice"
}
random_body()
{
	kills=$(atf_config_get kills 200)
	seed=$(atf_config_get seed "$(date +%s)")
	echo "kills: seed $seed"
	start maildir "~/Maildir"
	done=0
	while [ "$done" -lt "$kills" ]; do
		below 300
		sleep "0.$(printf %03d "$R")"
		kill_one || continue
		done=$((done + 1))
		# now and then all is to be well again in between
		[ $((done % 10)) != 0 ] ||
		    wait_for flowed $(($(wc -l <ids) + 20)) ||
		    instance_fail "no mail is accepted after $done kills"
	done
	finish
	maildir_ids >found
	echo "kills: $done: $(compare found)"
	[ "$(sort found | uniq -d | wc -l)" -le "$done" ] ||
	    atf_fail "more than one duplicate for each kill"
}

atf_init_test_cases()
{
	atf_add_test_case random
}
