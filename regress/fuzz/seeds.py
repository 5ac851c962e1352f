#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Seeds for the fuzz targets of whole processes, regress/fuzz/process.c: what
# its peers say to each in a good life.  seeds.py, in the top directory, writes
# corpus/PROCESS/seed-N anew: to be run when messages.def has changed.
import os
import re
import struct


def names(path, macro):
    with open(path) as f:
        return re.findall(r"^%s\((\w+)," % macro, f.read(), re.M)


MSG = {n: i + 1 for i, n in
       enumerate(names("privsep/ipc/messages.def", "MSG"))}
RP = {n: i + 1 for i, n in
      enumerate(names("smtpd/mail/replies.def", "REPLY"))}
CTL = {n: i for i, n in enumerate(names("privsep/ipc/ctl.def", "VERB"))}
with open("privsep/confine/roles.h") as f:
    ROLE = {n: i for i, n in enumerate(dict.fromkeys(
        re.findall(r"^\tROLE_(\w+)[,;]", f.read(), re.M)))}


def u8(v):
    return struct.pack(">B", v)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v)


def span(s):
    return u32(len(s)) + s


INSTANCE = 1  # of each process


def frame(sender, name, ident, body=b"", fds=0):
    octets = u16(MSG[name]) + u16(0) + u64(ident) + body
    return u8(ROLE[sender]) + u8(fds) + u16(len(octets)) + octets


def ask(verb, *args):
    return u8(CTL[verb]) + u8(len(args)) + b"".join(span(a) for a in args)


def enum(name):
    """The numbers of an enumeration of terms.h."""
    with open("privsep/ipc/terms.h") as f:
        body = re.search(r"^enum %s \{(.*?)\};" % name, f.read(), re.M | re.S)
    words = re.findall(r"^\t([A-Z_0-9]+)", body.group(1), re.M)
    return {n: i for i, n in enumerate(words)}


def envelope(index, state=0):
    return (u32(index) + u8(state) + u64(0) + u16(0) + u8(0) +
            span(b"ann@example.org") + span(b"a") + span(b"ann"))


def assigned(index):
    return u32(index) + u8(0) + u8(0) + span(b"") * 3


MAIL = (span(b"<a@example.net>") + u8(0) + u64(0) + u8(0) + span(b"e1") +
        span(b"client.example") + u8(1))
RCPT = span(b"<ann@example.org>") + u8(0) + span(b"")
OPEN = (u8(ROLE["SESSION"]) + u32(1) + u64(7) + u32(2) +
        span(b"a@example.net") + u8(0) + u8(0) + span(b"") +
        span(b"192.0.2.1") + span(b"client.example") + u64(1700000000))
ENVELOPE = (span(b"ann@example.org") + span(b"") + u8(0) + span(b"a") +
            span(b"ann"))
ADD = (u64(1600000000) + u64(100) + u8(0) + span(b"a@example.net") + u16(1) +
       envelope(0))
OUT = u32(0) + u8(0) + u8(0) + span(b"2.0.0") + span(b"done") + span(b"")
CONTENT = b"Subject: s\n\nbody\n"


def deliver(purpose, user=b"ann"):
    return (u8(purpose) + u64(1600000000) + span(b"a@example.net") + u8(0) +
            u8(0) + span(b"") + u64(len(CONTENT)) + u16(1) + u32(0) + u8(0) +
            u8(0) + span(b"5.1.1") + span(b"no") + span(b"") +
            span(b"ann@example.org") + span(b"") + u8(0) + span(b"a") +
            span(user) + span(CONTENT))


def named(status, *names):
    return (u8(status) + u8(0) + u32(60) + span(b"") + span(b"why") +
            u16(len(names)) + b"".join(span(n) for n in names))


DNS, PURPOSE = enum("dns_kind"), enum("deliver_purpose")


