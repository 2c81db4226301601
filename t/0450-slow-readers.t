#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that ask for a large source and do not take it cost a part of it each, not a copy;
what they get is one state of the file, or visibly cut off."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

READERS = 40
SOURCE = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size > 3 && data[0] == 'a' ? -1 : 0;
}
"""


def rss(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


class Reader:
    """A client that takes an answer's head, and the rest when it is told to."""

    def __init__(self, service, path, version="1.1"):
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((service.host, service.port))
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.socket.recv(4096)
            assert part, data
            data += part
        head, self.body = data.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])
        self.length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))

    def rest(self):
        """The body, or what came of it."""
        parts, have = [self.body], len(self.body)
        try:
            while have < self.length:
                part = self.socket.recv(1 << 20)
                if not part:
                    break
                parts.append(part)
                have += len(part)
        except ConnectionError:
            pass
        return b"".join(parts)

    def close(self):
        self.socket.close()


with scratch() as folder:
    root = os.path.join(folder, "project")
    os.mkdir(root)
    large = os.path.join(root, "main.c")
    with open(large, "w") as file:
        file.write(SOURCE)
        for i in range(160000):
            file.write(f"// {i:08d} " + 88 * "x" + "\n")
    with open(large, "rb") as file:
        content = file.read()
    executable = build(os.path.join(folder, "target"), [large], "-O1")
    os.mkdir(os.path.join(folder, "coverage"))
    with Service(folder, {"t": Target(executable, os.path.join(folder, "coverage"), [root])}) as service:
        service.wait_state("t", "ready")
        front, path = service.worker("frontend"), "/t/t/src/project/main.c"
        ok(service.get(path).body == content, f"a source of {len(content) >> 20} MiB is served as it is")
        descriptors = f"/proc/{front}/fd"
        before, open_before = rss(front), len(os.listdir(descriptors))
        readers = [Reader(service, path, version) for version in ("1.0", "1.1") for _ in range(READERS // 2)]
        grown, opened = (rss(front) - before) / 1024, len(os.listdir(descriptors)) - open_before
        equal([(reader.status, reader.length) for reader in readers], READERS * [(200, len(content))], f"{READERS} clients are told its length")
        ok(grown < READERS / 2 * len(content) / (1 << 20), f"they cost {grown:.0f} MiB, not a copy each")
        ok(opened <= READERS + 5, f"… and share a descriptor of the file ({opened} for {READERS} connections)")
        ok(all(reader.rest() == content for reader in (readers[0], readers[-1])), "who takes it in the end gets all of it, by HTTP/1.0 and 1.1")
        readers[0].socket.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        ok(readers[0].socket.recv(15) == b"HTTP/1.0 200 OK", "… on a connection that goes on")

        etag = service.get(path).headers["etag"]
        equal(service.get(path, {"If-None-Match": etag}).status, 304, "who has it already is told so")
        head = service.request("HEAD", path)
        equal((head.status, int(head.headers["content-length"]), head.headers["etag"], head.body), (200, len(content), etag, b""), "HEAD tells length and state")

        # Another file in its place is another file: those who read the old one go on.
        other = content.replace(b"x", b"y")
        with open(large + ".new", "wb") as file:
            file.write(other)
        os.rename(large + ".new", large)
        newest = Reader(service, path)
        ok(readers[1].rest() == content, "a file that was replaced is read to its end")
        with open(large, "r+b") as file:
            file.truncate(len(other) // 2)
        rest = newest.rest()
        ok(len(rest) < newest.length and other.startswith(rest), f"one that is cut meanwhile is cut off, not filled up ({len(rest)} of {newest.length} bytes)")
        ok(service.get(path).body == other[:len(other) // 2], "… and is then served as it is")
        for reader in readers:
            reader.close()
        newest.close()
        wait_until(lambda: len(os.listdir(descriptors)) <= open_before + 1, "descriptors of clients that went")
        ok(service.worker("frontend") == front, "what clients had open is closed with them")
    done()
