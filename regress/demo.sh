#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make demo: a private instance in this tree, a message through it, and a look
# at what became of it.  Nothing outside demo/ is written, no user is added.
set -eu

objdir=$1
top=$(pwd)
dir=$top/demo
port=2525

# A recipient has to get to its home: where the tree is in somebody's closed
# home, the instance is seen at another place, in a mount namespace of its own.
if [ -z "${DEMO_PLACE:-}" ]; then
	rm -rf "$dir"
	mkdir "$dir"
	chmod 755 "$dir"
	if ! setpriv --reuid 60001 --regid 60001 --clear-groups \
	    test -x "$dir/."; then
		export DEMO_PLACE=/mnt
		exec unshare --mount --propagation private "$0" "$@"
	fi
else
	mount --bind "$dir" "$DEMO_PLACE"
	dir=$DEMO_PLACE
fi

say()
{
	printf '\n\033[1m== %s\033[0m\n' "$*"
}

# That of lib/instance.sh is for test cases, in namespaces of their own.
wait_for()
{
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { echo "waited in vain: $*" >&2; exit 1; }
		sleep 0.05
	done
}

stop()
{
	if [ -n "${pid:-}" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
}

mkdir -p "$dir/home/jones"
chmod 755 "$dir/home"
chown 60001:60001 "$dir/home/jones"
echo "jones 60001:60001:home/jones" >"$dir/users"
cat >"$dir/smtpd.conf" <<EOF
# Mail for jones@example.org goes to a Maildir; a second listener gives every
# connection a process of its own.
hostname "mail.example.org"
table users file:users
listen on 127.0.0.1 port $port
listen on 127.0.0.1 port $((port + 1)) isolation connection
listen on socket
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
EOF

say "The configuration, with everything implied written out (smtpd -nv)"
"$objdir/sbin/smtpd" -R "$dir" -n -v

say "Start (smtpd -R $dir -d)"
trap stop EXIT
"$objdir/sbin/smtpd" -R "$dir" -d 2>"$dir/log" &
pid=$!
wait_for "$objdir/sbin/smtpctl" -R "$dir" show status
wait_for grep -q event=start "$dir/log"
cat "$dir/log"

say "Send a message (swaks)"
swaks --server 127.0.0.1 --port $port --helo client.example.net \
    --from smith@example.net --to jones@example.org \
    --header "Subject: Blah" --body "Blah blah blah...
..etc. etc. etc."

say "A user that is not there is refused at once"
swaks --server 127.0.0.1 --port $port --helo client.example.net \
    --from smith@example.net --to green@example.org --quit-after RCPT || true

say "The message in the Maildir"
wait_for grep -q event=delivered "$dir/log"
cat "$dir"/home/jones/Maildir/new/*

say "The log, by message id"
id=$(sed -n 's/.*event=message-accepted message=\([0-9a-f]*\).*/\1/p' \
    "$dir/log" | head -n 1)
grep "$id" "$dir/log"

say "The queue (smtpctl show queue): hold delivery, send one, look, let it go"
"$objdir/sbin/smtpctl" -R "$dir" pause mda
swaks --silent 2 --server 127.0.0.1 --port $((port + 1)) \
    --from smith@example.net --to jones@example.org
"$objdir/sbin/smtpctl" -R "$dir" show queue
"$objdir/sbin/smtpctl" -R "$dir" resume mda
wait_for sh -c "[ \$(grep -c event=delivered '$dir/log') -eq 2 ]"
"$objdir/sbin/smtpctl" -R "$dir" show queue

say "The processes, and how the kernel says they are confined"
"$objdir/sbin/smtpctl" -R "$dir" show roles

say "Counters (smtpctl show stats)"
"$objdir/sbin/smtpctl" -R "$dir" show stats

say "Stop"
stop
pid=
tail -n 1 "$dir/log"
echo "Everything of this instance is under $top/demo."
