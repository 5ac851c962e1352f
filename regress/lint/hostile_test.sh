#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# What can be read off the sources: that regress/HOSTILE.md names tests and
# mutants that there are, and rules of the code that no run shows.
. "$(atf_get_srcdir)/../lib/instance.sh"

# sources: every source and header of the daemon.
sources()
{
	SRC=$(atf_config_get srcdir)
	find "$SRC/privsep" "$SRC/smtpd" "$SRC/spool" "$SRC/delivery" \
	    -name '*.[ch]'
}

# cells N: what stands in backquotes in that column of the tables, a name to a
# line.
cells()
{
	awk -F'|' -v n="$1" '/^\|/ && NF > n { print $(n + 1) }' \
	    "$(atf_config_get srcdir)/regress/HOSTILE.md" |
	    grep -o '`[^`]*`' | tr -d '`' | sort -u
}

# cases PROGRAM: its test cases.
cases()
{
	"$OBJDIR/regress/$1" -s "$OBJDIR/regress/${1%/*}" \
	    -v srcdir="$(atf_config_get srcdir)" -v objdir="$OBJDIR" -l |
	    sed -n 's/^ident: //p'
}

atf_test_case tests_are_there
tests_are_there_head()
{
	atf_set descr "each test that HOSTILE.md names is one"
}
tests_are_there_body()
{
	cells 3 >named
	[ "$(wc -l <named)" -gt 50 ] || atf_fail "nothing is named"
	sed 's/:.*//' named | sort -u | while read -r program; do
		[ -x "$OBJDIR/regress/$program" ] || echo "no $program"
		case $program in
		fuzz/* | crash/powercut | crash/mail*) echo "$program" >>there ;;
		*) cases "$program" | sed "s|^|$program:|" >>there ;;
		esac
	done >missing
	sort -u there | comm -23 named - >>missing
	atf_check cat missing
}

atf_test_case mutants_are_there
mutants_are_there_head()
{
	atf_set descr "each mutant that HOSTILE.md names is one"
}
mutants_are_there_body()
{
	cat "$(atf_config_get srcdir)"/regress/*/mutants |
	    grep -o '^[A-Z_0-9]* |' | cut -d ' ' -f 1 | sort >all
	cells 4 >named
	[ "$(wc -l <named)" -gt 50 ] || atf_fail "nothing is named"
	atf_check comm -23 named all
}

atf_test_case mutants_have_names
mutants_have_names_head()
{
	atf_set descr "no two mutants have one name"
}
mutants_have_names_body()
{
	cat "$(atf_config_get srcdir)"/regress/*/mutants |
	    grep -o '^[A-Z_0-9]* |' | sort | uniq -d >twice
	atf_check cat twice
}

atf_test_case allocations
allocations_head()
{
	atf_set descr "no size is computed where memory is asked for: that is" \
	    "checked in privsep/base/chk.c"
}
allocations_body()
{
	sources | grep -v /base/chk.c | xargs grep -nE \
	    '[^_a-z](malloc|realloc|alloca)\([^;]*[^>][-+*] *[a-z0-9(]|reallocarray|[^_a-z]v?sprintf\(|[^_a-z](strcpy|strcat|gets|atoi)\(' \
	    >found || :
	atf_check cat found
}

atf_test_case interpreters
interpreters_head()
{
	atf_set descr "there is no shell, no pattern and no name service of the" \
	    "C library in what reads from outside"
}
interpreters_body()
{
	sources | xargs grep -nE \
	    '[^_a-z](system|popen|execl|execlp|execvp|wordexp|regcomp|glob|gethostbyname|getaddrinfo|dlopen)\(' \
	    >found || :
	atf_check cat found
}

atf_test_case signal_handlers
signal_handlers_head()
{
	atf_set descr "signals are ignored, or are events of the loop: none has" \
	    "a handler of its own"
}
signal_handlers_body()
{
	sources | xargs grep -nE '[^_a-z](sigaction|bsd_signal|signal)\(' |
	    grep -v 'signal(SIG[A-Z]*, SIG_\(IGN\|DFL\))' >found || :
	atf_check cat found
}

atf_test_case waits
waits_head()
{
	atf_set descr "a test that waits for something fails when it does not come"
}
waits_body()
{
	find "$(atf_config_get srcdir)/regress" -name '*_test.sh' |
	    xargs awk '
		FNR == 1 { line = "" }
		{ line = line $0 }
		/(\\|\||&&)$/ { next }
		line ~ /^\t*(DEADLINE=[0-9]+ )?wait_for / && line !~ /\|\|/ {
			print FILENAME ":" FNR ": " line
		}
		{ line = "" }' >unseen
	atf_check cat unseen
}

atf_init_test_cases()
{
	for case in tests_are_there mutants_are_there mutants_have_names \
	    allocations interpreters signal_handlers waits; do
		atf_add_test_case "$case"
	done
}
