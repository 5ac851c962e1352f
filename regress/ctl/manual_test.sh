#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# The manual pages say what the code does: whatever the tables of the code
# name has its place in them, with the defaults that hold, and the examples
# are good.
. "$(atf_get_srcdir)/../lib/instance.sh"

# assertion NAME DESCRIPTION: a case whose body is NAME_holds, run when the
# places of the sources are known.
assertion()
{
	atf_test_case "$1"
	eval "$1_head() { atf_set descr '$2'; atf_set require.progs mandoc; }
	$1_body() { places; $1_holds; }"
	ASSERTIONS="${ASSERTIONS:-} $1"
}

places()
{
	SRC=$(atf_config_get srcdir)
	MAN=$SRC/man
	CONFIG=$SRC/privsep/config
}

# table FILE: it on one line, without comments.
table()
{
	tr '\n' ' ' <"$1" | sed -E 's,/\*([^*]|\*+[^*/])*\*+/,,g'
}

# rows TABLE MACRO: the first string of each row.
rows()
{
	table "$1" | sed "s/$2(/\n&/g" |
	    awk -F'"' -v m="$2(" 'index($0, m) == 1 { print $2 }'
}

# flat PAGE: its source without the macros that say what a word is.
flat()
{
	sed -e 's/ [A-Z][a-z] / /g' -e 's/\\&//g' "$MAN/$1"
}

# every PAGE FILE: each line of the file begins an item of the page.  The case
# fails for those that do not, or if there are none to look for.
every()
{
	flat "$1" >page
	[ -s "$2" ] || atf_fail "nothing to look for in $1"
	missing=
	while read -r words; do
		awk -v w=".It $words " 'index($0 " ", w) == 1 { ok = 1 }
		    END { exit !ok }' page || missing="$missing '$words'"
	done <"$2"
	[ -z "$missing" ] || atf_fail "$1 lacks:$missing"
}

assertion keywords_described 'smtpd.conf(5) has every keyword'
keywords_described_holds()
{
	rows "$CONFIG/keywords.def" KEYWORD >words
	# methods and the ends of rules stand in the synopsis of theirs
	grep -vxE 'maildir|mbox|relay|limit|action|match|reject' words >items
	every smtpd.conf.5 items
	for _word in maildir mbox; do
		grep -q "^\.Ic action Ar name Ic $_word " "$MAN/smtpd.conf.5" ||
		    atf_fail "$_word"
	done
	for _word in "action Ar name Ic relay" limit; do
		grep -q "^\.Ic $_word " "$MAN/smtpd.conf.5" ||
		    atf_fail "$_word"
	done
	for _word in action reject; do
		grep -q "^\.Ic match Ar condition \.\.\. Ic $_word" \
		    "$MAN/smtpd.conf.5" || atf_fail "$_word"
	done
}

assertion absent_not_described 'Words that are not there are not described'
absent_not_described_holds()
{
	flat smtpd.conf.5 >page
	rows "$CONFIG/keywords.def" ABSENT >words
	[ -s words ] || atf_fail "table not read"
	# words that are there in one context and absent in another
	rows "$CONFIG/keywords.def" KEYWORD >there
	rows "$CONFIG/conditions.def" CONDITION >>there
	grep -vxFf there words >gone
	while read -r words; do
		! grep -qE "^\.It $words( |\$)" page ||
		    atf_fail "described: $words"
	done <gone
}

assertion conditions_described 'smtpd.conf(5) has every condition of a rule'
conditions_described_holds()
{
	rows "$CONFIG/conditions.def" CONDITION >words
	every smtpd.conf.5 words
}

assertion variables_described 'smtpd.conf(5) has every variable of a path'
variables_described_holds()
{
	rows "$CONFIG/template.def" TEMPLATE_VAR >words
	every smtpd.conf.5 words
}

assertion settings_described 'smtpd.conf(5) has every setting'
settings_described_holds()
{
	{
		rows "$CONFIG/settings.def" SETTING
		rows "$CONFIG/settings_list.def" SETTING_LIST
	} >words
	every smtpd.conf.5 words
}

