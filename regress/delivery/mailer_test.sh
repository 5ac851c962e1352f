#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The life of a mailer beside those that it works for.
# Classes: (e) what goes on after its owner is gone.
. "$(atf_get_srcdir)/../lib/instance.sh"

# start KIND PATH [SETTING...]: an instance with the user jones.
start()
{
	instance_new i <<CONF
hostname "mx.example.org"
table users file:users
$3
listen on 127.0.0.1 port 2525
action "box" $1 "$2" userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user jones
	instance_run i
}

# Another program's lock on the mbox of jones.
lock_of_another()
{
	: >"$DIR/home/jones/mbox.lock"
	chown 60001:60001 "$DIR/home/jones/mbox.lock"
}

# has_mailer: sets mailer to its process.
has_mailer()
{
	mailer=$(role_pids mailer)
	[ -n "$mailer" ]
}

# has_other ROLE PID: whether that role has a process, and not that one.
has_other()
{
	_now=$(role_pids "$1") && [ -n "$_now" ] && [ "$_now" != "$2" ]
}

atf_test_case left_behind
left_behind_head()
{
	atf_set descr "a mailer does not go on beside the next delivery process"
}
left_behind_body()
{
	start maildir "~/Maildir" "queue retry 1s"
	send smith@example.net jones@example.org
	mailbox_wait jones 1
	has_mailer || instance_fail "there is no mailer"
	# it has the message, and would write it when it goes on
	kill -STOP "$mailer"
	send smith@example.net jones@example.org
	old=$(role_pids delivery)
	kill -KILL "$old"
	wait_for has_other delivery "$old" || {
		kill -CONT "$mailer"
		instance_fail "there is no delivery"
	}
	gone "$mailer" || {
		kill -CONT "$mailer"
		instance_fail "its mailer is there, too"
	}
	mailbox_wait jones 2
	log_wait 2 event=delivered
	atf_check_equal 2 "$(mailbox_count jones)"
}

atf_test_case alone
alone_head()
{
	atf_set descr "a mailer that waits for a lock ends with its master"
}
alone_body()
{
	start mbox "~/mbox" "delivery lock-timeout 1h"
	lock_of_another
	send smith@example.net jones@example.org
	wait_for has_mailer || instance_fail "there is no mailer"
	wait_for has_opened "$DIR/home/jones/mbox" ||
	    instance_fail "it does not wait"
	instance_kill i
}
# has_opened FILE: whether the mailer has.
has_opened()
{
	readlink "/proc/$mailer/fd/"* | grep -qxF "$1"
}

atf_test_case together
together_head()
{
	atf_set descr "messages that come together wait for a lock together"
	atf_set timeout 60
}
together_body()
{
	start mbox "~/mbox" "delivery lock-timeout 2s
queue retry 1h"
	lock_of_another
	send -n 30 smith@example.net jones@example.org
	# each alone would be a minute
	DEADLINE=30 log_wait 30 "event=deferred.*locking the mbox"
}

# mailers COUNT: whether the daemon has so many.
mailers()
{
	[ "$(role_pids mailer | wc -l)" -eq "$1" ]
}

# pile_up SETTING: 100 messages behind one, whose mailer has been stopped.
pile_up()
{
	start maildir "~/Maildir" "$1"
	send smith@example.net jones@example.org
	log_wait 1 event=delivered
	has_mailer || instance_fail "there is no mailer"
	kill -STOP "$mailer"
	send -n 100 smith@example.net jones@example.org
}

atf_test_case shared
shared_head()
{
	atf_set descr "a Maildir for which much waits has two mailers, not more"
}
shared_body()
{
	pile_up "delivery mailer-idle 1m"
	# the first one has 48 of them, and as many has the second before the
	# rest is divided
	mailbox_wait jones 50
	mailers 2 || instance_fail "two mailers: $(ctl show roles)"
	[ "$(mailbox_count jones)" -le 53 ] ||
	    instance_fail "the first has $((101 - $(mailbox_count jones)))"
	kill -CONT "$mailer"
	mailbox_wait jones 101
	log_wait 101 event=delivered
	atf_check_equal 101 "$(mailbox_count jones)"
	# the names end with the message
	ls "$DIR/home/jones/Maildir/new" | sed 's/.*_//' | sort | uniq -d |
	    grep . && instance_fail "one is there twice"
	mailers 2 || instance_fail "two mailers: $(ctl show roles)"
}

atf_test_case one_of_a_mailbox
one_of_a_mailbox_head()
{
	atf_set descr "where one mailer is all that a mailbox may have"
}
one_of_a_mailbox_body()
{
	pile_up "delivery mailbox-mailers 1"
	wait_for in_hand 100 || instance_fail "they are not in hand"
	mailers 1 || instance_fail "one mailer: $(ctl show roles)"
	kill -CONT "$mailer"
	mailbox_wait jones 101
}

atf_test_case reload
reload_head()
{
	atf_set descr "after a reload mail goes where it says now, by whom it" \
	    "says, though a mailer of before is there"
}
reload_body()
{
	start maildir "~/Maildir" "delivery mailer-idle 1h"
	send smith@example.net jones@example.org >/dev/null
	mailbox_wait jones 1
	sed -i 's|~/Maildir|~/Other|' "$DIR/smtpd.conf"
	sed -i 's/60001:60001/60002:60002/' "$DIR/users"
	chown -R 60002:60002 "$DIR/home/jones"
	ctl reload >/dev/null || instance_fail "reload"
	send smith@example.net jones@example.org >/dev/null
	comes_true test -e "$DIR/home/jones/Other/new"
	comes_true logged 2 event=delivered
	atf_check_equal 1 "$(mailbox_count jones)"
	atf_check_equal "1 60002" "$(stat -c %u "$DIR/home/jones/Other/new/"* |
	    uniq -c | sed 's/^ *//')"
}

# in_hand COUNT: whether delivery has so many.
in_hand()
{
	[ "$(ctl show stats | awk '/delivery.in-hand/ { print $NF }')" = "$1" ]
}

atf_init_test_cases()
{
	atf_add_test_case left_behind
	atf_add_test_case alone
	atf_add_test_case together
	atf_add_test_case shared
	atf_add_test_case one_of_a_mailbox
	atf_add_test_case reload
}
