# SPDX-License-Identifier: ISC
#
# What the tests of the receiving side share: an instance that takes mail for
# example.org, and looks into its mailboxes and processes.  A test sources it
# in place of instance.sh:
#
#	. "$(atf_get_srcdir)/../lib/smtp.sh"

. "$(atf_get_srcdir)/../lib/instance.sh"

WORKER=127.0.0.1:2525  # isolation worker
SINGLE=127.0.0.1:2526  # isolation connection
FOREIGN=192.0.2.1:2525 # as WORKER, to which the client is no local one
ip address add 192.0.2.1/24 dev lo

# smtp_start [SETTINGS]: start the instance "mx", where jones and brown have a
# Maildir and green is nobody, with that text in front of its configuration.
smtp_start()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		${1:-}
		table users file:users
		listen on 0.0.0.0 port 2525
		listen on 0.0.0.0 port 2526 isolation connection
		listen on ::1 port 2525
		listen on socket
		action "box" maildir userbase <users>
		match from any for domain "example.org" action "box"
	END
	instance_user jones brown
	instance_run mx
}

# smtp_hold FILE WHERE STEP...: a dialogue in the background, printed to FILE,
# that has done these steps on return and keeps its connection; its process is
# HELD.
smtp_hold()
{
	_held=$1
	shift
	"$LIBDIR/dialogue.py" "$@" "say held" "pause 60" >"$_held" 2>&1 &
	HELD=$!
	wait_for grep -qx held "$_held" || {
		cat "$_held" >&2
		instance_fail "no connection to hold"
	}
}

# smtp_release PID: end such a dialogue.
smtp_release()
{
	kill "$1"
	wait "$1" 2>/dev/null || :
}

# smtp_mail WHERE TO FROM FILE: one transaction; FILE holds the content as it
# goes over the wire, without its end.
smtp_mail()
{
	smtp_dialogue "$1" 220 "> EHLO client.example.net" 250 \
	    "> MAIL FROM:<$3>" 250 "> RCPT TO:<$2>" 250 "> DATA" 354 \
	    "file $4" "> ." 250 "> QUIT" 221 closed
}

# mailbox_only NAME: the file of the one message of that user.
mailbox_only()
{
	mailbox_wait "$1" 1
	[ "$(mailbox_count "$1")" = 1 ] ||
	    instance_fail "$1 has $(mailbox_count "$1") messages, not 1"
	echo "$DIR/home/$1/Maildir/new/"*
}

# message_text <FILE: a delivered message without the three fields that were
# put on top of it.
message_text()
{
	LC_ALL=C awk '
	!text && NR > 3 && !/^\t/ { text = 1 }
	text { print }'
}

# message_trace <FILE: those fields, unfolded, with ID and DATE in them.
message_trace()
{
	LC_ALL=C awk '
	NR > 3 && !/^\t/ { exit }
	/^\t/ { sub(/^\t/, " "); field = field $0; next }
	{ if (NR > 1) print field; field = $0 }
	END { print field }' | sed \
	    -e 's/ id [0-9a-f]\{16\}/ id ID/' \
	    -e 's/; [A-Z][a-z][a-z], .*$/; DATE/'
}

# roles: the living processes of the daemon in DIR, "pid role" to a line,
# without mailers, which come and go.
roles()
{
	ps -eo pid=,stat=,comm= | while read -r _pid _state _comm; do
		case $_state:$_comm in
		Z*) ;;
		*:router | *:spool | *:scheduler | *:delivery | *:control | \
		*:session | *:relay | *:resolver) echo "$_pid $_comm" ;;
		esac
	done | sort
}

# servers_of PORT: the processes that hold a connection to that port, whatever
# they are.
servers_of()
{
	ss -Htnp state established "sport = :$1" | grep -o 'pid=[0-9]*' |
	    sed 's/pid=//' | sort -u
}
