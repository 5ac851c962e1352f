#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# TLS towards other hosts: who gets it, whose certificate is good, and that no
# mail goes without it where it has to be.
. "$(atf_get_srcdir)/../lib/instance.sh"

# certificate NAME ADDRESS [OPTION...]: key and certificate of that address, in
# NAME.pem.
certificate()
{
	_name=$1 _address=$2
	shift 2
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj "/CN=$_name" -addext "subjectAltName=IP:$_address" \
	    -keyout "$_name.key" -out "$_name.crt" "$@" 2>openssl.out ||
	    atf_fail "openssl: $(cat openssl.out)"
	cat "$_name.key" "$_name.crt" >"$_name.pem"
}

# authorities: one that this system knows, with a certificate for the right
# and for a wrong address; and one that nobody knows.
authorities()
{
	certificate ca 192.0.2.1
	certificate good 127.0.0.1 -CA ca.crt -CAkey ca.key \
	    -addext basicConstraints=critical,CA:FALSE
	certificate other 127.0.0.2 -CA ca.crt -CAkey ca.key \
	    -addext basicConstraints=critical,CA:FALSE
	certificate unknown 127.0.0.1
	mount -t tmpfs tmpfs /etc/ssl/certs || atf_fail "mount"
	cp ca.crt /etc/ssl/certs/ca-certificates.crt
}

# against ACTION STEP...: a message by that action to such a host, with a
# password for "me@".
against()
{
	_action=$1
	shift
	"$LIBDIR/peer.py" 2526 "$PWD/said" "$@" >peer.out 2>&1 &
	wait_for grep -q ready peer.out || atf_fail "no peer"
	instance_start out <<CONF
hostname "out.example.net"
queue retry 1h
relay timeout command 5s
listen on 127.0.0.1 port 2525
table secrets { me = user:secret }
action "on" relay host $_action
match from any for any action "on"
CONF
	send smith@example.net jones@example.org >/dev/null
}

# sent PATTERN: it is, with that on the line of the log.
sent()
{
	log_wait 1 "event=relay .*result=sent.*$1"
	! grep -q "event=role-died\|event=sandbox" "$DIR/log" ||
	    instance_fail "a process has died"
}

# stays PATTERN: it does, with that on the line of its only attempt, and
# nothing of it was said.
stays()
{
	log_wait 1 "event=relay .*result=deferred .*$1"
	atf_check_equal 1 "$(ctl show queue | sed 1d | wc -l)"
	! grep -q "^MAIL" said || instance_fail "said: $(tr -d "\r" <said | tr "\n" " ")"
	! grep -q "event=role-died\|event=sandbox" "$DIR/log" ||
	    instance_fail "a process has died"
}

GREET='220 peer\r\n' OFFER='250-peer\r\n250 STARTTLS\r\n'
HELLO='250-peer\r\n250 PIPELINING\r\n'
GO='250 ok\r\n250 ok\r\n354 go\r\n'

# starttls ACTION NAME: a host that offers TLS and has that certificate.
starttls()
{
	against "$1" "$GREET" :line "$OFFER" :line '220 go\r\n' \
	    ":tls $2.pem" :line "$HELLO" :lines\ 3 "$GO" :end '250 ok\r\n' :hold
}

# plain ACTION: one that does not.
plain()
{
	against "$1" "$GREET" :line "$HELLO" :lines\ 3 "$GO" :end \
	    '250 ok\r\n' :hold
}

