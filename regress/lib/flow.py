#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Mail that flows, whatever happens to the server: flow.py WHERE RCPT IDS END
# Ten clients send numbered messages until the file END exists; a message that
# is not answered with 250 is sent again.  The message id of every 250 is
# appended to the file IDS, at once.
import os
import sys
import threading
import time

from send import Client, Refused

CLIENTS = 10
PACE = 0.02  # seconds between the messages of one client


def client(name, where, rcpt, ids, end):
    connection, number = None, 0
    while not os.path.exists(end):
        try:
            connection = connection or Client(where, 10)
            size = 400000 if number % 50 == 49 else 500
            content = b"Subject: %d of %d\n\n" % (number, name)
            content += b"x" * 70 + b"\n"
            content *= max(1, size // len(content))
            os.write(ids, b"%s\n" % connection.message(
                "client@example.net", [rcpt], content).encode())
            number += 1
        except (Refused, OSError):
            connection = None
        time.sleep(PACE)


def main():
    where, rcpt, ids, end = sys.argv[1:]
    fd = os.open(ids, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    threads = [threading.Thread(target=client, args=(n, where, rcpt, fd, end))
               for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
