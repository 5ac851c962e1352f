#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The daemon as the system's own, without -R: service users, system users,
# aliases, /var/mail, sendmail as programs call it.  The users and directories
# are those of the case's own mount namespace.  Classes: (d).

. "$(atf_get_srcdir)/../lib/instance.sh"

# system_setup: a system with the service users, jones, brown, and our files.
system_setup()
{
	mount --make-rprivate /
	for dir in /run /var/mail /var/spool /home; do
		mount -t tmpfs -o mode=755 tmpfs $dir
	done
	chgrp mail /var/mail
	chmod 3775 /var/mail
	cp /etc/passwd /etc/group .
	uid=7000
	for user in session router spool sched deliver relay dns control; do
		echo "_bh$user:x:$uid:$uid::/:/usr/sbin/nologin" >>passwd
		echo "_bh$user:x:$uid:" >>group
		uid=$((uid + 1))
	done
	for user in jones brown; do
		echo "$user:x:$uid:$uid:A. $user,,,:/home/$user:/bin/sh" >>passwd
		echo "$user:x:$uid:" >>group
		mkdir -m 700 /home/$user
		chown $uid:$uid /home/$user
		uid=$((uid + 1))
	done
	chmod 644 passwd group
	mount --bind passwd /etc/passwd
	mount --bind group /etc/group
	DIR=$PWD
	cat >smtpd.conf
}

# Start without -d: the command returns when mail can be sent.
system_start()
{
	atf_check -s exit:0 -o empty -e empty "$SMTPD" -f "$PWD/smtpd.conf"
}

system_stop()
{
	pid=$(cat /run/bulkhead/smtpd.pid)
	kill "$pid"
	wait_for gone "$pid" || atf_fail "did not stop"
}

atf_test_case mbox_of_a_system_user
mbox_of_a_system_user_head()
{
	atf_set require.user root
	atf_set timeout 60
}
mbox_of_a_system_user_body()
{
	system_setup <<-EOF
	hostname "host.example.org"
	table aliases { root = jones, "staff" = "jones, brown" }
	action "local" mbox alias <aliases>
	match from local for local action "local"
	EOF
	system_start
	printf 'Subject: to root\n\nFrom here\n' | "$SENDMAIL" root
	wait_for test -s /var/mail/jones || atf_fail "nothing came"
	comes_true grep -q '^>From here' /var/mail/jones
	atf_check -o inline:"jones:jones 600\n" \
	    stat -c '%U:%G %a' /var/mail/jones
	atf_check -o match:'^Delivered-To: root@host.example.org' \
	    -o match:'^Return-Path: <root@host.example.org>' \
	    -o match:'^From: .*<root@host.example.org>' cat /var/mail/jones
	printf 'Subject: to both\n\n' | "$SENDMAIL" staff
	wait_for grep -q 'to both' /var/mail/jones || atf_fail "jones has none"
	wait_for grep -q 'to both' /var/mail/brown || atf_fail "brown has none"
	# no mail goes to root itself, nor to a user that is not there
	echo | atf_check -s exit:67 -e match:'550 5.1.1' "$SENDMAIL" daemon
	echo | atf_check -s exit:67 -e match:'550 5.1.1' "$SENDMAIL" nobody.such
	system_stop
}

atf_test_case maildir_and_service_users
maildir_and_service_users_head()
{
	atf_set require.user root
	atf_set timeout 60
}
maildir_and_service_users_body()
{
	system_setup <<-EOF
	hostname "host.example.org"
	listen on 127.0.0.1 port 25
	action "local" maildir
	match from any for local action "local"
	EOF
	system_start
	atf_check -o match:'as declared' "$SMTPCTL" show roles
	for user in session router spool sched deliver relay dns control; do
		ps -u "_bh$user" -o pid= | grep -q . ||
		    atf_fail "no process of _bh$user"
	done
	smtp_dialogue 127.0.0.1:25 220 '> HELO c.example' 250 \
	    '> MAIL FROM:<smith@example.net>' 250 \
	    '> RCPT TO:<jones@host.example.org>' 250 '> DATA' 354 \
	    '> hello' '> .' 250 '> QUIT' 221
	comes_true sh -c 'ls /home/jones/Maildir/new | grep -q .'
	atf_check -o inline:"jones 600\n" \
	    sh -c 'stat -c "%U %a" /home/jones/Maildir/new/*'
	# submitted by a user: the kernel says who
	printf 'Subject: me\n\n' >mail
	chmod 755 .
	atf_check setpriv --reuid brown --regid brown --clear-groups \
	    "$SENDMAIL" -t -i brown <mail
	comes_true sh -c 'grep -rq "Subject: me" /home/brown/Maildir/new'
	atf_check -o match:"uid $(id -u brown)" \
	    -o match:'^From: "A. brown" <brown@host.example.org>' \
	    sh -c 'cat /home/brown/Maildir/new/*'
	system_stop
}

atf_test_case start_says_why_not
start_says_why_not_head()
{
	atf_set require.user root
	atf_set timeout 60
}
start_says_why_not_body()
{
	system_setup <<-EOF
	hostname "host.example.org"
	listen on 192.0.2.1 port 25
	action "local" maildir
	match from any for local action "local"
	EOF
	# not an address of this host: also without -d the error is seen
	atf_check -s exit:1 -e match:'cannot listen' \
	    "$SMTPD" -f "$PWD/smtpd.conf"
	atf_check -s exit:1 pgrep -x session
	# a service user that is missing
	grep -v _bhspool passwd >passwd.new
	cat passwd.new >passwd
	sed -i 's/192.0.2.1/127.0.0.1/' smtpd.conf
	atf_check -s exit:1 -e match:'_bhspool' \
	    "$SMTPD" -d -f "$PWD/smtpd.conf"
	! listening 25 || atf_fail "the port is open"
}

atf_init_test_cases()
{
	atf_add_test_case mbox_of_a_system_user
	atf_add_test_case maildir_and_service_users
	atf_add_test_case start_says_why_not
}
