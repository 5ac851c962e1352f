/* SPDX-License-Identifier: ISC
 *
 * The enumerations that travel in messages, each with the one meaning that
 * sender and receiver share.  A receiver checks every value against __MAX.
 */
#ifndef IPC_TERMS_H
#define IPC_TERMS_H

/* Flags of a transaction. */
#define TX_8BITMIME      0x01 /* RFC 6152: BODY=8BITMIME */
#define TX_SMTPUTF8      0x02 /* RFC 6531 */
#define TX_SEND          0x04 /* RFC 821 3.4: to the terminal */
#define TX_SOML          0x08 /* to the terminal, or else the mailbox */
#define TX_SAML          0x0c /* to both */
#define TX_MODE          0x0c /* one of these, or 0: to the mailbox */
#define TX__ALL          0x0f

/* Flags of an envelope on its way to a mailbox. */
#define DELIVER_IN_DOUBT 0x01 /* an attempt was cut: it may be there */
#define DELIVER__ALL     0x01

/* USER_ANSWER. */
enum user_answer {
	USER_YES,
	USER_NO,
	USER_TRY_LATER,
	USER__MAX
};

/* How an envelope stands in the queue. */
enum env_state {
	ENV_WAITING,     /* due at its next try */
	ENV_HELD,        /* by the administrator */
	ENV_QUARANTINED, /* held, since it was in hand at repeated crashes */
	ENV_RELAYED,     /* the next host has it; a report of that is due */
	ENV_DELIVERED,
	ENV_FAILED,  /* for good; reported, if that was wanted */
	ENV_REMOVED, /* by the administrator */
	ENV__MAX
};

/* Whether an envelope in this state needs no more work. */
#define ENV_IS_FINAL(state) ((state) >= ENV_DELIVERED)

/* What became of an attempt. */
enum env_outcome {
	OUT_DELIVERED,
	OUT_DEFERRED, /* temporary: try again */
	OUT_FAILED,   /* permanent */
	OUT_EXPIRED,  /* temporary for too long */
	OUT_CRASHED,  /* the mailer died with it in hand */
	OUT_REPORTED, /* the report that was asked for is in the queue */
	OUT_RELAYED,  /* delivered to a host that will not report on it, though
			 that was asked for (RFC 3461 5.2.2) */
	OUT__MAX
};

/* What an outcome says something about. */
enum out_scope {
	SCOPE_ENVELOPE,    /* this recipient or this message */
	SCOPE_DESTINATION, /* nothing for that destination gets through now */
	SCOPE__MAX
};

/* What DELIVER asks for. */
enum deliver_purpose {
	PURPOSE_MAILBOX, /* deliver */
	PURPOSE_FAILURE, /* report that it failed */
	PURPOSE_DELAY,   /* report that it is late */
	PURPOSE_RELAYED, /* report that it left for where nobody reports */
	PURPOSE_RELAY,   /* send to the next host */
	PURPOSE__MAX
};

/* DNS_ASK. */
enum dns_kind {
	DNS_MX,
	DNS_A,
	DNS_AAAA,
	DNS_CLIENT, /* the names of an address that have that address */
	DNS_KIND__MAX
};

/* DNS_ANSWER: RFC 5321 5.1 tells a name that is not there from one without
 * such records and from a question that was not answered. */
enum dns_status {
	DNS_OK,
	DNS_NO_NAME,
	DNS_NO_DATA,
	DNS_TRY_LATER,
	DNS_BOGUS, /* its signatures do not hold: as if not answered */
	DNS_STATUS__MAX
};

/* RFC 4033 5; a bogus answer has no records. */
enum dns_security {
	DNS_INSECURE,
	DNS_SECURE,
	DNS_SECURITY__MAX
};

/* What a client is served beside mail; SESSION_OPENED. */
#define SERVICE_VRFY     0x01
#define SERVICE_EXPN     0x02
#define SERVICE_ETRN     0x04
#define SERVICE_TERMINAL 0x08 /* SEND, SOML, SAML */
#define SERVICE__ALL     0x0f

/* WHO_ASK. */
enum who_verb {
	WHO_VRFY,
	WHO_EXPN,
	WHO__MAX
};

#define WHO_MEMBERS_MAX 100 /* mailboxes that one answer may list */

#endif
