#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Delivery status notifications, RFC 3461 and 3464, as the sender gets them.
# Classes: (a) two parsers, (c) forged records.
. "$(atf_get_srcdir)/../lib/instance.sh"

# start [SETTING...]: an instance where jones and green get mail.  Mail to
# jones fails for good when it says that it was there before (a loop).
start()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	for setting; do
		echo "$setting" >>"$DIR/smtpd.conf"
	done
	instance_user jones green postmaster
	instance_run i
	{
		echo "Delivered-To: jones@example.org"
		echo "Subject: =?utf-8?q?the_subject?="
		echo "X-Last: field of the header"
		echo
		echo "text of the body"
	} >sent
}

# report NAME: the one report in the mailbox of that user, checked with
# Python's MIME parser; prints "part TYPE" and each part, decoded.
report()
{
	mailbox_wait "$1" 1
	atf_check_equal 1 "$(mailbox_count "$1")"
	python3 - "$(maildir_files "$1")" <<'PY'
import email, email.policy, sys
with open(sys.argv[1], "rb") as file:
    m = email.message_from_binary_file(file, policy=email.policy.default)
assert not m.defects, m.defects
assert m["Return-Path"] == "<>", m["Return-Path"]
assert m["Auto-Submitted"] == "auto-replied"
assert m["From"] and m["Date"] and m["Message-ID"] and m["MIME-Version"]
assert m.get_content_type() == "multipart/report", m.get_content_type()
assert m.get_param("report-type") == "delivery-status"
print("subject", m["Subject"])
for part in m.iter_parts():
    assert not part.defects, part.defects
    print("part", part.get_content_type())
    payload = part.get_payload()
    if isinstance(payload, list):
        for inner in payload:
            print(inner.as_string())
    else:
        print(payload)
PY
}

contains()
{
	grep -q -e "$2" "$1" || atf_fail "lacks '$2': $(cat "$1")"
}

lacks()
{
	! grep -q -e "$2" "$1" || atf_fail "has '$2': $(cat "$1")"
}

atf_test_case fields
fields_head()
{
	atf_set descr "a failure report has its three parts and all fields"
}
fields_body()
{
	start
	id=$(send -f sent -m "ENVID=E+2B1 RET=HDRS" \
	    -r "ORCPT=rfc822;Old+2BOne@example.com NOTIFY=FAILURE" \
	    green@example.org jones@example.org)
	report green >got || atf_fail "not a report: $(cat got)"
	atf_check_equal "part text/plain
part message/delivery-status
part text/rfc822-headers" "$(grep '^part ' got)"
	contains got "^Reporting-MTA: dns; *mx.example.org"
	contains got "^Original-Envelope-Id: E+1"
	contains got "^Arrival-Date: "
	contains got "^Final-Recipient: rfc822; *jones@example.org"
	contains got "^Original-Recipient: rfc822; *Old+One@example.com"
	contains got "^Action: failed"
	contains got "^Status: 5.4.6"
	contains got "^Diagnostic-Code: "
	contains got "^Last-Attempt-Date: "
	contains got "^X-Last: field of the header"
	lacks got "^text of the body"
	contains got "$id"
	wait_for sh -c "[ -z \"\$('$SMTPCTL' -R '$DIR' -j show queue)\" ]" ||
	    instance_fail "something stays in the queue"
	log_wait 1 "event=dsn-sent message=$id"
}

atf_test_case full
full_head()
{
	atf_set descr "RET=FULL returns the content"
}
full_body()
{
	start
	send -f sent -m RET=FULL green@example.org jones@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^part message/rfc822"
	contains got "^text of the body"
}

atf_test_case full_of_big
full_of_big_head()
{
	atf_set descr "of a message beyond bounce max-size the header is returned"
}
full_of_big_body()
{
	start
	awk 'BEGIN { for (i = 0; i < 20000; i++) print "a line of a big one" }' \
	    >>sent
	send -f sent -m RET=FULL green@example.org jones@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^part text/rfc822-headers"
	contains got "^X-Last: field of the header"
	lacks got "a line of a big one"
}

atf_test_case never
never_head()
{
	atf_set descr "NOTIFY=NEVER, or only of other things, suppresses it"
}
never_body()
{
	start
	send -f sent -r NOTIFY=NEVER green@example.org jones@example.org
	send -f sent -r NOTIFY=DELAY green@example.org jones@example.org
	log_wait 2 "event=failed .*status=5.4.6"
	wait_for sh -c "[ -z \"\$('$SMTPCTL' -R '$DIR' -j show queue)\" ]" ||
	    instance_fail "something stays in the queue"
	atf_check_equal 0 "$(mailbox_count green)"
	! grep -q event=dsn-sent "$DIR/log" || atf_fail "a report was sent"
}

atf_test_case double_bounce
double_bounce_head()
{
	atf_set descr "the failure of what has the null sender is told to" \
	    "postmaster"
}
double_bounce_body()
{
	start
	echo 'match from any for local action "box"' >>"$DIR/smtpd.conf"
	ctl reload >/dev/null || instance_fail "reload"
	send -f sent "" jones@example.org
	report postmaster >got || atf_fail "not a report: $(cat got)"
	contains got "^subject A message without a sender"
	contains got "^Final-Recipient: rfc822; *jones@example.org"
	wait_for sh -c "[ -z \"\$('$SMTPCTL' -R '$DIR' -j show queue)\" ]" ||
	    instance_fail "something stays in the queue"
	log_wait 1 "event=double-bounce"
	atf_check_equal 1 "$(mailbox_count postmaster)"
}

