# SPDX-License-Identifier: ISC
#
# The harness of the shell tests, which source it at their top:
#
#	. "$(atf_get_srcdir)/../lib/instance.sh"
#
# Every test case has a network, mounts and process numbers of its own (the
# Makefile's ISOLATE), so ports are fixed, and whatever a case leaves running
# dies with it: no cleanup routine is needed.  Nothing here sleeps for a fixed
# time and hopes; it polls every 20 ms until a deadline.

OBJDIR=$(cd "$(atf_get_srcdir)/../.." && pwd)
SMTPD=$OBJDIR/sbin/smtpd
SMTPCTL=$OBJDIR/sbin/smtpctl
SENDMAIL=$OBJDIR/sbin/sendmail
LIBDIR=$OBJDIR/regress/lib
DEADLINE=20 # seconds

[ "$$" = 1 ] || { echo "not isolated: see ISOLATE in the Makefile" >&2; exit 1; }
ip link set lo up

# wait_for COMMAND...: until it succeeds; fails after DEADLINE.  Its output is
# dropped.
wait_for()
{
	_until=$(($(date +%s) + DEADLINE))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$_until" ] || return 1
		sleep 0.02
	done
}

# gone PID: whether that process has ended.  One that nobody has waited for
# yet has ended too.
gone()
{
	_state=$(sed -n 's/^State:[^A-Z]*\([A-Z]\).*/\1/p' \
	    "/proc/$1/status" 2>/dev/null) || return 0
	[ -z "$_state" ] || [ "$_state" = Z ]
}

# listening PORT: whether somebody listens there.
listening()
{
	ss -Hltn "sport = :$1" | grep -q .
}

# instance_new NAME: make the directory $PWD/NAME, write its smtpd.conf from
# standard input, and set DIR to it.
instance_new()
{
	DIR=$PWD/$1
	mkdir -p "$DIR"
	# Mailers and roles have to get through to what is theirs in here.
	chmod 755 "$PWD" "$DIR"
	: >>"$DIR/users"
	cat >"$DIR/smtpd.conf"
}

# instance_run NAME [OPTION...]: start that instance, whose configuration is
# there, in the background, and wait until it serves.  Its log is DIR/log,
# appended to; its process DIR/pid.  At the host that AT names, where a test
# has hosts (network.sh).
instance_run()
{
	DIR=$PWD/$1
	shift
	${AT:+on "$AT"} "$SMTPD" -R "$DIR" -d -f "$DIR/smtpd.conf" "$@" \
	    >>"$DIR/log" 2>&1 </dev/null &
	echo $! >"$DIR/pid"
	wait_for instance_settled || instance_fail "not ready in time"
	instance_ready || instance_fail "ended at its start"
}

# instance_start NAME [OPTION...]: both, with the configuration on standard
# input; from a here-document, since a pipe would make this a process of its
# own that keeps DIR to itself.
instance_start()
{
	instance_new "$1"
	instance_run "$@"
}

# Whether the instance in DIR answers; or that it has ended, and will not.
instance_ready()
{
	"$SMTPCTL" -R "$DIR" show status
}
instance_settled()
{
	gone "$(cat "$DIR/pid")" || instance_ready
}

instance_fail()
{
	cat "$DIR/log" >&2
	atf_fail "$DIR: $1"
}

# comes_true COMMAND...: as wait_for, and the case fails when it does not.
comes_true()
{
	wait_for "$@" || instance_fail "in vain: $*"
}

# instance_stop NAME: TERM to its master, and wait until it is gone.  One that
# does not go in 10 s is killed and the case fails.
instance_stop()
{
	DIR=$PWD/$1
	_pid=$(cat "$DIR/pid")
	kill -TERM "$_pid" 2>/dev/null || :
	if ! DEADLINE=10 wait_for gone "$_pid"; then
		kill -KILL "$_pid"
		instance_fail "did not stop on TERM"
	fi
	wait "$_pid" 2>/dev/null || :
}

# instance_kill NAME: KILL to its master, and wait until it is gone with all
# its roles, as after a loss of power.
instance_kill()
{
	DIR=$PWD/$1
	_pid=$(cat "$DIR/pid")
	kill -KILL "$_pid"
	comes_true gone "$_pid"
	wait "$_pid" 2>/dev/null || :
	wait_for instance_empty || instance_fail "roles outlive the master"
}
instance_empty()
{
	! readlink /proc/[0-9]*/exe | grep -qF "$OBJDIR/libexec/bulkhead/"
}

# instance_user NAME...: give each user of the instance in DIR a home,
# DIR/home/NAME, and a line in DIR/users: name uid:gid:home.
instance_user()
{
	for _name; do
		_uid=$((60001 + $(wc -l <"$DIR/users")))
		mkdir -p "$DIR/home/$_name"
		chmod 755 "$DIR/home"
		chmod 700 "$DIR/home/$_name"
		chown "$_uid:$_uid" "$DIR/home/$_name"
		echo "$_name $_uid:$_uid:$DIR/home/$_name" >>"$DIR/users"
	done
}

# smtp_dialogue WHERE STEP...: speak, as dialogue.py says; the case fails
# unless all went as expected.  What came is printed.
smtp_dialogue()
{
	"$LIBDIR/dialogue.py" "$@" || {
		[ -z "${DIR:-}" ] || cat "$DIR/log" >&2
		atf_fail "dialogue with $1"
	}
}

# mailbox_count NAME: how many messages are in that user's Maildir.
mailbox_count()
{
	find "$DIR/home/$1/Maildir/new" "$DIR/home/$1/Maildir/cur" -type f \
	    2>/dev/null | wc -l
}

# mailbox_wait NAME COUNT: until so many are there; the case fails if not.
mailbox_wait()
{
	wait_for mailbox_has "$@" ||
	    instance_fail "$1 has $(mailbox_count "$1") messages, not $2"
}
mailbox_has()
{
	[ "$(mailbox_count "$1")" -ge "$2" ]
}

# send [OPTION...] FROM RCPT...: to 127.0.0.1:2525, as send.py says.  Prints
# message ids.
send()
{
	"$LIBDIR/send.py" "$@" || {
		cat "$DIR/log" >&2
		atf_fail "sending $*"
	}
}

# logged COUNT PATTERN: whether so many lines of the log match, or more.
logged()
{
	[ "$(grep -c -e "$2" "$DIR/log")" -ge "$1" ]
}

# log_wait COUNT PATTERN: until they do; the case fails if not.
log_wait()
{
	wait_for logged "$@" || instance_fail "not $1 times in the log: $2"
}

# mail_content FILE: a message of a mailbox as it was sent: without the header
# fields that this server has added at its top.
mail_content()
{
	awk '
NR == 1 && /^Return-Path: / { next }
NR == 2 && /^Delivered-To: / { next }
!done && !trace && /^Received: / { trace = 1; next }
!done && trace && /^[ \t]/ { next }
{ done = 1; print }' "$1"
}

# maildir_files NAME: the messages of that user, one path to a line.
maildir_files()
{
	find "$DIR/home/$1/Maildir/new" "$DIR/home/$1/Maildir/cur" -type f
}

# ctl ARGUMENT...: ask the instance in DIR.
ctl()
{
	"$SMTPCTL" -R "$DIR" "$@"
}

# role_pids ROLE: the processes of that role, as the daemon says.
role_pids()
{
	ctl show roles | awk -v role="$1" '$1 == role { print $3 }'
}
