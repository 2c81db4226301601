#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executables whose debug information lies in a file of its own: found by build ID and by
name, refused when it is of another build, and the same lines as before the split; and
what several of these have in common in an alternate file, as dwz -m makes it."""
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


def alternate_files(folder, roots, targets):
    """Pairs of targets whose debug files were given an alternate one; the name in these (-M) leads there, or not. Returns
    the targets' names, and the words that tell that it was not found."""
    cases = (  # folder of the debug files, where the alternate file then lies, its name in these, what is told
        ("beside", "bin", "bin/beside.alt", "beside.alt", None),
        ("below-folder", "bin", "bin/.dwz/x.alt", ".dwz/x.alt", None),
        ("rooted", None, "roots/.dwz/r.alt", "../../.dwz/r.alt", None),
        ("absolute", "bin", "roots/.dwz/a.alt", os.path.join(roots, ".dwz", "..", ".dwz", "a.alt"), None),
        ("id", "bin", None, "/nonexistent/id.alt", None),
        ("packed", "bin", "bin/packed.alt", "packed.alt", None),
        ("lost", "bin", "lost/l.alt", "nowhere.alt", "lies neither below"),
        ("outside", "bin", "lost/o.alt", os.path.join(folder, "lost", "o.alt"), "lies neither below"),
        ("climbs", "bin", "lost/c.alt", "../lost/c.alt", "lies neither below"),
        ("link", "bin", "bin/link.alt", "link.alt", "lies neither below"),
        ("other", "bin", "bin/other.alt", "other.alt", "another ID"),
        ("fifo", "bin", "bin/fifo.alt", "fifo.alt", "regular file"),
    )
    at = lambda name: os.path.join(folder, name)
    for name, place, lies, called, told in cases:
        made, pair, work = at(name + ".alt"), [], at(name + ".build")
        os.mkdir(work)
        for one in (name + "-a", name + "-b"):
            path = at(os.path.join("bin", one))
            # Relative names, before DWARF 5: so the build directory counts, which goes into the alternate file.
            subprocess.run([CLANG, "-fsanitize=fuzzer", "-g", "-gdwarf-4", "-O1", "-w", "-Wl,--build-id=0x" + os.urandom(20).hex(),
                            *(os.path.relpath(source, work) for source in SOURCES), "-o", path], check=True, cwd=work)
            number = build_id(path)
            debug = at(os.path.join(place, one + ".debug")) if place else os.path.join(roots, ".build-id", number[:2], number[2:] + ".debug")
            split(path, debug, link=bool(place))
            pair.append(debug)
            targets["alt-" + one] = Target(path, folder, roots=[TARGETS])
        subprocess.run(["dwz", "-m", made, "-M", called, *pair], check=True)
        if name == "packed":
            for path in (made, *pair):
                subprocess.run(["objcopy", "--compress-debug-sections", path], check=True)
        number = build_id(made)
        lies = at(lies) if lies else os.path.join(roots, ".build-id", number[:2], number[2:] + ".debug")
        os.makedirs(os.path.dirname(lies), exist_ok=True)
        if name == "link":
            os.makedirs(at("lost"), exist_ok=True)
            shutil.move(made, at("lost/link.alt"))
            os.symlink(at("lost/link.alt"), lies)
        elif name == "fifo":
            os.mkfifo(lies)
        else:
            shutil.move(at("beside.alt.copy") if name == "other" else made, lies)
        if name == "beside":
            shutil.copy(lies, at("beside.alt.copy"))
    return [(f"alt-{name}-{one}", told) for name, _, _, _, told in cases for one in "ab"]


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

    alternates = alternate_files(folder, roots, targets) if shutil.which("dwz") else []

    with Service(folder, targets=targets, extra=f'debug-roots = {{ "/nonexistent", "{roots}" }}') as service:
        for name in ("by-build-id", "beside", "dot-debug", "below-root", "dwarf4", "compressed"):
            found = service.wait_state(name, "ready", "failed")
            got = lines(service.get(f"/t/{name}/index.bin").body) if found["state"] == "ready" else found
            same = [place and (os.path.basename(place[0]), *place[1:]) for place in got] if isinstance(got, list) else got
            equal(same, [(os.path.basename(place), line, column) if place else None for place, line, column in wanted], f"{name}: all lines are there")
        for name, words in (("nowhere", "debug-roots"), ("other-crc", "CRC"), ("other-id", "another build ID"), ("rubbish", "ELF"), ("fifo", "regular file")):
            found = service.wait_state(name, "ready", "failed")
            ok(found["state"] == "failed" and words in found["reason"], f"{name}: {found['reason']}")
        if not alternates:
            note("no dwz: alternate debug files are left out")
        names = lines(service.get("/t/by-build-id/index.bin").body)
        for name, words in alternates:
            found = service.wait_state(name, "ready", "failed")
            got = lines(service.get(f"/t/{name}/index.bin").body) if found["state"] == "ready" else found
            told = found.get("reason") or ""
            if not words:
                equal((got, "altlink" in told), (names, False), f"{name}: all lines are there, and names from the alternate file")
            else:
                equal([place and place[1:] for place in got], [place and place[1:] for place in names], f"{name}: all lines are there")
                ok(got != names and words in told, f"{name}: {told}")
    service.stop()
done()
