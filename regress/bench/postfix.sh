# SPDX-License-Identifier: ISC
#
# A peer for make bench: Postfix, as installed under POSTFIX_ROOT (default:
# this machine), with a configuration, a queue and a mailbox of its own below
# /var/tmp/bulkhead-bench there.  Deliveries go to a Maildir by virtual(8),
# which is the cheaper of its two ways.  Limits that slow down one client are
# off.
PORT=2592
RCPT=bench@bench.test
POSTFIX_ROOT=${POSTFIX_ROOT:-/}
BASE=/var/tmp/bulkhead-bench
MAILDIR=$POSTFIX_ROOT$BASE/mail/bench/Maildir

in_root()
{
	chroot "$POSTFIX_ROOT" "$@"
}

srv_wipe()
{
	rm -rf "$POSTFIX_ROOT$BASE"
	mkdir -p "$POSTFIX_ROOT$BASE/etc" "$POSTFIX_ROOT$BASE/queue" \
	    "$POSTFIX_ROOT$BASE/data" "$POSTFIX_ROOT$BASE/mail/bench"
	cp "$POSTFIX_ROOT/etc/postfix/master.cf" "$POSTFIX_ROOT$BASE/etc/"
	: >"$POSTFIX_ROOT$BASE/etc/main.cf"
	in_root chown postfix "$BASE/data"
	in_root chown 60001:60001 "$BASE/mail/bench"
	in_root postconf -c $BASE/etc -e compatibility_level=3.6 \
	    queue_directory=$BASE/queue data_directory=$BASE/data \
	    myhostname=postfix.bench.test mydestination= \
	    inet_interfaces=127.0.0.1 inet_protocols=ipv4 \
	    mynetworks=127.0.0.0/8 smtp_dns_support_level=disabled \
	    smtpd_peername_lookup=no alias_maps= alias_database= biff=no \
	    virtual_mailbox_domains=bench.test \
	    virtual_mailbox_base=$BASE/mail \
	    virtual_mailbox_maps=static:bench/Maildir/ \
	    virtual_uid_maps=static:60001 virtual_gid_maps=static:60001 \
	    virtual_mailbox_limit=0 message_size_limit=52428800 \
	    maillog_file=$BASE/log maillog_file_prefixes=/var/tmp \
	    default_process_limit=200 in_flow_delay=0 \
	    smtpd_client_connection_count_limit=0 \
	    smtpd_client_event_limit_exceptions=static:all \
	    virtual_destination_concurrency_limit=20 \
	    initial_destination_concurrency=20
	# whatever it listens on there, here it is this port
	for service in $(in_root postconf -c $BASE/etc -M |
	    awk '$2 == "inet" { print $1 "/inet" }'); do
		in_root postconf -c $BASE/etc -MX "$service"
	done
	in_root postconf -c $BASE/etc -M \
	    "127.0.0.1:$PORT/inet=127.0.0.1:$PORT inet n - n - 2000 smtpd"
	if ! in_root postconf -c $BASE/etc -M | grep -q '^postlog '; then
		in_root postconf -c $BASE/etc -M \
		    "postlog/unix-dgram=postlog unix-dgram n - n - 1 postlogd"
	fi
}

srv_start()
{
	exec chroot "$POSTFIX_ROOT" postfix -c $BASE/etc start-fg
}
