#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# ETRN (RFC 1985): what waits for a domain is tried now, for those that may
# ask, and not more often than that.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# The users jones, of example.org and of a.example.net, and brown; what comes
# for them waits, since their homes are closed.
etrn_start()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		table users file:users
		queue retry 1h
		listen on 0.0.0.0 port 2525 etrn { "example.org", "example.net", \\
		    "*.example.net" } etrn-from 192.0.2.0/24
		action "box" maildir userbase <users>
		match from any for domain { "example.org", "*.example.net" } \\
		    action "box"
	END
	instance_user jones brown
	chmod 0 "$DIR/home/jones" "$DIR/home/brown"
	instance_run mx
	set -- jones@example.org brown@EXAMPLE.org jones@a.example.net
	for rcpt; do
		send a@b.example "$rcpt"
	done
	log_wait 3 'event=deferred'
}

queue_empty()
{
	[ -z "$(ctl -j show queue)" ]
}
etrn_back()
{
	chmod 700 "$DIR/home/jones" "$DIR/home/brown"
}

atf_test_case starts_the_queue
starts_the_queue_head()
{
	atf_set descr "Mail for the domain is tried at once, other mail is not"
}
starts_the_queue_body()
{
	etrn_start
	etrn_back
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> ETRN Example.ORG" 253 "> ETRN example.net" 251 \
	    "> NOOP" 250 "> QUIT" 221 closed >got
	cat >wanted <<-END
		253 2.0.0 2 pending messages for that node started
		251 2.0.0 no messages waiting for that node
	END
	grep '^25[13]' got >said
	atf_check diff -u wanted said
	atf_check -o match:'^250-ETRN' cat got
	mailbox_wait jones 1
	mailbox_wait brown 1
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> ETRN @example.net" 253 "> QUIT" 221 closed >got
	atf_check -o match:'^253 2.0.0 1 pending' cat got
	mailbox_wait jones 2
	log_wait 1 'event=etrn .*node=@example.net code=253 .*messages=1'
	wait_for queue_empty || atf_fail "something is left in the queue"
}

atf_test_case next_host
next_host_head()
{
	atf_set descr "What waits for a host that was down goes to it when its" \
	    "domain asks"
}
next_host_body()
{
	instance_new mx <<-END
		hostname "mail.example.org"
		queue retry 1h
		listen on 127.0.0.1 port 2525 etrn "example.net"
		action "out" relay host "smtp://127.0.0.1:2600"
		match from local for domain { "example.net", "example.com" } \\
		    action "out"
	END
	instance_run mx
	send a@b.example jones@example.net
	log_wait 1 'event=deferred .*rcpt=jones@example.net'
	instance_new there <<-END
		hostname "there.example.net"
		table users file:users
		listen on 127.0.0.1 port 2600
		action "box" maildir userbase <users>
		match from any for domain "example.net" action "box"
	END
	instance_user jones
	instance_run there
	DIR=$PWD/mx
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> ETRN example.net" 253 "> QUIT" 221 closed
	DIR=$PWD/there
	mailbox_wait jones 1
}

atf_test_case asks_within_bounds
asks_within_bounds_head()
{
	atf_set descr "Who may not, what is not named, and what was asked for" \
	    "a short while ago is refused"
}
asks_within_bounds_body()
{
	etrn_start
	ip address add 198.51.100.1/24 dev lo
	smtp_dialogue -b 198.51.100.1 $FOREIGN 220 "> EHLO c.example" 250 \
	    "> ETRN example.org" 502 "> QUIT" 221 closed >got
	atf_check -s exit:1 grep ETRN got
	smtp_dialogue $FOREIGN 220 "> ETRN example.org" 503 \
	    "> EHLO c.example" 250 \
	    "> ETRN" 501 "> ETRN a_b" 501 "> ETRN @" 501 "> ETRN #q" 458 \
	    "> ETRN elsewhere.example" 459 "> ETRN @example.org" 459 \
	    "> ETRN example.org" 253 "> ETRN EXAMPLE.org" 458 \
	    "> MAIL FROM:<a@b.example>" 250 "> ETRN example.net" 503 \
	    "> RCPT TO:<jones@example.org>" 250 "> ETRN example.net" 503 \
	    "> RSET" 250 "> ETRN example.net" 251 "> QUIT" 221 closed
	# another session gains nothing by asking
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> ETRN example.org" 458 "> QUIT" 221 closed
	log_wait 1 'event=etrn .*node=elsewhere.example.*code=459'
}

atf_test_case names_without_end
names_without_end_head()
{
	atf_set descr "However many names are asked for, the queue is looked" \
	    "through a few times only"
}
names_without_end_body()
{
	etrn_start
	set -- 220 "> EHLO c.example" 250
	i=0
	while [ $i -lt 32 ]; do
		set -- "$@" "> ETRN a$i.example.net" 251
		i=$((i + 1))
	done
	smtp_dialogue $WORKER "$@" "> ETRN last.example.net" 458 "> QUIT" 221
	# nor does a change of sessions help
	smtp_dialogue $WORKER 220 "> EHLO c.example" 250 \
	    "> ETRN last.example.net" 458 "> QUIT" 221 closed
}

atf_init_test_cases()
{
	atf_add_test_case starts_the_queue
	atf_add_test_case next_host
	atf_add_test_case asks_within_bounds
	atf_add_test_case names_without_end
}