assertion defaults_true 'smtpd.conf(5) says the defaults that hold'
defaults_true_holds()
{
	awk '/^\.It Ic / { sub(/^\.It Ic /, ""); sub(/ Ar .*/, ""); item = $0 }
	    /^Default: / {
		sub(/^Default: /, ""); sub(/[;.].*/, ""); print item, $0
	    }' "$MAN/smtpd.conf.5" | sort >said
	echo 'hostname "localhost"' >smtpd.conf
	"$SMTPD" -nv -f smtpd.conf 2>err |
	    grep -vE '^(hostname|smtp sub-addr-delim|listen on) ' |
	    sort >holds
	[ -s holds ] || atf_fail "$(cat err)"
	diff said holds || atf_fail "defaults differ"
}

assertion verbs_described 'smtpctl(8) has every command'
verbs_described_holds()
{
	rows "$SRC/privsep/ipc/ctl.def" VERB >words
	every smtpctl.8 words
}

assertion counters_described 'smtpctl(8) has the counters of the tables'
counters_described_holds()
{
	# in "router.sessions , mails" both are the router's
	{
		rows "$SRC/smtpd/router/stats.def" STAT
		rows "$SRC/spool/scheduler/counters.def" COUNTER |
		    sed 's/^/scheduler./'
		rows "$SRC/delivery/relay/stats.def" COUNTER |
		    sed 's/^/relay./'
		rows "$SRC/privsep/resolver/stats.def" COUNTER |
		    sed 's/^/resolver./'
		echo resolver.waiting
	} >counters
	for _of in router scheduler relay resolver; do
		[ "$(grep -c "^$_of\." counters)" -gt 1 ] ||
		    atf_fail "$_of: table not read"
	done
	sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$MAN/smtpctl.8" |
	    awk '/^\.It Li [a-z]+\./ {
		of = $3; sub(/\..*/, ".", of)
		for (i = 3; i <= NF; i++)
			print index($i, of) == 1 ? $i : of $i
	    }' >said
	while read -r _name; do
		grep -qxF "$_name" said || atf_fail "$_name"
	done <counters
}

assertion status_described 'smtpctl(8) has the rows of show status'
status_described_holds()
{
	instance_start i <<CONF
hostname "mx.example.org"
listen on socket
CONF
	ctl -j show status >rows || atf_fail "no status"
	[ "$(wc -l <rows)" -ge 5 ] || atf_fail "$(cat rows)"
	# from its heading to the next
	sed -n '/^\.Ic show status$/,/^\.Pp$/p' "$MAN/smtpctl.8" | tail -n +2 |
	    sed -n 's/^\.It Li //p' | sed 's/ , /\n/g' | sort >said
	sed 's/{"what":"\([a-z]*\)","status":"[a-z]*"}/\1/' rows | sort >there
	diff said there || atf_fail "rows differ"
}

assertion network_described 'bulkhead(7) says who has the network'
network_described_holds()
{
	# roles with a user and without a network of their own
	awk -F'"' '/^\[ROLE_/ { name = user = own = "" }
	    /\.name = / { name = $2 }
	    /\.user = / { user = $2 }
	    /\.own_net = true/ { own = 1 }
	    /^}/ && user != "" && !own { print name }' \
	    "$SRC/privsep/confine/roles.c" | sort >have
	grep -l 'ALLOW(connect)' "$SRC"/privsep/confine/policy_*.c |
	    sed 's/.*policy_\(.*\)\.c/\1/' | sort >connect
	diff have connect || atf_fail "who connects has the network"
	_words=$(paste -sd ' ' have | sed 's/ / and /')
	grep -qF "there is nothing, except $_words," "$MAN/bulkhead.7" ||
	    atf_fail "not said: $_words have the network"
	tr '\n' ' ' <"$MAN/bulkhead.7" | grep -qF \
	    "those of $_words alone have one that connects" ||
	    atf_fail "not said: $_words connect"
}

