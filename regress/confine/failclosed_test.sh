#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Each step of the confinement fails once, or is only pretended: no process
# works that is not confined, and where one cannot be, the daemon does not
# start.
. "$(atf_get_srcdir)/../lib/hull.sh"

DENY=$OBJDIR/regress/confine/deny

# Options of prctl(2) and resources of setrlimit(2), by number.
SECUREBITS=28 NNP=38 DUMPABLE=4 BND_READ=23 BND_DROP=24 AMBIENT=47
FSIZE=1 DATA=2 CORE=4 NPROC=6 MEMLOCK=8 MSGQUEUE=12
# Flags of unshare(2) and setns(2).
NEWNS=131072 NEWNET=1073741824 IPC_UTS=201326592 NET_NS=1073872896
EPERM=1

# refuses COMMAND...: it is to end by itself, with an error, and never to have
# opened its port.
refuses()
{
	rm -f "$DIR/log"
	"$@" -R "$DIR" -d -f "$DIR/smtpd.conf" >"$DIR/log" 2>&1 </dev/null &
	_pid=$!
	wait_for gone "$_pid" || instance_fail "$_rule: it starts"
	_status=0
	wait "$_pid" || _status=$?
	[ "$_status" != 0 ] || instance_fail "$_rule: exit status 0"
	! listening 2525 || instance_fail "$_rule: its port is open"
	! grep -q event=start "$DIR/log" || instance_fail "$_rule: it started"
	# and for this reason, not for some other
	grep -Eq "${_why:-.}" "$DIR/log" ||
	    instance_fail "$_rule: not for this reason: $_why"
}

# rule RULE ROLE...: from now on.
rule()
{
	_rule=$1
	shift
	for _role; do
		echo "$_rule" >"bad/libexec/bulkhead/$_role.deny"
	done
}

atf_test_case master_step_fails
master_step_fails_head()
{
	atf_set descr 'The master starts nothing when it cannot confine itself'
	atf_set require.user root
	atf_set timeout 120
}
master_step_fails_body()
{
	hull_new
	while read -r _rule _why; do
		# in the words of the master itself
		_why="^smtpd: $(echo "$_why" | tr _ .)"
		refuses "$DENY" "$_rule" "$SMTPD"
	done <<-END
		unshare/0/$NET_NS:$EPERM making_namespaces
		mount:$EPERM making_the_empty_root
		pivot_root:$EPERM making_the_empty_root
		umount2:$EPERM making_the_empty_root
		prctl/0/$BND_READ:$EPERM bounding_set
		prctl/0/$BND_DROP:$EPERM bounding_set
		prctl/0/$AMBIENT:$EPERM capabilities
		capget:$EPERM capabilities
		capset:$EPERM capabilities
		prctl/0/$NNP:$EPERM no_new_privs
		prctl/0/$DUMPABLE:$EPERM not_dumpable
		seccomp:$EPERM seccomp
	END
}

atf_test_case role_step_fails
role_step_fails_head()
{
	atf_set descr 'The daemon ends when its processes cannot be confined'
	atf_set require.user root
	atf_set timeout 120
}
role_step_fails_body()
{
	hull_new
	hull_with "$DENY" $ROLES
	while read -r _rule _why; do
		_why="doing=\"?$(echo "$_why" | tr _ .)"
		rule "$_rule" $ROLES
		refuses "$SMTPD"
	done <<-END
		setns/1/$NEWNET:$EPERM network_namespace
		unshare/0/$IPC_UTS:$EPERM ipc_and_uts_namespaces
		prlimit64/1/$NPROC:$EPERM limits
		prlimit64/1/$CORE:$EPERM limits
		prlimit64/1/$MEMLOCK:$EPERM limits
		prlimit64/1/$MSGQUEUE:$EPERM limits
		prlimit64/1/$FSIZE:$EPERM limits
		prlimit64/1/$DATA:$EPERM limits
		prctl/0/$BND_READ:$EPERM bounding_set
		prctl/0/$BND_DROP:$EPERM bounding_set
		prctl/0/$SECUREBITS:$EPERM securebits
		setgroups:$EPERM groups
		setresgid:$EPERM gid
		setresuid:$EPERM uid
		prctl/0/$AMBIENT:$EPERM capabilities
		capget:$EPERM capabilities
		capset:$EPERM capabilities
		getresuid:$EPERM no_way_back
		prctl/0/$NNP:$EPERM no_new_privs
		prctl/0/$DUMPABLE:$EPERM not_dumpable
		landlock_create_ruleset:$EPERM landlock
		landlock_restrict_self:$EPERM landlock
		seccomp:$EPERM seccomp
	END
}

