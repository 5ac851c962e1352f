/* SPDX-License-Identifier: ISC
 *
 * The control process: its peers and its messages.
 */
#include "privsep/control/control.h"
#include "privsep/ipc/role.h"

static void
control_peer_down(struct chan *ch)
{
	request_role_gone(chan_role(ch));
}

int
main(void)
{
	static const struct msg_handler handlers[] = {
		{ CTL_ROWS, request_rows },
		{ CTL_END, request_end },
		{ MSG_NONE, NULL },
	};
	static const struct role_ops ops = {
		.role = ROLE_CONTROL,
		.peer_down = control_peer_down,
		.listen = client_listen,
		.handlers = handlers,
	};

	return role_main(&ops);
}
