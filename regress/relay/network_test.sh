#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The network comes late, and changes: the daemon works without one and takes
# up what is there.
. "$(atf_get_srcdir)/../lib/instance.sh"
. "$LIBDIR/network.sh"

# own_etc: an /etc of this test's own, without name servers.
own_etc()
{
	mkdir over
	mount -t tmpfs tmpfs over
	mkdir over/up over/work
	mount -t overlay overlay \
	    -o "lowerdir=/etc,upperdir=$PWD/over/up,workdir=$PWD/over/work" /etc
	rm -f /etc/resolv.conf
}

network()
{
	net_start
	net_tricks
	net_far jones
}

# out [SETTING]: the instance that sends.
out()
{
	instance_new out <<CONF
hostname "out.example.net"
resolver anchor none
resolver timeout 2s
queue retry 1s
listen on 127.0.0.1 port 2525
action "on" relay
match from any for any action "on"
${1:-}
CONF
	instance_run out
}

queued()
{
	[ "$(ctl show queue | sed 1d | wc -l)" = "$1" ]
}

others()
{
	ctl show roles | sed 1d | grep -v '^resolver ' | awk '{ print $1, $3 }'
}

atf_test_case none
none_head()
{
	atf_set descr "without any network mail is taken, and goes when one comes"
}
none_body()
{
	own_etc
	out
	others >before
	send smith@home.example jones@one.example jones@two.example >/dev/null
	log_wait 2 "event=relay .*result=deferred .*4.4.3"
	queued 2 || instance_fail "it is not in the queue"
	network
	echo "nameserver $NET4.53" >/etc/resolv.conf
	DIR=$PWD/out
	far_has jones 2
	wait_for queued 0 || instance_fail "it is in the queue still"
	log_wait 1 "event=reload file=/etc/resolv.conf"
	others >now
	diff before now || instance_fail "processes have died"
}

atf_test_case other_servers
other_servers_head()
{
	atf_set descr "other name servers of the system are asked soon"
}
other_servers_body()
{
	own_etc
	network
	echo "nameserver $NET4.99" >/etc/resolv.conf
	out
	send smith@home.example jones@one.example >/dev/null
	log_wait 1 "event=relay .*result=deferred .*no answer in time"
	echo "nameserver $NET4.53" >resolv.conf
	mv resolv.conf /etc/resolv.conf
	far_has jones 1
}

atf_test_case reload
reload_head()
{
	atf_set descr "after a reload the servers of the new configuration are asked"
}
reload_body()
{
	network
	out "resolver forward $NET4.99"
	send smith@home.example jones@one.example >/dev/null
	log_wait 1 "event=relay .*result=deferred .*no answer in time"
	# while one resolver takes the place of another, too
	ctl reload >/dev/null || instance_fail "reload"
	sed -i "s/$NET4.99/$NET4.53/" "$DIR/smtpd.conf"
	ctl reload >/dev/null || instance_fail "reload"
	far_has jones 1
}

atf_test_case unseen
unseen_head()
{
	atf_set descr "no question is lost when the resolver is replaced"
}
unseen_body()
{
	network
	out "resolver forward $NET4.53"
	_before=$(role_pids resolver)
	for _i in 1 2 3; do
		for _k in 1 2 3 4; do
			send smith@home.example \
			    "jones@d$_i-$_k.example" >/dev/null
		done
		[ "$_i" = 3 ] || ctl reload >/dev/null
	done
	far_has jones 12
	atf_check_equal 0 "$(grep -c result=deferred "$DIR/log")"
	wait_for alone || instance_fail "$(ctl show roles)"
	[ "$(role_pids resolver)" != "$_before" ] || atf_fail "it is the old one"
	! grep -q "event=role-exit" "$DIR/log" || instance_fail "one has died"
}
alone()
{
	[ "$(role_pids resolver | wc -w)" = 1 ]
}

atf_test_case stuck
stuck_head()
{
	atf_set descr "a resolver that does not make way is ended"
}
stuck_body()
{
	out "process stop-timeout 1s"
	_before=$(role_pids resolver)
	kill -STOP "$_before"
	ctl reload >/dev/null || instance_fail "reload"
	wait_for gone "$_before" || {
		kill -KILL "$_before"
		instance_fail "it is there still"
	}
	wait_for alone || instance_fail "no other has taken its place"
}

atf_test_case own_address
own_address_head()
{
	atf_set descr "mail that an address which came later leads back here" \
	    "does not go in a circle"
}
own_address_body()
{
	own_etc
	out "listen on 0.0.0.0 port 25"
	net_start
	net_tricks "$NET4.1"
	echo "nameserver $NET4.53" >/etc/resolv.conf
	log_wait 1 "event=reload file=/etc/resolv.conf"
	send "" jones@one.example >/dev/null
	log_wait 1 "event=relay .*jones.* result=failed .*status=5.4.6"
	atf_check_equal 1 "$(grep -c event=message-accepted "$DIR/log")"
}

atf_init_test_cases()
{
	for case in own_address none other_servers reload unseen stuck; do
		atf_add_test_case "$case"
	done
}
