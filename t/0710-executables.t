#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executables that are not what they should be: each target says why, the others go on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

with scratch() as folder:
    good = build(os.path.join(folder, "good"), demo_sources(), "-O1", "-lm")
    with open(good, "rb") as file:
        content = file.read()

    def write(name, data):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o755)
        return path

    stripped = os.path.join(folder, "stripped")
    subprocess.run([CLANG.replace("clang", "llvm-strip") if "-" in CLANG else "strip", "-g", good, "-o", stripped], check=True)
    os.mkdir(os.path.join(folder, "directory"))
    os.mkfifo(os.path.join(folder, "fifo"))
    os.mkdir(os.path.join(folder, "coverage"))
    plain = os.path.join(folder, "plain")
    subprocess.run([CLANG, "-g", "-x", "c", "-", "-o", plain], input=b"int main(void) { return 0; }", check=True)
    cases = {
        "half": (write("half", content[:len(content) // 2]), "failed", "."),
        "text": (write("text", b"#!/bin/sh\nexit 0\n"), "failed", "ELF"),
        "empty": (write("empty", b""), "failed", "."),
        "folder": (os.path.join(folder, "directory"), "failed", "regular file"),
        "fifo": (os.path.join(folder, "fifo"), "failed", "regular file"),
        "missing": (os.path.join(folder, "missing"), "waiting", "No such file"),
        "no-dwarf": (stripped, "failed", "-g"),
        "plain": (plain, "waiting", "PC table"),
        "entry": (good, "ready", "entry point no_such_function is in no symbol table"),
    }
    targets = {name: Target(path, os.path.join(folder, "coverage")) for name, (path, _, _) in cases.items()}
    targets["entry"].keys["entry-points"] = ["no_such_function"]
    targets["good"] = Target(good, os.path.join(folder, "coverage"))
    with Service(folder, targets) as service:
        service.wait_state("good", "ready")
        for name, (path, state, pattern) in cases.items():
            entry = wait_until(lambda: (lambda t: t if t["state"] == state and re.search(pattern, t["reason"]) else None)(service.target(name)),
                               f"{name} is {state} because of {pattern}: {service.target(name)}")
            ok(True, f"{name} is {state}: {entry['reason']}")
        equal(service.get("/t/good/index.bin").status, 200, "the sound one is served")
        equal(service.get("/t/text/").status, 200, "a failed one has a page")

        os.rename(write("later", content), os.path.join(folder, "missing"))
        service.wait_state("missing", "ready")
        ok(True, "an executable that appears is symbolized")
        before = service.target("missing")
        rebuilt = build(os.path.join(folder, "rebuilt"), demo_sources(), "-O2", "-lm")
        os.rename(rebuilt, os.path.join(folder, "missing"))
        wait_until(lambda: service.target("missing")["build_id"] != before["build_id"] and service.target("missing")["state"] == "ready", "the new build")
        ok(service.target("missing")["id"] == before["id"], "an executable that was rebuilt is symbolized anew")
    done()
