/* SPDX-License-Identifier: ISC
 *
 * What the router's tests share: a configuration out of text, addresses and
 * sources out of strings.
 */
#ifndef REGRESS_ROUTER_SETUP_H
#define REGRESS_ROUTER_SETUP_H

#include <arpa/inet.h>
#include <atf-c.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "privsep/config/config.h"
#include "smtpd/mail/address.h"
#include "smtpd/router/source.h"

#define SETUP_HOST "mx.example.org"

static inline struct config *
setup_config(const char *text)
{
	struct cfg_source *src;
	struct cfg_errors errs;
	struct config *cfg = NULL;
	struct buf b;

	cfg_errors_init(&errs);
	buf_init(&b, 65536);
	ATF_REQUIRE_EQ(
	    0, cfg_source_from_text(span_str(text), SETUP_HOST, &src));
	if (config_parse(src, &cfg, &errs) != 0) {
		cfg_errors_render(&errs, &b);
		atf_tc_fail("%.*s", (int)b.len, (char *)b.data);
	}
	cfg_errors_clear(&errs);
	cfg_source_free(src);
	buf_clear(&b);
	return cfg;
}

static inline struct mail_address
setup_address(const char *text)
{
	struct mail_address a;

	ATF_REQUIRE_EQ_MSG(0,
	    address_parse(span_str(text), ADDRESS_NULL | ADDRESS_UTF8, &a),
	    "%s", text);
	return a;
}

/* "socket", "ours", or an address. */
static inline struct source
setup_source(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct source s = { 0 };

	if (strcmp(text, "socket") == 0)
		return (struct source){ .kind = SOURCE_SOCKET, .uid = 1000 };
	if (strcmp(text, "ours") == 0)
		return (struct source){ .kind = SOURCE_OURS };
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		ATF_REQUIRE_EQ(0,
		    source_from_sockaddr(
			(struct sockaddr *)&in, sizeof(in), &s));
	else {
		ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, text, &in6.sin6_addr));
		ATF_REQUIRE_EQ(0,
		    source_from_sockaddr(
			(struct sockaddr *)&in6, sizeof(in6), &s));
	}
	return s;
}

#endif
