#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where instructions of AArch64 lead, as the symbolizer decodes them, against LLVM's disassembler: each of whole libraries, every form by name, and
words at random of the group that has the branches."""
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

OBJDUMP = SYMBOLIZER.replace("llvm-symbolizer", "llvm-objdump")
LIBRARIES = [path for path in (f"/usr/aarch64-linux-gnu/lib/{name}" for name in ("libc.so.6", "libstdc++.so.6", "libm.so.6")) if os.path.exists(path)]
EVERYTHING = "armv9.5-a+pauth-lr+hbc+tme+sve2+sme2+mops+memtag+ls64"
FORMS = """
	b 1f; bl 1f; b.eq 1f; b.al 1f; bc.ne 1f; bc.al 1f; cbz x3, 1f; cbnz w3, 1f; tbz x3, #40, 1f; tbnz w3, #3, 1f; b .; b .-4; bl .-4096
1:	br x17; braa x1, x2; brab x1, sp; braaz x3; brabz x3; blr x8; blraa x1, x2; blrab x1, sp; blraaz x3; blrabz x3
	ret; ret x1; retaa; retab; eret; eretaa; eretab; drps; svc #0; hvc #1; smc #2; brk #1; brk #0xf000; brk #0x92f; brk #0x90f; hlt #1; tcancel #3; dcps1; dcps2; dcps3; udf #1; udf #0
	nop; bti c; bti j; paciasp; autiasp; xpaclri; hint #100; yield; isb; dsb sy; mrs x0, tpidr_el0; msr nzcv, x1; tstart x1; sys #0, c7, c5, #0
	retaasppc .-8; retabsppc .-8; retaasppcr x3; retabsppcr x3; smstart; fmopa za0.s, p0/m, p1/m, z0.s, z1.s; whilelo p0.s, x0, x1
"""
NO_RETURN = ("brk", "hlt", "tcancel", "dcps1", "dcps2", "dcps3", "drps", "udf")
GOES_ON = re.compile(r"brk\s+#(0xf000|0x9[2367abef].)$")


def kind_of(text):
    """What the symbolizer should say of an instruction that LLVM writes so."""
    name = text.split()[0]
    if text == "nop" or re.fullmatch(r"udf\s+#(0x)?0", text):
        return "padding"
    if name == "b" or re.fullmatch(r"bc?\.(al|nv)", name):
        return "jump"
    if re.match(r"bc?\.|cbn?z|tbn?z", name):
        return "branch"
    if name == "bl" or name.startswith("blr"):
        return "call"
    if name == "br" or re.fullmatch(r"bra[ab]z?", name):
        return "leap"
    if re.fullmatch(r"e?ret(a[ab](sppc(r)?)?)?", name):
        return "return"
    return "end" if name in NO_RETURN and not GOES_ON.match(text) else "plain"


def disassemble(path):
    """(address, word, text)"""
    told = subprocess.run([OBJDUMP, "-d", "--mattr=+all", path], capture_output=True, text=True, check=True).stdout
    for address, word, text in re.findall(r"(?m)^\s*([0-9a-f]+): ([0-9a-f]{8}) +\t(.*)$", told):
        yield address, word, re.sub(r"\s*(//|<).*", "", text) if "unknown" not in text else text


def agrees(path, what):
    listed = list(disassemble(path))
    told = subprocess.run([os.path.join(BUILD, "t", "lib", "tell_steps")], input="".join(f"{address} {word}\n" for address, word, _ in listed), capture_output=True, text=True, check=True).stdout.splitlines()
    known, wrong = 0, []
    for (address, word, text), said in zip(listed, told):
        if "unknown" in text:
            continue
        known += 1
        kind = kind_of(text)
        target = re.search(r"0x([0-9a-f]+)$", text) if kind in ("jump", "branch", "call") else None
        if said != kind + (f" {target[1]}" if target and int(target[1], 16) else ""):
            wrong.append(f"{address}: {word} {text}: {said}")
    ok(len(told) == len(listed) and known > 50 and not wrong, f"{what}: all {known} instructions lead where LLVM says", "\n".join(wrong[:20]))


with scratch() as folder:
    for path in LIBRARIES:
        agrees(path, os.path.basename(path))
    rng = random.Random(64)
    words = [rng.randrange(8) << 29 | rng.choice((10, 11)) << 25 | rng.getrandbits(25) for _ in range(200000)]
    # Most at random are no instruction: the others are near of one.
    words += [rng.choice((0xd61f0000, 0xd65f0000, 0xd4200000, 0x54000000, 0xd5000000, 0xd69f03e0, 0xd71f0800, 0x55000000)) | rng.getrandbits(21) & rng.getrandbits(21) for _ in range(50000)]
    for name, text in (("forms", FORMS.replace(";", "\n")), ("random", "\n".join(f".inst {word:#x}" for word in words))):
        source = os.path.join(folder, name + ".s")
        with open(source, "w") as file:
            file.write(text + "\n")
        subprocess.run([CLANG, "--target=aarch64-linux-gnu", "-march=" + EVERYTHING, "-c", source, "-o", source + ".o"], check=True)
        agrees(source + ".o", {"forms": "every form", "random": "words at random"}[name])
done()
