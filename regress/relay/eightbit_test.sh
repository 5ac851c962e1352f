#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# 8-bit and internationalized mail, and hosts that do not take it.
. "$(atf_get_srcdir)/../lib/instance.sh"

# sink [-l] WORD...: the next host, at port 2526; see sink.py.
sink()
{
	_lmtp=
	[ "${1:-}" != -l ] || {
		_lmtp=-l
		shift
	}
	mkdir -p there
	"$LIBDIR/sink.py" $_lmtp 2526 there "$@" >sink.out 2>&1 &
	wait_for grep -q listening sink.out || atf_fail "$(cat sink.out)"
}

# start [OPTION...]: an instance that sends everything there but what is for
# Smith.
start()
{
	instance_new i <<CONF
hostname "mx.example.net"
table users file:users
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
action "on" relay host ${PROTO:-smtp}://127.0.0.1:2526 $*
match from any for domain "example.net" action "box"
match from any for any action "on"
CONF
	instance_user smith
	instance_run i
}

# alias_jones: an instance where Jones is somebody there.
alias_jones()
{
	instance_new i <<CONF
hostname "mx.example.net"
table users file:users
table aliases { "jones" = "j$(printf '\303\274')rgen@there.example" }
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users> alias <aliases>
action "on" relay host smtp://127.0.0.1:2526
match from any for domain "example.net" action "box"
match from any for any action "on"
CONF
	instance_user smith
	instance_run i
}

# said PATTERN: the next host has got such a command.
said()
{
	grep -q -e "$1" there/said || {
		cat there/said
		instance_fail "no '$1' was said"
	}
}

# taken N: it has taken so many messages, and no more.
taken()
{
	wait_for [ -e "there/$1" ] || instance_fail "message $1 has not come"
	[ ! -e "there/$(($1 + 1))" ] || instance_fail "it got more"
}

# report: the one that Smith got.
report()
{
	mailbox_wait smith 1
	cat "$DIR"/home/smith/Maildir/new/*
}

# same SENT TAKEN...: see eightbit.py.
same()
{
	"$LIBDIR/eightbit.py" compare "$@" || {
		cat -v "$@"
		instance_fail "it is not the same"
	}
}

# reported PATTERN: that is in the report, which is in "text".
reported()
{
	grep -q -e "$1" text || {
		cat -v text
		instance_fail "no '$1' in the report"
	}
}

# A message with a body of Latin 1 as $PWD/latin.
latin()
{
	printf 'From: smith@example.net\nMIME-Version: 1.0\n%s\n\nGr\374\337e\n' \
	    "${1:-Content-Type: text/plain; charset=iso-8859-1}" >latin
}

atf_test_case convert
convert_head()
{
	atf_set descr "it becomes 7-bit, and another reader finds the same in it"
}
convert_body()
{
	sink SIZE PIPELINING
	start
	_seed=$(date +%s)
	echo "seed $_seed"
	"$LIBDIR/eightbit.py" make . "$_seed" >names
	_n=0
	while read -r _name; do
		_n=$((_n + 1))
		send -m BODY=8BITMIME -f "$_name" smith@example.net \
		    jones@there.example >/dev/null
		taken $_n
		echo "$_name there/$_n" >>pairs
	done <names
	atf_check_equal 20 $_n
	same $(cat pairs)
	# BODY is not for a host that does not know it, SIZE is
	said '^MAIL FROM:<smith@example.net> SIZE=[0-9]*$'
	log_wait 20 "event=relay-converted .*host=127.0.0.1"
}

atf_test_case undeclared
undeclared_head()
{
	atf_set descr "8-bit content that was not declared is no other"
}
undeclared_body()
{
	sink
	start
	latin
	send -f latin smith@example.net jones@there.example >/dev/null
	taken 1
	grep -q '^Gr=FC=DFe' there/1 || instance_fail "it is another"
}

atf_test_case untouched
untouched_head()
{
	atf_set descr "what is 7-bit, or goes to who takes 8 bits, stays as it is"
}
untouched_body()
{
	sink
	start
	printf 'MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n\nx \n' >seven
	send -m BODY=8BITMIME -f seven smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	grep -q '^Content-Transfer-Encoding: 8bit' there/1 ||
	    instance_fail "it is another"
	logged 1 event=relay-converted && instance_fail "it was converted"
	rm -rf there
	kill %1 && wait %1
	sink 8BITMIME
	latin
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	said '^MAIL FROM:.* BODY=8BITMIME'
	grep -q "$(printf '^Gr\374\337e')" there/1 || instance_fail "it is another"
}

atf_test_case big
big_head()
{
	atf_set descr "in pieces, from a file and from memory, with its size told"
}
big_body()
{
	sink SIZE
	start
	latin
	python3 -c '
import sys
for i in range(60000):
    sys.stdout.buffer.write(b"%d \xe4\xf6\xfc=\n" % i)' >>latin
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	same latin there/1
	head -n 10000 latin >smaller
	send -m BODY=8BITMIME -f smaller smith@example.net \
	    jones@there.example >/dev/null
	taken 2
	same smaller there/2
	_said=$(sed -n '/SIZE=/{s/.* SIZE=\([0-9]*\).*/\1/p;q}' there/said)
	_size=$(stat -c %s there/1)
	[ "$_said" -ge "$_size" ] && [ "$_said" -le $((_size * 11 / 10)) ] ||
	    instance_fail "SIZE=$_said of $_size"
}

