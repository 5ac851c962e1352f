# SPDX-License-Identifier: ISC
#
# An instance in which processes can be turned into traitors, and what they
# are seen to do.  A test sources it in place of hull.sh.

. "$(atf_get_srcdir)/../lib/hull.sh"

ip address add 192.0.2.1/24 dev lo
WORKER=192.0.2.1:2525  # one process, which becomes the traitor
SPARES=127.0.0.1:2526  # others, one for each connection
HULL_WHERE=$SPARES

# traitor_start ROLE...: the instance, in which these can be turned; MORE is
# text for its configuration.
traitor_start()
{
	hull_new "smtp workers 1
		smtp spares 2
		listen on 0.0.0.0 port 2526 isolation connection
		match from local for domain \"local.example\" action \"box\"
		${MORE:-}"
	hull_with "$OBJDIR/regress/confine/traitor" "$@"
	sed -i '/^smtp workers 2/d' "$DIR/smtpd.conf"
	instance_run mx -v
	hull_serves
}

# orders ROLE LINE...: for the next life of it.  Of sessions, all that are to
# be there have to be, so that it is the worker who takes them; of others, who
# is there has to be past taking any.
orders()
{
	case $1 in
	session)
		wait_for sessions_there ||
		    instance_fail "sessions are missing" ;;
	relay | resolver)
		# mail comes through without it
		hull_pid "$1" >/dev/null ;;
	esac
	wait_for settled "$1" || instance_fail "$1 does not get ready"
	MARK=$(wc -l <"$DIR/log")
	order "$@"
}
order()
{
	ORDERS=$((${ORDERS:-0} + 1))
	_orders=bad/libexec/bulkhead/$1.orders.$ORDERS
	shift
	printf '%s\n' "$@" | tr ';' '\n' >"$_orders.new"
	mv "$_orders.new" "$_orders"
}
obeyed()
{
	! ls bad/libexec/bulkhead/*.orders.* >/dev/null 2>&1
}

# settled ROLE: no process of it is at its beginning.
settled()
{
	for _pid in $(role_pids "$1"); do
		grep -q "role-ready role=$1 pid=$_pid " "$DIR/log" || return
	done
}

# The session that listens on port 2525.
worker()
{
	ss -Hltnp "sport = :2525" | sed 's/),(/\n/g' |
	    sed -n 's/.*"session[^"]*",pid=\([0-9]*\),.*/\1/p' | head -1
}
victim()
{
	if [ "$1" = session ]; then
		worker
	else
		hull_pid "$1"
	fi
}
# The worker, two that stand ready, and those with a connection that is held.
sessions_there()
{
	[ -n "$(worker)" ] &&
	    [ "$(role_pids session | wc -l)" = "$((3 + HOLDING))" ] &&
	    [ "$(ss -Htn state established "sport = :2526" | wc -l)" = \
	    "$HOLDING" ]
}
HOLDING=0

# turn ROLE: a new life begins, under the orders given before, which are done
# when this returns.
turn()
{
	kill -KILL "$(victim "$1")"
	wait_for obeyed || instance_fail "orders were not taken"
}

# lives ROLE PATTERN: session or relay: one life for each line of standard input, its orders
# divided by semicolons, several at a time; each is to leave a line of the log that matches.
lives()
{
	_pool="smtp spares 2"
	[ "$1" = session ] || _pool="relay workers 1"
	sed -i "s/$_pool\$/${_pool% *} 15/" "$DIR/smtpd.conf"
	_lives=0
	MARK=$(wc -l <"$DIR/log")
	while read -r _line; do
		order "$1" "$_line"
		_lives=$((_lives + 1))
	done
	# those that are there have their last work: others come
	ctl reload
	wait_for obeyed || instance_fail "orders were not taken"
	wait_for logged "$_lives" "$2" || {
		grep traitor= "$DIR/log" >&2
		instance_fail "not $_lives lines: $2"
	}
	never 'traitor=end'
	sed -i "s/${_pool% *} 15\$/$_pool/" "$DIR/smtpd.conf"
	ctl reload
	hull_serves
}

