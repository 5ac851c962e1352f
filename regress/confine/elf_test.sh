#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# What "make install" puts on a machine: how the executables are linked, and
# that nothing of it gives a right to who runs it.
. "$(atf_get_srcdir)/../lib/instance.sh"

install_tree()
{
	make -C "$(atf_config_get srcdir)" -s O="$OBJDIR" DESTDIR="$PWD/dest" \
	    PREFIX=/usr install-files >install.log 2>&1 || {
		cat install.log
		atf_fail "make install"
	}
}

# Every installed ELF file.
programs()
{
	find dest -type f \( -path '*/sbin/*' -o -path '*/libexec/*' \)
}

# each CHECK: run it on every program; the case fails if it ever does, or if
# there is nothing to look at.
each()
{
	[ -n "$(programs)" ] || atf_fail "no programs"
	for _program in $(programs); do
		"$1" "$_program" || {
			readelf -hldW "$_program"
			atf_fail "$_program"
		}
	done
}

is_pie()
{
	readelf -hW "$1" | grep -q 'Type: *DYN' &&
	    readelf -dW "$1" | grep -q 'FLAGS_1.*PIE'
}
binds_now()
{
	readelf -dW "$1" | grep -q 'FLAGS_1.*NOW'
}
has_relro()
{
	readelf -lW "$1" | grep -q GNU_RELRO
}
has_no_rwx()
{
	! readelf -lW "$1" | grep -Eq '^ *[A-Z_]+ .* RWE '
}
stack_is_data()
{
	readelf -lW "$1" | grep -Eq '^ *GNU_STACK .* RW '
}
has_no_rpath()
{
	! readelf -dW "$1" | grep -Eq 'RPATH|RUNPATH'
}
has_cookies()
{
	readelf -sW --dyn-syms "$1" | grep -q __stack_chk_fail
}
marks_branches()
{
	# In the code, since the note says what the C library's start files
	# have too, and Debian's have none.
	objdump -d --disassemble=main "$1" | grep -Eq 'endbr64|bti|paciasp'
}

has_no_set_id()
{
	[ -z "$(find dest -perm /7000)" ]
}

# assertion NAME FUNCTION DESCRIPTION
assertion()
{
	atf_test_case "$1"
	eval "$1_head() { atf_set descr '$3'; atf_set require.user root; }
	$1_body() { install_tree; each $2; }"
	ASSERTIONS="${ASSERTIONS:-} $1"
}
assertion position_independent is_pie 'Executables may be loaded anywhere'
assertion bound_at_start binds_now 'Symbols are bound at the start'
assertion relocations_read_only has_relro 'Relocations become read-only'
assertion nothing_writable_and_executable has_no_rwx 'No segment is both'
assertion stack_not_executable stack_is_data 'The stack is not executable'
assertion no_library_path has_no_rpath 'No library path is built in'
assertion stack_cookies has_cookies 'The stack is guarded'
assertion branches_marked marks_branches 'Indirect branches have marked targets'
assertion nothing_set_id has_no_set_id 'No set-id or sticky bit anywhere'

atf_init_test_cases()
{
	for _assertion in $ASSERTIONS; do
		atf_add_test_case "$_assertion"
	done
}
