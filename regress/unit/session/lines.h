/* SPDX-License-Identifier: ISC
 *
 * What a client says most of the time.
 */
#ifndef UNIT_SESSION_LINES_H
#define UNIT_SESSION_LINES_H

#define EHLO     "EHLO client.example\r\n"
#define MAIL     "MAIL FROM:<a@example.net>\r\n"
#define RCPT     "RCPT TO:<b@example.org>\r\n"
#define ENVELOPE MAIL RCPT "DATA\r\n"
#define MESSAGE  "Subject: s\r\n\r\nhello\r\n.\r\n"

/* A case with nothing to say of itself but its name. */
#define CASE(name)                                                             \
	ATF_TC_WITHOUT_HEAD(name);                                             \
	ATF_TC_BODY(name, tc)

#endif
