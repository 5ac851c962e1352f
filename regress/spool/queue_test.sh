#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The queue: what is in it stays in it, through restarts, full disks and
# damage, and the administrator's orders are carried out.
. "$(atf_get_srcdir)/../lib/instance.sh"

# start [SETTING...]: an instance with the users jones and green.
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
	instance_user jones green
	instance_run i
}

# restart: the instance, until its queue is loaded.
restart()
{
	_loaded=$(grep -c event=queue-loaded "$DIR/log")
	instance_run i
	log_wait $((_loaded + 1)) event=queue-loaded
}

# state ID.N: the state of that envelope, as "show queue" has it; empty when
# it is not there.
state()
{
	ctl show queue | awk -v id="${1%.*}" -v n="${1#*.}" \
	    '$1 == id && $2 == n { print $3 }'
}

queue_empty()
{
	[ -z "$(ctl -j show queue)" ]
}

# A message of so many octets or more in the file sent.
compose()
{
	{
		printf 'Subject: composed\n\n'
		base64 -w 76 /dev/urandom | head -c "$1"
		echo
	} >sent
}

atf_test_case survives
survives_head()
{
	atf_set descr "what was accepted is there after a restart, and is" \
	    "delivered once"
}
survives_body()
{
	start
	ctl pause mda >/dev/null
	compose 3000
	small=$(send -f sent smith@example.net jones@example.org)
	mv sent small
	compose 700000
	big=$(send -f sent -m "RET=HDRS ENVID=e1" -r NOTIFY=NEVER \
	    smith@example.net jones@example.org green@example.org)
	instance_stop i
	sed -i 's/127.0.0.1 port 2525/127.0.0.1 port 2526/' "$DIR/smtpd.conf"
	echo "queue retry 1h" >>"$DIR/smtpd.conf"
	: >"$DIR/home/jones/Maildir"
	restart
	# the other recipient is not kept waiting by it
	mailbox_wait green 1
	mail_content "$(maildir_files green)" | cmp - sent ||
	    atf_fail "the big one has changed"
	log_wait 2 event=deferred
	instance_stop i
	rm "$DIR/home/jones/Maildir"
	restart
	ctl schedule all >/dev/null
	mailbox_wait jones 2
	wait_for queue_empty || instance_fail "something stays in the queue"
	instance_stop i
	restart
	queue_empty || instance_fail "delivered mail has come back"
	atf_check_equal 1 "$(mailbox_count green)"
	atf_check_equal 2 "$(mailbox_count jones)"
	mail_content "$(maildir_files jones | grep "$small")" | cmp - small ||
	    atf_fail "the small one has changed"
	mail_content "$(maildir_files jones | grep "$big")" | cmp - sent ||
	    atf_fail "the big one has changed"
}

atf_test_case keeps_envelope
keeps_envelope_head()
{
	atf_set descr "every field of an envelope is the same after a restart"
}
keeps_envelope_body()
{
	start "queue retry 1h"
	: >"$DIR/home/jones/Maildir"
	id=$(send -m "RET=FULL ENVID=e+2B1" \
	    -r "NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@y" smith@example.net \
	    jones@example.org)
	log_wait 1 event=deferred
	wait_for sh -c "'$SMTPCTL' -R '$DIR' -j show envelope $id |
	    grep -q '\"attempts\":1'" || instance_fail "the attempt is not recorded"
	ctl -j show envelope "$id" | sed 's/"error":.*//' >before
	ctl -j show queue | sed 's/"error":.*//' >before.queue
	instance_stop i
	restart
	ctl -j show envelope "$id" | sed 's/"error":.*//' >after
	ctl -j show queue | sed 's/"error":.*//' >after.queue
	cmp before after || atf_fail "$(diff before after)"
	cmp before.queue after.queue ||
	    atf_fail "$(diff before.queue after.queue)"
}

