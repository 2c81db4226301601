/* SPDX-License-Identifier: MIT
 * Every byte between the front-end and a browser; types, little-endian, and no more code
 * than tells their values apart.
 * Included by the front-end and, compiled for wasm32, by the page's client.c.
 *
 * Two protocols share the WebSocket URL of a target:
 *  - no subprotocol: that of Zig 0.14's fuzz web server (lib/std/Build/Fuzz/abi.zig),
 *    tags 0 to 3, one target per connection;
 *  - subprotocol WIRE_SUBPROTOCOL: ours, tags from 16, all targets on one connection.
 */
#ifndef FUZZSUP_WIRE_H
#define FUZZSUP_WIRE_H

#include <stdint.h>

#define WIRE_SUBPROTOCOL "fuzzsup.v1"

enum wire_tag {
	/* the reference's */
	WIRE_CURRENT_TIME = 0,
	WIRE_SOURCE_INDEX = 1,
	WIRE_COVERAGE_UPDATE = 2,
	WIRE_ENTRY_POINTS = 3,
	/* ours */
	WIRE_HELLO = 16,
	WIRE_STATS = 17,
	WIRE_COVERAGE_FULL = 18,
	WIRE_COVERAGE_DELTA = 19,
	WIRE_HIT_TIMES = 20,
	WIRE_ENTRIES = 21,
	WIRE_ALIVE = 22,
};

/* ---- the reference's messages ---- */

struct __attribute__((packed)) wire_current_time {
	uint8_t tag;
	int64_t base; /* ns since the server's start */
};
_Static_assert(sizeof(struct wire_current_time) == 9, "current time");

/* Followed by directories (u32 offset into the string bytes each), files, source
 * locations, string bytes. Also the whole content of BASE/index.bin. */
struct __attribute__((packed, aligned(4))) wire_source_index {
	uint32_t flags; /* low byte: tag */
	uint32_t directories_len;
	uint32_t files_len;
	uint32_t locations_len;
	uint32_t string_bytes_len;
	int64_t start_timestamp; /* ns since the server's start */
};
_Static_assert(sizeof(struct wire_source_index) == 28, "source index");

struct wire_file {
	uint32_t directory; /* index into directories */
	uint32_t basename;  /* offset into string bytes */
};
_Static_assert(sizeof(struct wire_file) == 8, "file");

#define WIRE_FILE_UNKNOWN UINT32_C(0xffffffff)

/* Unknown: WIRE_FILE_UNKNOWN, 0, 0. Line 0 with a file: code without a line. Dropped by the
 * linker, so that it never runs and nobody counts it: WIRE_FILE_UNKNOWN, 0,
 * WIRE_COLUMN_DROPPED. */
#define WIRE_COLUMN_DROPPED 1
struct wire_location {
	uint32_t file; /* index into files */
	uint32_t line; /* from 1 */
	uint32_t column;
};
_Static_assert(sizeof(struct wire_location) == 12, "source location");

static inline int
wire_location_is_dropped(const struct wire_location *location)
{
	return location->file == WIRE_FILE_UNKNOWN &&
	    location->column == WIRE_COLUMN_DROPPED;
}

/* Followed by ceil(locations_len/64) u64 words of seen bits; bits past the end are 0. */
struct wire_coverage_update {
	uint64_t flags; /* low byte: tag */
	uint64_t n_runs;
	uint64_t unique_runs;
};
_Static_assert(sizeof(struct wire_coverage_update) == 24, "coverage update");

/* u32: low byte tag, upper 24 bits count; then count × u32 index of a location. */
#define WIRE_ENTRY_POINTS_MAX 0xffffff

/* ---- BASE/functions.bin: a function table (function_table.h), all of it ---- */

