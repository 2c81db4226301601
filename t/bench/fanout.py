#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One update to many WebSocket clients: memory per client and CPU per delivered MB, ours
against node's ws and Go's gorilla, in turns in one run: fanout.py [CLIENTS [ROUNDS]]
Needs a release build (builddir=…), and for the peers node, npm and go."""
import resource
import selectors
import sys
import os

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from fuzzsup import *

CLIENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
PCS = 100000
UPDATES = 20
WARM = 20
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


class Ours:
    name = "fuzzsupd"

    def __init__(self, folder):
        self.process = subprocess.Popen([os.path.join(BUILD, "t/lib/frontend_host"), os.path.join(BUILD, "fuzzsupd-frontend"), web_folder(),
                                         os.path.join(SRC, "share", "demo"), "0", "1", str(PCS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port, self.pid = int(re.search(r":(\d+)/", line).group(1)), int(re.search(r"pid (\d+)", line).group(1))
        self.path, self.next = "/t/t0000/", 0

    def update(self):
        # Every hit is a new bit, and the reference's protocol sends the whole bitset.
        self.process.stdin.write(f"hit t0000 {self.next} 1\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        self.next += 1


class Peer:
    def __init__(self, command, folder):
        self.process = subprocess.Popen(command + [str(24 + PCS // 8)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder)
        self.port, self.pid, self.path = int(self.process.stdout.readline()), self.process.pid, "/"

    def update(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()


class Node(Peer):
    name = "node ws"

    def __init__(self, folder):
        super().__init__(["node", os.path.join(folder, "server.mjs")], folder)


class Go(Peer):
    name = "Go gorilla"

    def __init__(self, folder):
        super().__init__([os.path.join(folder, "server")], folder)


def drain(selector, wanted, patience=20):
    """Reads what comes until @wanted bytes did, or nothing more does."""
    got, end = 0, time.monotonic() + patience
    while got < wanted and time.monotonic() < end:
        for key, _ in selector.select(0.5):
            try:
                got += len(key.fileobj.recv(1 << 18))
            except BlockingIOError:
                pass
    return got


def measure(kind, folder):
    server = kind(folder)
    time.sleep(0.5)
    clients, selector = [], selectors.DefaultSelector()

    def connect(count):
        for _ in range(count):
            client = WebSocket("127.0.0.1", server.port, server.path)
            client.socket.setblocking(False)
            selector.register(client.socket, selectors.EVENT_READ)
            clients.append(client)
        drain(selector, float("inf"), 3)

    # The first ones make the server build what all of them share.
    connect(WARM)
    before = rss(server.pid)
    connect(CLIENTS - WARM)
    memory = (rss(server.pid) - before) / (CLIENTS - WARM)
    start, got = cpu(server.pid), 0
    size = 24 + PCS // 8 + 4
    for _ in range(UPDATES):
        began = time.monotonic()
        server.update()
        got += drain(selector, CLIENTS * size, 5)
        time.sleep(max(0, 0.5 - (time.monotonic() - began)))
    spent = cpu(server.pid) - start
    for client in clients:
        client.close()
    server.process.stdin.close()
    server.process.wait()
    return memory, spent / (got / 1e6) * 1e3, got / (CLIENTS * size * UPDATES)


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
with scratch() as folder:
    shutil.copytree(PEERS, folder, dirs_exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    kinds = [Ours, Node]
    if shutil.which("go"):
        subprocess.run(["go", "mod", "tidy"], cwd=folder, check=True, capture_output=True)
        subprocess.run(["go", "build", "-o", "server", "server.go"], cwd=folder, check=True)
        kinds.append(Go)
    results = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind in kinds:
            results[kind].append(measure(kind, folder))
    base = sorted(r[1] for r in results[Ours])[ROUNDS // 2]
    for kind in kinds:
        memory, work, share = (sorted(r[i] for r in results[kind])[ROUNDS // 2] for i in range(3))
        print(f"{kind.name:12} {CLIENTS} clients: {memory / 1024:6.1f} KiB each, {work:6.2f} ms CPU per MB = {work / base:.2f} of ours, {share:.0%} of the bytes arrived", flush=True)
