#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Coverage files as they should not be: each gets a clear word, everything else goes on,
and nothing that was reached is lost."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *

with scratch() as folder:
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    first = os.path.join(folder, "first")
    subprocess.run([executable, "-runs=1", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=first), stderr=subprocess.DEVNULL, check=True)
    pcs = CoverageFile.read([os.path.join(first, f) for f in os.listdir(first) if len(f) == 16][0])[3]
    coverage = os.path.join(folder, "coverage")
    healthy = os.path.join(folder, "healthy")
    os.mkdir(coverage)
    os.mkdir(healthy)
    targets = {"hostile": Target(executable, coverage), "healthy": Target(executable, healthy)}
    with Service(folder, targets) as service:
        service.wait_state("hostile", "ready")
        service.wait_state("healthy", "ready")
        good = CoverageFile(os.path.join(healthy, "00000000000000aa"), pcs)
        good.hit(1)
        file = CoverageFile(os.path.join(coverage, "00000000000000bb"), pcs)
        file.hit(2, 3)
        follower = Follower(service.websocket("/", "fuzzsup.v1"), "hostile")
        follower.until(lambda: follower.bits == 0b1100)
        ok(True, "a sound file is read")

        def others_go_on(after):
            before = service.target("healthy")["covered"]
            good.hit(before + 10)
            wait_until(lambda: service.target("healthy")["covered"] == before + 1, f"the healthy target's next bit {after}")
            follower.until(lambda: follower.bits & 0b1100 == 0b1100)
            return not follower.shrunk

        def left_out(pattern):
            return wait_until(lambda: re.search(pattern, service.target("hostile")["reason"]), f"the reason says {pattern!r}: {service.target('hostile')}")

        os.truncate(file.path, 100)
        service.wait_log("was cut or grown")
        ok(others_go_on("after a truncation"), "truncated while it is read: nothing that was reached is lost")
        with open(file.path, "r+b") as restored:
            restored.truncate(24 + 8 * file.words + 8 * len(pcs))
            restored.seek(0)
            restored.write(struct.pack("<QQQ", 5, 5, len(pcs)) + bytes(8 * file.words) + struct.pack(f"<{len(pcs)}Q", *pcs))
        again = CoverageFile.__new__(CoverageFile)
        again.path, again.pcs, again.words, again.file = file.path, pcs, file.words, open(file.path, "r+b", buffering=0)
        again.hit(4)
        follower.until(lambda: follower.bits == 0b11100)
        ok(not follower.shrunk, "grown again as zeros: old bits stay, new ones arrive")

        os.rename(CoverageFile(os.path.join(folder, "new"), pcs).path, file.path)
        replaced = CoverageFile.__new__(CoverageFile)
        replaced.path, replaced.pcs, replaced.words, replaced.file = file.path, pcs, file.words, open(file.path, "r+b", buffering=0)
        replaced.hit(6)
        follower.until(lambda: follower.bits == 0b1011100)
        ok(not follower.shrunk, "replaced by another file: attached anew")

        def make(name, content=None):
            path = os.path.join(coverage, name)
            if content is not None:
                with open(path + ".tmp", "wb") as out:
                    out.write(content)
                os.rename(path + ".tmp", path)
            return path

        size = 24 + 8 * file.words + 8 * len(pcs)
        cases = [
            ("0000000000000001", struct.pack("<QQQ", 1, 1, len(pcs)) + bytes(size - 25), "bytes where its"),
            ("0000000000000002", struct.pack("<QQQ", 1, 1, 1 << 61) + bytes(64), "no known layout"),
            ("0000000000000003", struct.pack("<QQQ", 1, 1, 0), "no PCs yet"),
            ("0000000000000004", b"", "still empty"),
            ("0000000000000005", struct.pack("<III", 1, 1, 3) + bytes(4 + 12), "32-bit program"),
            ("0000000000000006", struct.pack("<QQQ", 1, 1, 2) + bytes(8) + struct.pack("<QQ", 1, 2), "another build"),
            ("0000000000000007", struct.pack("<QQQ", 1, 1, len(pcs)) + bytes(size - 24), "PCs are not written yet"),
        ]
        for name, content, reason in cases:
            path = make(name, content)
            left_out(reason)
            ok(others_go_on(f"beside {name}"), f"left out: {reason}")
            os.unlink(path)
            wait_until(lambda: name not in service.target("hostile")["reason"], f"{name} is forgotten")
        os.mkfifo(make("0000000000000008"))
        left_out("not a regular file")
        os.unlink(make("0000000000000008"))
        ok(others_go_on("beside a FIFO"), "left out: a FIFO, without waiting for its writer")
        os.symlink("/etc/passwd", make("0000000000000009"))
        left_out("symbolic link")
        os.unlink(make("0000000000000009"))
        ok(others_go_on("beside a link"), "left out: a symbolic link")
        os.mkdir(make("000000000000000a"))
        left_out("not a regular file")
        os.rmdir(make("000000000000000a"))
        ok(others_go_on("beside a directory"), "left out: a directory")

        late = os.path.join(coverage, "00000000000000cc")
        with open(late, "wb") as out:
            out.truncate(size)
            out.flush()
            left_out("no PCs yet")
            out.write(struct.pack("<QQQ", 7, 1, len(pcs)) + struct.pack("<Q", 1 << 8) + bytes(8 * (file.words - 1)))
            out.flush()
            left_out("PCs are not written yet")
            out.write(struct.pack(f"<{len(pcs)}Q", *pcs))
        follower.until(lambda: follower.bits >> 8 & 1)
        ok(True, "a file that was still being written is read when it is whole")
    done()
