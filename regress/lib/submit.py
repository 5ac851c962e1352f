#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Submit messages with Python's smtplib and hold what is delivered against
# what was sent:
#	submit.py [-m MBOX] WHERE SENDER RCPT[,RCPT...] MAILDIR FILE...
# WHERE is as in dialogue.py.  Each file is one message, with whatever line
# ends; below the three trace fields it has to be in the Maildir octet by
# octet, with lines ending in LF, and nothing but it; it is taken away then.
# -m: the same message has to be at the end of that mbox.  A message with a
# NUL has to be refused with 550.
#
# Exit status: 0; 1 when something was not so.
import os
import re
import smtplib
import socket
import sys
import time

TRACE = re.compile(rb"Return-Path: <[^\n]*\n(\t[^\n]*\n)*"
                   rb"Delivered-To: [^\n]*\n(\t[^\n]*\n)*"
                   rb"Received: from .*?;(\n\t| )[^\n]* [+-][0-9]{4}\n", re.S)
DEADLINE = 20


class Wrong(Exception):
    pass


class Client(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        if host.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect(host)
            return sock
        return super()._get_socket(host, port, timeout)


def dial(where):
    if where.startswith("/"):
        return Client(where, 25, "client.example.net", DEADLINE)
    host, _, port = where.rpartition(":")
    return Client(host.strip("[]"), int(port), "client.example.net", DEADLINE)


def wait(what, look):
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.005)
    raise Wrong(what)


def content(data):
    """The message as it is sent, but with lines ending in LF."""
    data = re.sub(rb"\r\n|\r|\n", b"\n", data)
    return data if data.endswith(b"\n") else data + b"\n"


def compare(got, data, where):
    trace = TRACE.match(got)
    if not trace:
        raise Wrong("%s: no trace fields: %r" % (where, got[:400]))
    text = got[trace.end():]
    if text != content(data):
        at = len(os.path.commonprefix([text, content(data)]))
        raise Wrong("%s: %d octets, not %d; from %d on %r, not %r" % (
            where, len(text), len(content(data)), at, text[at:at + 60],
            content(data)[at:at + 60]))


def take_maildir(maildir, data):
    new = maildir + "/new"
    names = wait("nothing in " + new,
                 lambda: os.path.isdir(new) and os.listdir(new))
    if len(names) != 1:
        raise Wrong("%d messages in %s" % (len(names), new))
    with open(new + "/" + names[0], "rb") as file:
        compare(file.read(), data, maildir)
    os.unlink(new + "/" + names[0])


def take_mbox(mbox, size, data):
    """The one message beyond size octets: a From line, quoted as mboxrd."""
    lock = mbox + ".lock"
    wait("nothing in " + mbox, lambda: os.path.exists(mbox) and
         os.path.getsize(mbox) > size and not os.path.exists(lock))
    with open(mbox, "rb") as file:
        file.seek(size)
        got = file.read()
    if not re.match(rb"From [^\n]* [0-9]{4}\n", got) or \
            not got.endswith(b"\n\n"):
        raise Wrong("not of an mbox: %r" % got[:200])
    if len(re.findall(rb"^From ", got, re.M)) != 1:
        raise Wrong("a From line is not quoted")
    got = got[got.index(b"\n") + 1:-1]
    compare(re.sub(rb"^>(>*From )", rb"\1", got, flags=re.M), data, mbox)


def submit(arguments, mbox):
    where, sender, rcpts, maildir, *files = arguments
    for name in files:
        with open(name, "rb") as file:
            data = file.read()
        size = os.path.getsize(mbox) if mbox and os.path.exists(mbox) else 0
        try:
            client = dial(where)
            try:
                client.sendmail(sender, rcpts.split(","),
                                content(data).replace(b"\n", b"\r\n"),
                                ["BODY=8BITMIME"])
            except smtplib.SMTPDataError as error:
                if b"\0" in data and error.smtp_code == 550:
                    continue
                raise
            if b"\0" in data:
                raise Wrong("a NUL was taken")
            client.quit()
            take_maildir(maildir, data)
            if mbox:
                take_mbox(mbox, size, data)
        except (Wrong, smtplib.SMTPException, OSError) as error:
            print("%s: %s" % (name, error), file=sys.stderr)
            return 1
    print("%d messages" % len(files))
    return 0


def main(arguments):
    mbox = None
    if arguments[:1] == ["-m"]:
        mbox = arguments[1]
        arguments = arguments[2:]
    if len(arguments) < 5:
        sys.exit("usage: submit.py [-m mbox] where sender rcpt[,rcpt...] "
                 "maildir file...")
    return submit(arguments, mbox)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
