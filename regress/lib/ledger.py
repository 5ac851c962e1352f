#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# A host that takes all mail and keeps book: ledger.py PORT ARRIVED CUT
# The id of each message, that of its topmost Received field, is a line of
# ARRIVED when the end of it is there, and a line of CUT, too, if the
# connection has ended before its client went on: whether that has read the
# 250 nobody knows.
import os
import re
import socketserver
import sys
import time

REPLY_S = 0.005  # so that there is always a message that waits for its 250


class Ledger(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def message(self):
        """Its id, or None when it has no end."""
        lines = []
        for line in iter(self.rfile.readline, b""):
            if line == b".\r\n":
                return re.search(rb"\bid ([0-9a-f]{16})\b",
                                 b"".join(lines))[1] + b"\n"
            if len(lines) < 20:
                lines.append(line)
        return None

    def handle(self):
        taken = None
        try:
            self.say("220 ledger.example.org ESMTP")
            for line in iter(self.rfile.readline, b""):
                taken = None
                verb = line.split()[0].upper()
                if verb == b"QUIT":
                    return
                if verb == b"EHLO":
                    self.say("250-ledger.example.org")
                    self.say("250 PIPELINING")
                elif verb == b"DATA":
                    self.say("354 go")
                    taken = self.message()
                    if taken is None:
                        return
                    os.write(arrived, taken)
                    time.sleep(REPLY_S)
                    self.say("250 2.0.0 taken")
                else:
                    self.say("250 ok")
        except OSError:
            pass
        finally:
            if taken is not None:
                os.write(cut, taken)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


arrived, cut = (os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                for name in sys.argv[2:])
Server(("127.0.0.1", int(sys.argv[1])), Ledger).serve_forever()
