/* SPDX-License-Identifier: ISC
 *
 * Message ids to digits and back.
 */
#include "privsep/base/err.h"
#include "smtpd/mail/msgid.h"

void
msgid_format(uint64_t id, char out[MSGID_LEN + 1])
{
	size_t i;

	for (i = MSGID_LEN; i > 0; i--) {
		out[i - 1] = "0123456789abcdef"[id & 0xf];
		id >>= 4;
	}
	out[MSGID_LEN] = '\0';
}

int
msgid_parse(struct span s, uint64_t *id)
{
	uint64_t value = 0;
	unsigned digit;
	size_t i;

	if (s.len != MSGID_LEN)
		return -E_SYNTAX;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digit = s.p[i] - (unsigned)'0';
		else if (s.p[i] >= 'a' && s.p[i] <= 'f')
			digit = s.p[i] - (unsigned)'a' + 10;
		else
			return -E_SYNTAX;
		value = value << 4 | digit;
	}
	*id = value;
	return 0;
}