atf_test_case retry
retry_head()
{
	atf_set descr "a temporary failure is tried again until it has passed"
}
retry_body()
{
	start "queue retry 1s"
	chown 0:0 "$DIR/home/jones"
	chmod 555 "$DIR/home/jones"
	id=$(send smith@example.net jones@example.org)
	log_wait 2 "event=deferred message=$id"
	chown 60001:60001 "$DIR/home/jones"
	chmod 700 "$DIR/home/jones"
	mailbox_wait jones 1
	wait_for queue_empty || instance_fail "something stays in the queue"
	atf_check_equal 1 "$(mailbox_count jones)"
	# each attempt counted
	grep "event=delivered message=$id" "$DIR/log" |
	    grep -q 'attempts=[3-9]' || atf_fail "attempts are not counted"
}

atf_test_case orders
orders_head()
{
	atf_set descr "hold, release, schedule, remove by ID, ID.n and all"
}
orders_body()
{
	start "queue retry 1h"
	ctl pause mda >/dev/null
	a=$(send smith@example.net jones@example.org green@example.org)
	b=$(send smith@example.net jones@example.org)
	c=$(send smith@example.net green@example.org)
	atf_check -o inline:"1 envelope\n" "$SMTPCTL" -R "$DIR" hold "$a.0"
	atf_check_equal held "$(state "$a.0")"
	atf_check_equal ready "$(state "$a.1")"
	atf_check -o inline:"1 envelope\n" "$SMTPCTL" -R "$DIR" hold "$a"
	atf_check -o inline:"0 envelopes\n" "$SMTPCTL" -R "$DIR" hold "$a"
	atf_check -o inline:"2 envelopes\n" "$SMTPCTL" -R "$DIR" hold all
	atf_check_equal held "$(state "$c.0")"
	ctl resume mda >/dev/null
	atf_check -o inline:"1 envelope\n" "$SMTPCTL" -R "$DIR" release "$c"
	mailbox_wait green 1
	atf_check -o inline:"1 envelope\n" "$SMTPCTL" -R "$DIR" remove "$b.0"
	log_wait 1 "event=removed.*$b"
	atf_check_equal 0 "$(mailbox_count jones)"
	# a hold outlasts a restart
	instance_stop i
	restart
	atf_check_equal held "$(state "$a.0")"
	: >"$DIR/home/jones/Maildir"
	atf_check -o inline:"2 envelopes\n" "$SMTPCTL" -R "$DIR" release all
	mailbox_wait green 2
	log_wait 1 "event=deferred message=$a envelope=0"
	rm "$DIR/home/jones/Maildir"
	atf_check -o inline:"1 envelope\n" "$SMTPCTL" -R "$DIR" schedule "$a.0"
	mailbox_wait jones 1
	wait_for queue_empty || instance_fail "something stays in the queue"
	for verb in hold release schedule remove; do
		atf_check -s exit:65 -e inline:"smtpctl: not in the queue\n" \
		    "$SMTPCTL" -R "$DIR" "$verb" "$a"
		atf_check -o inline:"0 envelopes\n" "$SMTPCTL" -R "$DIR" \
		    "$verb" all
	done
}

atf_test_case over
over_head()
{
	atf_set descr "what has been delivered is there for no order, either"
}
over_body()
{
	start "delivery mailer-idle 1m"
	send smith@example.net jones@example.org >/dev/null
	log_wait 1 event=delivered
	mailer=$(role_pids mailer) spool=$(role_pids spool)
	kill -STOP "$mailer"
	a=$(send smith@example.net jones@example.org)
	wait_for in_hand || instance_fail "the mailer does not get it"
	# that it was delivered stays to be recorded
	kill -STOP "$spool"
	kill -CONT "$mailer"
	log_wait 1 "event=delivered message=$a"
	for verb in hold release schedule remove; do
		for id in "$a" "$a.0"; do
			"$SMTPCTL" -R "$DIR" "$verb" "$id" >out 2>err
			echo "$verb $? $(cat out err)"
		done
	done >got
	kill -CONT "$spool"
	atf_check_equal 8 "$(grep -c ' 65 smtpctl: not in the queue$' got)"
}
# in_hand: whether delivery has a message.
in_hand()
{
	[ "$(ctl show stats | awk '/delivery.in-hand/ { print $NF }')" = 1 ]
}

