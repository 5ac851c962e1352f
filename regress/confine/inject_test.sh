#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Every system call there is, made from inside the processes of a running
# instance: the verdict is that of the tables in privsep/confine.
. "$(atf_get_srcdir)/../lib/hull.sh"

INJECT=$OBJDIR/regress/confine/inject

# all_calls ROLE: try them on copies of that role's process.
all_calls()
{
	hull_start
	"$INJECT" "$1" "$(hull_pid "$1")" || atf_fail "not as in the table"
	# whoever was copied goes on as before
	hull_serves
	! grep -e sandbox-violation -e role-exit "$DIR/log" ||
	    atf_fail "the process itself was touched"
}

for _role in $ROLES mailer master; do
	atf_test_case "$_role"
	eval "${_role}_head() {
		atf_set descr 'Calls from $_role are judged as its table says'
		atf_set require.user root
		atf_set timeout 120
	}
	${_role}_body() { all_calls $_role; }"
done

# dies ROLE NUMBER: that process itself, of that call; and is replaced.
dies()
{
	_pid=$(hull_pid "$1")
	_is=$("$INJECT" -k "$2" "$_pid")
	[ "$_is" = killed ] || instance_fail "$1, call $2: $_is"
	log_wait 1 "event=sandbox-violation role=$1 pid=$_pid"
	[ "$1" = mailer ] || wait_for hull_replaced "$1" "$_pid" ||
	    instance_fail "$1 is not replaced"
}

atf_test_case process_dies_and_is_replaced
process_dies_and_is_replaced_head()
{
	atf_set descr 'A process that breaks its rules is killed and replaced'
	atf_set require.user root
	atf_set timeout 120
}
process_dies_and_is_replaced_body()
{
	# the same numbers everywhere: io_uring_setup, pidfd_open, ...; and
	# one that no kernel has
	hull_start
	dies mailer 425
	dies session 434
	dies router 438
	dies spool 424
	dies scheduler 444
	dies delivery 435000
	dies relay 430
	dies resolver 424
	dies control 425
	hull_serves
}

atf_test_case tables_are_as_reviewed
tables_are_as_reviewed_head()
{
	atf_set descr 'No row of a table of calls is won or lost unseen'
}
tables_are_as_reviewed_body()
{
	_golden=$(atf_config_get srcdir)/regress/golden/policy/$(uname -m)
	"$OBJDIR/regress/confine/policy" >is
	diff -u "$_golden" is || atf_fail "if that is right, put it in $_golden"
}

atf_init_test_cases()
{
	atf_add_test_case tables_are_as_reviewed
	hull_enforced || return 0
	for _case in $ROLES mailer master process_dies_and_is_replaced; do
		atf_add_test_case "$_case"
	done
}
