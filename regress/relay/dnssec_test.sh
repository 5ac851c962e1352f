#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# DNSSEC: what is signed is secure, what is not goes as before, and what is
# signed wrongly is not believed: the mail waits, and nothing goes to where the
# forged name leads.  So by a server that is asked, and from the root on.
. "$(atf_get_srcdir)/../lib/instance.sh"
. "$LIBDIR/network.sh"

ZONES="secure plain forged expired stolen"

# zone NAME: that far takes its mail.
zone()
{
	net_zone "$1." <<ZONE
$1. MX 10 mx.$1.
mx.$1. A $NET4.20
ZONE
}

# zones: one that is signed, one that is not, one that was changed after it
# was signed, one whose signatures are too old, one with another key than the
# zone above it says.
zones()
{
	for _zone in $ZONES; do
		zone "$_zone"
		echo "$_zone. NS ns."
	done >root
	{
		net_sign secure.
		net_sign forged.
		net_sign expired. -i 20200101 -e 20200201
		net_sign stolen.
	} >>root
	zone stolen
	net_sign stolen. >/dev/null
	sed -i 's/mx\.forged\.$/far.plain./' dns/forged.zone
	echo "far.plain. A $NET4.20" >>dns/plain.zone
	net_zone . <root
	net_sign . >anchor
}

# sites SETTING: "out", which is to find "far".
sites()
{
	net_start
	net_host dns 53 54
	zones
	net_roots
	net_serve
	net_far jones brown green
	instance_start out <<CONF
hostname "out.example.net"
$1
resolver anchor "$PWD/anchor"
queue retry 1h
listen on 127.0.0.1 port 2525
action "on" relay
match from any for any action "on"
CONF
}

# route_is DOMAIN WORD: what smtpctl shows of its hosts.
route_is()
{
	ctl show route on "$1" >route ||
	    instance_fail "there is no route to $1"
	grep -q "mx.$1 .* $2 " route || {
		cat route >&2
		instance_fail "the route to $1 is not $2"
	}
}

# refused NAME WHY: its answers are not believed.
refused()
{
	send smith@example.net "green@$1" >/dev/null
	log_wait 1 "event=relay .*green@$1 result=deferred .*4.4.3 .*$1: .*$2"
	log_wait 1 "event=lookup-failed name=$1 type=MX dnssec=bogus .*$2"
	! ctl show route on "$1" >route 2>&1 ||
	    instance_fail "there is a route to $1"
	ctl show queue >queue
	grep -q "green@$1 .*$1: validation failure" queue || {
		cat queue >&2
		instance_fail "the queue does not say why $1 is not believed"
	}
}

validated()
{
	sites "$1"
	send smith@example.net jones@secure brown@plain >/dev/null
	far_has jones 1
	far_has brown 1
	route_is secure secure
	route_is plain insecure
	refused forged "signature verification failed"
	refused expired "signature expired"
	refused stolen "no keys have a DS"
	DIR=$FAR
	atf_check_equal 0 "$(mailbox_count green)"
}

atf_test_case forwarded
forwarded_head()
{
	atf_set descr "answers of a server that is asked are validated"
}
forwarded_body()
{
	validated "resolver forward $DNS_ADDR"
}

atf_test_case recursive
recursive_head()
{
	atf_set descr "so are those that are found from the root on"
}
recursive_body()
{
	validated "resolver recursive"
}

atf_init_test_cases()
{
	atf_add_test_case forwarded
	atf_add_test_case recursive
}