atf_test_case shows
shows_head()
{
	atf_set descr "show queue, message and envelope, as text and as JSON"
}
shows_body()
{
	start
	ctl pause mda >/dev/null
	compose 5000
	printf 'raw \377 "quoted" \\ \t\n' >>sent
	id=$(send -f sent '"q\"uo te"@example.net' jones@example.org \
	    green@example.org)
	ctl show message "$id" >shown
	# as it is stored: with our Received field, without what delivery adds
	mail_content shown | cmp - sent || atf_fail "the content has changed"
	head -n 1 shown | grep -q '^Received: ' || atf_fail "no trace field"
	ctl show envelope "$id.1" >shown
	atf_check_equal 1 "$(grep -c '^recipient: green@example.org$' shown)"
	atf_check_equal 0 "$(grep -c '^recipient: jones' shown)"
	compose 900000
	big=$(send -f sent smith@example.net jones@example.org)
	ctl show message "$big" | sed '/^[ \t]/d;1d' >shown
	sed '/^[ \t]/d' sent | cmp - shown || atf_fail "the big one has changed"
	{
		ctl -j show queue
		ctl -j show envelope "$id"
		ctl -j show envelope "$id.0"
		ctl -j show message "$id"
		ctl -j show stats
		ctl -j show status
		ctl -j show roles
	} >json
	python3 - "$id" <<'PY' || atf_fail "not JSON"
import json, sys
rows = [json.loads(line) for line in open("json", encoding="utf-8")]
mine = [r for r in rows if r.get("message") == sys.argv[1] and "size" in r]
assert len(mine) == 2, mine
assert mine[0]["sender"] == '"q\\"uo te"@example.net', mine[0]["sender"]
assert {r["recipient"] for r in mine} == \
    {"jones@example.org", "green@example.org"}
assert all(isinstance(r["size"], int) and r["size"] > 5000 for r in mine)
PY
	atf_check -s exit:65 -e inline:"smtpctl: not in the queue\n" \
	    "$SMTPCTL" -R "$DIR" show message 0123456789abcdef
	atf_check -s exit:65 -e not-empty "$SMTPCTL" -R "$DIR" show envelope \
	    "$id.7"
}

atf_test_case long_queue
long_queue_head()
{
	atf_set descr "a queue of thousands is shown whole and emptied"
}
long_queue_body()
{
	start
	ctl pause mda >/dev/null
	for client in 1 2 3 4; do
		"$LIBDIR/send.py" -n 900 smith@example.net jones@example.org \
		    green@example.org >"ids$client" &
	done
	wait_for sh -c '[ "$(cat ids? | wc -l)" = 3600 ]' ||
	    instance_fail "$(cat ids? | wc -l) messages"
	atf_check_equal 7200 "$(ctl -j show queue | wc -l)"
	atf_check -o inline:"7200 envelopes\n" "$SMTPCTL" -R "$DIR" remove all
	wait_for queue_empty || instance_fail "something stays in the queue"
	instance_stop i
	restart
	queue_empty || instance_fail "removed mail has come back"
}

# answer: the first word of the reply to a whole message of 100 KB.
answer()
{
	if "$LIBDIR/send.py" -f sent smith@example.net jones@example.org \
	    >>ids 2>said; then
		echo 250
	else
		sed 's/^send: //' said | cut -d' ' -f1,2
	fi
}

