# SPDX-License-Identifier: ISC
#
# A peer for make bench: Postfix, of Debian's package as unpacked by
# regress/lib/peers.sh, with a queue and a mailbox of its own in BENCH_PLACE,
# beside those of this tree.  Deliveries go to a Maildir by virtual(8), which
# is the cheaper of its two ways.  Limits that slow down one client are off.
PORT=2592
HOLDS=1
RCPT=bench@bench.test
OBJDIR=$BENCH_OBJDIR
BASE=$BENCH_PLACE/postfix
MAILDIR=$BASE/mail/bench/Maildir
LOG=$BASE/log
. "$(dirname "${BASH_SOURCE[0]}")/../lib/peer.sh"

srv_wipe()
{
	rm -rf "$BASE"
	mkdir -p "$BASE/over" "$BASE/queue" "$BASE/data" "$BASE/mail/bench"
	chmod 755 "$BENCH_PLACE" "$BASE"
	chown 61001 "$BASE/data"
	chown 60001:60001 "$BASE/mail/bench"
}

# In mounts of its own, where Postfix looks installed.
configure()
{
	peer_user 61001 postfix postdrop
	cat >/etc/postfix/main.cf <<CONF
compatibility_level = 3.6
queue_directory = $BASE/queue
data_directory = $BASE/data
myhostname = postfix.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
alias_maps =
alias_database =
biff = no
virtual_mailbox_domains = bench.test
virtual_mailbox_base = $BASE/mail
virtual_mailbox_maps = static:bench/Maildir/
virtual_uid_maps = static:60001
virtual_gid_maps = static:60001
virtual_mailbox_limit = 0
${HOLD:+header_checks = static:HOLD}
message_size_limit = 52428800
maillog_file = $BASE/log
maillog_file_prefixes = /
default_process_limit = 200
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_event_limit_exceptions = static:all
virtual_destination_concurrency_limit = 20
initial_destination_concurrency = 20
${RELAYHOST:+relayhost = $RELAYHOST}
${RELAYHOST:+default_destination_concurrency_limit = 20}
CONF
	# it listens on this port alone, and nothing of it is in a chroot
	sed 's/^smtp  *inet .*/127.0.0.1:'"$PORT"' inet n - n - 2000 smtpd/
	    s/^\([a-z]*  *[a-z]*  *[-n]  *[-n]  *\)y/\1n/' \
	    /usr/share/postfix/master.cf.dist >/etc/postfix/master.cf
	grep -q '^postlog ' /etc/postfix/master.cf ||
	    echo "postlog unix-dgram n - n - 1 postlogd" >>/etc/postfix/master.cf
}

srv_run()
{
	DIR=$BASE DNS_ADDR=127.0.0.1
	peer_lay "$OBJDIR/peers/postfix"
	configure
	exec postfix start-fg
}

srv_start()
{
	exec unshare --mount bash -c ". '${BASH_SOURCE[0]}'; srv_run"
}
