/* SPDX-License-Identifier: ISC
 *
 * The configuration in the master's hands: read, checked, sealed into memory
 * files that the processes get, changed over at a reload.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/base/paths.h"
#include "privsep/master/master.h"

#define CONFIG_ERRORS_TEXT_MAX (256 * 1024)

int
master_config_load(
    struct config **cfg, struct cfg_source **src, struct buf *out)
{
	struct cfg_load load = {
		.path = master.config_path,
		.defines = master.defines,
		.ndefines = master.ndefines,
	};
	struct cfg_errors errs;
	int error;

	*src = NULL;
	cfg_errors_init(&errs);
	error = cfg_source_load_disk(&load, src, &errs);
	if (error == 0)
		error = config_parse(*src, cfg, &errs);
	cfg_errors_render(&errs, out);
	if (error != 0) {
		if (errs.total == 0)
			buf_addf(out, "%s: %s\n", master.config_path,
			    err_text(error));
		cfg_source_free(*src);
		*src = NULL;
	}
	cfg_errors_clear(&errs);
	return error;
}

/* A sealed memory file with nothing in it. */
static int
config_empty_fd(void)
{
	int fd =
	    memfd_create("bulkhead-empty", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0)
		fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

static void
config_replace_fd(int *fd, int with)
{
	if (*fd >= 0)
		close(*fd);
	*fd = with;
}

int
master_config_install(struct config *cfg, struct cfg_source *src)
{
	int full = -1, settings = -1, listeners = -1, relay = -1;
	int error;

	if ((error = cfg_source_to_memfd(src, &full)) != 0 ||
	    (error = config_slice_to_memfd(
		 cfg, CFG_SLICE_SETTINGS, &settings)) != 0 ||
	    (error = config_slice_to_memfd(
		 cfg, CFG_SLICE_LISTENERS, &listeners)) != 0 ||
	    (error = config_slice_to_memfd(cfg, CFG_SLICE_RELAY, &relay)) !=
		0 ||
	    (master.empty_fd < 0 &&
		(master.empty_fd = config_empty_fd()) < 0)) {
		config_replace_fd(&full, -1);
		config_replace_fd(&settings, -1);
		config_replace_fd(&listeners, -1);
		config_replace_fd(&relay, -1);
		config_free(cfg);
		cfg_source_free(src);
		return error != 0 ? error : -E_NOMEM;
	}
	config_replace_fd(&master.full_fd, full);
	config_replace_fd(&master.settings_fd, settings);
	config_replace_fd(&master.listeners_fd, listeners);
	config_replace_fd(&master.relay_fd, relay);
	config_free(master.config);
	cfg_source_free(master.source);
	master.config = cfg;
	master.source = src;
	return 0;
}

int
master_config_fd(enum role role)
{
	if (role == ROLE_MAILER)
		return master.empty_fd;
	if (role == ROLE_SESSION)
		return master.listeners_fd;
	if (role == ROLE_RELAY)
		return master.relay_fd;
	if ((R(role) & (R_ROUTER | R_SCHEDULER | R_DELIVERY)) != 0)
		return master.full_fd;
	return master.settings_fd;
}

/* Tell those that change over in place; sessions, relays and the resolver are
 * replaced instead. */
static void
config_announce(void)
{
	struct child *c;

	LIST_FOREACH(c, &master.children, entry) {
		if (c->state != CHILD_RUNNING || c->chan == NULL ||
		    (msg_spec(M_CONFIG)->to & R(c->role)) == 0)
			continue;
		msg_begin(c->chan, M_CONFIG, 0);
		msg_put_fd(c->chan, master_config_fd(c->role));
		msg_send(c->chan);
	}
}

int
master_reload(struct buf *out)
{
	struct cfg_source *src;
	struct config *cfg = NULL;
	int error;

	if ((error = master_config_load(&cfg, &src, out)) != 0 ||
	    (error = sockets_bind(cfg, out)) != 0) {
		if (src != NULL) {
			config_free(cfg);
			cfg_source_free(src);
		}
		LOG(EV_RELOAD_FAILED, KS("file", master.config_path),
		    KB("why", buf_span(out)));
		return error;
	}
	if ((error = master_config_install(cfg, src)) != 0) {
		buf_addf(out, "%s\n", err_text(error));
		return error;
	}
	LOG(EV_RELOAD, KS("file", master.config_path));
	config_announce();
	if (master.serving)
		sockets_listen();
	pool_retire();
	pool_fill();
	names_renew();
	return 0;
}