atf_test_case one_role_is_enough
one_role_is_enough_head()
{
	atf_set descr 'One process that cannot be confined ends the start'
	atf_set require.user root
	atf_set timeout 120
}
one_role_is_enough_body()
{
	hull_new
	hull_with "$DENY" $ROLES
	rule "getpgid:$EPERM" $ROLES	# that nobody calls
	for _one in router spool scheduler delivery control; do
		rule "setresuid:$EPERM" "$_one"
		_why="smtpd: |role=$_one|$_one"
		refuses "$SMTPD"
		rule "getpgid:$EPERM" "$_one"
	done
	# the steps that only spool has
	_why="root directory"
	for _call in unshare/0/$NEWNS mount pivot_root umount2 \
	    landlock_add_rule; do
		[ "$_call" != landlock_add_rule ] || _why=landlock
		rule "$_call:$EPERM" spool
		refuses "$SMTPD"
	done
	rule "getpgid:$EPERM" spool
	_why="root directory"
	rule "setns/1/$NEWNS:$EPERM" router
	refuses "$SMTPD"
}

atf_test_case pretended_step_is_seen
pretended_step_is_seen_head()
{
	atf_set descr 'The master sees what a process only thinks it has given up'
	atf_set require.user root
	atf_set timeout 120
}
pretended_step_is_seen_body()
{
	hull_new
	hull_with "$DENY" $ROLES
	while read -r _rule _why; do
		_why=$(echo "$_why" | tr _ .)
		rule "$_rule" $ROLES
		refuses setpriv --groups 4,24 "$SMTPD"
	done <<-END
		setns/1/$NEWNET:0 role-unconfined.*ns/net
		setns/1/$NEWNS:0 role-unconfined.*ns/mnt
		unshare/0/$IPC_UTS:0 role-unconfined.*ns/ipc.*ns/uts
		prlimit64/1/$NPROC:0 role-unconfined.*Max_processes
		prlimit64/1/$MEMLOCK:0 role-unconfined.*Max_locked
		prlimit64/1/$FSIZE:0 role-unconfined.*Max_file_size
		prlimit64/1/$DATA:0 role-unconfined.*Max_data
		prctl/0/$BND_DROP:0 role-unconfined.*CapBnd
		setgroups:0 role-unconfined.*Groups
		setresgid:0 no_way_back
		setresuid:0 no_way_back
	END
}

atf_test_case session_gets_no_socket
session_gets_no_socket_head()
{
	atf_set descr 'A session that is not confined gets no connection'
	atf_set require.user root
	atf_set timeout 60
}
session_gets_no_socket_body()
{
	hull_new
	hull_with "$DENY" session
	rule "getpgid:$EPERM" session
	instance_run mx -v
	hull_serves
	rule "prctl/0/$BND_DROP:0" session
	kill -KILL $(role_pids session)
	log_wait 2 'event=role-unconfined role=session'
	smtp_dialogue 127.0.0.1:2525 "silence 1"
	rule "getpgid:$EPERM" session
	hull_serves
}

atf_test_case mailer_writes_nothing
mailer_writes_nothing_head()
{
	atf_set descr 'A mailer that is not confined gets no message'
	atf_set require.user root
	atf_set timeout 60
}
mailer_writes_nothing_body()
{
	hull_new
	hull_with "$DENY" mailer
	while read -r _rule _why; do
		rule "$_rule" mailer
		rm -f "$DIR/log"
		instance_run mx -v
		send a@example.net jones@example.org
		log_wait 1 "$_why"
		log_wait 1 event=deferred
		[ "$(mailbox_count jones)" = 0 ] ||
		    instance_fail "$_rule: it delivers"
		instance_stop mx
	done <<-END
		landlock_restrict_self:$EPERM landlock
		landlock_add_rule:$EPERM landlock
		setresuid:$EPERM doing=uid
		prctl/0/$BND_DROP:0 event=role-unconfined role=mailer
	END
}

atf_init_test_cases()
{
	atf_add_test_case one_role_is_enough
	hull_enforced || return 0
	for _case in master_step_fails role_step_fails \
	    pretended_step_is_seen session_gets_no_socket \
	    mailer_writes_nothing; do
		atf_add_test_case "$_case"
	done
}
