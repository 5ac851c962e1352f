/* SPDX-License-Identifier: ISC
 *
 * The control process: its peers and its messages.
 */
#include "privsep/control/control.h"

static void
control_peer_down(struct chan *ch)
{
	request_peer_gone(ch);
}

static const struct msg_handler handlers[] = {
	{ CTL_ROWS, request_rows },
	{ CTL_END, request_end },
	{ MSG_NONE, NULL },
};

const struct role_ops control_ops = {
	.role = ROLE_CONTROL,
	.peer_down = control_peer_down,
	.listen = client_listen,
	.handlers = handlers,
};