assertion events_described 'smtpd(8) has every event of the log with its level'
events_described_holds()
{
	table "$SRC/privsep/base/log.def" | sed 's/EVENT(/\n&/g' |
	    sed -nE 's/^EVENT\(EV[^"]*"([a-z-]+)", *LOG_([A-Z]+).*/\1 \2/p' |
	    tr A-Z a-z | sort >events
	sed -nE 's/^\.It Li ([a-z-]+) Pq ([a-z]+)$/\1 \2/p' \
	    "$MAN/smtpd.8" | sort >said
	[ -s events ] || atf_fail "table not read"
	diff said events || atf_fail "events differ"
}

assertion roles_described 'bulkhead(7), smtpd(8) have every role and user'
roles_described_holds()
{
	awk -F'"' '/^\[ROLE_/ { name = user = "" }
	    /\.name = / { name = $2 }
	    /\.user = / { user = $2 }
	    /\.program = / { print name, user }' \
	    "$SRC/privsep/confine/roles.c" >roles
	[ -s roles ] || atf_fail "table not read"
	while read -r _role _user; do
		grep -q "^\.It $_role Ta ${_user:-the recipient} Ta" \
		    "$MAN/bulkhead.7" || atf_fail "bulkhead(7): $_role"
		[ -z "$_user" ] || grep -q "^\.Li $_user " "$MAN/smtpd.8" ||
		    atf_fail "smtpd(8): $_user"
	done <roles
}

assertion options_described 'Every option of the programs is described'
options_described_holds()
{
	for _pair in privsep/master/main.c:smtpd.8 \
	    smtpd/smtpctl/main.c:smtpctl.8; do
		sed -n 's/.*getopt(argc, argv, "\([^"]*\)".*/\1/p' \
		    "$SRC/${_pair%:*}" | tr -d ':' | fold -w 1 |
		    sed 's/^/Fl /' >options
		[ -s options ] || atf_fail "$_pair: options not read"
		while read -r _option; do
			grep -q "^\.It $_option" "$MAN/${_pair#*:}" ||
			    atf_fail "${_pair#*:}: $_option"
		done <options
	done
	sed -n 's/^#define SENDMAIL_OPTIONS "\(.*\)"/\1/p' \
	    "$SRC/smtpd/smtpctl/sendmail.c" | tr -d ':' | fold -w 1 >options
	[ -s options ] || atf_fail "sendmail: options not read"
	while read -r _option; do
		grep -qE "^\.(It )?Fl (.* , )?$_option( |\$)" \
		    "$MAN/sendmail.8" || atf_fail "sendmail.8: -$_option"
	done <options
}

# examples PAGE: write its complete files to example.N and print their names.
examples()
{
	awk '/^\.Bd -literal/ { whole = 0; first = 1; next }
	    /^\.Ed/ { whole = 0 }
	    first { first = 0; whole = /^# smtpd\.conf/; n += whole
		if (whole) print "example." n }
	    whole { gsub(/\\e/, "\\"); print >("example." n) }' "$1"
}

assertion examples_good 'smtpd -n likes every complete file of smtpd.conf(5)'
examples_good_holds()
{
	examples "$MAN/smtpd.conf.5" >names
	[ "$(wc -l <names)" -ge 3 ] || atf_fail "$(wc -l <names) examples"
	chmod go-w example.*
	while read -r _name; do
		"$SMTPD" -n -f "$_name" >out 2>&1 || {
			cat out
			atf_fail "$_name: $(head -n 1 "$_name")"
		}
	done <names
}

assertion lint_clean 'The pages have no errors of form'
lint_clean_holds()
{
	for _page in "$MAN"/*.[1578]; do
		mandoc -Tlint -W warning "$_page" || atf_fail "$_page"
	done
}

atf_init_test_cases()
{
	for _assertion in $ASSERTIONS; do
		atf_add_test_case "$_assertion"
	done
}
