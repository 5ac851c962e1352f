/* SPDX-License-Identifier: ISC
 *
 * The session process: how its parts meet the life of a role.
 */
#include "privsep/ipc/role.h"
#include "smtpd/session/session.h"

static void
main_peer_up(struct chan *ch, uint64_t request)
{
	accept_update();
}

static void
main_peer_down(struct chan *ch)
{
	accept_update();
	peers_lost(chan_role(ch), chan_instance(ch));
}

static void
main_peer_drained(struct chan *ch)
{
	if (chan_role(ch) == ROLE_SPOOL)
		peers_spool_drained();
}

static const struct role_ops ops = {
	.role = ROLE_SESSION,
	.peer_up = main_peer_up,
	.peer_down = main_peer_down,
	.peer_drained = main_peer_drained,
	.handlers = session_handlers,
	.listen = accept_listen,
	.stop = accept_stop,
};

int
main(void)
{
	return role_main(&ops);
}
