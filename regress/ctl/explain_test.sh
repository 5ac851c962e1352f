#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# smtpctl explain: what would become of a recipient, by the daemon that runs.
. "$(atf_get_srcdir)/../lib/instance.sh"

start()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
table hosts { else.example = "smtp://127.0.0.1:2526" }
table names { team = "jones, far@else.example", loop = "loop2", loop2 = "loop" }
limit for domain else.example connections 3 rate 7/1m
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users> alias <names>
action "system" maildir
action "on" relay domain <hosts>
match from src 192.0.2.0/24 for any reject
match from any for domain "example.org" action "box"
match from any for domain "system.example" action "system"
match tag "out" from any for any action "on"
match from local for any action "on"
CONF
	instance_user jones
	instance_run i
}

# explain WORD...: its rows, one "step line address action result|what" each.
explain()
{
	ctl -j explain "$@" >rows || instance_fail "explain $*: $?"
	python3 -c 'import json
for line in open("rows"):
    r = json.loads(line)
    if "step" in r:
        print(r["step"], r["line"], r["address"], r["action"] or "-",
            r["result"] + "|" + r["what"])
    else:
        print("host", r["host"], r["address"], r["protocol"])' >out
}

# has TEXT: the last explanation has it in a row.
has()
{
	grep -qF -- "$1" out || instance_fail "no '$1' in: $(cat out)"
}

hasnt()
{
	! grep -qF -- "$1" out || instance_fail "'$1' in: $(cat out)"
}

atf_test_case local
local_head()
{
	atf_set descr "rules up to the one that holds, the user, the reply"
}
local_body()
{
	start
	explain jones@example.org from smith@example.net ip 198.51.100.1
	has "rule 10 jones@example.org - no: from src \"192.0.2.0/24\"|match"
	has "rule 11 jones@example.org box holds|match"
	hasnt "rule 12"
	has "alias 0 jones@example.org - not there|<names>"
	has "mailbox 0 jones@example.org box user is there|jones"
	has "reply 11 jones@example.org box accepted|250 2.1.5"
	explain nobody@example.org
	has "mailbox 0 nobody@example.org box no such user|nobody"
	has "reply 11 nobody@example.org box unknown user|550 5.1.1"
	explain jones@example.org ip 192.0.2.7
	has "rule 10 jones@example.org - holds|"
	has "reply 10 jones@example.org - reject rule|550"
	explain no-such-user@system.example
	has "system no such user|no-such-user"
	# what RCPT is told is the same, and the queue has nothing
	atf_check_equal 0 "$(ctl -j show queue | wc -l)"
}

atf_test_case relayed
relayed_head()
{
	atf_set descr "aliases, the domain that mail goes on to, limits, hosts"
}
relayed_body()
{
	start
	explain team@example.org ip 198.51.100.1
	has "alias 0 team@example.org - found|jones, far@else.example"
	has "rule 11 far@else.example box no: for domain \"example.org\"|"
	has "rule 14 far@else.example on holds|"
	has "mailbox 0 jones@example.org box user is there|jones"
	has "relay 0 far@else.example on sent on|else.example"
	has "limit 0 far@else.example on |connections 3 host-connections 20"
	has "reply 11 team@example.org box accepted|250"
	has " rate 7/60s"
	has "host 127.0.0.1 127.0.0.1:2526 smtp"
	ctl explain team@example.org >out || instance_fail "explain: $?"
	has "route of on to else.example:"
	has "127.0.0.1:2526"
}

atf_test_case refused
refused_head()
{
	atf_set descr "who may not relay, and which tag would let him"
}
refused_body()
{
	start
	explain far@else.example ip 198.51.100.1 from smith@example.net
	has "rule 13 far@else.example on no: tag \"out\"|"
	has "rule 14 far@else.example on no: from local|"
	has "reply 0 far@else.example - relay denied|550 5.7.1"
	explain far@else.example ip 198.51.100.1 tag out
	has "reply 13 far@else.example on accepted|250"
	explain far@else.example user root
	has "reply 14 far@else.example on accepted|250"
	explain loop@example.org
	has "alias loop|451"
}

atf_test_case usage
usage_head()
{
	atf_set descr "what is no question is told so"
}
usage_body()
{
	start
	for words in "" "a@b@c" "jones@example.org from" \
	    "jones@example.org ip 1.2.3" "jones@example.org for x" \
	    "jones@example.org user no-such-user-here" \
	    "jones@example.org helo -x"; do
		status=0
		ctl explain $words >out 2>err || status=$?
		atf_check_equal "$words: 64" "$words: $status"
		[ -s err ] || atf_fail "$words: no word"
	done
	! grep -q event=role-exit "$DIR/log" || instance_fail "a role died"
}

atf_init_test_cases()
{
	atf_add_test_case local
	atf_add_test_case relayed
	atf_add_test_case refused
	atf_add_test_case usage
}