atf_test_case estimate
estimate_head()
{
	atf_set descr "a size that is a guess is no larger than the host takes"
}
estimate_body()
{
	sink "SIZE 1000"
	start
	latin
	printf '\374\374\374\374\374\374\374\374%.0s' $(seq 70) >>latin
	echo >>latin
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	said '^MAIL FROM:.* SIZE=1000$'
}

atf_test_case gone
gone_head()
{
	atf_set descr "a host that goes while the message is looked at, and speaks"
}
gone_body()
{
	"$LIBDIR/peer.py" 2526 "$PWD/said" '220 peer\r\n' :line \
	    '250 peer\r\n' :close :again '220 peer\r\n' :line \
	    '250 peer\r\n' '250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n' :hold \
	    >peer.out &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	start
	latin
	yes "$(printf '\374')" | head -c 8000000 >>latin
	for _why in "closed the connection" "the host spoke when it was not"; do
		send -m BODY=8BITMIME -f latin smith@example.net \
		    jones@there.example >/dev/null
		log_wait 1 "event=relay.* .*$_why"
		ctl schedule all
	done
	! logged 1 "event=relay .*result=sent" || instance_fail "it was not sent"
	! logged 1 event=role-exit || instance_fail "a process has died"
}

atf_test_case lmtp
lmtp_head()
{
	atf_set descr "LMTP, and one recipient in each transaction"
}
lmtp_body()
{
	sink -l PIPELINING "LIMITS RCPTMAX=1"
	PROTO=lmtp start
	latin
	send -m BODY=8BITMIME -f latin smith@example.net jones@there.example \
	    brown@there.example >/dev/null
	taken 2
	same latin there/1
	cmp there/1 there/2 || instance_fail "they are not the same"
	log_wait 2 "event=relay .*result=sent"
}

atf_test_case refuse
refuse_head()
{
	atf_set descr "8bit refuse: the sender gets it back"
}
refuse_body()
{
	sink
	start 8bit refuse
	latin
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	report >text
	reported '^Status: 5.6.3'
	reported '^Final-Recipient: rfc822;jones@there.example'
	atf_check_equal 0 "$(grep -c MAIL there/said)"
}

atf_test_case impossible
impossible_head()
{
	atf_set descr "what is signed comes back, too, with the reason"
}
impossible_body()
{
	sink
	start
	latin 'Content-Type: multipart/signed; boundary=b'
	printf -- '--b\n\n\374\n--b\n\nsignature\n--b--\n' >>latin
	sed -i '/^Gr/d' latin
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	report >text
	reported '^Status: 5.6.3'
	reported '8-bit octets in a signed part'
	# the connection is as good as before
	latin
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	atf_check_equal 1 "$(grep -c EHLO there/said)"
}

atf_test_case dkim
dkim_head()
{
	atf_set descr "a DKIM-Signature that breaks is not passed over"
}
dkim_body()
{
	sink
	start
	latin "DKIM-Signature: v=1; a=rsa-sha256; b=x"
	send -m BODY=8BITMIME -f latin smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	log_wait 1 "event=relay-converted .*dkim=broken"
}

atf_test_case ascii
ascii_head()
{
	atf_set descr "SMTPUTF8 that nothing in the message needs"
}
ascii_body()
{
	sink 8BITMIME
	start
	latin
	send -m "SMTPUTF8 BODY=8BITMIME" -f latin smith@example.net \
	    jones@there.example >/dev/null
	taken 1
	said '^MAIL FROM:<smith@example.net> BODY=8BITMIME$'
}

