/* SPDX-License-Identifier: ISC
 *
 * The relay process: its peers, its confinement, its end.  See relay.h.
 */
#include "delivery/relay/ask.h"
#include "delivery/relay/relay.h"
#include "delivery/relay/self.h"
#include "delivery/relay/tls.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/confine/confine.h"
#include "privsep/config/relay.h"
#include "privsep/ipc/role.h"

#define RELAY_PORTS_MAX 256
#define RELAY_LEAVE_MS  2000 /* for what is on its way to us */
#define RELAY_STOP_S    5    /* for what is being sent */

uint64_t relay_counters[RC__MAX];

static struct {
	bool leaving;         /* takes no more, ends with the last job */
	bool stopping;        /* does not begin with another job either */
	bool connection_gone; /* since the last turn of the loop */
	struct event *timer;  /* the end */
	uint16_t ports[RELAY_PORTS_MAX + 1];
	size_t nports;
} relay;

/* --- the ports that Landlock leaves ---------------------------------------- */

static void
relay_add_port(uint16_t port)
{
	size_t i;

	for (i = 0; i < relay.nports; i++) {
		if (relay.ports[i] == port)
			return;
	}
	if (relay.nports < RELAY_PORTS_MAX)
		relay.ports[relay.nports++] = port;
}

static void
relay_add_table_ports(const struct table *t)
{
	struct relay_host host;
	struct span key, value;
	const char *why;
	size_t i, at;

	for (i = 0; t != NULL && i < table_count(t); i++) {
		table_entry(t, i, &key, &value);
		if (relay_host_parse(value, &host, &why, &at) != 0)
			continue;
		relay_add_port(host.port);
		relay_host_clear(&host);
	}
}

/* While there are files and the network can be asked. */
static int
relay_prepare(const struct role_hello *hello)
{
	const struct config *cfg = role_config();
	size_t i;

	self_learn();
	relay_add_port(ROUTE_SMTP_PORT);
	for (i = 0; i < cfg->nactions; i++) {
		const struct relay *r = cfg->actions[i].relay;

		if (r == NULL)
			continue;
		if (r->host != NULL)
			relay_add_port(r->host->port);
		relay_add_table_ports(r->domains);
	}
	return tls_prepare();
}

static int
relay_confine(const struct confine_params *given, const char **step)
{
	struct confine_params p = *given;

	p.ports = relay.ports;
	return confine_enter(&p, step);
}

/* --- the end --------------------------------------------------------------- */

static void
relay_leave(evutil_socket_t fd, short what, void *arg)
{
	if (relay.stopping || job_count() == 0)
		role_exit(0);
}

bool
relay_leaving(void)
{
	return relay.leaving;
}

bool
relay_stopping(void)
{
	return relay.stopping;
}

static void
relay_set_timer(uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(relay.timer, &tv);
}

void
relay_job_gone(void)
{
	if (!relay.leaving || job_count() > 0)
		return;
	/* the scheduler may have given us one more before it knew */
	relay_set_timer(relay.stopping ? 0 : RELAY_LEAVE_MS);
}

static int
relay_retire(struct chan *ch, struct msg *m)
{
	struct chan *scheduler = role_peer(ROLE_SCHEDULER);

	relay.leaving = true;
	if (scheduler != NULL) {
		msg_begin(scheduler, QUEUE_LEAVE, 0);
		msg_send(scheduler);
	}
	link_close_idle();
	relay_job_gone();
	return 0;
}

/* What is being sent is finished, if that is soon; the rest is the queue's. */
static void
relay_stop(void)
{
	relay.leaving = relay.stopping = true;
	link_close_idle();
	relay_set_timer(RELAY_STOP_S * 1000);
	if (dest_sending() == 0)
		role_exit(0);
}

/* --- the loop -------------------------------------------------------------- */

void
relay_connection_gone(void)
{
	relay.connection_gone = true;
}

static void
relay_turn(void)
{
	if (!relay.connection_gone)
		return;
	relay.connection_gone = false;
	dest_feed_waiting();
}

static void
relay_start(void)
{
	relay.timer = evtimer_new(loop_base(), relay_leave, NULL);
	if (relay.timer == NULL)
		fatal("starting", err_text(-E_NOMEM));
	/* other limits come with other processes */
	host_limits(role_config());
	loop_at_turn(relay_turn);
}

static void
relay_peer_up(struct chan *ch, uint64_t request)
{
	if (chan_role(ch) == ROLE_SCHEDULER)
		job_scheduler_up();
}

static void
relay_peer_down(struct chan *ch)
{
	if (chan_role(ch) == ROLE_RESOLVER)
		ask_lost(chan_instance(ch));
}

static const struct msg_handler relay_handlers[] = {
	{ DELIVER, job_deliver },
	{ DELIVER_FD, job_deliver },
	{ DNS_ANSWER, ask_answered },
	{ M_RETIRE, relay_retire },
	{ CTL_ASK, relay_ask },
	{ CTL_CANCEL, relay_cancel },
	{ MSG_NONE, NULL },
};

const struct role_ops relay_ops = {
	.role = ROLE_RELAY,
	.prepare = relay_prepare,
	.confine = relay_confine,
	.start = relay_start,
	.peer_up = relay_peer_up,
	.peer_down = relay_peer_down,
	.handlers = relay_handlers,
	.stop = relay_stop,
};
