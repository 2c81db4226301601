# SPDX-License-Identifier: MIT
"""What the symbolizer's tests share: the worker over its channel, the library through
dump_table, and llvm-symbolizer to compare with."""
import array
import os
import posixpath
import socket
import struct
import subprocess
import sys

from fuzzsup import BUILD, PATIENCE, SYMBOLIZER, libexec, message_types, program

HEADER = struct.Struct("=IIIIQI12x")  # struct message, up to its text: type, text_len, id, 0, serial, parts or status
MESSAGE_SYMBOLIZE, MESSAGE_TABLE, MESSAGE_FUNCTIONS = (message_types()[name] for name in ("SYMBOLIZE", "TABLE", "FUNCTIONS"))
TABLE_OK, TABLE_NO_PC_TABLE, TABLE_FAILED, TABLE_WANTS_DEBUG, TABLE_WANTS_ALTERNATE = range(5)
SYMBOLIZE_TABLE, SYMBOLIZE_BLOCKS = 8, 64  # enum symbolize_bits
DUMP = os.path.join(BUILD, "t", "lib", "dump_table")


def symbolize(executable, *words, text="", patience=PATIENCE, roots=()):
    """fuzzsupctl symbolize, with @text on its standard input; @words: addresses and options. Line ends stay as they are."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("SAN_OPTIONS")}
    done = subprocess.run([program("fuzzsupctl"), *(f"-d{root}" for root in roots), "symbolize", executable, *words], input=text.encode(),
                          capture_output=True, env=dict(environment, FUZZSUPD_LIBEXEC=libexec()), timeout=patience)
    done.stdout, done.stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    return done


STAND_IN = """#!{python}
import array, os, signal, socket, struct, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
supervisor = socket.socket(fileno=os.dup(3))
words = [f"parent={{os.getpid()}}" if word.startswith("parent=") else word for word in sys.argv[1:]]
os.posix_spawn({real!r}, [{real!r}, *words], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
theirs.close()
def hand_on(source, sink):
    data, control, _, _ = source.recvmsg(8192, socket.CMSG_SPACE(64))
    if not data:
        sys.exit(0)
    fds = [fd for _, _, payload in control for fd in array.array("i", payload)]
    if source is supervisor and struct.unpack_from("=IIIIQI", data)[5] & {bits} == {bits}:
        {end}
    sink.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
    for fd in fds:
        os.close(fd)
supervisor.setblocking(True)
while True:
    hand_on(supervisor, ours)
    hand_on(ours, supervisor)
"""


def symbolizer_stand_in(folder, bits, act):
    """Makes @folder one of workers, whose symbolizer hands all to the real one, but carries out @act, in Python, when it gets a
    job that has all of @bits. Returns the folder, for FUZZSUPD_LIBEXEC."""
    os.makedirs(folder)
    for name in ("frontend", "collector", "runner", "archive"):
        os.symlink(os.path.join(libexec(), "fuzzsupd-" + name), os.path.join(folder, "fuzzsupd-" + name))
    path = os.path.join(folder, "fuzzsupd-symbolizer")
    with open(path, "w") as file:
        file.write(STAND_IN.format(python=sys.executable, bits=bits, end=act, real=os.path.join(libexec(), "fuzzsupd-symbolizer")))
    os.chmod(path, 0o755)
    return folder


def sealed(data):
    """A memfd with @data that nobody can change."""
    import fcntl
    fd = os.memfd_create("list", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, 1033, 0xF)  # F_ADD_SEALS: SEAL, SHRINK, GROW, WRITE
    return fd


class Worker:
    """The real fuzzsupd-symbolizer, as the supervisor starts it."""

    def __init__(self, log, sandbox=True):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [f"parent={os.getpid()}", "log=3", f"sandbox={int(sandbox)}", f"uid={65534 if os.geteuid() == 0 else os.geteuid()}",
                 f"gid={65534 if os.getegid() == 0 else os.getegid()}", "slot=1"]
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3), (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)]
        if theirs.fileno() == 3:
            os.set_inheritable(3, True)
        program = os.path.join(BUILD, "fuzzsupd-symbolizer")
        self.pid = os.posix_spawn(program, [program, *words], os.environ, file_actions=actions)
        theirs.close()
        self.socket.settimeout(PATIENCE)

    def ask(self, executable, entries="", pcs=None, target=1, generation=1, cache=None, debug=None, alternate=None,
            no_alternate=False):
        """Sends SYMBOLIZE; returns (status, text, table descriptor or None)."""
        fds = [os.open(executable, os.O_RDONLY)] + ([sealed(pcs)] if pcs is not None else [])
        fds += [os.open(cache, os.O_RDWR | os.O_CREAT)] if cache is not None else []
        fds += [os.open(path, os.O_RDONLY) for path in (debug, alternate) if path is not None]
        code = int(pcs is not None) + 2 * (cache is not None) + 4 * (debug is not None) + 16 * (alternate is not None) + 32 * no_alternate
        return self._exchange(MESSAGE_TABLE, code, fds, entries, target, generation)

    def ask_functions(self, executable, table, debug=None):
        """The same for its function table; @table, a descriptor, stays open."""
        fds = [os.open(executable, os.O_RDONLY)] + ([os.open(debug, os.O_RDONLY)] if debug is not None else []) + [os.dup(table)]
        return self._exchange(MESSAGE_FUNCTIONS, 8 + 4 * (debug is not None), fds)

    def _exchange(self, wanted, code, fds, entries="", target=1, generation=1):
        text = entries.encode()
        message = HEADER.pack(MESSAGE_SYMBOLIZE, len(text), target, 0, generation, code) + text
        self.socket.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        for fd in fds:
            os.close(fd)
        data, control, _, _ = self.socket.recvmsg(8192, socket.CMSG_SPACE(16))
        if not data:
            raise ConnectionError("the worker died")
        kind, length, answered, _, came_back, code = HEADER.unpack_from(data)
        assert (kind, answered, came_back) == (wanted, target, generation), data[:32]
        table = None
        for level, what, payload in control:
            if level == socket.SOL_SOCKET and what == socket.SCM_RIGHTS:
                table = struct.unpack_from("i", payload)[0]
        return code, data[HEADER.size:HEADER.size + length].decode("utf-8", "replace"), table

    def stop(self):
        """Closes the channel; returns the worker's exit code (negative: the signal)."""
        self.socket.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Table:
    """source_table.h, read from a descriptor, which is closed."""

    def __init__(self, fd):
        size = os.fstat(fd).st_size
        data = os.pread(fd, size, 0)
        os.close(fd)
        (self.magic, self.version, self.size, self.pcs_len, self.unknown_len, directories_len, files_len, strings_len,
         entries_len, build_id_len) = struct.unpack_from("=IIQIIIIIII", data)
        self.build_id = data[44:44 + build_id_len].hex()
        self.dropped_len, = struct.unpack_from("=I", data, 108)
        pcs, order, directories, files, locations, strings, entries = struct.unpack_from("=7Q", data, 112)
        self.pcs = struct.unpack_from(f"={self.pcs_len}Q", data, pcs)
        self.order = struct.unpack_from(f"={self.pcs_len}I", data, order)
        self.entries = struct.unpack_from(f"={entries_len}Q", data, entries)
        heap = data[strings:strings + strings_len]
        text = lambda at: heap[at:heap.index(b"\0", at)].decode("utf-8", "replace")
        folders = [text(at) for at in struct.unpack_from(f"={directories_len}I", data, directories)]
        flat = struct.unpack_from(f"={2 * files_len}I", data, files)
        self.files = [folders[flat[i]] + "/" + text(flat[i + 1]) for i in range(0, len(flat), 2)]
        flat = struct.unpack_from(f"={3 * self.pcs_len}I", data, locations)
        self.locations = [(None, 0, 0) if flat[i] == 0xFFFFFFFF else (posixpath.normpath(self.files[flat[i]]), flat[i + 1], flat[i + 2])
                          for i in range(0, len(flat), 3)]


def elf_headers(data):
    """(where its header stands, offset, size) by name of each section."""
    table, = struct.unpack_from("<Q", data, 40)
    each, count, names = struct.unpack_from("<HHH", data, 58)
    places = [table + i * each for i in range(count)]
    heap, = struct.unpack_from("<Q", data, places[names] + 24)
    return {data[heap + (at := struct.unpack_from("<I", data, place)[0]):data.index(b"\0", heap + at)].decode():
            (place, *struct.unpack_from("<QQ", data, place + 24)) for place in places}


def grow_section(executable, output, name, size):
    """Copies @executable with the section @name at the end and @size bytes long, of which most are a hole. Returns where it begins."""
    with open(executable, "rb") as file:
        data = bytearray(file.read())
    place, offset, old = elf_headers(data)[name]
    start = (len(data) + 4095) & ~4095
    struct.pack_into("<QQ", data, place + 24, start, size)
    with open(output, "wb") as file:
        file.write(data)
        file.seek(start)
        file.write(data[offset:offset + old])
        file.truncate(start + size)
    return start


def llvm(executable, pcs):
    """What llvm-symbolizer says: (path, line, column) each, path None where unknown."""
    text = subprocess.run([SYMBOLIZER, "--no-inlines", "--functions=none", "--obj=" + executable],
                          input="\n".join(hex(pc) for pc in pcs), text=True, capture_output=True, check=True).stdout
    found = []
    for block in text.strip().split("\n\n"):
        path, line, column = block.splitlines()[0].rsplit(":", 2)
        found.append((None if path == "??" else posixpath.normpath(path), int(line), int(column)))
    return found
