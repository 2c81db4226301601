#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many source lines could be given a state, and how many of these would be wrong, by several ways of concluding lines
from PCs, in builds as they are, with no-prune, and as README advises for replay. The judge is llvm-cov on a build of the same sources with -O0, after the same inputs. Needs a release build
(builddir=BUILD), clang and LLVM 19, and x86-64:

t/bench/line_truth.py [-v] [-d] [-w WAY] FOLDER INPUTS FLAG… -- SOURCE…
-v: wrong ones by name; -w: one way alone; -d: where both differ a debugger decides (gdb, on llvm-cov's build)

Without "--" and what is behind it FOLDER has the builds: judge, as-built, no-prune, advised (targets.mk makes one of Rust).
FOLDER keeps what is built. INPUTS: a corpus; an empty one is filled by fuzzing for half a minute. Only lines count that
llvm-cov takes for code, that do not begin with a macro, and that have a row in the line table of the build in
question. Ways:

points  a line is the PCs that stand in it
rows    what lies between a PC and the next one of its function runs with it
graph   the function's machine code is split where it jumps, never returns, or has a PC; without the blocks whose PC did not
        run, what cannot be reached from the entry, or reaches no end, did not run, and what dominates or post-dominates
        a block that ran did run, too; the rest is unknown
blocks  graph, as fuzzsupd itself concludes it, and corrects it by what sources say (t/lib/tell_lines)
copies  graph; and where a function was never entered, but another of its lines ran, an inlined copy of it did: lines
        that are seen in the function alone are unknown"""
import bisect
import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fuzzsup import BUILD, CLANG, read_lcov, runtime_response_file

REACHED, UNKNOWN, MISSED = "reached", "unknown", "not reached"
WAYS = ("points", "rows", "graph", "blocks", "copies")
NO_PRUNE = "-fsanitize-coverage=no-prune"
VARIANTS = {"as built": (), "no-prune": (NO_PRUNE,), "advised": (NO_PRUNE, "-fno-inline")}
CRASH = r"__asan_report_\w+|__ubsan_handle_\w+_abort|__stack_chk_fail|__assert_fail|abort"
CRASHES = re.compile(f"<({CRASH})(@plt)?>")  # a run that ends there leaves no coverage
NEVER_RETURNS = re.compile(rf"<({CRASH}|_?exit|_Unwind_Resume|__cxa_(re)?throw|_ZSt9terminatev|__clang_call_terminate|(sig)?longjmp|"
                           r"_ZSt\d+__throw_\w+|_ZN4core9panicking\w*|rust_begin_unwind)(@plt)?>")
Row = collections.namedtuple("Row", "begin end file line")
Function = collections.namedtuple("Function", "begin end instructions")  # (address, mnemonic, operands)


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


# ---- what was built, and what ran ----

def read_rows(executable):
    """Rows by address, without sequences that the linker threw away."""
    rows, files, folders, sequence, number, name = [], {}, {}, [], 0, ""
    for line in output("llvm-dwarfdump-19", "--debug-line", executable).splitlines():
        words = line.split()
        if line.startswith("debug_line["):
            files, folders, sequence = {}, {}, []
        elif line.startswith("include_directories["):
            folders[int(line[20:23])] = line.split('"')[1]
        elif line.startswith("file_names["):
            number = int(line[11:14])
        elif words[:1] == ["name:"]:
            name = line.split('"')[1]
        elif words[:1] == ["dir_index:"]:
            files[number] = os.path.normpath(os.path.join(folders.get(0, ""), folders.get(int(words[1]), ""), name))
        elif line.startswith("0x"):
            sequence.append((int(words[0], 16), files.get(int(words[3])), int(words[1])))
            if "end_sequence" in words:
                if sequence[0][0] >= 4096:
                    rows += [Row(a[0], b[0], a[1], a[2]) for a, b in zip(sequence, sequence[1:]) if b[0] > a[0]]
                sequence = []
    return sorted(rows, key=lambda row: row.begin)


def read_functions(executable):
    functions, instructions = [], None
    for line in output("llvm-objdump-19", "-d", "--no-show-raw-insn", executable).splitlines():
        if re.match(r"[0-9a-f]{16} <.*>:$", line):
            instructions = []
            functions.append(instructions)
        elif instructions is not None and (found := re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", line)):
            instructions.append((int(found[1], 16), found[2], found[3]))
    for instructions in functions:
        while instructions and re.match(r"nop|int3|data16", instructions[-1][1]):
            instructions.pop()
    return [Function(of[0][0], of[-1][0] + 1, of) for of in functions if of]


def read_coverage(folder):
    """Whether each PC was reached; layout in common/tables/coverage_map.h."""
    name = next(name for name in os.listdir(folder) if re.fullmatch("[0-9a-f]{16}", name))
    with open(os.path.join(folder, name), "rb") as file:
        data = file.read()
    count, = struct.unpack_from("<Q", data, 16)
    words = (count + 63) // 64
    bits, pcs = struct.unpack_from(f"<{words}Q", data, 24), struct.unpack_from(f"<{count}Q", data, 24 + 8 * words)
    return {pc: bool(bits[i // 64] >> i % 64 & 1) for i, pc in enumerate(pcs)}


class Memory:
    """An executable's loadable segments."""

    def __init__(self, executable):
        with open(executable, "rb") as file:
            self.data = file.read()
        at, count = struct.unpack_from("<Q", self.data, 32)[0], struct.unpack_from("<H", self.data, 56)[0]
        heads = [struct.unpack_from("<IIQQQQ", self.data, at + 56 * i) for i in range(count)]
        self.segments = [(address, size, offset) for kind, _, offset, address, _, size in heads if kind == 1]

    def int32(self, address):
        for begin, size, offset in self.segments:
            if begin <= address and address + 4 <= begin + size:
                return struct.unpack_from("<i", self.data, offset + address - begin)[0]
        return None


# ---- one function's graph ----

class Graph:
    """Blocks as places in a sorted list of their first addresses."""

    def __init__(self, function, pcs, memory):
        self.code, self.memory = function.instructions, memory
        self.addresses = [address for address, _, _ in self.code]
        self.known = set(self.addresses)
        self.ends = {}  # address of a block's last instruction: (goes on behind it, leaves the function, targets)
        leaders = {function.begin, *(pc for pc in pcs if pc in self.known)}
        for place, (address, mnemonic, operands) in enumerate(self.code):
            end = self.end_of(place, mnemonic, operands)
            if end is None:
                continue
            self.ends[address] = end
            leaders.update(end[2])
            leaders.update(self.addresses[place + 1:place + 2])
        self.begins = sorted(leaders)
        self.link()
        self.guess()

    def end_of(self, place, mnemonic, operands):
        if mnemonic.startswith("ret") or mnemonic in ("ud2", "hlt") or mnemonic.startswith("call") and NEVER_RETURNS.search(operands):
            return False, True, []
        if not mnemonic.startswith("j"):
            return None
        if operands.startswith("*"):
            targets = self.jump_table(place)
            return False, not targets, targets
        found = re.match(r"0x([0-9a-f]+)", operands)
        targets = [int(found[1], 16)] if found and int(found[1], 16) in self.known else []
        return not mnemonic.startswith("jmp"), not targets, targets

    def jump_table(self, place):
        """Offsets from their own start, as clang makes them; empty if there is none that we know."""
        load = next((i for i in range(place - 1, max(-1, place - 8), -1) if self.code[i][1].startswith("movsl")), None)
        base = re.match(r"\((%\w+),%?\w+,4\)", self.code[load][2]) if load is not None else None
        for i in range(load - 1, -1, -1) if base else ():
            found = re.search(rf", {base[1]}\s+# (0x[0-9a-f]+)", self.code[i][2]) if self.code[i][1].startswith("lea") else None
            if found:
                return self.read_table(int(found[1], 16))
        return []

    def read_table(self, start):
        targets = []
        while (offset := self.memory.int32(start + 4 * len(targets))) is not None and start + offset in self.known:
            targets.append(start + offset)
        return targets

    def link(self):
        places = {begin: i for i, begin in enumerate(self.begins)}
        count = len(self.begins)
        self.next, self.before = [set() for _ in range(count)], [set() for _ in range(count)]
        self.leaves, self.crashes = [False] * count, [False] * count
        for i in range(count):
            last = bisect.bisect_left(self.addresses, self.begins[i + 1]) - 1 if i + 1 < count else len(self.addresses) - 1
            goes_on, self.leaves[i], targets = self.ends.get(self.addresses[last], (True, False, []))
            self.next[i] = {places[target] for target in targets} | ({i + 1} if goes_on and i + 1 < count else set())
            self.leaves[i] = self.leaves[i] or not self.next[i]
            self.crashes[i] = self.code[last][1].startswith("call") and bool(CRASHES.search(self.code[last][2]))
            for to in self.next[i]:
                self.before[to].add(i)

    def guess(self):
        """A jump by a table that we do not know leads to what nothing else leads to."""
        jumps = [i for i in range(len(self.begins)) if not self.next[i] and self.jumps_somewhere(i)]
        orphans = [i for i in range(1, len(self.begins)) if not self.before[i]]
        for jump in jumps if orphans else ():
            self.next[jump].update(orphans)
            self.leaves[jump] = False
            for orphan in orphans:
                self.before[orphan].add(jump)

    def jumps_somewhere(self, block):
        behind = bisect.bisect_left(self.addresses, self.begins[block + 1]) if block + 1 < len(self.begins) else len(self.addresses)
        return self.code[behind - 1][1].startswith("j") and self.code[behind - 1][2].startswith("*")

    def states(self, reached):
        """@reached: by a PC's address. A state for each block."""
        known = [reached.get(begin) for begin in self.begins]
        every = range(len(known))
        if True not in known:
            return [MISSED] * len(known)
        entries = [i for i in every if i == 0 or not self.before[i]]  # also landing pads
        ends = [i for i in every if self.leaves[i]]
        alive = {i for i in every if known[i] is not False and not self.crashes[i]}
        forward, backward = flood(entries, self.next, alive), flood(ends, self.before, alive)
        can = forward & backward or forward
        sure = set()
        for tree in (dominators(entries, self.next, self.before, can), dominators(ends, self.before, self.next, can)):
            for i in every:
                at = i if known[i] else None
                while at is not None:
                    sure.add(at)
                    at = tree.get(at)
        return [(REACHED if known[i] else MISSED) if known[i] is not None else REACHED if i in sure else UNKNOWN if i in can else MISSED for i in every]


def flood(begins, edges, alive):
    seen = {i for i in begins if i in alive}
    todo = list(seen)
    while todo:
        for to in edges[todo.pop()]:
            if to in alive and to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


def dominators(roots, edges, back, alive):
    """The nearest dominator of each block, by Cooper, Harvey and Kennedy; None where it is only the virtual root, -1."""
    order, seen = [], set()
    for root in roots:
        if root not in alive or root in seen:
            continue
        seen.add(root)
        path = [(root, iter(edges[root]))]
        while path:
            for to in path[-1][1]:
                if to in alive and to not in seen:
                    seen.add(to)
                    path.append((to, iter(edges[to])))
                    break
            else:
                order.append(path.pop()[0])
    order.reverse()
    number = {-1: -1, **{block: i for i, block in enumerate(order)}}
    nearest, roots, changed = {-1: -1}, set(roots), True
    while changed:
        changed = False
        for block in order:
            ways = [i for i in back[block] if i in nearest] + ([-1] if block in roots else [])
            best = ways[0]
            for way in ways[1:]:
                while best != way:
                    while number[best] > number[way]:
                        best = nearest[best]
                    while number[way] > number[best]:
                        way = nearest[way]
            if nearest.get(block) != best:
                nearest[block], changed = best, True
    return {block: None if to == -1 else to for block, to in nearest.items() if block != -1}


# ---- lines ----

class Build:
    def __init__(self, executable, coverage):
        self.executable, self.coverage = executable, coverage
        self.rows, self.functions = read_rows(executable), []
        self.begins = [row.begin for row in self.rows]
        self.reached = read_coverage(coverage)
        self.pcs = sorted(self.reached)
        self.memory = Memory(executable)

    def rows_in(self, begin, end):
        i = max(0, bisect.bisect_right(self.begins, begin) - 1)
        while i < len(self.rows) and self.rows[i].begin < end:
            if self.rows[i].end > begin and self.rows[i].line:
                yield self.rows[i]
            i += 1

    def pcs_of(self, function):
        return self.pcs[bisect.bisect_left(self.pcs, function.begin):bisect.bisect_left(self.pcs, function.end)]

    def pieces(self, way, function, pcs):
        """(begin, end, state) of what belongs together."""
        if way == "points":
            return [(pc, pc + 1, REACHED if self.reached[pc] else MISSED) for pc in pcs]
        if way == "rows":
            return [(pc, end, REACHED if self.reached[pc] else MISSED) for pc, end in zip(pcs, pcs[1:] + [function.end])]
        graph = Graph(function, pcs, self.memory)
        return list(zip(graph.begins, graph.begins[1:] + [function.end], graph.states(self.reached)))

    def told(self):
        """What fuzzsupd says."""
        names = {"reached": REACHED, "partly": REACHED, "unknown": UNKNOWN, "missed": MISSED, "idle": MISSED}
        name = next(name for name in os.listdir(self.coverage) if re.fullmatch("[0-9a-f]{16}", name))
        states = {}
        for line in output(os.path.join(BUILD, "t", "lib", "tell_lines"), self.executable, os.path.join(self.coverage, name)).splitlines():
            place, state = line.rsplit(" ", 1)
            file, number = place.rsplit(":", 1)
            states[os.path.normpath(file), int(number)] = names[state]
        return states

    def lines(self, way):
        """A state for each (file, line) that has one."""
        if way == "blocks":
            return self.told()
        self.functions = self.functions or read_functions(self.executable)
        seen = collections.defaultdict(set)
        idle = []  # functions that were never entered
        for function in self.functions:
            pcs = self.pcs_of(function)
            if not any(self.reached[pc] for pc in pcs) and pcs:
                idle.append(function)
            for begin, end, state in self.pieces(way, function, pcs) if pcs else ():
                for row in self.rows_in(begin, end):
                    seen[row.file, row.line].add(state)
        states = {line: next(state for state in (REACHED, UNKNOWN, MISSED) if state in of) for line, of in seen.items()}
        if way == "copies":
            self.doubt(states, idle)
        return states

    def doubt(self, states, idle):
        firsts, ran = collections.defaultdict(list), collections.defaultdict(list)
        for function in self.functions:
            for row in list(self.rows_in(function.begin, function.begin + 1))[:1] if self.pcs_of(function) else ():
                firsts[row.file].append(row.line)
        for (file, line), state in states.items():
            if state == REACHED:
                ran[file].append(line)
        for lines in (*firsts.values(), *ran.values()):
            lines.sort()
        for function in idle:
            rows = list(self.rows_in(function.begin, function.end))
            file, first = rows[0].file if rows else None, rows[0].line if rows else 0
            behind = bisect.bisect_right(firsts[file], first)
            limit = firsts[file][behind] if behind < len(firsts[file]) else 1 << 32
            own = {row.line for row in rows if row.file == file and first <= row.line < limit}
            at = bisect.bisect_left(ran[file], first)
            if own and at < len(ran[file]) and ran[file][at] <= max(own):
                states.update({(file, line): UNKNOWN for line in own if states.get((file, line)) == MISSED})


def judge(build, way, truth):
    states, wrong = build.lines(way), []
    wanted = {(row.file, row.line) for row in build.rows if row.line} & truth.keys()
    counts = collections.Counter()
    for line in wanted:
        state = states.get(line)
        if state in (None, UNKNOWN):
            counts["unknown"] += 1
        elif (state == REACHED) == truth[line]:
            counts["right"] += 1
        else:
            wrong.append((*line, state))
            counts[state] += 1
    stated = counts["right"] + len(wrong)
    return (f"{len(wanted):6} lines: {100 * counts['right'] / len(wanted):5.1f} % right, {100 * counts['unknown'] / len(wanted):4.1f} % unknown, wrong of 1,000 states "
            f"{1000 * len(wrong) / max(1, stated):5.1f} (falsely reached {1000 * counts[REACHED] / max(1, stated):.1f})"), sorted(wrong), stated


def make(path, sources, flags, *, runtime):
    compiler = CLANG.replace("clang", "clang++") if any(source.endswith((".cc", ".cpp")) for source in sources) else CLANG
    subprocess.run([compiler, "-g", "-w", "-fsanitize=fuzzer", *flags, *sources, *(["@" + runtime_response_file()] if runtime else []), "-lm", "-o", path], check=True)


def lines_of_macros(report):
    """Lines of which a macro is the first that begins: llvm-cov gives a statement that a macro makes the count of what is
    around it (behind "if (x)" that of the "if"), so it is no judge of them."""
    lines = set()
    for file in report["data"][0]["files"]:
        path = os.path.normpath(file["filename"])
        begun = {tuple(expansion["source_region"][:2]) for expansion in file["expansions"]}
        first = {}
        for line, column, _, known, begins, gap in file["segments"]:
            if known and begins and not gap:
                first.setdefault(line, (line, column))
        lines |= {(path, line) for line, place in first.items() if place in begun}
    return lines


def find_truth(judge_of, inputs):
    raw, profile = judge_of + ".profraw", judge_of + ".profdata"
    subprocess.run([judge_of, "-runs=0", inputs], env=dict(os.environ, LLVM_PROFILE_FILE=raw), stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["llvm-profdata-19", "merge", "-o", profile, raw], check=True)
    truth = read_lcov(output("llvm-cov-19", "export", "-format=lcov", "-instr-profile=" + profile, judge_of))
    macros = lines_of_macros(json.loads(output("llvm-cov-19", "export", "-instr-profile=" + profile, judge_of)))
    return {line: ran for line, ran in truth.items() if line not in macros}


DEBUGGER = """
import gdb, json
with open({wanted!r}) as file:
    wanted = [tuple(line) for line in json.load(file)]
seen = []
class Ran(gdb.Breakpoint):
    def stop(self):
        seen.append(self.place)
        self.enabled = False
        return False
for command in ("set pagination off", "set confirm off", "set breakpoint pending off"):
    gdb.execute(command)
for file, line in wanted:
    try:
        # What has no code of its own would stop at a line that follows.
        if any(found.line == line for found in gdb.decode_line(f"{{file}}:{{line}}")[1] or ()):
            Ran(f"{{file}}:{{line}}", internal=True).place = file, line
    except gdb.error:
        pass
gdb.execute("run", to_string=True)
with open({seen!r}, "w") as file:
    json.dump(seen, file)
"""


def ask_debugger(judge_of, inputs, lines):
    """Those of @lines at which a debugger sees the judge's program stop."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, seen, script = (os.path.join(folder, name) for name in ("wanted", "seen", "script.py"))
        with open(wanted, "w") as file:
            json.dump(lines, file)
        with open(script, "w") as file:
            file.write(DEBUGGER.format(wanted=wanted, seen=seen))
        subprocess.run(["gdb", "-q", "-nx", "-batch", "-x", script, "--args", judge_of, "-runs=0", inputs], check=True,
                       env=dict(os.environ, LLVM_PROFILE_FILE=os.path.join(folder, "raw")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(seen) as file:
            return {tuple(line) for line in json.load(file)}


def decide(judge_of, inputs, wrong, stated):
    """Takes out of @wrong what the debugger saw as it was stated: those that it saw run. That it did not see a line says little."""
    seen = ask_debugger(judge_of, inputs, [(file, line) for file, line, _ in wrong])
    left = [at for at in wrong if at[2] != REACHED or at[:2] not in seen]
    return f", by a debugger {1000 * len(left) / max(1, stated):.1f}", left


def options_of(words):
    verbose = debugger = False
    ways = WAYS
    while words[0] in ("-v", "-d", "-w"):
        verbose, debugger = verbose or words[0] == "-v", debugger or words[0] == "-d"
        if words[0] == "-w":
            ways, words = words[1:2], words[1:]
        words = words[1:]
    return verbose, debugger, ways, words


def main(words):
    verbose, debugger, ways, words = options_of(words)
    folder, inputs, *rest = words
    os.makedirs(folder, exist_ok=True)
    os.makedirs(inputs, exist_ok=True)
    builds, judge_of = {name: os.path.join(folder, name.replace(" ", "-")) for name in VARIANTS}, os.path.join(folder, "judge")
    if "--" in rest:
        flags, sources = rest[:rest.index("--")], rest[rest.index("--") + 1:]
        plain = [flag for flag in flags if not re.match("-O|-fsanitize", flag)]
        for name, more in VARIANTS.items():
            make(builds[name], sources, [*flags, *more], runtime=True)
        make(judge_of, sources, [*plain, "-O0", "-fprofile-instr-generate", "-fcoverage-mapping"], runtime=False)
    if not os.listdir(inputs):
        subprocess.run([builds["as built"], "-max_total_time=30", "-max_len=1000", f"-artifact_prefix={folder}/", inputs], stderr=subprocess.DEVNULL, check=False)
    truth = find_truth(judge_of, inputs)
    for name, executable in builds.items():
        coverage = executable + ".coverage"
        subprocess.run(["rm", "-rf", coverage], check=True)
        os.mkdir(coverage)
        subprocess.run([executable, "-runs=0", inputs], env=dict(os.environ, FUZZSUP_DIR=coverage), stderr=subprocess.DEVNULL, check=True)
        build = Build(executable, coverage)
        for way in ways:
            told, wrong, stated = judge(build, way, truth)
            more, wrong = decide(judge_of, inputs, wrong, stated) if debugger else ("", wrong)
            print(f"{name:9} {way:7} {told}{more}", flush=True)
            for file, line, state in wrong if verbose else ():
                print(f"    {file}:{line}: {state}")


if __name__ == "__main__":
    main(sys.argv[1:])
