#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executables that take long: others go first, and they get their turn in the end; one that
claims what is not on the disk is refused."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

# Writes down what it is asked for; "slow" takes until the file "go" is there, others no time.
DOUBLE = """#!%s
import os, socket, struct, sys, time
folder = %r
channel = socket.socket(fileno=3)
while True:
    data, fds, _, _ = socket.recv_fds(channel, 65536, 8)
    if not data:
        break
    kind, _, target, _, serial = struct.unpack_from("=IIIIQ", data)
    name = os.path.basename(os.readlink(f"/proc/self/fd/{fds[0]}"))
    with open(os.path.join(folder, "asked"), "a") as file:
        file.write(name + "\\n")
    while name == "slow" and not os.path.exists(os.path.join(folder, "go")):
        time.sleep(0.01)
    text = f"{name} is done".encode()
    channel.send(struct.pack("=IIIIQI12x", %d, len(text), target, 0, serial, 2) + text)
    for fd in fds:
        os.close(fd)
"""


def with_sparse(executable, path, section, size):
    """A copy in which @section lies in a hole of @size bytes."""
    with open(executable, "rb") as file:
        image = bytearray(file.read())
    headers, = struct.unpack_from("<Q", image, 40)
    each, count, names = struct.unpack_from("<HHH", image, 58)
    strings, = struct.unpack_from("<Q", image, headers + names * each + 24)
    for header in range(headers, headers + count * each, each):
        name, = struct.unpack_from("<I", image, header)
        if image[strings + name:].startswith(section + b"\0"):
            struct.pack_into("<Q", image, header + 8, 0)  # not compressed
            struct.pack_into("<QQ", image, header + 24, len(image), size)
    with open(path, "wb") as file:
        file.write(image)
        file.truncate(len(image) + size)
    os.chmod(path, 0o755)
    return path


def sparse(folder, executable):
    targets = {"good": Target(executable)}
    try:
        for name, size in (("terabyte", 1 << 40), ("gigabytes", 5 << 30)):
            targets[name] = Target(with_sparse(executable, os.path.join(folder, name), b".debug_line", size))
    except OSError as error:
        skip("sparse sections", f"files of a terabyte cannot be made here: {error}")
        return
    with Service(folder, targets) as service:
        service.wait_state("good", "ready")
        for name in list(targets)[1:]:
            entry = wait_until(lambda: (lambda t: t if t["state"] in ("failed", "ready") else None)(service.target(name)), name, 40)
            ok(entry["state"] == "failed" and "section .debug_line says" in entry["reason"] and "never written" in entry["reason"], f"a sparse .debug_line: {entry['reason']}", entry)


def stopped(folder, executable, other):
    """A symbolizer that does not get on, as with an executable that takes for ever."""
    with Service(folder) as service:
        pid = wait_until(lambda: service.worker("symbolizer"), "the symbolizer runs")
        os.kill(pid, signal.SIGSTOP)
        service.targets["slow"] = Target(executable)
        service.reload()
        service.wait_state("slow", "symbolizing")
        service.targets["next"] = Target(other)
        service.reload()
        wait_until(lambda: (service.target("next") or {}).get("state") == "ready", "the one that waits", 40)
        ok(True, "who waits behind a job that takes long goes first")
        service.wait_state("slow", "ready")
        ok(True, "the job that took long is done, too, and its symbolizer's death is not counted")
        ok("others wait: they go first" in service.log(), "the log says so")


def turns(folder, executable):
    libexec_folder = os.path.join(folder, "libexec")
    os.mkdir(libexec_folder)
    for name in ("collector", "frontend", "runner", "archive"):
        os.symlink(os.path.join(libexec(), f"fuzzsupd-{name}"), os.path.join(libexec_folder, f"fuzzsupd-{name}"))
    double = os.path.join(libexec_folder, "fuzzsupd-symbolizer")
    with open(double, "w") as file:
        file.write(DOUBLE % (sys.executable, folder, message_types()["TABLE"]))
    os.chmod(double, 0o755)
    names = ["slow", "one", "two", "three"]
    for name in names:
        shutil.copy(executable, os.path.join(folder, name))

    def asked():
        try:
            with open(os.path.join(folder, "asked")) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    with Service(folder, environment={"FUZZSUPD_LIBEXEC": libexec_folder}) as service:
        def add(name):
            service.targets[name] = Target(os.path.join(folder, name))
            service.reload()
            wait_until(lambda: service.target(name), f"{name} is there")

        add("slow")
        wait_until(lambda: asked() == ["slow"], "the slow one is begun")
        add("one")
        wait_until(lambda: asked()[1:] == ["one", "slow"], f"another one goes first: {asked()}", 40)
        ok(True, "the slow one gives way to another, and is begun anew")
        entry = service.wait_state("slow", "symbolizing")
        add("two")
        add("three")
        wait_until(lambda: asked()[3:] == ["two", "three", "slow"], f"and gives way again: {asked()}", 60)
        ok("others wait: they go first" in service.log() and "more than 3 s" in service.log() and "more than 6 s" in service.log(), "its turns grow, so that it comes to an end though others come all the time", asked())
        open(os.path.join(folder, "go"), "w").close()
        entry = service.wait_state("slow", "failed")
        equal(entry["reason"], "slow is done", "it gets its answer")
        equal(asked().count("one"), 1, "who gave no cause is asked for once")


with scratch() as base:
    executable = build(os.path.join(base, "fuzz_json"), demo_sources(), "-O1", "-lm")
    other = build(os.path.join(base, "other"), demo_sources(), "-O2", "-lm")
    for number, (test, arguments) in enumerate(((sparse, [executable]), (stopped, [executable, other]), (turns, [executable]))):
        if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
            continue
        note(test.__name__)
        folder = os.path.join(base, str(number))
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        try:
            test(folder, *arguments)
        except TimeoutError as error:
            ok(False, test.__name__, error)
done()
