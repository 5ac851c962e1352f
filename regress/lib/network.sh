# SPDX-License-Identifier: ISC
#
# A little internet for a shell test, which sources it after instance.sh:
# hosts in network namespaces of their own, on one wire, and the names that
# they know each other by, from nsd through unbound.  All of it is inside the
# test's namespaces and ends with them.

NET4=10.0.0 NET6=fd00:
DNS_ADDR=$NET4.54

# net_start: the wire.  The test itself is host 1 on it.
net_start()
{
	ip link add wire type bridge
	ip addr add "$NET4.1/24" dev wire
	ip addr add "$NET6:1/64" dev wire nodad
	ip link set wire up
}

# net_host NAME NUMBER [NUMBER...]: a host, with these last numbers in its
# IPv4 and IPv6 addresses.
net_host()
{
	_host=$1
	shift
	: >"net.$_host"
	unshare --net="$PWD/net.$_host" true
	on "$_host" ip link add eth0 type veth peer name "$_host" netns 1
	ip link set "$_host" master wire up
	on "$_host" ip link set lo up
	on "$_host" ip link set eth0 up
	for _number; do
		on "$_host" ip addr add "$NET4.$_number/24" dev eth0
		on "$_host" ip addr add "$NET6:$_number/64" dev eth0 nodad
	done
}

# on NAME COMMAND...: run it at that host.
on()
{
	_at=$1
	shift
	nsenter --net="$PWD/net.$_at" -- "$@"
}

# net_down NAME, net_up NAME: cut its wire, and mend it.
net_down()
{
	ip link set "$1" down
}
net_up()
{
	ip link set "$1" up
}

# net_far USER...: a host "far" that takes mail for any domain into the
# mailboxes of these users; its instance is in FAR.
net_far()
{
	net_host far 20
	instance_new far <<CONF
hostname "far.example.org"
table users file:users
listen on $NET4.20 port 25
action "box" maildir userbase <users>
match from any for any action "box"
CONF
	instance_user "$@"
	AT=far instance_run far
	FAR=$DIR
}

# far_has USER COUNT: wait until so many messages are there.
far_has()
{
	_here=$DIR DIR=$FAR
	mailbox_wait "$@"
	DIR=$_here
}

# net_tricks [MAIL-HOST [ADDRESS]]: a host "dns" whose answers mean no good, as
# dns.py says; what it is asked is in "asked".  Good mail goes to far, or that
# address; forged names lead elsewhere.
net_tricks()
{
	net_host dns 53
	on dns "$LIBDIR/dns.py" "${2:-$NET4.53}" "${1:-$NET4.20}" "$NET4.66" \
	    >asked 2>&1 &
	wait_for grep -q ready asked || atf_fail "no DNS"
}

# net_dns: a host "dns" that serves the records on standard input, all in one
# zone at the root, and one more address of it that looks names up there for
# whoever asks.
net_dns()
{
	net_host dns 53 54
	net_zone .
	net_serve
}

# net_zone NAME: the records on standard input as a zone, for net_serve; their
# names end with a dot.
net_zone()
{
	mkdir -p dns
	{
		echo '$TTL 60'
		echo "$1 SOA ns. root. 1 60 60 600 60"
		echo "$1 NS ns."
		[ "$1" != . ] || echo "ns. A $NET4.53"
		cat
	} >"dns/${1%.}.zone"
}

# net_sign NAME [OPTION...]: sign that zone, as ldns-signzone is told; prints
# the DS record that belongs into the zone above it.
net_sign()
{
	_zone=$1
	shift
	_key=$(cd dns && ldns-keygen -a ECDSAP256SHA256 -k "$_zone")
	ldns-signzone -o "$_zone" -f dns/signed "$@" "dns/${_zone%.}.zone" \
	    "dns/$_key" || atf_fail "$_zone is not signed"
	mv dns/signed "dns/${_zone%.}.zone"
	cat "dns/$_key.ds"
}

# net_roots: the host "dns" has the addresses of the DNS's real root, to which
# this host has a way.
net_roots()
{
	for _root in $(sed -n 's/.*[[:space:]]A[[:space:]]//p' \
	    /usr/share/dns/root.hints); do
		on dns ip addr add "$_root/32" dev eth0
	done
	ip route add default via "$NET4.53"
}

# net_addresses: those at which "dns" serves its zones.
net_addresses()
{
	on dns ip -o -4 addr show dev eth0 | awk '{ print $4 }' |
	    sed 's|/.*||' | grep -vx "$DNS_ADDR"
}

# net_serve: serve all zones at the host "dns".
net_serve()
{
	{
		cat <<CONF
server:
	username: ""
	chroot: ""
	zonesdir: "$PWD/dns"
	database: ""
	pidfile: ""
	zonelistfile: "$PWD/dns/zone.list"
	xfrdfile: "$PWD/dns/xfrd.state"
	xfrdir: "$PWD/dns"
CONF
		net_addresses | sed 's/^/	ip-address: /'
		echo "remote-control:"
		echo "	control-enable: no"
		for _zone in dns/.zone dns/[!.]*.zone; do
			[ -e "$_zone" ] || continue
			_zone=${_zone#dns/}
			echo "zone:"
			echo "	name: \"${_zone%zone}\""
			echo "	zonefile: \"$_zone\""
		done
	} >dns/nsd.conf
	cat >dns/unbound.conf <<CONF
server:
	interface: $DNS_ADDR
	access-control: 0.0.0.0/0 allow
	outgoing-interface: $DNS_ADDR
	username: ""
	chroot: ""
	directory: "$PWD/dns"
	pidfile: ""
	use-syslog: no
	module-config: "iterator"
	do-not-query-localhost: no
	local-zone: "10.in-addr.arpa." nodefault
	local-zone: "d.f.ip6.arpa." nodefault
remote-control:
	control-enable: no
stub-zone:
	name: "."
	stub-addr: $NET4.53
CONF
	on dns nsd -d -c "$PWD/dns/nsd.conf" >dns/nsd.log 2>&1 &
	on dns unbound -d -c "$PWD/dns/unbound.conf" >dns/unbound.log 2>&1 &
	wait_for net_resolves ns. || {
		cat dns/*.log >&2
		atf_fail "there is no DNS"
	}
}

# net_resolves NAME: whether the DNS knows an address of it.
net_resolves()
{
	on dns drill -Q "$1" "@$DNS_ADDR" A | grep -q .
}