/* The functions that hold PCs, ascending and apart from each other. */
struct wire_function {
	uint64_t start; /* link-time address */
	uint64_t end;   /* behind its last byte */
	uint32_t name; /* offset into strings: demangled; "": all names were too much */
	uint32_t raw;  /* likewise, as the linker knows it */
	uint32_t first;   /* place of its lowest PC among all PCs in order of address */
	uint32_t pcs_len; /* so many from there on are its own; never 0 */
	uint32_t pc; /* PC-table index of the one whose location is the function's */
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_function) == 40, "function");

#define WIRE_FUNCTION_NONE UINT32_C(0xffffffff)

struct wire_functions {
	uint32_t magic;
	uint32_t version;
	uint64_t size; /* of all */
	uint32_t pcs_len;
	uint32_t functions_len;
	uint32_t string_bytes_len;
	uint32_t unknown_len; /* PCs in no function */
	/* offsets from the start, multiples of 8 */
	uint64_t functions; /* struct wire_function × functions_len */
	uint64_t
	    owners; /* u32 × pcs_len, PC-table order: function or WIRE_FUNCTION_NONE */
	uint64_t strings; /* NUL-terminated; the first is "" */
};
_Static_assert(sizeof(struct wire_functions) == 56, "functions");

/* ---- a block table (block_table.h), all of it ----
 *
 * What machine code tells beyond the PCs: blocks that run as a whole, how they go on to each
 * other, and which lines each of them executes. For each function there are bytes of code, all
 * numbers in them unsigned LEB128:
 *
 *   for each block    edges << WIRE_BLOCK_FLAGS | WIRE_BLOCK_…
 *                     with WIRE_BLOCK_PC: its PC's index in the PC table, zigzag from the one
 *                     behind that of the block with a PC before it (at first: from pc)
 *                     for each edge: the block that it leads to, zigzag from the one behind
 *                     this one
 *                     how many lines << WIRE_LINES_FLAGS | WIRE_LINES_…
 *                     with WIRE_LINES_CALLEE: the index in the PC table of a PC, zigzag from
 *                     the function's (pc)
 *                     with WIRE_LINES_WEAK: how many of them
 *                     for each line: its index in lines, zigzag from the one before it in
 *                     the function (at first 0)
 *   and, where copies of other functions begin in it, how many; for each
 *                     the block in which it begins, zigzag from that of the one before (at first 0)
 *                     its family, and how many lines that it has
 *                     for each line: its index in lines, from the one before (at first 0), ascending
 */
enum wire_block_flag {
	WIRE_BLOCK_PC = 1,     /* it has a PC, so that it is known whether it ran */
	WIRE_BLOCK_ENTRY = 2,  /* nothing that is known leads there */
	WIRE_BLOCK_LEAVES = 4, /* the function may end behind it */
	/* and also within it, since something that it calls may leave both */
	WIRE_BLOCK_CALLS = 8,
	/* or throw to a block of this function to which nothing else leads */
	WIRE_BLOCK_THROWS = 16,
};

enum wire_lines_flag {
	WIRE_LINES_CLEANUP =
	    1, /* what is thrown comes to the block, nothing else, and goes on */
	WIRE_LINES_CALLEE =
	    2, /* it has no PC, but calls a function that begins with one */
	/* that the last lines are executed with it is told by little: a jump that may be
	 * another place's, a call that others may share */
	WIRE_LINES_WEAK = 4,
};
#define WIRE_LINES_FLAGS 3

struct wire_blocks_function {
	uint32_t first; /* place of its lowest PC among all PCs in order of address */
	uint32_t pcs_len;
	uint32_t blocks_len;
	uint32_t edges_len;
	uint32_t code; /* offset in code */
	uint32_t code_len;
	uint32_t line; /* index in lines of its first instruction's; WIRE_LINE_NONE */
	uint32_t pc;   /* PC-table index of its lowest */
	uint32_t flags;
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_blocks_function) == 40, "function of blocks");