atf_test_case disk_full
disk_full_head()
{
	atf_set descr "452 4.3.1 before the disk is full, and mail is taken" \
	    "again by itself when there is room"
}
disk_full_body()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
queue segment-size 1M
queue reserve-space 2M
queue reserve-inodes 10
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user jones
	mkdir "$DIR/queue"
	mount -t tmpfs -o size=12M,nr_inodes=200 queue "$DIR/queue"
	instance_run i
	ctl pause mda >/dev/null
	compose 100000
	count=0
	while [ "$(answer)" = 250 ]; do
		count=$((count + 1))
		[ "$count" -lt 200 ] || instance_fail "it takes and takes"
	done
	[ "$count" -gt 10 ] || instance_fail "only $count messages fit"
	atf_check_equal "452 4.3.1" "$(answer)"
	[ "$(df --output=avail -k "$DIR/queue" | tail -n 1)" -gt 500 ] ||
	    atf_fail "the disk was filled: $(df "$DIR/queue")"
	# a file takes all the rest: what is there is kept and can be recorded
	head -c 20M /dev/zero >"$DIR/queue/ballast" 2>/dev/null || :
	atf_check_equal "452 4.3.1" "$(answer)"
	ctl resume mda >/dev/null
	mailbox_wait jones "$count"
	rm "$DIR/queue/ballast"
	wait_for sh -c "[ -z \"\$('$SMTPCTL' -R '$DIR' -j show queue)\" ]" ||
	    instance_fail "something stays in the queue"
	taken()
	{
		[ "$(answer)" = 250 ]
	}
	wait_for taken || instance_fail "it takes no mail any more"
	mailbox_wait jones $((count + 1))
	atf_check_equal $((count + 1)) "$(mailbox_count jones)"
	# every process that was there at the start is there now
	! grep -q event=role-exit "$DIR/log" || instance_fail "a role died"
}

atf_test_case inodes_full
inodes_full_head()
{
	atf_set descr "the same with inodes, which big messages use up"
}
inodes_full_body()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
queue segment-size 1M
queue big-message 4K
queue reserve-space 1M
queue reserve-inodes 10
listen on 127.0.0.1 port 2525
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user jones
	mkdir "$DIR/queue"
	mount -t tmpfs -o size=30M,nr_inodes=60 queue "$DIR/queue"
	instance_run i
	ctl pause mda >/dev/null
	compose 8000
	count=0
	while [ "$(answer)" = 250 ]; do
		count=$((count + 1))
		[ "$count" -lt 200 ] || instance_fail "it takes and takes"
	done
	[ "$count" -gt 10 ] || instance_fail "only $count messages fit"
	atf_check_equal "452 4.3.1" "$(answer)"
	ctl resume mda >/dev/null
	mailbox_wait jones "$count"
	taken()
	{
		[ "$(answer)" = 250 ]
	}
	wait_for taken || instance_fail "it takes no mail any more"
}

# damage PATTERN HOW: in the log, at the place of the pattern: flip a bit;
# tear what follows off, as a write that was cut does; or cut the file.
damage()
{
	python3 - "$DIR/queue/log" "$1" "$2" <<'PY'
import os, sys
folder, pattern, how = sys.argv[1], sys.argv[2].encode(), sys.argv[3]
for name in sorted(os.listdir(folder)):
    with open(folder + "/" + name, "r+b") as file:
        data = file.read()
        at = data.find(pattern)
        if at < 0:
            continue
        if how == "flip":
            file.seek(at)
            file.write(bytes([data[at] ^ 0x20]))
        elif how == "tear":
            file.seek(at)
            file.write(bytes(len(data) - 512 - at))
        else:
            file.truncate(at)
        sys.exit(0)
sys.exit("the pattern is not there")
PY
}

three()
{
	for name in first second third; do
		printf 'Subject: %s\n\n%s-marker\n' "$name" "$name" >"$name"
		eval "$name=\$(send -f $name smith@example.net \
		    jones@example.org)"
	done
}

atf_test_case damaged
damaged_head()
{
	atf_set descr "a damaged message is kept, named and logged, and the" \
	    "others are delivered"
}
damaged_body()
{
	start
	ctl pause mda >/dev/null
	three
	instance_stop i
	damage second-marker flip
	restart
	mailbox_wait jones 2
	wait_for queue_empty || :
	file=$(sed -n 's/.*event=spool-corrupt file=\([^ ]*\).*/\1/p' \
	    "$DIR/log")
	[ -f "$DIR/queue/corrupt/$file" ] || instance_fail "the log does not say"
	grep -qa econd-marker "$DIR/queue/corrupt/$file" ||
	    instance_fail "its octets are not kept"
	for name in $first $third; do
		maildir_files jones | grep -q "$name" ||
		    atf_fail "$name is not delivered"
	done
	ctl -j show stats | grep '"spool.corrupt"' | grep -q '"value":1' ||
	    instance_fail "show stats does not count it"
	# the same again: nothing more happens, and mail flows
	instance_stop i
	restart
	send smith@example.net jones@example.org
	mailbox_wait jones 3
}

