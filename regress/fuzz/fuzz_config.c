/* SPDX-License-Identifier: ISC
 *
 * Any octets as a configuration: it parses or it does not, and what parses
 * prints to a text that parses and prints the same.
 */
#include <stdlib.h>

#include "privsep/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Parse text, with the same text as a file; print what comes of it. */
static int
fuzz_round(struct span text, struct span file, struct buf *out)
{
	struct cfg_source *src;
	struct config *cfg;
	struct cfg_errors errs;
	int error;

	cfg_errors_init(&errs);
	if ((error = cfg_source_from_text(text, "host.example.org", &src)) != 0)
		return error;
	error = cfg_source_add_file(src, "/t", file);
	if (error == 0 && (error = config_parse(src, &cfg, &errs)) == 0) {
		config_print(cfg, out);
		config_free(cfg);
	}
	cfg_errors_render(&errs, out);
	cfg_errors_clear(&errs);
	cfg_source_free(src);
	return error;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span text = { data, len };
	struct buf first, again;

	buf_init(&first, CFG_FILE_MAX);
	buf_init(&again, CFG_FILE_MAX);
	if (fuzz_round(text, text, &first) == 0 && first.err == 0) {
		if (fuzz_round(buf_span(&first), text, &again) != 0 ||
		    !span_eq(buf_span(&first), buf_span(&again)))
			abort();
	}
	buf_clear(&first);
	buf_clear(&again);
	return 0;
}
