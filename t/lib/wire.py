# SPDX-License-Identifier: MIT
"""The two WebSocket protocols, read independently of the C code: common/wire.h says what
every byte means, and these tests say whether it is so."""

import json
import struct
import time

from fuzzsup import PATIENCE

UNKNOWN = 0xFFFFFFFF


class SourceIndex:
    """Message 1, which is also the whole of index.bin."""

    def __init__(self, data):
        flags, directories, files, locations, strings, self.start = struct.unpack_from("<IIIIIq", data)
        assert flags & 0xFF == 1, f"tag {flags & 0xff}"
        at = 28
        self.directories = struct.unpack_from(f"<{directories}I", data, at)
        at += 4 * directories
        self.files = list(struct.iter_unpack("<II", data[at:at + 8 * files]))
        at += 8 * files
        self.locations = list(struct.iter_unpack("<III", data[at:at + 12 * locations]))
        at += 12 * locations
        self.strings = data[at:]
        assert len(self.strings) == strings, (len(self.strings), strings)

    def string(self, offset):
        return self.strings[offset:self.strings.index(b"\0", offset)].decode("utf-8", "surrogateescape")

    def path(self, file):
        directory, basename = self.files[file]
        return self.string(self.directories[directory]) + "/" + self.string(basename)

    def paths(self):
        return [self.path(i) for i in range(len(self.files))]

    def location(self, index):
        """(path, line, column), path None where unknown"""
        file, line, column = self.locations[index]
        return (None if file == UNKNOWN else self.path(file), line, column)


class Functions:
    """functions.bin: a function table as it is."""

    def __init__(self, data):
        (self.magic, self.version, size, self.pcs_len, functions_len, strings_len, self.unknown_len,
         functions, owners, strings) = struct.unpack_from("<IIQIIIIQQQ", data)
        assert (self.magic, self.version, size) == (0x4E465A46, 1, len(data)), data[:16]
        heap = data[strings:strings + strings_len]
        text = lambda at: heap[at:heap.index(b"\0", at)].decode("utf-8", "replace")
        self.owners = [None if owner == UNKNOWN else owner for owner in struct.unpack_from(f"<{self.pcs_len}I", data, owners)]
        self.functions = [{"start": start, "end": end, "name": text(name), "symbol": text(raw), "first": first, "pcs": pcs, "pc": pc}
                          for start, end, name, raw, first, pcs, pc, _ in struct.iter_unpack("<QQIIIIII", data[functions:functions + 40 * functions_len])]


def reference_message(data):
    """(tag, content) of a message of the reference's protocol."""
    tag = data[0]
    if tag == 0:
        assert len(data) == 9
        return 0, struct.unpack_from("<q", data, 1)[0]
    if tag == 1:
        return 1, SourceIndex(data)
    if tag == 2:
        flags, runs, unique = struct.unpack_from("<QQQ", data)
        assert flags == 2
        return 2, (runs, unique, data[24:])
    if tag == 3:
        flags = struct.unpack_from("<I", data)[0]
        count = flags >> 8
        assert len(data) == 4 + 4 * count
        return 3, struct.unpack_from(f"<{count}I", data, 4)
    raise AssertionError(f"tag {tag}")


def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            yield value
            value = shift = 0
    assert shift == 0, "a varint without an end"


class Follower:
    """A client of fuzzsup.v1 that follows one target, as strict as a client can be."""

    def __init__(self, socket, name):
        self.socket, self.name = socket, name
        self.id = None
        self.targets = {}
        self.stats = {}
        self.bits = None
        self.version = None
        self.times = {}
        self.entries = ()
        self.hello = self.alive = None
        self.full_frames = self.delta_frames = 0
        self.shrunk = False

    def step(self):
        """Reads one message; returns its tag, or the type of a JSON message."""
        data = self.socket.message()
        if data[:1] == b"{":
            return self._json(json.loads(data))
        tag, target = struct.unpack_from("<B3xI", data)
        handler = {16: self._hello, 17: self._stats, 18: self._full, 19: self._delta, 20: self._times, 21: self._entries, 22: self._alive}[tag]
        handler(data, target)
        return tag

    def until(self, condition, limit=100000):
        # That the service lives is told each second, and no answer to who waits for something else.
        end = time.monotonic() + PATIENCE
        for _ in range(limit):
            if condition():
                return True
            if time.monotonic() > end:
                raise AssertionError(f"waited {PATIENCE} s")
            self.step()
        raise AssertionError("too many messages")

    def _json(self, message):
        if message["type"] == "targets":
            if message["full"]:
                self.targets.clear()
            for entry in message["targets"]:
                self.targets[entry["id"]] = entry
                if entry["name"] == self.name and entry["id"] != self.id:
                    self.id = entry["id"]
                    self.bits = self.version = None
                    self.socket.send(json.dumps({"subscribe": self.id}))
            for gone in message.get("removed", []):
                self.targets.pop(gone, None)
        return message["type"]

    def _hello(self, data, target):
        self.hello = struct.unpack_from("<Qq", data, 8)

    def _alive(self, data, target):
        assert len(data) == 16 and target == 0
        self.alive = struct.unpack_from("<q", data, 8)[0]

    def _stats(self, data, target):
        count, = struct.unpack_from("<I", data, 8)
        assert len(data) == 16 + 48 * count
        for entry in struct.iter_unpack("<IIQQqqfI", data[16:]):
            self.stats[entry[0]] = dict(zip(("covered", "runs", "unique", "last_find", "last_run", "rate"), entry[1:7]))

    def _full(self, data, target):
        assert target == self.id
        version, count, _, self.base = struct.unpack_from("<QIIq", data, 8)
        bits = int.from_bytes(data[32:], "little")
        assert len(data) == 32 + 8 * ((count + 63) // 64) and bits >> count == 0
        if self.bits is not None and self.bits & ~bits:
            self.shrunk = True
        self.bits, self.version = bits, version
        self.full_frames += 1

    def _delta(self, data, target):
        assert target == self.id
        before, after, count, encoding, time, _ = struct.unpack_from("<QQIIII", data, 8)
        if before != self.version:
            return
        at, new = 0, []
        numbers = list(varints(data[40:]))
        if encoding == 0:
            for gap in numbers:
                new.append(at + gap)
                at += gap + 1
        else:
            for gap, length in zip(numbers[::2], numbers[1::2]):
                new += range(at + gap, at + gap + length)
                at += gap + length
        assert len(new) == count, (len(new), count)
        for index in new:
            assert not self.bits >> index & 1, "a delta names a bit that is set already"
            self.bits |= 1 << index
            self.times[index] = time
        self.version = after
        self.delta_frames += 1

    def _times(self, data, target):
        version, count, _ = struct.unpack_from("<QII", data, 8)
        values = struct.unpack_from(f"<{count}I", data, 24)
        indexes = [i for i in range(self.bits.bit_length()) if self.bits >> i & 1]
        if version == self.version:
            assert len(indexes) == count, (len(indexes), count)
            self.times.update(zip(indexes, values))

    def _entries(self, data, target):
        count, = struct.unpack_from("<I", data, 8)
        self.entries = struct.unpack_from(f"<{count}I", data, 12)

    @property
    def covered(self):
        return self.bits.bit_count() if self.bits is not None and hasattr(int, "bit_count") else bin(self.bits or 0).count("1")
