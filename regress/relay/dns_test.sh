#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# A DNS that means no good: what it says costs that look-up, stands on one line
# of the log, and other mail flows meanwhile.  Class: f, h.
. "$(atf_get_srcdir)/../lib/instance.sh"
. "$LIBDIR/network.sh"

# sites [ADDRESS [SETTING]]: an instance that asks that DNS, and far, which has
# all good mail.  Nothing may go where forged names lead.
sites()
{
	net_start
	net_tricks "$NET4.20" "${1:-$NET4.53}"
	net_far jones brown smith
	instance_start out <<CONF
hostname "out.example.net"
resolver forward ${1:-$NET4.53}
${2:-}
resolver anchor none
resolver timeout ${WAIT:-3s}
queue retry 1h
relay timeout connect 5s
listen on 127.0.0.1 port 2525
action "on" relay
match from any for any action "on"
CONF
	processes >before
}

# processes: of each role the one that there is.
processes()
{
	ctl show roles | sed 1d | awk '{ print $1, $3 }'
}

# mail NAME...: for Jones at NAME.example each, and for Brown behind it, which
# is not held up.
mail()
{
	for _name; do
		send smith@home.example "jones@$_name.example" >/dev/null
	done
	send smith@home.example brown@fine.example >/dev/null
	far_has brown 1
}

# unharmed: nothing has died, nothing forged was used, and what was not asked
# before is answered.
unharmed()
{
	send smith@home.example brown@later.example >/dev/null
	far_has brown 2
	processes >now
	diff before now || instance_fail "a process has died"
	! grep -q forged asked || instance_fail "forged names are asked for"
}

# arrives NAME...: Jones has it.
arrives()
{
	sites
	mail "$@"
	far_has jones $#
	unharmed
}

# waits PATTERN NAME...: the message stays, and one line says why.
waits()
{
	_why=$1
	shift
	sites
	mail "$@"
	for _name; do
		log_wait 1 "event=relay .*$_name.example result=deferred .*4.4.3 .*$_why"
		log_wait 1 "event=lookup-failed name=$_name.example type=MX .*$_why"
	done
	unharmed
	for _name; do
		for _event in lookup-failed relay; do
			atf_check_equal 1 "$(grep -c \
			    "event=$_event .*$_name.example" "$DIR/log")"
		done
	done
	atf_check_equal $# "$(ctl show queue | sed 1d | wc -l)"
}

# fails PATTERN NAME...: Smith is told.
fails()
{
	_why=$1
	shift
	sites
	mail "$@"
	for _name; do
		log_wait 1 "event=relay .*$_name.example result=failed .*$_why"
	done
	far_has smith $#
	unharmed
}

# dns CASE DESCRIPTION OUTCOME...
DNS=
dns()
{
	_case=$1 _descr=$2
	shift 2
	DNS="$DNS $_case"
	_outcome=
	for _word; do
		_outcome="$_outcome '$_word'"
	done
	eval "atf_test_case $_case
${_case}_head() { atf_set descr \"$_descr\"; }
${_case}_body() { $_outcome; }"
}

NONE="no name server answers as it should"
LATE="no answer in time"

dns tcp "what is too large for a datagram comes over TCP" \
    arrives tcp many large
dns alias "a host that is an alias" arrives alias
dns poison "an answer with another one beside it" arrives poison
dns cut "TCP that is cut before, within an answer" waits "$NONE" cut shut
dns slow "TCP without an answer, or an octet now and then" \
    waits "$LATE" held drip
dns silent "silence" waits "$LATE" silent
dns spoofed "answers with wrong numbers, from another port" \
    waits "$LATE" number port
dns question "an answer to another question" waits "$NONE" question
dns aliases "aliases in a circle, and too many" waits "$NONE" loop chain
dns thousands "too many hosts" waits "the answer is broken" thousands
dns names "names with odd octets, and an address in place of one" \
    waits "none of its records can be used" labels literal
dns broken "names in a circle, wrong lengths, wrong counts, random octets" \
    waits "$NONE" pointers length counts noise
dns refused "refusals, and the question as its answer" \
    waits "$NONE" refused servfail formerr rcode echo
dns loopback "addresses of this host" fails 5.4.6 \
    localhost loopback loopback6 any any6
dns nowhere "addresses that mail does not go to" fails 5.4.4 \
    mapped this group group6 link link6 all

atf_test_case other_servers
other_servers_head()
{
	atf_set descr "a server by IPv6, beside one that is none"
}
other_servers_body()
{
	WAIT=20s sites "$NET6:53" "resolver forward $NET4.20"
	mail tcp
	far_has jones 1
	unharmed
	grep -q "MX tcp.example tcp" asked || atf_fail "not over TCP"
}

# What a server that is asked for everybody's names does not find it answers
# late or never; who has such a name must not have it taken for dead.
atf_test_case not_dead
not_dead_head()
{
	atf_set descr "a server that is silent about some names for long is" \
	    "asked for others"
}
not_dead_body()
{
	sites
	_until=$(($(date +%s) + 16)) _n=0
	while [ "$(date +%s)" -lt "$_until" ]; do
		_n=$((_n + 1))
		send smith@home.example "jones@silent$_n.example" >/dev/null
		# the pace of the load, under which libunbound's waits double
		sleep 0.5
	done
	log_wait 8 "event=lookup-failed name=silent"
	mail
	unharmed
	! grep -q "event=lookup-failed name=fine" "$DIR/log" ||
	    instance_fail "the server was not asked"
}

# With little else to ask, libunbound's waits go on doubling.
atf_test_case not_dead_for_few
not_dead_for_few_head()
{
	atf_set descr "so is one that was asked for nothing else before"
}
not_dead_for_few_body()
{
	sites
	send smith@home.example jones@silent1.example jones@silent2.example \
	    >/dev/null
	DEADLINE=20 wait_for asked 9 silent1 || atf_fail "not asked nine times"
	# the last is waited for for 6 s
	sleep 6.2
	send smith@home.example jones@silent3.example >/dev/null
	wait_for asked 1 silent3 || atf_fail "not asked"
	mail
	unharmed
}

# asked N NAME: the server was, so often.
asked()
{
	[ "$(grep -c "MX $2.example" asked)" -ge "$1" ]
}

atf_init_test_cases()
{
	atf_add_test_case other_servers
	atf_add_test_case not_dead
	atf_add_test_case not_dead_for_few
	for case in $DNS; do
		atf_add_test_case "$case"
	done
}
