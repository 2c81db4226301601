#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""With all descriptors in use: those who are served go on, new ones are told to try again,
/healthz answers, it is said once, and it passes by itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

LIMIT = 256
SOURCE = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size > 3 && data[0] == 'a' ? -1 : 0;
}
"""
HOST = "Host: localhost\r\n\r\n"


def connect(service, buffer=None):
    connection = socket.socket()
    connection.settimeout(PATIENCE / 3)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect((service.host, service.port))
    return connection


def ask(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\n{HOST}".encode())


def answer_head(connection):
    """(status, the rest of the head) of the next answer, and what came of its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(4096)
        if not part:
            raise ConnectionError(f"the end behind {data!r}")
        data += part
    first, rest = data.split(b"\r\n\r\n", 1)
    return int(first.split()[1]), first.decode("latin-1").lower(), rest


def status(service, path):
    """Of a request on a connection of its own, None if that was closed without an answer."""
    try:
        with connect(service) as connection:
            ask(connection, path)
            return answer_head(connection)[:2]
    except ConnectionError:
        return None


def ended(connection):
    """Did the server close it? Nothing is expected on it."""
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def fill(service, sockets):
    """WebSockets until one is refused: they are never idle. Returns how that was said."""
    while len(sockets) < LIMIT:
        client = service.websocket("/", "fuzzsup.v1")
        if client.status != 101:
            client.close()
            return client.status, client.head.lower()
        sockets.append(client)
    return None, ""


def pong(client):
    client.send(b"there?", 9)
    while client.frame() != (10, b"there?"):
        pass
    return True


with scratch() as folder:
    root = os.path.join(folder, "project")
    os.mkdir(root)
    size = 0
    with open(os.path.join(root, "main.c"), "w") as file:
        size = file.write(SOURCE + ("// " + 200 * "x" + "\n") * 60000)
    executable = build(os.path.join(folder, "target"), [os.path.join(root, "main.c")], "-O1")
    os.mkdir(os.path.join(folder, "coverage"))
    limited = ["sh", "-c", f'ulimit -n {LIMIT} && exec "$@"', "sh"]
    with Service(folder, {"t": Target(executable, os.path.join(folder, "coverage"), [root])}, prefix=limited) as service:
        service.wait_state("t", "ready")
        front = service.worker("frontend")
        with open(f"/proc/{front}/limits") as file:
            ok(re.search(rf"Max open files +{LIMIT} +{LIMIT}", file.read()), "the front-end may have few descriptors")

        # Idle connections make room, the oldest first; one that is answered does not.
        tar = connect(service, 4096)
        ask(tar, "/t/t/sources.tar")
        # Under way: the front-end takes connections that wait before it reads what they ask.
        tar.recv(1, socket.MSG_PEEK)
        idle = [connect(service) for _ in range(LIMIT + 20)]
        used = connect(service)
        wait_until(lambda: (status(service, "/healthz") or [0])[0] == 200, "an answer")
        ask(used, "/healthz")
        equal(answer_head(used)[0], 200, "a connection behind more idle ones than there are descriptors is served")
        wait_until(lambda: any(ended(connection) for connection in idle), "an idle connection that made room")
        wait_until(lambda: (status(service, "/") or [0])[0] == 200, "the page")
        ok(True, "idle connections make room for the page")
        for connection in idle + [used]:
            connection.close()
        data = answer_head(tar)[2]
        while not data.endswith(b"0\r\n\r\n"):
            part = tar.recv(1 << 20)
            if not part:
                break
            data += part
        ok(data.endswith(b"0\r\n\r\n") and len(data) > size, f"… and what was under way goes on to its end ({len(data)} bytes)")
        tar.close()

        # Busy ones do not. Keep-alive connections that ask something later come first.
        kept = [connect(service, 4096) for _ in range(50)]
        for connection in kept:
            ask(connection, "/healthz")
        equal({answer_head(connection)[0] for connection in kept}, {200}, "fifty clients keep their connections")
        sockets, mark = [], len(service.log())
        for connection in kept:
            ask(connection, "/t/t/sources.tar")
        heads = [answer_head(connection) for connection in kept]
        equal({head[0] for head in heads}, {200}, "archives that nobody takes cost one descriptor each")
        refused, how = fill(service, sockets)
        ok(refused == 503 and "retry-after:" in how and len(sockets) > 50, f"behind {len(sockets)} WebSockets another one is told to try again", f"{refused} {how}")
        # A WebSocket needs two for a moment: one may be left.
        while len(kept) < 60:
            kept.append(connect(service, 4096))
            ask(kept[-1], "/t/t/sources.tar")
            if answer_head(kept[-1])[0] != 200:
                break
        found, how = status(service, "/t/t/index.bin") or (None, "")
        ok(found == 503 and "retry-after:" in how and "connection: close" in how, "so is who asks for something else", f"{found} {how}")
        equal((status(service, "/healthz") or [None])[0], 200, "/healthz answers")
        ok(all(pong(client) for client in sockets[:3]), "who is served goes on")
        guests = [connect(service) for _ in range(60)]
        equal((status(service, "/healthz") or [None])[0], 200, "/healthz answers behind connections that say nothing")
        for connection in guests:
            connection.close()

        for connection in kept:
            connection.close()
        wait_until(lambda: (status(service, "/t/t/index.bin") or [0])[0] == 200, "room again")
        ok(True, "when connections end new ones are served by themselves")
        said = re.findall(r".*descriptors are in use.*", service.log())
        ok(len(said) == 1 and "ulimit" in said[0], "it was said once, with the remedy", said or service.log()[-2000:])
        ok(len(service.log()) - mark < 2000, "… and nothing else again and again", service.log()[mark:][:3000])
        for client in sockets:
            client.close()

        # What reads files gives some back before the last is gone.
        archives, refused = [], []
        clients = [connect(service, 4096) for _ in range(150)]
        for connection in clients:
            ask(connection, "/healthz")
            answer_head(connection)
        for connection in clients:
            ask(connection, "/t/t/sources.tar")
            found, how, _ = answer_head(connection)
            (archives if found == 200 else refused).append((found, how))
        ok(len(archives) > 20 and all(found == 503 and "retry-after:" in how for found, how in refused),
           f"archives that cannot have a descriptor are told so: {len(archives)} are sent, {len(refused)} refused", refused[:3])
        ok(refused, "… before descriptors are gone")
        equal((status(service, "/healthz") or [None])[0], 200, "/healthz answers then, too")
        for connection in clients:
            connection.close()
        ok(service.worker("frontend") == front, "the front-end is still the same")
    done()