#define WIRE_LINE_NONE UINT32_C(0xffffffff)
#define WIRE_FUNCTION_INLINED UINT32_C(1) /* others have copies of it */
#define WIRE_FUNCTION_FOLDS UINT32_C(2)   /* and nothing may be left of one */
/* counters were put in before others inlined code; without INLINED: if it did not count, then no
 * copy of it ran */
#define WIRE_FUNCTION_COUNTED UINT32_C(4)

struct wire_line {
	uint32_t file; /* index in files */
	uint32_t line; /* from 1 */
};
_Static_assert(sizeof(struct wire_line) == 8, "line");

#define WIRE_BLOCKS_MAGIC UINT32_C(0x4c425a46) /* "FZBL" */
#define WIRE_BLOCKS_VERSION 7
#define WIRE_BLOCK_FLAGS 5 /* bits of flags, below the number of edges */

struct wire_blocks {
	uint32_t magic;
	uint32_t version;
	uint64_t size; /* of all */
	uint32_t pcs_len;
	uint32_t functions_len;
	uint32_t lines_len;
	uint32_t
	    files_len; /* the first of them are those of the source-location table */
	uint32_t directories_len;
	uint32_t string_bytes_len;
	uint32_t code_len;
	uint32_t blocks_max, edges_max; /* of one function */
	uint32_t unknown_len;           /* PCs in no function here */
	/* Copies of one function, and its own code: a family. */
	uint32_t families_len, family_lines_len;
	/* offsets from the start, multiples of 8 */
	uint64_t functions; /* struct wire_blocks_function × functions_len, by first */
	uint64_t lines;     /* struct wire_line × lines_len, no two the same */
	uint64_t order;     /* u32 × lines_len: their indexes, by file and line */
	uint64_t files;     /* struct wire_file × files_len */
	uint64_t directories; /* u32 × directories_len: offset into strings */
	uint64_t strings;     /* NUL-terminated */
	uint64_t code;
	/* u32 × families_len + 1: where each family's lines begin, and the last one's end */
	uint64_t families;
	uint64_t
	    family_lines; /* u32: lines that any of a family has; of each ascending */
};
_Static_assert(sizeof(struct wire_blocks) == 136, "blocks");

/* ---- shapes.bin ---- */

/* What sources say of lines (line_shapes.h): the head, then for each file that has shapes a
 * record and its bytes, by number of the file in the block table; others are passed over. */
#define WIRE_SHAPES_MAGIC UINT32_C(0x50535a46) /* "FZSP" */
#define WIRE_SHAPES_NONE UINT32_C(0xfffffffe)  /* a record of nothing */
#define WIRE_SHAPES_END UINT32_C(0xffffffff)   /* the last one */

struct wire_shapes {
	uint32_t magic;
	uint32_t version;
};
_Static_assert(sizeof(struct wire_shapes) == 8, "shapes");

struct wire_shapes_of {
	uint32_t file;
	uint32_t len; /* bytes that follow */
};
_Static_assert(sizeof(struct wire_shapes_of) == 8, "shapes of a file");

/* ---- fuzzsup.v1, server to client, binary frames ---- */

/* Begins every frame of ours. */
struct wire_header {
	uint8_t tag;
	uint8_t reserved[3];
	uint32_t target; /* id, never used twice in a service's life; 0: none */
};
_Static_assert(sizeof(struct wire_header) == 8, "frame header");

/* First frame on every connection. */
struct wire_hello {
	struct wire_header header;
	uint64_t
	    instance;   /* random; another one means that the service was restarted */
	int64_t now_ms; /* Unix time in milliseconds, as are all *_ms below */
};
_Static_assert(sizeof(struct wire_hello) == 24, "hello");

/* Sent once a second, so that a client knows how old its numbers are when nothing comes: for
 * three seconds without any frame the service is not to be called live. One that cannot keep
 * up is sent none. */
#define WIRE_ALIVE_MS 1000

struct wire_alive {
	struct wire_header header;
	int64_t now_ms;
};
_Static_assert(sizeof(struct wire_alive) == 16, "alive");

