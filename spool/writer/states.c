/* SPDX-License-Identifier: ISC
 *
 * How an envelope stands, in the words of the store and in those of the
 * messages.  The store keeps one octet of flags for us: the number of
 * crashes, whether they led to quarantine, and whether the next host has the
 * message already.
 */
#include "spool/writer/writer.h"

#define FLAG_QUARANTINE 0x80
#define FLAG_RELAYED    0x40
#define FLAG_CRASHES    0x3f

void
state_to_store(enum env_state state, uint16_t attempts, uint8_t crashes,
    struct store_outcome *out)
{
	out->attempts = attempts;
	out->flags = crashes < FLAG_CRASHES ? crashes : FLAG_CRASHES;
	switch (state) {
	case ENV_HELD:
		out->state = STORE_HELD;
		break;
	case ENV_QUARANTINED:
		out->state = STORE_HELD;
		out->flags |= FLAG_QUARANTINE;
		break;
	case ENV_RELAYED:
		out->state = STORE_DEFERRED;
		out->flags |= FLAG_RELAYED;
		break;
	case ENV_DELIVERED:
		out->state = STORE_DELIVERED;
		break;
	case ENV_FAILED:
		out->state = STORE_FAILED;
		break;
	case ENV_REMOVED:
		out->state = STORE_REMOVED;
		break;
	case ENV_WAITING:
	case ENV__MAX:
		out->state = attempts == 0 ? STORE_QUEUED : STORE_DEFERRED;
		break;
	}
}

enum env_state
state_from_store(const struct store_outcome *now)
{
	switch (now->state) {
	case STORE_HELD:
		return (now->flags & FLAG_QUARANTINE) != 0 ? ENV_QUARANTINED
							   : ENV_HELD;
	case STORE_DELIVERED:
		return ENV_DELIVERED;
	case STORE_FAILED:
		return ENV_FAILED;
	case STORE_REMOVED:
		return ENV_REMOVED;
	case STORE_QUEUED:
	case STORE_DEFERRED:
	case STORE__MAX:
		break;
	}
	return (now->flags & FLAG_RELAYED) != 0 ? ENV_RELAYED : ENV_WAITING;
}

uint8_t
state_crashes(const struct store_outcome *now)
{
	return now->flags & FLAG_CRASHES;
}
