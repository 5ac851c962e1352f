#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Other processes than the session that have been taken over: what each says
# to the rest of the daemon that it has no right to costs it its life, and
# nobody else anything.
. "$(atf_get_srcdir)/../lib/traitor.sh"

assertion router_forges_nothing 'The router says nothing but its own, to anybody'
_router_forges_nothing()
{
	traitor_start router
	each_caught router <<-END
		master message out of the table | raw master mailer-start 1 8 0 0
		master message out of the table | raw master user-ask 1 3 0 0
		spool bad transaction | raw spool spool-open 1234567812345678 60 0 0
		spool bad transaction | raw spool spool-open 1234567812345678 5000 255 0
		spool bad envelope | raw spool spool-envelope 1234567812345678 17 255 0
		spool message out of the table | raw spool spool-content 1 1 0 0
		spool message out of the table | raw spool queue-outcome 1 32 0 0
		delivery answer out of shape | raw delivery tx-rcpt-answer 1 14 255 0
		delivery message out of the table | raw delivery deliver 1 34 0 0
	END
}

assertion spool_forges_nothing 'The spool gives out nothing but messages'
_spool_forges_nothing()
{
	traitor_start spool
	each_caught spool <<-END
		master message out of the table | raw master user-ask 1 4 0 0
		scheduler bad message for the queue | raw scheduler queue-add 1234567812345678 23 255 0
		scheduler bad message for the queue | raw scheduler queue-add 1234567812345678 61440 255 0
		scheduler bad answer to an assignment | raw scheduler queue-unreadable 1 7 255 0
		scheduler bad record | raw scheduler queue-recorded 0 14 255 0
		scheduler bad record | frame scheduler queue-recorded 0 u16:1 u64:1 u32:0 u8:0
		scheduler message out of the table | raw scheduler outcome 1 18 0 0
		delivery message out of shape | raw delivery deliver 1234567812345678 34 255 0
		delivery message out of shape | raw delivery deliver-fd 1234567812345678 34 255 1
		delivery grant out of shape | raw delivery spool-grant 1 10 255 0
		router message out of the table | raw router tx-data 1 0 0 0
	END
}

assertion scheduler_gives_to_nobody_else 'The scheduler has mail given to no process that is not for it'
_scheduler_gives_to_nobody_else()
{
	# role 1 is session, 2 router, 255 none
	traitor_start scheduler
	each_caught scheduler <<-END
		spool bad assignment | raw spool queue-assign 1234567812345678 8 1 0
		spool bad assignment | raw spool queue-assign 1234567812345678 8 2 0
		spool bad assignment | raw spool queue-assign 1234567812345678 8 255 0
		spool bad outcome | raw spool queue-outcome 1234567812345678 32 255 0
		spool message out of the table | raw spool spool-abort 1 0 0 0
		master message out of the table | raw master mailer-start 1 8 0 0
		delivery message out of the table | raw delivery deliver 1 34 0 0
	END
}

assertion control_orders_by_the_table 'Control asks of each role what that answers'
_control_orders_by_the_table()
{
	# verb 0 is for the scheduler; 255 is none
	traitor_start control
	each_caught control <<-END
		spool bad request | raw spool ctl-ask 1 2 255 0
		spool a request for another role | raw spool ctl-ask 1 2 0 0
		scheduler bad request | raw scheduler ctl-ask 1 8192 255 0
		router bad ctl-ask | raw router ctl-ask 1 2 255 0
		delivery request out of shape | raw delivery ctl-ask 1 2 255 0
		master request out of shape | raw master ctl-ask 1 2 255 0
		master message out of the table | raw master mailer-start 1 8 0 0
		scheduler message out of the table | raw scheduler outcome 1 18 0 0
	END
}

assertion delivery_submits_reports_only 'Delivery submits nothing that has a sender, and no content of others'
_delivery_submits_reports_only()
{
	traitor_start delivery
	each_caught delivery <<-END
		router notification with a sender | mail <a@example.net>
		router message out of the table | raw router session-open 1 4 0 1
		spool content of no transaction of its | raw spool spool-content 1234567812345678 100 65 0
		spool commit of no transaction of its | raw spool spool-commit 1234567812345678 8 0 0
		scheduler bad outcome | raw scheduler outcome 1 18 255 0
		master mailer-start out of shape | raw master mailer-start 1 8 255 0
	END
}