def relayed(action, user, flags=0, content=CONTENT):
    """DELIVER to a relay."""
    return (u8(PURPOSE["PURPOSE_RELAY"]) + u64(1600000000) +
            span(b"a@example.net") + u8(flags) + u8(0) + span(b"e1") +
            u64(len(content)) + u16(2) +
            b"".join(u32(i) + u8(0) + u8(0) + span(b"") * 3 +
                     span(b"ann%d@b.example" % i) + span(b"") + u8(1) +
                     span(action) + span(user) for i in (0, 1)) +
            span(content))


def says(*lines, which=0):
    """What a host says, line by line."""
    return b"".join(
        u8(ROLE["CLIENT"]) + u8(0) + u16(len(line) + 3) + u8(which) + line +
        b"\r\n" for line in lines)


def hangs_up(which=0):
    return u8(ROLE["CLIENT"]) + u8(0) + u16(1) + u8(which)


def dns_answer(status, *records):
    return (u8(status) + u8(1) + u32(60) + span(b"") * 2 +
            u16(len(records)) + b"".join(records))


def dns_told(packet, rcode=0, secure=0):
    """What libunbound says of the oldest question."""
    body = u8(0) + u8(rcode) + u8(secure) + packet
    return u8(ROLE["CLIENT"]) + u8(0) + u16(len(body)) + body


def packet(kind, data):
    """A DNS answer with one record, for b.example."""
    name = b"\1b\7example\0"
    return (u16(1) + u16(0x8180) + u16(1) + u16(1) + u32(0) + name +
            u16(kind) + u16(1) + u16(0xc00c) + u16(kind) + u16(1) + u32(60) +
            u16(len(data)) + data)


def dns_ask(kind, name):
    return frame("RELAY", "DNS_ASK", 1, u8(DNS[kind]) + span(name))


HELLO = (b"220 there", b"250-there\r\n250-PIPELINING\r\n250-DSN\r\n250 SIZE 9999")
TAKEN = (b"250 ok", b"250 ok", b"250 ok", b"354 go", b"250 2.0.0 taken")
SENT = frame("SPOOL", "DELIVER", 9, relayed(b"a", b""))

stored = (frame("ROUTER", "SPOOL_OPEN", 9, OPEN + ENVELOPE) +
          frame("ROUTER", "SPOOL_ENVELOPE", 9, ENVELOPE) +
          frame("SESSION", "SPOOL_CONTENT", 9, CONTENT) +
          frame("SESSION", "SPOOL_COMMIT", 9, u64(2 * len(CONTENT)) + CONTENT))
by_delivery = frame("DELIVERY", "TX_MAIL", 3, span(b"<>") + MAIL[19:])