/* header with target 0, u32 count, u32 zero, then count × this. Sent to everybody for
 * the targets whose numbers changed, a few times a second. */
struct wire_stats {
	uint32_t target;
	uint32_t covered; /* PCs reached */
	uint64_t n_runs;
	uint64_t unique_runs;
	int64_t
	    last_find_ms; /* when a PC was last reached for the first time; 0: never */
	int64_t last_run_ms; /* when n_runs last grew; 0: never seen to grow */
	float runs_per_second;
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_stats) == 48, "stats");

/* Followed by ceil(pcs_len/64) u64 words. The base of every delta. */
struct wire_coverage_full {
	struct wire_header header;
	uint64_t version; /* of the set of bits */
	uint32_t pcs_len;
	uint32_t reserved;
	int64_t base_ms; /* what hit times of this target count from */
};
_Static_assert(sizeof(struct wire_coverage_full) == 32, "full coverage");

enum wire_delta_encoding {
	WIRE_DELTA_GAPS =
	    0, /* varints: index of the first bit, then gap to the next, … */
	WIRE_DELTA_RUNS =
	    1, /* varint pairs: gap to the run's start, length of the run */
};

/* Bits that became set between two versions, as unsigned LEB128 varints; a gap counts
 * from the bit behind the last one (at first from 0). A client whose version is not
 * from_version has missed something: it drops the delta and waits for a full frame,
 * which the server sends it by itself. */
struct wire_coverage_delta {
	struct wire_header header;
	uint64_t from_version;
	uint64_t to_version;
	uint32_t bits_len; /* how many bits became set */
	uint32_t encoding; /* enum wire_delta_encoding */
	uint32_t hit_time; /* of all of them, as in WIRE_HIT_TIMES */
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_coverage_delta) == 40, "coverage delta");

/* Follows the full frame of a new subscription: for each set bit of that version, in
 * order of index, u32 time of its first hit in 1/100 s since base_ms (0: it was set
 * before the service looked for the first time). */
struct wire_hit_times {
	struct wire_header header;
	uint64_t version;
	uint32_t times_len;
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_hit_times) == 24, "hit times");

/* u32 count, then count × u32 index of a location. */
struct wire_entries {
	struct wire_header header;
	uint32_t entries_len;
};
_Static_assert(sizeof(struct wire_entries) == 12, "entries");

/* ---- fuzzsup.v1, text frames (JSON) ----
 *
 * Server to client:
 *  {"type":"targets","full":true,"targets":[{"id":1,"name":"json","state":"live",
 *    "reason":"","build_id":"3ace…","pcs":5744,"dropped":0,"table":7,"files":12,
 *    "functions":318,"functions_reason":"",
 *    "lines":2710,"lines_reached":1904,"lines_reason":"","sources_changed":0,
 *    "sources_missing":0,
 *    "roots":["/srv/json"],"exclude":["third_party/"]}],"removed":[]}
 *    full: the whole list; else only what changed, and the ids that are gone. state: a
 *    name of enum target_state. pcs: those that can be reached; dropped: those besides, whose
 *    code the linker dropped. table: generation of the source-location table, 0 while
 *    there is none; when it changes fetch /t/NAME/index.bin?table=N again and start
 *    anew with the next full coverage frame. files: how many it names; when it is more, those that
 *    inlined code alone names have come: fetch it again. functions: how many functions.bin?table=N
 *    holds; null while there is none, or for ever if functions_reason says why. lines: of a known
 *    state, as counted some seconds ago; likewise null; when it is not there are
 *    blocks.bin?table=N and shapes.bin?table=N. sources_changed: files that are newer than the
 *    executable, or others than those that were read; sources_missing: files below the roots
 *    that are not there; both as of a minute ago.
 *  {"type":"error","message":"…"}: the last request could not be carried out.
 *
 * Client to server:
 *  {"subscribe":1}    answered by full coverage, hit times and entries, then deltas
 *  {"unsubscribe":1}
 */

#endif