atf_test_case utf8_header
utf8_header_head()
{
	atf_set descr "a header in UTF-8 goes to no host without SMTPUTF8"
}
utf8_header_body()
{
	sink 8BITMIME
	start
	latin "Subject: Gr$(printf '\303\274\303\237')e"
	send -m "SMTPUTF8 BODY=8BITMIME" -f latin smith@example.net \
	    jones@there.example >/dev/null
	report >text
	reported '^Status: 5.6.9'
	reported '^Content-Type: message/global-delivery-status'
	atf_check_equal 0 "$(grep -c MAIL there/said)"
}

atf_test_case utf8_part
utf8_part_head()
{
	atf_set descr "nor does one in a part"
}
utf8_part_body()
{
	sink 8BITMIME
	start
	printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\nA: \303\274\n\nx\n--b--\n' >utf8
	send -m "SMTPUTF8 BODY=8BITMIME" -f utf8 smith@example.net \
	    jones@there.example >/dev/null
	report >text
	reported '^Status: 5.6.9'
}

atf_test_case utf8_recipient
utf8_recipient_head()
{
	atf_set descr "of several recipients, those that can be told there"
}
utf8_recipient_body()
{
	sink 8BITMIME PIPELINING
	start
	latin
	send -m "SMTPUTF8 BODY=8BITMIME" -f latin smith@example.net \
	    jones@there.example "j$(printf '\303\274')rgen@there.example" \
	    "brown@b$(printf '\303\274')cher.example" >/dev/null
	report >text
	reported '^Status: 5.6.7'
	reported "^Final-Recipient: utf-8;j$(printf '\303\274')rgen@"
	atf_check_equal 1 "$(grep -c '^Final-Recipient' text)"
	log_wait 2 "event=relay .*result=sent"
	said '^RCPT TO:<jones@there.example>$'
	said '^RCPT TO:<brown@xn--bcher-kva.example>$'
	grep 'SMTPUTF8' there/said && instance_fail "SMTPUTF8 was said"
	LC_ALL=C grep '[^ -~]' there/said && instance_fail "UTF-8 was said"
	:
}

atf_test_case utf8_sender
utf8_sender_head()
{
	atf_set descr "a sender that cannot be told there, and one that can"
}
utf8_sender_body()
{
	sink 8BITMIME
	start
	latin
	send -m "SMTPUTF8 BODY=8BITMIME" -f latin \
	    "smith@b$(printf '\303\274')cher.example" \
	    jones@there.example >/dev/null
	taken 1
	said '^MAIL FROM:<smith@xn--bcher-kva.example> BODY=8BITMIME$'
	send -m "SMTPUTF8 BODY=8BITMIME" -f latin \
	    "sm$(printf '\303\274')th@example.net" jones@there.example >/dev/null
	log_wait 1 "event=relay .*result=failed .*status=5.6.7"
	atf_check_equal 1 "$(grep -c '^RCPT TO:<jones' there/said)"
}

atf_test_case utf8_alias
utf8_alias_head()
{
	atf_set descr "an address in UTF-8 that an ASCII one has become"
}
utf8_alias_body()
{
	sink 8BITMIME SMTPUTF8
	alias_jones
	send smith@example.net jones@example.net >/dev/null
	taken 1
	said '^MAIL FROM:<smith@example.net> SMTPUTF8$'
	said "^RCPT TO:<j$(printf '\303\274')rgen@there.example>$"
}

atf_test_case utf8_alias_report
utf8_alias_report_head()
{
	atf_set descr "the report on one to a sender who knows no such address"
}
utf8_alias_report_body()
{
	sink 8BITMIME
	alias_jones
	send smith@example.net jones@example.net >/dev/null
	report >text
	reported '^Status: 5.6.7'
	reported '^Final-Recipient: utf-8;j\\x{FC}rgen@there.example'
	LC_ALL=C grep '[^ -~	]' text && instance_fail "it is not ASCII"
	:
}

atf_init_test_cases()
{
	atf_add_test_case convert
	atf_add_test_case undeclared
	atf_add_test_case untouched
	atf_add_test_case big
	atf_add_test_case estimate
	atf_add_test_case gone
	atf_add_test_case lmtp
	atf_add_test_case refuse
	atf_add_test_case impossible
	atf_add_test_case dkim
	atf_add_test_case ascii
	atf_add_test_case utf8_header
	atf_add_test_case utf8_part
	atf_add_test_case utf8_recipient
	atf_add_test_case utf8_sender
	atf_add_test_case utf8_alias
	atf_add_test_case utf8_alias_report
}