# since PATTERN: whether a line of the log after the turn matches.
since()
{
	tail -n "+$((MARK + 1))" "$DIR/log" | grep -qe "$1"
}
await()
{
	wait_for since "$1" || instance_fail "not in the log: $1"
}
never()
{
	! since "$1" || instance_fail "in the log: $1"
}

# caught ROLE BY WHY: by that role, for that reason; killed for it; and the
# others never noticed.
caught()
{
	await " $2\[.*event=peer-violation peer=$1 .*why=\"$3"
	_instance=$(tail -n "+$((MARK + 1))" "$DIR/log" | sed -n \
	    "s/.*event=peer-violation peer=$1 instance=\([0-9]*\) .*/\1/p")
	_pid=$(sed -n \
	    "s/.*role-ready role=$1 pid=\([0-9]*\) instance=$_instance\$/\1/p" \
	    "$DIR/log")
	# before it has come to the end of its orders
	wait_for gone "$_pid" || instance_fail "$1 is not killed for it"
	never 'traitor=end'
	never 'event=sandbox-violation'
	hull_serves
}

# each_caught ROLE: for each line of standard input, "BY WHY | ORDER", it is
# caught by that role for that reason when it has that order, or these, divided
# by semicolons.
each_caught()
{
	while read -r _by _why; do
		_what=${_why#*| }
		_why=${_why%% |*}
		orders "$1" "$_what"
		turn "$1"
		caught "$1" "$_by" "$_why"
	done
}

# not_touched ROLE PID: that process still lives.
not_touched()
{
	role_pids "$1" | grep -qx "$2" || instance_fail "$1 has died of it"
}

# ids_logged SESSIONS MESSAGES: the log has the ids of one more of each.
ids_logged()
{
	SID=$(sed -n 's/.*session-open session=\([0-9a-f]*\) .*/\1/p' \
	    "$DIR/log" | sed -n "$(($1 + 1))p")
	MID=$(sed -n 's/.*rcpt-accept message=\([0-9a-f]*\) .*from=held.*/\1/p' \
	    "$DIR/log" | sed -n "$(($2 + 1))p")
	[ -n "$SID" ] && [ -n "$MID" ]
}

# held_begin: a transaction in another process that has begun its content;
# SID and MID are its session and its message.
held_begin()
{
	rm -f go
	_sessions=$(grep -c 'session-open session=' "$DIR/log")
	_messages=$(grep -c 'rcpt-accept .*from=held' "$DIR/log")
	"$LIBDIR/dialogue.py" "$SPARES" 220 "> EHLO held.example" 250 \
	    "> MAIL FROM:<held@example.net>" 250 \
	    "> RCPT TO:<jones@example.org>" 250 "> DATA" 354 \
	    ">> Subject: held\r\n\r\nfirst\r\n" "say held" "await $PWD/go" \
	    ">> last\r\n.\r\n" 250 "> QUIT" 221 >held 2>&1 &
	HELD=$!
	HOLDING=1
	wait_for grep -qx held held || instance_fail "nothing is held"
	# the processes that tell them are not the one that answers
	wait_for ids_logged "$_sessions" "$_messages" ||
	    instance_fail "no ids in the log"
}

# held_end: it is accepted, and delivered as it was sent.
held_end()
{
	: >go
	HOLDING=0
	wait "$HELD" || { cat held >&2; instance_fail "it was disturbed"; }
	HULL_SENT=$((HULL_SENT + 1))
	mailbox_wait jones "$HULL_SENT"
	_file=$(grep -l '^Subject: held' $(maildir_files jones) | tail -1)
	sed '1,/^$/d' "$_file" >body
	printf 'first\nlast\n' | cmp - body ||
	    instance_fail "it is not what was sent"
}

# assertion NAME DESCRIPTION
assertion()
{
	atf_test_case "$1"
	eval "$1_head() {
		atf_set descr '$2'
		atf_set require.user root
		atf_set timeout 120
	}
	$1_body() { _$1; }"
	ASSERTIONS="${ASSERTIONS:-} $1"
}

# assertions [NAME]: add them all.  Without a filter some acts end otherwise,
# and some go on: then only that one.
assertions()
{
	for _assertion in $ASSERTIONS; do
		hull_enforced || [ "$_assertion" = "${1:-}" ] || continue
		atf_add_test_case "$_assertion"
	done
}
