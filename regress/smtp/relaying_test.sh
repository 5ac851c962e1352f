#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Who may have mail sent on to other hosts: clients of this host, and nobody
# else, however the recipient is written.

. "$(atf_get_srcdir)/../lib/smtp.sh"

# Mail for example.org is for here, and team is an alias that leads away; the
# host that other mail is sent on to is not there.
relaying_start()
{
	instance_new mx <<-'END'
		hostname "mail.example.org"
		table users file:users
		table names { team = "jones, far@else.example" }
		queue retry 1h
		listen on 0.0.0.0 port 2525
		action "box" maildir userbase <users> alias <names>
		action "on" relay host smtp://127.0.0.1:2599
		match from any for domain "example.org" action "box"
		match from local for any action "on"
	END
	instance_user jones
	ip address add 198.51.100.1/24 dev lo
	instance_run mx
}

# rcpt WHERE FROM PATH: the reply that RCPT gets from a client at WHERE.
rcpt()
{
	smtp_dialogue -b "${1%% *}" "${1#* }" 220 "> EHLO mail.example.org" \
	    250 "> MAIL FROM:<$2>" 250 "> RCPT TO:$3" reply "> QUIT" 221 closed |
	    tail -n 2 | head -n 1
}

# The ways to write a recipient that have made open relays, each with the
# replies that are right.
paths()
{
	cat <<-'END'
		550 <joe@else.example>
		550 <JOE@ELSE.EXAMPLE>
		550 <@mail.example.org:joe@else.example>
		550 <@example.org,@mail.example.org:joe@else.example>
		550 <joe%else.example@example.org>
		550 <joe%else.example@mail.example.org>
		550 <else.example!joe@example.org>
		550 <"joe@else.example"@example.org>
		550 <"joe@else.example"@mail.example.org>
		550 <@example.org:"joe@else.example"@example.org>
		553 <"joe@else.example">
		553 <joe@else.example@example.org>
		553 <joe@example.org,else.example>
		553 <example.org:joe@else.example>
		553 <joe@else.example.>
		553 <joe%else.example>
		550 <joe@[192.0.2.99]>
		550 <joe@[127.0.0.1]>
		550 <joe@[IPv6:2001:db8::1]>
		550 <joe@example.org.else.example>
		550 <joe@notexample.org>
		550 <joe@sub.example.org>
		550 <joe@localhost>
	END
}

atf_test_case strangers
strangers_head()
{
	atf_set descr "A client elsewhere gets nothing sent on, by any trick"
}
strangers_body()
{
	relaying_start
	wrong=
	for from in "smith@example.net" "jones@example.org" ""; do
		while read -r want path; do
			got=$(rcpt "198.51.100.1 $FOREIGN" "$from" "$path")
			case $got in
			$want' '*)	;;
			*)	wrong="$wrong
$path from <$from>: $got"	;;
			esac
		done <<-END
			$(paths)
		END
	done
	[ -z "$wrong" ] || instance_fail "not refused as is right:$wrong"
	# one that is right, in the same words
	rcpt "198.51.100.1 $FOREIGN" smith@example.net "<jones@example.org>" |
	    grep -q '^250' || instance_fail "jones is refused"
	rcpt "198.51.100.1 $FOREIGN" smith@example.net \
	    "<@else.example:jones@example.org>" | grep -q '^250' ||
	    instance_fail "jones is refused behind a source route"
	atf_check_equal 0 "$(ctl -j show queue | wc -l)"
}

atf_test_case own
own_head()
{
	atf_set descr "A client of this host may send anywhere"
}
own_body()
{
	relaying_start
	rcpt "127.0.0.1 $WORKER" jones@example.org "<joe@else.example>" |
	    grep -q '^250' || instance_fail "else.example is refused"
	# at this host it is a name of this host all the same
	rcpt "127.0.0.1 $WORKER" jones@example.org \
	    "<joe%else.example@example.org>" | grep -q '^550' ||
	    instance_fail "% is no way to another host"
}

atf_test_case by_alias
by_alias_head()
{
	atf_set descr "An alias may lead away, whoever sends to it"
}
by_alias_body()
{
	relaying_start
	printf 'Subject: to both\r\n\r\ntext\r\n' >content
	smtp_mail $FOREIGN team@example.org smith@example.net content >/dev/null
	mailbox_wait jones 1
	ctl show queue | grep -q 'far@else.example' ||
	    instance_fail "nothing waits for far: $(ctl show queue)"
	ctl show queue >queue
	! grep -q team@example.org queue || instance_fail "$(cat queue)"
}

atf_init_test_cases()
{
	atf_add_test_case strangers
	atf_add_test_case own
	atf_add_test_case by_alias
}