# tls_case NAME DESCRIPTION COMMAND...
CASES=
tls_case()
{
	_name=$1
	CASES="$CASES $_name"
	eval "atf_test_case $_name
${_name}_head() { atf_set descr \"$2\"; }
${_name}_body() { authorities; $3; $4; }"
}

URL=127.0.0.1:2526
tls_case offered "TLS is used with whoever offers it, whatever certificate" \
    "starttls smtp://$URL unknown" "sent tls=TLSv1.3"
tls_case not_offered "mail goes without TLS where it may" \
    "plain smtp://$URL" "sent 'tls=.. '"
tls_case required "nothing is sent without TLS where it must be" \
    "plain smtp+tls://$URL" "stays '4\.7\.10'"
tls_case verified "a certificate of the host is good" \
    "starttls smtp+tls://$URL good" "sent tls=TLSv1.3"
tls_case unknown "a certificate that nobody vouches for is not" \
    "starttls smtp+tls://$URL unknown" "stays 'no TLS: self-signed'"
tls_case mismatch "a certificate of another host is not" \
    "starttls smtp+tls://$URL other" "stays 'no TLS: IP address mismatch'"
tls_case action "an action may require it" \
    "starttls 'smtp://$URL tls' unknown" "stays 'no TLS: self-signed'"
tls_case no_verify "with no-verify any certificate will do" \
    "starttls 'smtp+tls://$URL tls no-verify' unknown" "sent tls=TLSv1.3"
tls_case no_verify_required "but TLS must be" \
    "plain 'smtp://$URL tls no-verify'" "stays '4\.7\.10'"
tls_case refused "a host that takes STARTTLS back gets no mail" \
    "against smtp+tls://$URL '$GREET' :line '$OFFER' :line '454 no\r\n' :hold" \
    "stays '454 no to STARTTLS'"
tls_case injected "what came with the reply to STARTTLS is not believed" \
    "against smtp://$URL '$GREET' :line '$OFFER' :line \
    '220 go\r\n250 PIPELINING\r\n' ':tls good.pem' :hold" \
    "stays '4\.7\.0.*more than the reply to STARTTLS'"
tls_case broken_required "a handshake that fails is no reason for plain text" \
    "against smtp+tls://$URL '$GREET' :line '$OFFER' :line '220 go\r\n' \
    :some '500 what\r\n' :close" "stays '4\.7\.5'"

atf_test_case never
never_head()
{
	atf_set descr "smtp+notls does not ask for it"
}
never_body()
{
	against smtp+notls://$URL "$GREET" :line "250-peer\r\n250-PIPELINING\r\n250 STARTTLS\r\n" \
	    :lines\ 3 "$GO" :end '250 ok\r\n' :hold
	sent 'tls=.. '
	! grep -q STARTTLS said || atf_fail "it asks"
}

atf_test_case smtps
smtps_head()
{
	atf_set descr "smtps speaks TLS from the first octet on"
}
smtps_body()
{
	authorities
	against smtps://$URL ":tls good.pem" "$GREET" :line "$HELLO" \
	    :lines\ 3 "$GO" :end '250 ok\r\n' :hold
	sent tls=TLSv1.3
	! grep -q STARTTLS said || atf_fail "twice"
}

atf_test_case broken
broken_head()
{
	atf_set descr "after a handshake that failed mail goes without, where it may"
}
broken_body()
{
	against smtp://$URL "$GREET" :line "$OFFER" :line '220 go\r\n' \
	    :some '500 what\r\n' :close :again \
	    "$GREET" :line "$OFFER" :line '250 ok\r\n' :line '250 ok\r\n' \
	    :line '354 go\r\n' :end '250 ok\r\n' :hold
	sent 'tls=.. '
	atf_check_equal 2 "$(grep -ao connection said | wc -l)"
	atf_check_equal 1 "$(grep -ao STARTTLS said | wc -l)"
}

atf_test_case forgotten
forgotten_head()
{
	atf_set descr "what was announced before TLS is forgotten"
}
forgotten_body()
{
	authorities
	against smtp://$URL "$GREET" :line \
	    '250-peer\r\n250-PIPELINING\r\n250-SIZE 10\r\n250 STARTTLS\r\n' \
	    :line '220 go\r\n' ":tls good.pem" :line '250 peer\r\n' \
	    :line '250 ok\r\n' :line '250 ok\r\n' :line '354 go\r\n' \
	    :end '250 ok\r\n' :hold
	sent tls=TLSv1.3
	atf_check_equal 2 "$(grep -ac ^EHLO said)"
	! grep -q SIZE= said || atf_fail "SIZE was announced before TLS alone"
}

# login MECHANISMS STEP...: a host that has these, and the steps after EHLO.
login()
{
	_mechanisms=$1
	shift
	authorities
	against "smtps://me@$URL auth <secrets>" ":tls good.pem" "$GREET" :line \
	    "250-peer\r\n250-PIPELINING\r\n250 AUTH $_mechanisms\r\n" "$@"
}

atf_test_case auth_plain
auth_plain_head()
{
	atf_set descr "AUTH PLAIN, where the host has it"
}
auth_plain_body()
{
	login "LOGIN PLAIN" :line '235 welcome\r\n' :lines\ 3 "$GO" \
	    :end '250 ok\r\n' :hold
	sent tls=TLSv1.3
	# base64 of NUL user NUL secret
	grep -aq "^AUTH PLAIN AHVzZXIAc2VjcmV0.\$" said || instance_fail "said: $(tr -d "\r" <said | tr "\n" " ")"
}

atf_test_case auth_login
auth_login_head()
{
	atf_set descr "AUTH LOGIN, where the host has that alone"
}
auth_login_body()
{
	login LOGIN :line '334 VXNlcm5hbWU6\r\n' :line \
	    '334 UGFzc3dvcmQ6\r\n' :line '235 welcome\r\n' \
	    :lines\ 3 "$GO" :end '250 ok\r\n' :hold
	sent tls=TLSv1.3
	grep -aq "^dXNlcg==.\$" said || instance_fail "said: $(tr -d "\r" <said | tr "\n" " ")"
	grep -aq "^c2VjcmV0.\$" said || instance_fail "said: $(tr -d "\r" <said | tr "\n" " ")"
}

atf_test_case auth_refused
auth_refused_head()
{
	atf_set descr "a password that is wrong keeps the mail here"
}
auth_refused_body()
{
	login PLAIN :line '535 5.7.8 wrong\r\n' :hold
	stays "535 5.7.8 wrong to AUTH"
	! grep -q "secret\|AHVzZXIAc2VjcmV0" "$DIR/log" || atf_fail "in the log"
}

atf_test_case auth_none
auth_none_head()
{
	atf_set descr "a host that has no mechanism gets neither password nor mail"
}
auth_none_body()
{
	login CRAM-MD5 :hold
	stays "neither AUTH PLAIN nor LOGIN"
	! grep -aq ^AUTH said || instance_fail "said: $(tr -d "\r" <said | tr "\n" " ")"
}

atf_test_case auth_more
auth_more_head()
{
	atf_set descr "a host that asks for ever gets an end"
}
auth_more_body()
{
	login LOGIN :line '334 a\r\n' :line '334 b\r\n' :line '334 c\r\n' :hold
	stays "334 c to AUTH"
}

atf_init_test_cases()
{
	for _case in $CASES never smtps broken forgotten \
	    auth_plain auth_login auth_refused auth_none auth_more; do
		atf_add_test_case "$_case"
	done
}
