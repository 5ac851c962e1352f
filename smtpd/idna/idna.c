/* SPDX-License-Identifier: ISC
 *
 * U-labels to A-labels, by libidn2; ASCII never gets there.
 */
#include "smtpd/idna/idna.h"

#include <idn2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "smtpd/mail/utf8.h"

#define IDNA_DOMAIN_MAX 255

static int
idna_labels(struct span domain, char **out)
{
	char name[IDNA_DOMAIN_MAX + 1];
	int rc;

	if (domain.len > IDNA_DOMAIN_MAX ||
	    memchr(domain.p, '\0', domain.len) != NULL)
		return -E_SYNTAX;
	memcpy(name, domain.p, domain.len);
	name[domain.len] = '\0';
	rc = idn2_to_ascii_8z(name, out, IDN2_NONTRANSITIONAL);
	if (rc == IDN2_MALLOC)
		return -E_NOMEM;
	return rc == IDN2_OK ? 0 : -E_SYNTAX;
}

int
idna_domain(struct span domain, unsigned char *out, size_t max, size_t *len)
{
	char *labels = NULL;
	size_t i;
	int error = 0;

	if (!utf8_is_ascii(domain)) {
		if ((error = idna_labels(domain, &labels)) != 0)
			return error;
		domain = span_str(labels);
	}
	if (domain.len > max)
		error = -E_TOOLONG;
	for (i = 0; i < domain.len && error == 0; i++)
		out[i] = domain.p[i] >= 'A' && domain.p[i] <= 'Z'
		    ? (unsigned char)(domain.p[i] - 'A' + 'a')
		    : domain.p[i];
	*len = domain.len;
	idn2_free(labels);
	return error;
}
