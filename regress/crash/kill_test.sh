#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Any process may be killed at any time: what was answered 250 arrives, once,
# and the service goes on.
# Classes: (e) objects that are freed while an event is pending.
. "$(atf_get_srcdir)/../lib/instance.sh"

ROLES="session router spool scheduler delivery mailer relay resolver control"

# start KIND PATH: an instance that delivers so, and mail that flows into it.
start()
{
	instance_new i <<CONF
hostname "mx.example.org"
table users file:users
queue retry 1s
queue max-crashes 60
delivery timeout 2s
process restart-max-delay 1s
listen on 127.0.0.1 port 2525
action "box" $1 "$2" userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user jones
	flow_begin
}

# flow_begin: the instance that is there runs, and mail flows into it.
flow_begin()
{
	instance_run i
	rm -f ids end
	"$LIBDIR/flow.py" 127.0.0.1:2525 jones@example.org ids end >flow.out 2>&1 &
	flow=$!
	wait_for flowed 50 || instance_fail "no mail flows"
}

flowed()
{
	[ -e ids ] && [ "$(wc -l <ids)" -ge "$1" ]
}

# pid_of ROLE: one process of that role; control is not asked, since it may
# be the one that is gone.
pid_of()
{
	for _exe in /proc/[0-9]*/exe; do
		if [ "$(readlink "$_exe")" = \
		    "$OBJDIR/libexec/bulkhead/$1" ]; then
			_exe=${_exe#/proc/}
			echo "${_exe%/exe}"
			return 0
		fi
	done
	return 1
}

# kill_role ROLE: and wait until mail is accepted again, by new processes.
kill_role()
{
	wait_for pid_of "$1" || instance_fail "there is no $1"
	_pid=$(pid_of "$1")
	kill -KILL "$_pid" 2>/dev/null || return 0
	comes_true gone "$_pid"
	[ "$1" = mailer ] || wait_for pid_of "$1" ||
	    instance_fail "$1 is not started again"
	wait_for flowed $(($(wc -l <ids) + 20)) ||
	    instance_fail "no mail is accepted after the death of $1"
}

# The master and all with it, as when the machine stops.
kill_master()
{
	instance_kill i
	instance_run i
	wait_for flowed $(($(wc -l <ids) + 20)) ||
	    instance_fail "no mail is accepted after a restart"
}

# End the flow and wait for the queue to empty.
finish()
{
	: >end
	wait "$flow"
	[ ! -s flow.out ] || atf_fail "$(cat flow.out)"
	DEADLINE=60 wait_for queue_empty ||
	    instance_fail "stays in the queue: $(ctl show queue | head)"
	! grep -e event=sandbox-violation -e event=peer-violation \
	    -e event=fatal "$DIR/log" || instance_fail "see above"
}
queue_empty()
{
	_left=$(ctl -j show queue) && [ -z "$_left" ]
}

# compare FOUND: the ids that arrived, one to a line, with those answered 250.
compare()
{
	sort -u ids >accepted
	sort "$1" >arrived
	sort -u arrived | comm -23 accepted - >lost
	[ ! -s lost ] || instance_fail "$(wc -l <lost) lost: $(head lost)"
	uniq -d arrived >twice
	echo "$(wc -l <accepted) accepted, $(wc -l <arrived) arrived," \
	    "$(wc -l <twice) twice"
}

maildir_ids()
{
	ls "$DIR/home/jones/Maildir/new" |
	    sed 's/.*_\([0-9a-f]\{16\}\)\..*/\1/'
}

atf_test_case maildir
maildir_head()
{
	atf_set descr "20 deaths, delivery to a Maildir"
	atf_set timeout 200
}
maildir_body()
{
	start maildir "~/Maildir"
	for round in 1 2; do
		for role in $ROLES; do
			kill_role "$role"
		done
		kill_master
	done
	for role in spool delivery mailer scheduler; do
		kill_role "$role"
	done
	finish
	maildir_ids >found
	compare found
	# a delivery in doubt is looked for before it is made again
	[ "$(wc -l <twice)" = 0 ] || instance_fail "twice: $(head twice)"
}

# whole_records MBOX: the ids of its messages; fails unless each is whole.
whole_records()
{
	python3 - "$1" <<'PY'
import re, sys
text = open(sys.argv[1], "rb").read()
starts = [m.start() for m in re.finditer(rb"^From ", text, re.M)]
if starts[:1] != [0] or not text.endswith(b"\n\n"):
    sys.exit("does not begin or end as an mbox")
for at, end in zip(starts, starts[1:] + [len(text)]):
    record = text[at:end]
    number, client = re.search(rb"^Subject: (\d+) of (\d+)$", record,
                               re.M).groups()
    content = b"Subject: %s of %s\n\n" % (number, client) + b"x" * 70 + b"\n"
    size = 400000 if int(number) % 50 == 49 else 500
    if not record.endswith(b"\n" + content * max(1, size // len(content)) +
                           b"\n"):
        sys.exit("message %s of %s is not whole" % (number, client))
    print(re.search(rb"\bid ([0-9a-f]{16})\b", record)[1].decode())
PY
}

atf_test_case mbox
mbox_head()
{
	atf_set descr "the same with an mbox"
	atf_set timeout 200
}
mbox_body()
{
	start mbox "~/mbox"
	for role in mailer delivery mailer spool mailer scheduler; do
		kill_role "$role"
	done
	kill_master
	kill_role mailer
	finish
	whole_records "$DIR/home/jones/mbox" >found ||
	    instance_fail "not in order"
	compare found
	[ "$(wc -l <twice)" -le 8 ] || instance_fail "twice: $(head twice)"
}

# start_relay: an instance that sends all mail on to ledger.py.
start_relay()
{
	"$LIBDIR/ledger.py" 2526 came cut &
	wait_for listening 2526 || atf_fail "no ledger"
	instance_new i <<CONF
hostname "mx.example.org"
queue retry 1s
queue max-crashes 60
relay timeout idle 0s
process restart-max-delay 1s
listen on 127.0.0.1 port 2525
action "on" relay host smtp://127.0.0.1:2526
match from any for any action "on"
CONF
	flow_begin
}

arrives()
{
	[ "$(wc -l <came)" -ge "$1" ]
}

# kill_sending ROLE|master: and wait until mail arrives there again.
kill_sending()
{
	if [ "$1" = master ]; then
		instance_kill i
		tail -n 500 came >late
		instance_run i
	else
		kill_role "$1"
	fi
	wait_for arrives $(($(wc -l <came) + 20)) ||
	    instance_fail "nothing arrives after the death of $1"
}

# once_unless_cut: each message once, and once more for each time that its
# connection ended before its client went on.  What came just before all of it
# was killed may come again: that it had come was not on disk.
once_unless_cut()
{
	sort came | uniq -c | awk '{ print $2, $1 - 1 }' >more
	sort cut late | uniq -c | awk '{ print $2, $1 }' >may
	awk 'NR == FNR { may[$1] = $2; next } $2 > may[$1] + 0' may more >twice
	echo "$(wc -l <cut) cut, $(awk '{ n += $2 } END { print n }' more) more"
	[ ! -s twice ] || instance_fail "twice: $(head twice | tr '\n' ' ')"
}

atf_test_case relay
relay_head()
{
	atf_set descr "13 deaths, mail that is sent on"
	atf_set timeout 200
}
relay_body()
{
	start_relay
	for role in relay session router spool relay scheduler delivery \
	    resolver scheduler control relay spool master; do
		kill_sending "$role"
	done
	finish
	compare came
	once_unless_cut
}

atf_test_case all_at_once
all_at_once_head()
{
	atf_set descr "every role killed at the same moment comes back"
	atf_set timeout 120
}
all_at_once_body()
{
	start maildir "~/Maildir"
	for role in $ROLES; do
		pid_of "$role" || :
	done >pids
	kill -KILL $(cat pids)
	wait_for flowed $(($(wc -l <ids) + 20)) ||
	    instance_fail "no mail is accepted any more"
	finish
	maildir_ids >found
	compare found
	[ "$(wc -l <twice)" = 0 ] || instance_fail "twice: $(head twice)"
	atf_check_equal 0 "$(ctl show roles >roles; echo $?)"
}

atf_init_test_cases()
{
	atf_add_test_case maildir
	atf_add_test_case mbox
	atf_add_test_case relay
	atf_add_test_case all_at_once
}
