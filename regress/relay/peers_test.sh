#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Smith at UOW.EDU.AU writes to Jones, Brown and Green at GMAIL.COM, as in
# RFC 821 3.1: over the wire, with the DNS between them.  Jones and Brown have
# the mail; there is no Green, and Smith is told.  So between two instances,
# and between one and each of the others, in both directions.
. "$(atf_get_srcdir)/../lib/instance.sh"
. "$LIBDIR/network.sh"
. "$LIBDIR/peer.sh"

# site KIND HOST DOMAIN USER...: a mail server of that kind.
site()
{
	[ "$1" = bulkhead ] || { peer_start "$@"; return; }
	instance_new "$2" <<CONF
hostname "$2.$3"
table users file:users
resolver forward $DNS_ADDR
resolver anchor none
queue retry 1s
listen on $(on "$2" ip -br -4 addr show eth0 | sed 's|.* \(.*\)/.*|\1|') port 25
action "box" maildir userbase <users>
action "far" relay
match from any for domain "$3" action "box"
match from any for any action "far"
CONF
	AT=$2 KIND=$1
	shift 3
	instance_user "$@"
	instance_run "$AT"
	AT=
}

# mail_of HOST USER: the messages there, one path to a line.
mail_of()
{
	find "$PWD/$1/mail/$2/new" "$PWD/$1/home/$2/Maildir/new" -type f \
	    2>/dev/null
}

has_mail()
{
	[ "$(mail_of "$1" "$2" | wc -l)" = 1 ]
}

# mail_wait HOST USER: until the one message is there.
mail_wait()
{
	wait_for has_mail "$@" || {
		find uow/log gmail/log -type f -exec cat {} + >&2
		atf_fail "$2 at $1 has $(mail_of "$@" | wc -l) messages"
	}
}

# smith_writes SENDING-KIND RECEIVING-KIND
smith_writes()
{
	net_start
	net_dns <<'ZONE'
uow.edu.au.		MX	10 uow.uow.edu.au.
uow.uow.edu.au.		A	10.0.0.10
10.0.0.10.in-addr.arpa.	PTR	uow.uow.edu.au.
gmail.com.		MX	10 gmail.gmail.com.
gmail.gmail.com.	A	10.0.0.20
20.0.0.10.in-addr.arpa.	PTR	gmail.gmail.com.
ZONE
	net_host uow 10
	net_host gmail 20
	site "$1" uow uow.edu.au smith
	site "$2" gmail gmail.com jones brown
	printf 'Subject: lunch\n\nBlah blah blah...\n.etc. etc. etc.' >sent
	on uow swaks --server 10.0.0.10 --helo client.uow.edu.au \
	    --from smith@UOW.EDU.AU --data @sent \
	    --to jones@GMAIL.COM,green@GMAIL.COM,brown@GMAIL.COM >said ||
	    atf_fail "$1 does not take it: $(cat said)"
	mail_wait gmail jones
	mail_wait gmail brown
	mail_wait uow smith
	for user in jones brown; do
		file=$(mail_of gmail "$user")
		sed '1,/^$/d' "$file" >body
		atf_check -o inline:"Blah blah blah...\n.etc. etc. etc.\n" \
		    cat body
		grep -q '^Subject: lunch' "$file" || atf_fail "no subject"
	done
	file=$(mail_of uow smith)
	for words in 'Final-Recipient: rfc822; *green@gmail' \
	    'Action: failed' 'Status: 5' 'Subject: lunch'; do
		grep -qi "^.*$words" "$file" || {
			cat "$file" >&2
			atf_fail "not in what Smith is told: $words"
		}
	done
	! grep -qi '^Final-Recipient:.*\(jones\|brown\)' "$file" ||
	    atf_fail "Smith is told of mail that arrived"
}

# The cases: FROM_to_TO.
CASES="bulkhead_to_bulkhead bulkhead_to_postfix bulkhead_to_exim
    bulkhead_to_opensmtpd postfix_to_bulkhead exim_to_bulkhead
    opensmtpd_to_bulkhead"
for case in $CASES; do
	atf_test_case "$case"
	eval "${case}_head()
	{
		atf_set descr 'Smith writes to Jones, Brown and Green'
	}
	${case}_body()
	{
		smith_writes ${case%%_*} ${case##*_}
	}"
done

atf_init_test_cases()
{
	for case in $CASES; do
		atf_add_test_case "$case"
	done
}
