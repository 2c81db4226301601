#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executables whose debug information lies in a file of its own: found by build ID and by
name, refused when it is of another build, and the same lines as before the split."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import *
from wire import *

TARGETS = os.path.join(SRC, "t", "targets")
SOURCES = [os.path.join(TARGETS, name) for name in ("calculator.c", "calculator_apply.c")]


def whole(path, *options):
    subprocess.run([CLANG, "-fsanitize=fuzzer", "-g", "-O1", "-w", *options, *SOURCES, "-o", path], check=True)
    return path


def split(path, debug, link=True):
    """Moves @path's debug information to @debug."""
    os.makedirs(os.path.dirname(debug), exist_ok=True)
    subprocess.run(["objcopy", "--only-keep-debug", path, debug], check=True)
    subprocess.run(["strip", path], check=True)
    if link:
        subprocess.run(["objcopy", "--add-gnu-debuglink=" + debug, path], check=True)


def build_id(path):
    text = subprocess.run(["readelf", "-n", path], text=True, capture_output=True, check=True).stdout
    return text.split("Build ID: ")[1].split()[0]


def lines(data):
    index = SourceIndex(data)
    return [None if file == 0xFFFFFFFF else (index.path(file), line, column) for file, line, column in index.locations]


with scratch() as folder:
    at = lambda *names: os.path.join(folder, *names)
    reference = whole(at("reference"), "-Wl,--build-id=sha1")
    worker = Worker(at("log"))
    code, text, fd = worker.ask(reference)
    wanted = Table(fd).locations
    equal(worker.stop(), 0, "the symbolizer ends with 0")

    roots = at("roots")
    os.makedirs(at("bin"))
    targets, debug = {}, {}

    def target(name, *options):
        targets[name] = Target(whole(at("bin", name), *options), folder, roots=[TARGETS])
        return at("bin", name)

    path = target("by-build-id", "-Wl,--build-id=sha1")
    name = build_id(path)
    split(path, os.path.join(roots, ".build-id", name[:2], name[2:] + ".debug"), link=False)
    split(target("beside", "-Wl,--build-id=none"), at("bin", "beside.debug"))
    split(target("dot-debug", "-Wl,--build-id=none"), at("bin", ".debug", "dot-debug.debug"))
    split(target("below-root", "-Wl,--build-id=none"), roots + at("bin", "below-root.debug"))
    split(target("dwarf4", "-Wl,--build-id=none", "-gdwarf-4"), at("bin", "dwarf4.debug"))
    split(target("compressed", "-Wl,--build-id=none", "-gz=zlib"), at("bin", "compressed.debug"))
    split(target("nowhere", "-Wl,--build-id=sha1", "-O2"), at("lost", "nowhere.debug"))
    split(target("other-crc", "-Wl,--build-id=none"), at("bin", "other-crc.debug"))
    with open(at("bin", "other-crc.debug"), "ab") as file:
        file.write(b"x")
    split(target("other-id", "-Wl,--build-id=sha1", "-O2"), at("bin", "other-id.debug"))
    shutil.copy(whole(at("third"), "-Wl,--build-id=sha1", "-O0"), at("bin", "other-id.debug"))
    split(target("rubbish", "-Wl,--build-id=none"), at("bin", "rubbish.debug"))
    with open(at("bin", "rubbish.debug"), "wb") as file:
        file.write(b"rubbish" * 100)
    split(target("fifo", "-Wl,--build-id=none"), at("bin", "fifo.debug"))
    os.unlink(at("bin", "fifo.debug"))
    os.mkfifo(at("bin", "fifo.debug"))

    with Service(folder, targets=targets, extra=f'debug-roots = {{ "/nonexistent", "{roots}" }}') as service:
        for name in ("by-build-id", "beside", "dot-debug", "below-root", "dwarf4", "compressed"):
            found = service.wait_state(name, "ready", "failed")
            got = lines(service.get(f"/t/{name}/index.bin").body) if found["state"] == "ready" else found
            same = [place and (os.path.basename(place[0]), *place[1:]) for place in got] if isinstance(got, list) else got
            equal(same, [(os.path.basename(place), line, column) if place else None for place, line, column in wanted], f"{name}: all lines are there")
        for name, words in (("nowhere", "debug-roots"), ("other-crc", "CRC"), ("other-id", "another build ID"), ("rubbish", "ELF"), ("fifo", "regular file")):
            found = service.wait_state(name, "ready", "failed")
            ok(found["state"] == "failed" and words in found["reason"], f"{name}: {found['reason']}")
    service.stop()
done()
