#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Damaged and malicious executables through the real worker: each gets an answer, within
a time, and the worker lives on with no more memory than before. A table that is given
out must be one that readers accept. The seed is fixed."""
import os
import random
import struct
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import *

TARGETS = os.path.join(SRC, "t", "targets")
CALCULATOR = [os.path.join(TARGETS, name) for name in ("calculator.c", "calculator_apply.c")]


def sections(data):
    """name → (offset, size, index) of an ELF file."""
    table, = struct.unpack_from("<Q", data, 40)
    each, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * each) for i in range(count)]
    heap = headers[names][4]
    return {data[heap + h[0]:data.index(b"\0", heap + h[0])].decode(): (h[4], h[5], table + i * each) for i, h in enumerate(headers)}


class Hostile:
    def __init__(self, folder):
        self.folder = folder
        self.log = os.path.join(folder, "worker.log")
        self.path = os.path.join(folder, "hostile")
        self.worker = Worker(self.log)
        self.slowest = 0.0
        self.states = {TABLE_OK: 0, TABLE_NO_PC_TABLE: 0, TABLE_FAILED: 0, TABLE_WANTS_DEBUG: 0}

    def ask(self, data, pcs=None):
        """(status, text, table); raises when the worker dies, the answer has no reason, or the table is not sound."""
        with open(self.path, "wb") as file:
            file.write(data)
        begin = time.monotonic()
        status, text, fd = self.worker.ask(self.path, "main\n0x1000", pcs)
        if status == TABLE_WANTS_DEBUG:  # the file is as bad a debug file as any
            self.states[status] += 1
            status, text, fd = self.worker.ask(self.path, "main\n0x1000", pcs, debug=self.path)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.states[status] += 1
        if (status == TABLE_OK) != (fd is not None) or (status != TABLE_OK and len(text) < 10):
            raise AssertionError(f"status {status}, table {fd}, text {text!r}")
        return status, text, Table(fd) if fd is not None else None

    def memory(self):
        with open(f"/proc/{self.worker.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def attempt(hostile, name, cases):
    """One test: every case is answered. Returns the last answer."""
    count = 0
    try:
        for data in cases:
            answer = hostile.ask(data)
            count += 1
        ok(count > 0, f"{name}: {count} answered" if count > 1 else f"{name}: {answer[1] or 'a table'}")
        return answer
    except (AssertionError, ConnectionError, TimeoutError, OSError, ValueError, IndexError) as error:
        shutil.copy(hostile.path, os.path.join(BUILD, "t", "hostile-elf.failed"))
        ok(False, name, open(hostile.log, errors="replace").read()[-6000:] + f"\ncase {count} (kept as t/hostile-elf.failed): {error!r}")
        hostile.worker = Worker(hostile.log)


def truncations(data, where):
    size = len(data)
    cuts = {0, 1, 4, 16, 63, 64, 65, size // 2, size - 1} | {size * i // 40 for i in range(40)}
    for name in (".debug_line", ".debug_info", "__sancov_pcs", ".rela.dyn", ".symtab"):
        if name in where:
            cuts |= {where[name][0], where[name][0] + 1, where[name][0] + where[name][1] - 1}
    for cut in sorted(cuts):
        yield data[:cut]


def corruptions(data, where, count, rng):
    """Most of them where the parser looks: headers, line tables, abbreviations, strings."""
    places = [where[name][:2] for name in (".debug_line", ".debug_info", ".debug_abbrev", ".debug_line_str", ".debug_str",
                                           "__sancov_pcs", ".rela.dyn", ".symtab", ".shstrtab") if name in where]
    table, = struct.unpack_from("<Q", data, 40)
    places += [(0, 64), (table, len(data) - table)]
    for _ in range(count):
        bad = bytearray(data)
        for _ in range(rng.choice((1, 2, 8, 64))):
            start, size = rng.choice(places + [(0, len(data))])
            at = start + rng.randrange(max(size, 1))
            if at >= len(bad):
                continue
            how = rng.randrange(4)
            if how == 0:
                bad[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                bad[at] = rng.choice((0, 0x7f, 0x80, 0xff))
            elif how == 2:
                bad[at:at + 8] = rng.choice((b"\xff" * 8, b"\0" * 8, b"\xff" * 7 + b"\x7f", b"\x80" * 8))[:len(bad) - at]
            else:
                bad[at:at + 16] = rng.randbytes(16)[:len(bad) - at]
        yield bytes(bad)


def elf(parts):
    """An executable with these sections: name → (address, flags, bytes, type)."""
    names, body, headers = b"\0", b"", [bytes(64)]
    everything = list(parts.items()) + [(".shstrtab", (0, 0, None, 3))]
    for name, (address, flags, data, kind) in everything:
        at = len(names)
        names += name.encode() + b"\0"
        if data is None:
            data = names
        headers.append(struct.pack("<IIQQQQIIQQ", at, kind, flags, address, 64 + len(body), len(data), 0, 0, 1, 0))
        body += data + bytes(-len(data) % 8)
    return struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 2, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64,
                       len(headers), len(headers) - 1) + body + b"".join(headers)


def uleb(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def line_table(program, names=b"\0a.c\0\0\0\0\0", version=4):
    lengths = bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    header = bytes([1, 1, 1, 0xfb, 14, 13]) + lengths + names
    unit = struct.pack("<HI", version, len(header)) + header + program
    return struct.pack("<I", len(unit)) + unit


def with_lines(lines, pcs=50000, **more):
    table = b"".join(struct.pack("<QQ", 0x10000 + 4 * i, 0) for i in range(pcs))
    parts = {".text": (0x10000, 6, bytes(16), 1), "__sancov_pcs": (0x900000, 2, table, 1), ".debug_line": (0, 0, lines, 1)}
    parts.update(more)
    image = bytearray(elf(parts))
    # .text claims all the addresses, with no bytes in the file: type NOBITS.
    offset = struct.unpack_from("<Q", image, 40)[0] + 64
    struct.pack_into("<I", image, offset + 4, 8)
    struct.pack_into("<Q", image, offset + 32, 0x800000)
    return bytes(image)


SET = b"\0\x09\x02"
END = b"\0\1\1"


def bombs():
    """name → executable that is small and asks for much."""
    whole = SET + struct.pack("<Q", 0x10000) + b"\1" + b"\2" + uleb(0x700000) + END
    back = b"\1".join(SET + struct.pack("<Q", 0x10000 + (0x20000 if i % 2 else 0)) for i in range(200000)) + END
    yield "sequences that all claim every PC", with_lines(line_table(whole * 100000))
    yield "rows that jump to and fro", with_lines(line_table(back))
    yield "four million rows", with_lines(line_table(SET + struct.pack("<Q", 0x10000) + b"\x21" * 4000000 + END))
    yield "a million empty tables", with_lines(bytes(4) * 1000000)
    yield "tables of a header alone", with_lines(line_table(b"") * 50000)
    section = zlib.compress(bytes(1 << 20))
    for claim in (1 << 20, 1 << 34, 1 << 62, (1 << 20) - 1, (1 << 20) + 1):
        yield f"a section that claims to inflate to {claim:#x} bytes", with_lines(b"", **{
            ".debug_line": (0, 0x800, struct.pack("<IIQQ", 1, 0, claim, 1) + section, 1)})
    yield "compressed in an unknown way", with_lines(b"", **{".debug_line": (0, 0x800, struct.pack("<IIQQ", 9, 0, 10, 1), 1)})
    # Every unit's first DIE is declared at the end of one long table of abbreviations.
    abbrev = b"".join(uleb(i) + b"\x11\0\0\0" for i in range(2, 200000)) + b"\1\x11\0\x10\x17\x1b\x08\0\0\0"
    unit = struct.pack("<HIB", 4, 0, 8) + b"\1" + struct.pack("<I", 0) + b"/d\0"
    units = (struct.pack("<I", len(unit)) + unit) * 50000
    yield "units that share one endless table", with_lines(line_table(whole), **{
        ".debug_info": (0, 0, units, 1), ".debug_abbrev": (0, 0, abbrev, 1)})
    # Each unit's directory begins in one string that never ends, and has no line table.
    abbrev = b"\1\x11\0" + b"\x1b\x0e" * 5 + b"\x03\x19" * 100000 + b"\0\0\0"
    unit = struct.pack("<HIB", 4, 0, 8) + b"\1" + bytes(20)
    units = (struct.pack("<I", len(unit)) + unit) * 100000
    yield "units that share one endless directory", with_lines(line_table(whole), **{
        ".debug_info": (0, 0, units, 1), ".debug_abbrev": (0, 0, abbrev, 1), ".debug_str": (0, 0, b"d" * 8000000, 1)})
    # A file of DWARF 5 for each PC, and all names run through one string without an end.
    files, pcs = 100000, 50000
    header = (bytes([8, 0]), bytes([1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]) + b"\1\1\x1f\1" + struct.pack("<I", 0) +
              b"\1\1\x1f" + uleb(files) + b"".join(struct.pack("<I", i) for i in range(files)))
    program = SET + struct.pack("<Q", 0x10000) + b"".join(b"\4" + uleb(i) + b"\1\2\4" for i in range(pcs)) + END
    unit = struct.pack("<H", 5) + header[0] + struct.pack("<I", len(header[1])) + header[1] + program
    for name, text in (("no end", b"x" * 4000000), ("long names", (b"y" * 4000 + b"\0") * 1000)):
        yield f"strings with {name}", with_lines(struct.pack("<I", len(unit)) + unit, **{".debug_line_str": (0, 0, text, 1)})
    # Names without an end, and many sections: whoever looks for a NUL looks long.
    many = bytearray(with_lines(line_table(whole), pcs=10))
    table, = struct.unpack_from("<Q", many, 40)
    sections_of_all = b"".join(struct.pack("<IIQQQQIIQQ", 1, 7, 0, 0, 0, 30000000, 0, 0, 1, 0) for _ in range(60000))
    names = b"\0" + b"n" * 20000000
    head = bytes(many[table:table + 64 * 4]) + sections_of_all + struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, 4096, len(names), 0, 0, 1, 0)
    body = bytes(many[:table]).ljust(4096, b"\0") + names
    body += bytes(-len(body) % 8)
    image = bytearray(body + head)
    struct.pack_into("<Q", image, 40, len(body))
    struct.pack_into("<HH", image, 60, 4 + 60000 + 1, 4 + 60000)
    yield "60,000 notes and one endless name", bytes(image)
    parts = {f".note.{i}": (0, 2, b"\4\0\0\0\4\0\0\0\3\0\0\0GNX\0abcd" * 100, 7) for i in range(2000)}
    overlapping = bytearray(with_lines(line_table(whole), pcs=10, **parts))
    table, = struct.unpack_from("<Q", overlapping, 40)
    for i in range(2000):  # each of them is the whole file
        struct.pack_into("<QQ", overlapping, table + 64 * (4 + i) + 24, 0, len(overlapping))
    yield "2,000 notes that are the whole file", bytes(overlapping)
    yield "no PCs", with_lines(line_table(whole), pcs=0)
    yield "PC table of half an entry", with_lines(line_table(whole), **{"__sancov_pcs": (0x900000, 2, bytes(24), 1)})


with scratch() as folder:
    good = {}
    for dwarf in (4, 5):
        path = os.path.join(folder, f"good{dwarf}")
        subprocess.run([CLANG, "-fsanitize=fuzzer", f"-gdwarf-{dwarf}", "-O1", "-w", *CALCULATOR, "-o", path], check=True)
        with open(path, "rb") as file:
            good[dwarf] = file.read()
    hostile = Hostile(folder)
    hostile.ask(good[5])
    rng = random.Random(20110)
    for dwarf, data in good.items():
        attempt(hostile, f"truncated, DWARF {dwarf}", truncations(data, sections(data)))
        attempt(hostile, f"corrupted, DWARF {dwarf}", corruptions(data, sections(data), int(os.environ.get("CORRUPTIONS", 300)), rng))
    for name, data in bombs():
        attempt(hostile, name, [data])
    for name, pcs in (("no PCs", b""), ("half a PC", bytes(12))):
        status, text, _ = hostile.ask(good[5], pcs)
        ok(status == TABLE_FAILED and "list of PCs" in text, f"a list with {name}: {text}")
    spread = struct.pack("=5Q", 2**64 - 1, 0, 2**63, 0x10000, 0)
    ok(hostile.ask(good[5], spread)[0] == TABLE_FAILED, "a list that spans all addresses")
    before = hostile.memory()
    for _ in range(10):
        hostile.ask(good[5])
    status, text, table = hostile.ask(good[5])
    equal(table and table.locations, llvm(os.path.join(folder, "good5"), table.pcs), "after all that a sound executable is right")
    ok(hostile.memory() < before + (16 << 20), f"and nothing grew: {before >> 20} MiB, {hostile.memory() >> 20} MiB")
    figure("slowest answer to a damaged executable", hostile.slowest, "s", "< 20")
    note(f"tables {hostile.states[TABLE_OK]}, no PC table "
         f"{hostile.states[TABLE_NO_PC_TABLE]}, failed {hostile.states[TABLE_FAILED]}, asked for a debug file {hostile.states[TABLE_WANTS_DEBUG]}")
    equal(hostile.worker.stop(), 0, "the worker ends when asked")
    words = open(hostile.log, errors="replace").read()
    ok("Sanitizer" not in words and "runtime error" not in words, "no sanitizer complains", words[-4000:])
done()