SEEDS = {
    "router": [
        by_delivery + frame("DELIVERY", "TX_RCPT", 3, RCPT) +
        frame("DELIVERY", "TX_DATA", 3, u32(INSTANCE)),
        by_delivery + frame("DELIVERY", "TX_RESET", 3),
        frame("SESSION", "SESSION_OPEN", 7, u32(0), 1) +
        frame("SESSION", "TX_MAIL", 7, MAIL) +
        frame("SESSION", "TX_RCPT", 7, RCPT) +
        frame("SESSION", "TX_DATA", 7, u32(INSTANCE)) + frame("SESSION", "SESSION_CLOSE", 7),
        frame("MASTER", "USER_ANSWER", 1, u8(1)),
        frame("CONTROL", "CTL_ASK", 1, ask("CTL_SHOW_STATS")) +
        frame("CONTROL", "CTL_CANCEL", 1),
        frame("CONTROL", "CTL_ASK", 1, ask(
            "CTL_EXPLAIN", b"ann@example.org", b"ip", b"192.0.2.9")) +
        frame("RESOLVER", "DNS_ANSWER", 1, named(0, b"x.example")) +
        frame("CONTROL", "CTL_ASK", 2, ask(
            "CTL_EXPLAIN", b"ann@example.org", b"ip", b"2001:db8::9")) +
        frame("CONTROL", "CTL_CANCEL", 2) +
        frame("RESOLVER", "DNS_ANSWER", 2, named(3)),
        frame("CONTROL", "CTL_ASK", 1, ask(
            "CTL_EXPLAIN", b"ann@example.org", b"from", b"a@example.net",
            b"ip", b"192.0.2.1", b"helo", b"client.example", b"tag", b"t")) +
        frame("CONTROL", "CTL_ASK", 2, ask(
            "CTL_EXPLAIN", b"bob@example.org", b"user", b"1000")) +
        frame("CONTROL", "CTL_CANCEL", 1) +
        frame("MASTER", "USER_ANSWER", 1, u8(0)),
    ],
    "spool": [
        stored,
        stored + frame("SCHEDULER", "QUEUE_ASSIGN", 9, u8(ROLE["DELIVERY"]) +
                       u32(1) + u8(0) + u16(1) + assigned(0)) +
        frame("SCHEDULER", "QUEUE_OUTCOME", 9, u32(0) + u8(4) + u64(0) +
              u16(1) + u8(0) + u64(0) + span(b"250 ok") + span(b"")),
        stored + frame("CONTROL", "CTL_ASK", 1,
                       ask("CTL_SHOW_MESSAGE", b"0000000000000009")) +
        frame("CONTROL", "CTL_ASK", 2,
              ask("CTL_SHOW_ENVELOPE", b"0000000000000009")),
        frame("ROUTER", "SPOOL_OPEN", 9, OPEN + ENVELOPE) +
        frame("SESSION", "SPOOL_ABORT", 9),
    ],
    "scheduler": [
        frame("SPOOL", "QUEUE_ADD", 9, ADD) +
        frame("SPOOL", "QUEUE_LOADED", 0) + frame("DELIVERY", "OUTCOME", 9, OUT) +
        frame("SPOOL", "QUEUE_RECORDED", 0, u16(1) + u64(9) + u32(0)),
        frame("SPOOL", "QUEUE_ADD", 9, ADD) +
        frame("SPOOL", "QUEUE_LOADED", 0) +
        frame("SPOOL", "QUEUE_UNREADABLE", 9,
              u8(1) + u32(1) + u16(1) + u32(0)),
    ] + [
        frame("SPOOL", "QUEUE_ADD", 9, ADD) +
        frame("SPOOL", "QUEUE_LOADED", 0) +
        frame("CONTROL", "CTL_ASK", 1, ask(verb, *args))
        for verb, args in (("CTL_SHOW_QUEUE", ()), ("CTL_HOLD", (b"all",)),
                           ("CTL_REMOVE", (b"0000000000000009",)),
                           ("CTL_SCHEDULE", (b"all",)),
                           ("CTL_RELEASE", (b"all",)),
                           ("CTL_PAUSE_MDA", ()))
    ],
    "delivery": [
        frame("SPOOL", "DELIVER", 9, deliver(0)) +
        frame("MAILER", "MAILBOX_DONE", 9,
              u32(0) + u8(0) + span(b"2.0.0") + span(b"done")),
        frame("SPOOL", "DELIVER", 9, deliver(0)) +
        frame("MASTER", "MAILER_FAILED", 1, u8(1) + span(b"no such user")),
        frame("SPOOL", "DELIVER", 9, deliver(1)) +
        frame("ROUTER", "TX_RCPT_ANSWER", 1,
              u16(RP["RP_RCPT_OK"]) + u64(5) + span(b"")) +
        frame("SPOOL", "SPOOL_GRANT", 5, u64(1) + u16(RP["RP_DATA_GO"])) +
        frame("SPOOL", "SPOOL_COMMITTED", 5, u64(1) + u16(RP["RP_QUEUED"])),
        frame("CONTROL", "CTL_ASK", 1, ask("CTL_SHOW_STATS")),
    ],
    "relay": [
        SENT + says(*HELLO + TAKEN),
        SENT + says(*HELLO[:1] + (b"502 what",)) + says(*TAKEN),
        SENT + says(*HELLO + (b"250 ok", b"550 5.1.1 no", b"452 4.5.3 many")),
        SENT + says(*HELLO + (b"250 ok", b"421 4.3.2 going")) + hangs_up(),
        frame("SPOOL", "DELIVER", 9, relayed(
            b"a", b"", content=b"a\n.\n..\r\n\0b")) +
        says(*HELLO + TAKEN),
        frame("SPOOL", "DELIVER", 9, relayed(b"b", b"b.example")) +
        frame("RESOLVER", "DNS_ANSWER", 1, dns_answer(
            0, u16(10) + span(b"mx.b.example"))) +
        frame("RESOLVER", "DNS_ANSWER", 2, dns_answer(2)) +
        frame("RESOLVER", "DNS_ANSWER", 3, dns_answer(
            0, span(b"\xc0\0\2\3"))) +
        says(b"220 there", b"250-there\r\n250 STARTTLS", b"220 go",
             b"\x16\3\3\0\x40"),
        frame("SPOOL", "DELIVER", 9, relayed(b"c", b"")) +
        says(*HELLO + TAKEN + (b"550 5.2.1 not her",)),
        frame("CONTROL", "CTL_ASK", 1, ask("CTL_SHOW_ROUTE", b"b",
                                           b"b.example")) +
        frame("CONTROL", "CTL_CANCEL", 1) +
        frame("CONTROL", "CTL_ASK", 2, ask("CTL_SHOW_HOSTS")) +
        frame("CONTROL", "CTL_ASK", 3, ask("CTL_SHOW_RELAYS")),
    ],
    "resolver": [
        dns_ask("DNS_MX", b"b.example") +
        dns_told(packet(15, u16(10) + b"\2mx\xc0\x0c"), secure=2),
        dns_ask("DNS_A", b"b.example") + dns_told(packet(1, b"\xc0\0\2\1")),
        dns_ask("DNS_AAAA", b"b.example") + dns_told(b"", rcode=3),
        dns_ask("DNS_A", b"b.example") + dns_told(b"", secure=1),
        frame("ROUTER", "DNS_ASK", 7, u8(DNS["DNS_CLIENT"]) +
              span(b"\xc0\0\2\1")) +
        dns_told((u16(1) + u16(0x8180) + u16(0) + u16(1) + u32(0) +
                  b"\0011\0012\0010\003192\7in-addr\4arpa\0" + u16(12) +
                  u16(1) + u32(60) + u16(11) + b"\1b\7example\0")) +
        dns_told(packet(1, b"\xc0\0\2\1")),
        frame("CONTROL", "CTL_ASK", 1, ask("CTL_SHOW_STATS")),
        frame("MASTER", "M_RETIRE", 0) + dns_ask("DNS_A", b"b.example"),
    ],
    "mailer": [
        frame("DELIVERY", "MAILBOX_PUT", 9, u32(0) + u8(0) + u64(1600000000) +
              span(b"a@example.net") + span(b"ann+x@example.org") +
              span(CONTENT)),
        frame("DELIVERY", "MAILBOX_PUT", 9, u32(0) + u8(1) + u64(1600000000) +
              span(b"a@example.net") + span(b"ann@example.org") +
              span(b"Delivered-To: ann@example.org\n\nFrom here\n")) * 2,
        frame("DELIVERY", "MAILBOX_PUT_FD", 9, u32(1) + u8(0) +
              u64(1600000000) + span(b"") + span(b"ann@example.org"), 1),
    ],
    "control": [
        frame("CLIENT", "CTL_REQUEST", 1, ask("CTL_SHOW_QUEUE")) +
        frame("SCHEDULER", "CTL_ROWS", 1, u16(1) + u8(1) + span(b"key") +
              u8(0) + span(b"value")) +
        frame("SCHEDULER", "CTL_END", 1, u8(0) + span(b"")),
        frame("CLIENT", "CTL_REQUEST", 1, ask("CTL_SHOW_STATS")) +
        frame("ROUTER", "CTL_END", 1, u8(0) + span(b"")) +
        frame("SPOOL", "CTL_END", 1, u8(3) + span(b"no")),
    ],
}

for process, seeds in SEEDS.items():
    where = "regress/fuzz/corpus/" + process
    os.makedirs(where, exist_ok=True)
    for number, seed in enumerate(seeds, 1):
        with open("%s/seed-%d" % (where, number), "wb") as f:
            f.write(seed)
