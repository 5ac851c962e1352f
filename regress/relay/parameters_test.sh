#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# What a client asks for with MAIL and RCPT is asked of the next host too.
. "$(atf_get_srcdir)/../lib/instance.sh"

# server WORD...: at port 2526 a host that announces these extensions, and
# writes each command to "said"; see sink.py.
server()
{
	"$LIBDIR/sink.py" 2526 . "$@" >server.out 2>&1 &
	wait_for grep -q listening server.out || atf_fail "$(cat server.out)"
}

start()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
queue retry 1h
listen on 127.0.0.1 port 2525
table hosts { "*" = "smtp://127.0.0.1:2526" }
action "on" relay domain <hosts>
match from local for any action "on"
CONF
	instance_run i
}

# mail MAIL RCPT: a message with these arguments of the two commands.
mail()
{
	smtp_dialogue 127.0.0.1:2525 220 "> EHLO client.example" 250 \
	    "> MAIL FROM:$1" 250 "> RCPT TO:$2" 250 "> DATA" 354 \
	    "> Subject: x" "> " "> text" "> ." 250 "> QUIT" 221 closed \
	    >/dev/null
	wait_for grep -qx taken said || instance_fail "said: $(cat said)"
}

# said PATTERN: the next host has got such a command.
said()
{
	grep -q -e "$1" said || instance_fail "no '$1' in: $(cat said)"
}

atf_test_case dsn
dsn_head()
{
	atf_set descr "RET, ENVID, NOTIFY and ORCPT (RFC 3461 5.2.1)"
}
dsn_body()
{
	server DSN SIZE 8BITMIME
	start
	mail "<smith@example.net> RET=HDRS ENVID=QQ314159" \
	    "<jones@there.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;j@x.example"
	said '^MAIL FROM:<smith@example.net> .*RET=HDRS'
	said '^MAIL FROM:.* ENVID=QQ314159'
	said '^MAIL FROM:.* SIZE=[1-9]'
	said '^RCPT TO:<jones@there.example> .*NOTIFY=SUCCESS,DELAY'
	said '^RCPT TO:.* ORCPT=rfc822;j@x.example'
}

atf_test_case without
without_head()
{
	atf_set descr "a host without the extensions gets none of their words"
}
without_body()
{
	server
	start
	mail "<smith@example.net> RET=HDRS ENVID=QQ314159" \
	    "<jones@there.example> NOTIFY=FAILURE ORCPT=rfc822;j@x.example"
	said '^MAIL FROM:<smith@example.net>$'
	said '^RCPT TO:<jones@there.example>$'
}

atf_test_case utf8
utf8_head()
{
	atf_set descr "SMTPUTF8 goes on as it is, to the domain's A-labels"
}
utf8_body()
{
	server SMTPUTF8 8BITMIME SIZE
	start
	mail "<smith@example.net> SMTPUTF8 BODY=8BITMIME" \
	    "<jürgen@bücher.example>"
	said '^MAIL FROM:<smith@example.net> .*SMTPUTF8'
	said '^RCPT TO:<jürgen@'
	ctl show routes >routes
	grep -q "xn--bcher-kva.example" routes ||
	    instance_fail "routes: $(cat routes)"
}

atf_init_test_cases()
{
	atf_add_test_case dsn
	atf_add_test_case without
	atf_add_test_case utf8
}