atf_test_case no_third_report
no_third_report_head()
{
	atf_set descr "nobody is told when postmaster cannot be told, either"
}
no_third_report_body()
{
	start "queue ttl 2s" "queue retry 1s"
	echo 'match from any for local action "box"' >>"$DIR/smtpd.conf"
	ctl reload >/dev/null || instance_fail "reload"
	: >"$DIR/home/postmaster/Maildir"
	send -f sent "" jones@example.org
	log_wait 1 "event=expired"
	log_wait 2 "event=double-bounce"
	wait_for sh -c "[ -z \"\$('$SMTPCTL' -R '$DIR' -j show queue)\" ]" ||
	    instance_fail "something stays in the queue"
	atf_check_equal 1 "$(grep -c event=dsn-sent "$DIR/log")"
}

atf_test_case elsewhere
elsewhere_head()
{
	atf_set descr "a report that cannot reach the sender goes to postmaster"
}
elsewhere_body()
{
	start
	echo 'match from any for local action "box"' >>"$DIR/smtpd.conf"
	ctl reload >/dev/null || instance_fail "reload"
	id=$(send -f sent smith@example.net jones@example.org)
	wait_for sh -c "[ -z \"\$('$SMTPCTL' -R '$DIR' -j show queue)\" ]" ||
	    instance_fail "something stays in the queue"
	report postmaster >got || atf_fail "not a report: $(cat got)"
	contains got "^Final-Recipient: rfc822; *jones@example.org"
}

atf_test_case one_report
one_report_head()
{
	atf_set descr "recipients that fail together are in one report"
}
one_report_body()
{
	start
	sed -i '1i Delivered-To: postmaster@example.org' sent
	send -f sent green@example.org jones@example.org postmaster@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^Final-Recipient: rfc822; *jones@example.org"
	contains got "^Final-Recipient: rfc822; *postmaster@example.org"
}

atf_test_case user_gone
user_gone_head()
{
	atf_set descr "a user who was removed while mail waited is a failure"
}
user_gone_body()
{
	start
	ctl pause mda >/dev/null
	send smith@example.net jones@example.org
	send green@example.org jones@example.org
	sed -i /^jones/d "$DIR/users"
	ctl reload >/dev/null || instance_fail "reload"
	ctl resume mda >/dev/null
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^Status: 5."
	contains got "no such user"
}

atf_test_case expiry
expiry_head()
{
	atf_set descr "what cannot be delivered in time is given up and reported"
}
expiry_body()
{
	start "queue ttl 2s" "queue retry 1s"
	: >"$DIR/home/jones/Maildir"
	send green@example.org jones@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^Action: failed"
	contains got "^Status: 4."
	log_wait 1 "event=expired"
}

atf_test_case warning
warning_head()
{
	atf_set descr "the sender is told once of a delay, and not of another" \
	    "when it is delivered"
}
warning_body()
{
	start "bounce warn-interval 1s" "queue retry 1s"
	: >"$DIR/home/jones/Maildir"
	send green@example.org jones@example.org
	send -r NOTIFY=FAILURE green@example.org jones@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^Action: delayed"
	contains got "^Status: 4."
	contains got "^Will-Retry-Until: "
	rm "$DIR/home/jones/Maildir"
	mailbox_wait jones 2
	atf_check_equal 1 "$(mailbox_count green)"
}

atf_test_case success
success_head()
{
	atf_set descr "NOTIFY=SUCCESS is answered when the mail is delivered"
}
success_body()
{
	start
	send -m ENVID=e1 -r "NOTIFY=SUCCESS,FAILURE" green@example.org \
	    jones@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	contains got "^Action: delivered"
	contains got "^Status: 2."
	contains got "^Final-Recipient: rfc822; *jones@example.org"
	contains got "^Original-Envelope-Id: e1"
	mailbox_wait jones 1
	# the null sender is told nothing
	send -r NOTIFY=SUCCESS "" jones@example.org
	mailbox_wait jones 2
	log_wait 2 "event=delivered.*rcpt=jones"
	atf_check_equal 1 "$(mailbox_count green)"
}

atf_test_case hostile_text
hostile_text_head()
{
	atf_set descr "fields of the message cannot begin parts or fields of" \
	    "the report"
}
hostile_text_body()
{
	start
	{
		printf 'Delivered-To: jones@example.org\n'
		printf 'Subject: x\n Status: 2.0.0\n\t--boundary\n'
		printf 'Content-Type: multipart/mixed; boundary="b"\n\n'
		printf -- '--b\nContent-Type: text/plain\n\nx\n--b--\n'
	} >sent
	send -f sent -m "RET=FULL ENVID=a+22+3Cb" green@example.org \
	    jones@example.org
	report green >got || atf_fail "not a report: $(cat got)"
	atf_check_equal 3 "$(grep -c '^part ' got)"
	atf_check_equal 1 "$(grep -c '^Status: ' got)"
}

atf_init_test_cases()
{
	for case in fields full full_of_big never double_bounce \
	    no_third_report elsewhere one_report user_gone expiry warning success hostile_text; do
		atf_add_test_case "$case"
	done
}