assertion delivery_becomes_nobody_else 'Delivery gets no mailer but of a user of the rules'
_delivery_becomes_nobody_else()
{
	traitor_start delivery
	# what a name and an action can be, in the shape of MAILER_START
	_user=$(hull_pid router)
	orders delivery \
	    "mailer root box" \
	    "mailer brown nosuch" \
	    "mailer ../brown box" \
	    "mailer 0 box"
	turn delivery
	await 'mailer-refused user=root why="no such user"'
	await 'mailer-refused user=brown why="no such action'
	await 'mailer-refused user=../brown why="no such user"'
	await 'mailer-refused user=0 why="no such user"'
	await 'traitor=end'
	not_touched router "$_user"
	hull_serves
}

assertion delivery_reports_only_on_its_own 'Delivery cannot finish what it does not have'
_delivery_reports_only_on_its_own()
{
	traitor_start delivery
	held_begin
	# neither a message that is not there yet nor one it never had
	for _id in "$MID" 1234567812345678; do
		orders delivery "raw scheduler outcome $_id 18 0 0"
		turn delivery
		caught delivery scheduler 'outcome of what it does not have'
	done
	held_end
	hull_serves
}

assertion mailer_keeps_to_its_mailbox 'A mailer reaches no file and no message of others'
_mailer_keeps_to_its_mailbox()
{
	traitor_start mailer
	echo secret >"$DIR/home/brown/secret"
	chmod 644 "$DIR/home/brown/secret"
	chmod 755 "$DIR/home/brown"
	orders mailer \
	    "open $DIR/home/brown/secret" \
	    "create $DIR/home/brown/forged" \
	    "create $DIR/home/forged" \
	    "open $DIR/smtpd.conf" \
	    "open /etc/passwd" \
	    "escape" \
	    "raw delivery mailbox-done 1234567812345678 13 0 0"
	kill -KILL "$(hull_pid mailer)"
	hull_send
	HULL_SENT=$((HULL_SENT + 1))
	await 'traitor=open result=EACCES'
	await 'traitor=escape result=none'
	never 'traitor=open result=done'
	never 'traitor=create result=done'
	await 'delivery\[.*event=peer-violation peer=mailer'
	[ ! -e "$DIR/home/brown/forged" ] && [ ! -e "$DIR/home/forged" ] ||
	    instance_fail "it has written there"
	# what it was given is delivered by the next, later
	ctl schedule all
	mailbox_wait jones "$HULL_SENT"
	hull_serves
}

assertion mailer_claims_what_it_can_know 'A mailer reports what became of its mail, in words'
_mailer_claims_what_it_can_know()
{
	traitor_start mailer
	# index, outcome, status, text
	while read -r _fields; do
		orders mailer "got delivery mailbox-put" \
		    "frame delivery mailbox-done own $_fields"
		kill -KILL "$(hull_pid mailer)"
		hull_send
		HULL_SENT=$((HULL_SENT + 1))
		await 'delivery\[.*event=peer-violation peer=mailer'
		ctl schedule all
		mailbox_wait jones "$HULL_SENT"
	done <<-END
		u32:7 u8:0 s:2.0.0 s:done
		u32:0 u8:5 s:2.0.0 s:done
		u32:0 u8:6 s:2.0.0 s:done
		u32:0 u8:255 s:2.0.0 s:done
		u32:0 u8:2 s:5.0.0 s:a\x0aTo:b
		u32:0 u8:2 s:5\x0d.0 s:no
		u32:0 u8:2 s:5.0.0 s*1301:a
	END
	hull_serves
}

assertion mailer_says_nothing_to_the_master 'The master takes no order from a mailer'
_mailer_says_nothing_to_the_master()
{
	traitor_start mailer
	for _act in "mailer-start 1 8 0 0" "user-ask 1 4 0 0" \
	    "peer 1 9 0 1"; do
		orders mailer "raw master $_act"
		kill -KILL "$(hull_pid mailer)"
		hull_send
		HULL_SENT=$((HULL_SENT + 1))
		await 'master\[.*event=peer-violation peer=mailer'
		ctl schedule all
		mailbox_wait jones "$HULL_SENT"
	done
	hull_serves
}

atf_init_test_cases()
{
	assertions
}
