#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# A host that takes every message, and announces what it is told to:
#	sink.py [-l] PORT DIR WORD...
# listens on 127.0.0.1:PORT, prints "listening", and answers EHLO, or with -l
# LHLO (RFC 2033), with these lines.  Each command goes to DIR/said, and so
# does "taken" after the end of a message, whose content is in DIR/1, DIR/2 and
# so on, as it came over the wire.
import argparse
import os
import socketserver


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def note(self, line):
        self.server.said.write(line.strip() + b"\n")

    def hello(self):
        words = ["there.example"] + args.words
        for i, word in enumerate(words):
            self.say("250%s%s" % ("-" if i + 1 < len(words) else " ", word))

    def data(self, rcpts):
        self.say("354 go")
        content = []
        for line in iter(self.rfile.readline, b""):
            if line == b".\r\n":
                break
            content.append(line[1:] if line.startswith(b".") else line)
        else:
            return
        self.server.taken += 1
        with open(os.path.join(args.dir, str(self.server.taken)), "wb") as f:
            f.write(b"".join(content))
        for _ in range(rcpts if args.lmtp else 1):
            self.say("250 2.0.0 taken")
        self.note(b"taken")

    def handle(self):
        self.say("220 there.example")
        rcpts = 0
        for line in iter(self.rfile.readline, b""):
            self.note(line)
            verb = line.split()[0].upper()
            rcpts = rcpts + 1 if verb == b"RCPT" else rcpts
            if verb == (b"LHLO" if args.lmtp else b"EHLO"):
                self.hello()
            elif verb == b"DATA":
                self.data(rcpts)
                rcpts = 0
            else:
                self.say("250 2.0.0 yes")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    taken = 0


parser = argparse.ArgumentParser()
parser.add_argument("-l", dest="lmtp", action="store_true")
parser.add_argument("port", type=int)
parser.add_argument("dir")
parser.add_argument("words", nargs="*")
args = parser.parse_args()
with Server(("127.0.0.1", args.port), Session) as server:
    server.said = open(os.path.join(args.dir, "said"), "ab", 0)
    print("listening", flush=True)
    server.serve_forever()
