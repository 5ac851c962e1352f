# SPDX-License-Identifier: ISC
#
# For make bench: a queue of 20,000 messages to 200 domains, of which 20 are
# dead (their host takes no connection and refuses none) and 20 are slow (a
# second for each reply), against the same queue without these: do the healthy
# domains get theirs as fast?
import asyncio
import socket
import threading
import time

DOMAINS, DEAD, SLOW, EACH = 200, 20, 20, 100
DEAD_PORT, SLOW_PORT = 2595, 2596
CLIENTS = 8
BODY = b"Subject: bench\r\n\r\n" + (b"x" * 70 + b"\r\n") * 14


def kind(i):
    if i < DEAD:
        return "dead"
    return "slow" if i < DEAD + SLOW else "well"


def configuration(sink_port):
    """Domains and where each goes; the actions that say so."""
    ports = {"dead": DEAD_PORT, "slow": SLOW_PORT, "well": sink_port}
    entries = ", ".join(
        f'"d{i}.{kind(i)}.test" = "smtp+notls://127.0.0.1:{ports[kind(i)]}"'
        for i in range(DOMAINS))
    return f"""table far {{ {entries} }}
relay limit host-connections 200
relay timeout connect 5s
action "far" relay domain <far>
match from any for any action "far"
"""


async def slow_session(reader, writer):
    async def say(line):
        await asyncio.sleep(1)
        writer.write(line + b"\r\n")
    try:
        await say(b"220 slow")
        data = False
        while line := await reader.readline():
            if data:
                if line == b".\r\n":
                    data = False
                    await say(b"250 ok")
            elif line[:4].upper() == b"DATA":
                data = True
                await say(b"354 go on")
            elif line[:4].upper() == b"QUIT":
                await say(b"221 bye")
                break
            else:
                await say(b"250 ok")
    except (ConnectionError, asyncio.CancelledError):
        pass
    writer.close()


class Sick:
    """The hosts that are dead or slow."""

    def __enter__(self):
        # a queue of connections that is full: further ones hang
        self.dead = socket.create_server(("127.0.0.1", DEAD_PORT), backlog=0)
        self.stuck = []
        for _ in range(3):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", DEAD_PORT))
            self.stuck.append(s)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(
            slow_session, "127.0.0.1", SLOW_PORT, backlog=1000))
        self.loop.run_forever()
        sessions = asyncio.all_tasks(self.loop)
        for task in sessions:
            task.cancel()
        self.loop.run_until_complete(
            asyncio.gather(*sessions, return_exceptions=True))

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        for s in self.stuck + [self.dead]:
            s.close()


def submit(port, rcpts):
    """Messages to these, over one connection, a round trip each."""
    s = socket.create_connection(("127.0.0.1", port))
    f = s.makefile("rb")

    def reply():
        while (line := f.readline())[3:4] == b"-":
            pass
        if line[:1] not in b"23":
            raise OSError(line.decode())
    reply()
    s.sendall(b"EHLO client.test\r\n")
    reply()
    for rcpt in rcpts:
        s.sendall(b"MAIL FROM:<a@x.test>\r\nRCPT TO:<" + rcpt.encode() +
                  b">\r\nDATA\r\n")
        for _ in range(3):
            reply()
        s.sendall(BODY + b".\r\n")
        reply()
    s.close()


def fill(port, kinds):
    rcpts = [f"u{n}@d{i}.{kind(i)}.test" for n in range(EACH)
             for i in range(DOMAINS) if kind(i) in kinds]
    threads = [threading.Thread(target=submit, args=(port, rcpts[k::CLIENTS]))
               for k in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return len(rcpts)


def healthy_seconds(server, ctl, wait, kinds):
    """From the moment that sending begins until the healthy have all."""
    wanted = (DOMAINS - DEAD - SLOW) * EACH
    server.start()
    ctl("pause", "mta")
    fill(server.port, kinds)

    def done():
        with open(server.dir + "/log", "rb") as f:
            return sum(b".well.test" in line for line in f
                       if b" result=sent " in line) >= wanted
    ctl("resume", "mta")
    begin = time.monotonic()
    if not wait(done, 300, 0.2):
        raise SystemExit("the healthy domains do not get their mail")
    took = time.monotonic() - begin
    server.stop()
    return took
