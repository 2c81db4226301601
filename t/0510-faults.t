#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is known to go wrong in the reference's web server, one test each."""
import io
import os
import sys
import tarfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *


def rss(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def raw(service, data, patience=PATIENCE):
    """Sends bytes on a connection of their own; what comes back until it is closed or quiet."""
    with socket.create_connection((service.host, service.port), timeout=patience) as connection:
        connection.sendall(data)
        reply = b""
        try:
            while b"\r\n\r\n" not in reply:
                part = connection.recv(65536)
                if not part:
                    break
                reply += part
        except TimeoutError:
            pass
        return reply


def status(reply):
    return int(reply.split()[1]) if reply else None


def handshake(service, path="/t/live/", method="GET", **headers):
    fields = {"Host": f"127.0.0.1:{service.port}", "Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    fields.update({k.replace("_", "-"): v for k, v in headers.items()})
    lines = [f"{k}: {v}" for k, v in fields.items() if v is not None]
    return status(raw(service, ("\r\n".join([f"{method} {path} HTTP/1.1"] + lines) + "\r\n\r\n").encode()))


with scratch() as folder:
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    made = os.path.join(folder, "made")
    subprocess.run([executable, "-runs=1", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=made), stderr=subprocess.DEVNULL, check=True)
    pcs = CoverageFile.read([os.path.join(made, f) for f in os.listdir(made) if len(f) == 16][0])[3]
    roots = [os.path.join(SRC, "share", "demo")]
    targets = {}
    for name in ("dead", "live"):
        os.mkdir(os.path.join(folder, name))
        targets[name] = Target(executable, os.path.join(folder, name), roots)
    # Without a PC table of its own: it takes the PCs of its coverage file, however many.
    plain = os.path.join(folder, "plain")
    subprocess.run([CLANG, "-g", "-x", "c", "-", "-o", plain], input=b"int main(void) { return 0; }", check=True)
    os.truncate(plain, 1 << 20)  # an executable has more bytes than PCs
    os.mkdir(os.path.join(folder, "large"))
    targets["large"] = Target(plain, os.path.join(folder, "large", "00000000000000cc"))
    symbols = subprocess.run([CLANG.replace("clang", "llvm-nm"), plain], capture_output=True, text=True, check=True).stdout
    start = int(re.search(r"^([0-9a-f]+) T main$", symbols, re.M).group(1), 16)
    large = CoverageFile(os.path.join(folder, "large", "00000000000000cc"), range(start, start + 400000))
    web = os.path.join(folder, "web")
    shutil.copytree(web_folder(), web)
    with Service(folder, targets, environment={"FUZZSUPD_WEB": web}) as service:
        for name in ("dead", "live"):
            service.wait_state(name, "ready")
        dead = CoverageFile(os.path.join(folder, "dead", "00000000000000aa"), pcs)
        live = CoverageFile(os.path.join(folder, "live", "00000000000000bb"), pcs)
        dead.hit(1)
        live.hit(2)
        front = service.worker("frontend")

        # 1
        with socket.create_connection((service.host, service.port)) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nContent-Length: 5\r\n\r\n".encode())
        ok(service.get("/healthz").status == 200 and service.worker("frontend") == front, "1: a body that is announced and never sent ends nothing")

        # 2
        client = service.websocket("/t/live/")
        order = [client.message()[0]]
        while order[-1] != 3:
            order.append(client.message()[0])
        # What is found meanwhile is told in between.
        equal((order[:3], set(order[3:-1]) <= {2}), ([0, 1, 2], True), "2: entry points come after source index and coverage")
        client.close()

        # 3
        follower = Follower(service.websocket("/", "fuzzsup.v1"), "live")
        follower.until(lambda: follower.bits == 4)
        service.wait_state("dead", "stale")
        live.hit(3)
        follower.until(lambda: follower.bits == 12)
        ok(True, "3: a target whose fuzzer died does not hide the others")

        # 4
        follower = Follower(service.websocket("/", "fuzzsup.v1"), "large")
        follower.until(lambda: follower.bits is not None)
        sleepers = [service.websocket("/t/large/") for _ in range(20)]
        before, slowest = rss(front), 0
        for index in range(300):
            start = time.monotonic()
            large.hit(index)
            follower.until(lambda: follower.bits >> index & 1)
            slowest = max(slowest, time.monotonic() - start)
        grown = rss(front) - before
        ok(True, "4: clients that do not read hold nobody up")
        figure("slowest update beside 20 clients that do not read", 1e3 * slowest, "ms")
        ok(grown < 50000, f"4: … and cost no growing memory ({grown} KiB over 300 updates of 50 KB for 20 clients)")
        sleepers[0].message()
        while reference_message(sleepers[0].message())[0] != 2:
            pass
        newest = 0
        while newest < 300:
            tag, content = reference_message(sleepers[0].message())
            newest = popcount(content[2]) if tag == 2 else newest
        ok(True, "4: … one that wakes up is sent the newest state")
        for sleeper in sleepers:
            sleeper.close()

        # 5
        client = service.websocket("/t/dead/")
        for _ in range(4):
            client.message()
        dead.hit(7, runs=0, unique=0)
        tag, (runs, unique, bits) = reference_message(client.message())
        ok(set_bits(bits) == [1, 7] and unique == 1, "5: a new bit is sent though no counter moved")
        dead.file.seek(0)
        dead.file.write(struct.pack("<QQ", 0, 0))
        dead.hit(9)
        tag, (runs, unique, bits) = reference_message(client.message())
        while 9 not in set_bits(bits):
            tag, (runs, unique, bits) = reference_message(client.message())
        ok(runs >= 1 and unique >= 1, f"5: a counter that was set back takes nothing back ({runs} runs, {unique} unique)")

        # 6
        dead.hit(11, runs=10**9)
        follower.until(lambda: any(s["runs"] > 10**9 for s in follower.stats.values()))
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
        service.start()
        service.wait_state("dead", "ready", "live", "stale")
        follower = Follower(service.websocket("/", "fuzzsup.v1"), "dead")
        follower.until(lambda: follower.stats.get(follower.id, {}).get("runs", 0) >= 10**9)
        stats = follower.stats[follower.id]
        ok(stats["rate"] == 0, f"6: runs of former days are no runs per second ({stats['runs']} runs, {stats['rate']:g}/s)")
        for _ in range(30):
            dead.hit(11, runs=100)
            follower.until(lambda n=stats["runs"]: follower.stats[follower.id]["runs"] > n)
            stats = follower.stats[follower.id]
        rate = stats["rate"]
        ok(0 < rate < 10**6, f"6: … what is seen to happen is ({rate:.0f}/s)")

        # 7
        entry = service.wait_state("dead", "stale")
        ok("no executions" in entry["reason"], f"7: all fuzzers dead shows: {entry['reason']}")

        # 8
        equal(handshake(service), 101, "8: a sound upgrade is accepted")
        equal(handshake(service, path="/nowhere"), 404, "8: not on any path")
        equal(handshake(service, method="POST"), 405, "8: not by any method")
        equal(handshake(service, Origin="http://evil.example"), 403, "8: not from any Origin")
        equal(handshake(service, Host="evil.example"), 403, "8: not for any Host")
        equal(handshake(service, Sec_WebSocket_Version="8"), 426, "8: not in any version")
        equal(handshake(service, Sec_WebSocket_Key=None), 400, "8: not without a key")
        client = service.websocket("/t/live/")
        client.send(b"hello", 9)
        while True:
            opcode, payload = client.frame()
            if opcode == 10:
                break
        equal(payload, b"hello", "8: ping is answered")
        client.send(struct.pack(">H", 1000), 8)
        while True:
            opcode, payload = client.frame()
            if opcode == 8:
                break
        equal(payload[:2], struct.pack(">H", 1000), "8: so is close")

        # 9
        equal(status(raw(service, b"\x16\x03\x01garbage\r\n\r\n")), 400, "9: garbage gets a 400")
        host = f"Host: 127.0.0.1:{service.port}\r\n\r\n"
        equal(status(raw(service, f"BREW / HTTP/1.1\r\n{host}".encode())), 405, "9: an unknown method gets a 405")
        equal(service.get("/?x=1").status, 200, "9: a query is no other path")

        # 10
        with open(os.path.join(web, "client.c"), "a") as file:
            file.write("\n/* changed */\n")
        mark, answers = len(service.log()), []
        threads = [threading.Thread(target=lambda: answers.append(service.get("/main.wasm"))) for _ in range(6)]
        for thread in threads:
            thread.start()
        start = time.monotonic()
        page = service.get("/").status
        waited = time.monotonic() - start
        for thread in threads:
            thread.join()
        equal([a.status for a in answers], [200] * 6, "10: six requests of main.wasm at once are answered")
        ok(len({a.body for a in answers}) == 1 and answers[0].body[:4] == b"\0asm", "10: … with one module")
        # A worker's lines come by way of the supervisor.
        service.wait_log("rebuilt wasm component", after=mark)
        equal(service.log()[mark:].count("rebuilt wasm component"), 1, "10: … that was compiled once")
        equal(page, 200, "10: … while others are served")
        figure("a page while the module is compiled", 1e3 * waited, "ms")

        # 11
        data = service.get("/t/live/sources.tar").body
        ok(data.endswith(bytes(1024)) and len(data) % 512 == 0, "11: the tar has its trailer")
        names = tarfile.open(fileobj=io.BytesIO(data)).getnames()
        ok(names and not any(n.startswith("/") or ".." in n.split("/") for n in names), "11: … and no absolute names", names)

        # 12
        both = os.path.join(folder, "both")
        section = os.path.join(folder, "section")
        with open(section, "wb") as file:
            file.write(bytes(64))
        subprocess.run([CLANG.replace("clang", "llvm-objcopy"), f"--add-section=__sancov_pcs1={section}", executable, both], check=True)
        service.targets["both"] = Target(both, os.path.join(folder, "live"), roots)
        service.reload()
        entry = service.wait_state("both", "failed")
        ok("__sancov_pcs1" in entry["reason"], f"12: two PC tables for one section of counters: {entry['reason']}")
    done()