atf_test_case torn
torn_head()
{
	atf_set descr "a log that ends in the middle of a record starts, and" \
	    "what is whole is delivered"
}
torn_body()
{
	start
	ctl pause mda >/dev/null
	three
	instance_stop i
	damage third-marker tear
	restart
	mailbox_wait jones 2
	send smith@example.net jones@example.org
	mailbox_wait jones 3
	instance_stop i
	restart
	wait_for queue_empty || instance_fail "something stays in the queue"
	atf_check_equal 3 "$(mailbox_count jones)"
}

atf_test_case cut
cut_head()
{
	atf_set descr "a segment that has lost its end is kept, logged, and" \
	    "keeps nothing from starting"
}
cut_body()
{
	start
	ctl pause mda >/dev/null
	three
	instance_stop i
	damage third-marker cut
	restart
	send smith@example.net jones@example.org
	mailbox_wait jones 1
	log_wait 1 event=spool-corrupt
	# nothing was thrown away
	for id in $first $second; do
		maildir_files jones | grep -q "$id" ||
		    grep -rqa "$id" "$DIR/queue/corrupt" ||
		    grep -rqa "second-marker" "$DIR/queue/corrupt" ||
		    instance_fail "$id is nowhere"
	done
}

atf_test_case links
links_head()
{
	atf_set descr "links that the spool's user has put into the queue lead" \
	    "nobody out of it"
}
links_body()
{
	start
	ctl pause mda >/dev/null
	send smith@example.net jones@example.org
	instance_stop i
	uid=$(stat -c %u "$DIR/queue")
	echo victim >"$DIR/victim"
	chmod 600 "$DIR/victim"
	mkdir "$DIR/outside"
	chmod 777 "$DIR/outside"
	mv "$DIR/queue" "$DIR/queue.moved"
	ln -s "$DIR/outside" "$DIR/queue"
	"$SMTPD" -R "$DIR" -d -f "$DIR/smtpd.conf" >>"$DIR/log" 2>&1 &&
	    atf_fail "it starts over a link"
	rm "$DIR/queue"
	mv "$DIR/queue.moved" "$DIR/queue"
	mkdir "$DIR/queue.kept"
	for name in $(ls "$DIR/queue/log"); do
		mv "$DIR/queue/log/$name" "$DIR/queue.kept/$name"
		ln -s "$DIR/victim" "$DIR/queue/log/$name"
		chown -h "$uid:$uid" "$DIR/queue/log/$name"
	done
	timeout 5 "$SMTPD" -R "$DIR" -d -f "$DIR/smtpd.conf" >>"$DIR/log" 2>&1
	atf_check_equal "victim 600 0" "$(cat "$DIR/victim") \
$(stat -c '%a %u' "$DIR/victim")"
	# nor is one followed that leads to what the spool may open
	for name in $(ls "$DIR/queue.kept"); do
		rm -f "$DIR/queue/log/$name"
		mv "$DIR/queue.kept/$name" "$DIR/queue/kept.$name"
		ln -s "../kept.$name" "$DIR/queue/log/$name"
		chown -h "$uid:$uid" "$DIR/queue/log/$name"
	done
	timeout 5 "$SMTPD" -R "$DIR" -d -f "$DIR/smtpd.conf" >"$DIR/last" 2>&1
	grep -q "queue-loaded envelopes=0" "$DIR/last" ||
	    atf_fail "a link was followed: $(cat "$DIR/last")"
	[ -z "$(ls -A "$DIR/outside")" ] || atf_fail "files were made outside"
}

atf_init_test_cases()
{
	for case in survives keeps_envelope retry orders over shows long_queue \
	    disk_full inodes_full damaged torn cut links; do
		atf_add_test_case "$case"
	done
}
