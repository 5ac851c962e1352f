# SPDX-License-Identifier: ISC
#
# What the tests of confinement share: an instance in which every role lives,
# a mailer too, and the proof that it still does what it is for.  A test
# sources it in place of instance.sh.

. "$(atf_get_srcdir)/../lib/instance.sh"

ROLES="session router spool scheduler delivery relay resolver control"
HULL_SENT=0

# hull_new [SETTINGS]: the directory of the instance, not started, with that
# text at the end of its configuration.
hull_new()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		smtp workers 2
		delivery mailer-idle 1h
		process restart-max-delay 1s
		table users file:users
		listen on 0.0.0.0 port 2525
		listen on socket
		action "box" maildir userbase <users>
		match from any for domain "example.org" action "box"
		${1:-}
	END
	instance_user jones brown
}

# hull_start [SETTINGS]: start it and deliver one message, so that there is a mailer.
hull_start()
{
	hull_new "$@"
	instance_run mx -v
	hull_serves
}

# hull_serves: a message goes in and comes to its mailbox, and to no other.
hull_serves()
{
	wait_for hull_send || instance_fail "takes no mail"
	HULL_SENT=$((HULL_SENT + 1))
	mailbox_wait jones "$HULL_SENT"
	[ "$(mailbox_count jones)" = "$HULL_SENT" ] ||
	    instance_fail "jones has more than was sent"
	[ "$(mailbox_count brown)" = 0 ] ||
	    instance_fail "brown has got mail"
}
hull_send()
{
	"$LIBDIR/send.py" -w "${HULL_WHERE:-127.0.0.1:2525}" a@example.net jones@example.org
}

# hull_pid ROLE: the process of that role, or one of them.
hull_pid()
{
	if [ "$1" = master ]; then
		cat "$DIR/pid"
		return
	fi
	wait_for hull_has "$1" || instance_fail "no process of $1"
	role_pids "$1" | tail -1
}
hull_has()
{
	[ -n "$(role_pids "$1")" ]
}

# hull_replaced ROLE PID: whether it has gone and another is there.
hull_replaced()
{
	gone "$2" && hull_has "$1" && ! role_pids "$1" | grep -qx "$2"
}

# hull_with PROGRAM ROLE...: a copy of the daemon in bad/, in which that
# program takes the place of those of these roles, whose own are called
# ROLE.real; and it is what starts from now on.
hull_with()
{
	_in_place=$1
	shift
	mkdir -p bad/sbin bad/libexec/bulkhead
	cp "$OBJDIR/sbin/smtpd" bad/sbin/
	cp "$OBJDIR/libexec/bulkhead/"* bad/libexec/bulkhead/
	for _role; do
		_program=$PWD/bad/libexec/bulkhead/$_role
		mv "$_program" "$_program.real"
		cp "$_in_place" "$_program"
	done
	SMTPD=$PWD/bad/sbin/smtpd
}

# Whether this build confines at all; one with sanitizers does not quite.
hull_enforced()
{
	"$SMTPD" -V | grep -q 'confinement enforced'
}
