/* SPDX-License-Identifier: MIT
 * What the parts of the page's client share: its model of one target.
 *
 * client.c keeps reached PCs and what is counted of them, client_lines.c what became of lines.
 * Compiled without a library to main.wasm; natively, for tests, as one unit.
 */
#ifndef FUZZSUP_CLIENT_H
#define FUZZSUP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "line_owners.h"
#include "line_states.h"
#include "wire.h"

enum client_error {
	CLIENT_OK = 0,
	CLIENT_SHORT = -1,     /* fewer bytes than the message says */
	CLIENT_RANGE = -2,     /* an index or offset points outside */
	CLIENT_MEMORY = -3,    /* no memory, or a size that cannot be meant */
	CLIENT_NO_INDEX = -4,  /* coverage without a source index */
	CLIENT_MISMATCH = -5,  /* coverage of another table */
	CLIENT_STALE = -6,     /* delta of another version: wait for a full frame */
	CLIENT_MALFORMED = -7, /* contradicts itself */
};

#ifdef __wasm__
#define EXPORT __attribute__((visibility("default")))
#define SHARED
void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
#else
#include <string.h>
#define EXPORT static __attribute__((unused))
#define SHARED static __attribute__((unused))
#endif

#define PCS_MAX UINT32_C(16000000)
#define FILES_MAX UINT32_C(1000000)
#define NODES_MAX UINT64_C(4000000)
#define NAME_MAX_LEN UINT32_C(4096)
#define DEPTH_MAX 64
#define NONE UINT32_C(0xffffffff)

/* The page reads these five, and struct line_sums, as arrays of u32, by layout.js (t/lib/print_layouts). */
struct node { /* of the tree of folders and files; 0 is the root */
	uint32_t parent;
	uint32_t first_child;
	uint32_t next_sibling;
	uint32_t name; /* offset into the strings */
	uint32_t name_len;
	uint32_t file; /* NONE: a folder; files_len: PCs without a source location */
	uint32_t total, covered; /* PCs; without the excluded */
	uint32_t excluded_total, excluded_covered;
	uint32_t newest;               /* hit, in 1/100 s since base_ms */
	uint32_t lines, lines_reached; /* of a known state; without the excluded */
	uint32_t excluded_lines, excluded_lines_reached;
	uint32_t reserved;
};
_Static_assert(sizeof(struct node) == 64, "nodes are words");

struct file {
	uint32_t total, covered;
	uint32_t newest;
	uint32_t node;
	uint32_t pending; /* reached, but not yet added to the folders above */
	uint32_t excluded;
	/* Of a known state; those that were reached, of them partly; of no known one. */
	uint32_t lines, lines_reached, lines_partly, lines_unknown;
};
_Static_assert(sizeof(struct file) == 40, "files are words");

/* Of the open file. Several PCs can stand at one place (templates, inlining): a place
 * is reached when one of them is. */
struct place {
	uint32_t column;
	uint32_t pcs;
	uint32_t reached;
	uint32_t time; /* of the first hit; NONE: not reached */
};
_Static_assert(sizeof(struct place) == 16, "places are words");

struct line {
	uint32_t line;
	uint32_t place; /* index of its first */
	uint32_t places;
	uint32_t reached; /* places: 0 missed, all of them hit, else partly */
	uint32_t first_time;
	uint32_t newest_time;
	uint32_t changed; /* number of the update that last changed it */
	uint32_t order;   /* index of its first PC in client.order */
	uint32_t state;   /* enum line_state */
	uint32_t block;   /* index among the lines of the block table; NONE */
};
_Static_assert(sizeof(struct line) == 40, "lines are words");

struct summary {
	uint32_t pcs_len, files_len, nodes_len, covered;
	uint32_t nodes, files, lines, places; /* addresses */
	uint32_t lines_len, open_file, update, no_line;
	uint32_t entries, entries_len, dirty, growth;
	uint32_t has_lines; /* 1: files and nodes count lines; else they are 0 */
	uint32_t sums; /* address of struct line_sums, see client_function_group() */
	uint32_t line_counts; /* another number where lines were counted anew */
	uint32_t reserved;
};
_Static_assert(sizeof(struct summary) == 80, "the summary is words");

struct client {
	unsigned char *input; /* where main.js puts the next message */
	uint32_t input_size;

	const struct wire_location *locations;
	const struct wire_file *wire_files;
	const uint32_t *directories;
	const char *strings;
	uint32_t pcs_len, files_len, directories_len, strings_len;

	uint32_t *order;      /* PCs by file, line, column; unknown ones last */
	uint32_t *file_start; /* files_len + 2: first place of a file in order */
	struct file *files;   /* files_len + 1 */
	struct node *nodes;
	uint32_t nodes_len;
	uint32_t *touched; /* files with pending hits */
	uint32_t touched_len;

	uint64_t *bits, *base_bits; /* now; at the last full frame */
	uint32_t *times; /* 1/100 s since base_ms, valid where the bit is set */
	uint64_t version, base_version;
	int64_t base_ms;
	uint32_t covered;
	uint32_t have_full;
	uint32_t update; /* counts changes of bits and times */

	struct line *lines;
	struct place *places;
	uint32_t lines_len, lines_size, open_file, no_line;
	uint32_t dirty; /* the open file has changed since its lines were counted */

	uint32_t *entries;
	uint32_t entries_len, entries_size;
	uint32_t *growth; /* answer of client_growth */
	char *name;       /* of client_file_name */
	struct summary summary;
};

#ifdef __wasm__
extern struct client client;
#else
static struct client client;
#endif

static inline uint32_t
file_of(uint32_t pc)
{
	uint32_t file = client.locations[pc].file;
	return file == WIRE_FILE_UNKNOWN ? client.files_len : file;
}

/* Nobody counts those whose code the linker dropped. */
static inline int
is_counted(uint32_t pc)
{
	return !wire_location_is_dropped(&client.locations[pc]);
}

static inline int
bit_test(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* Zeroed memory; NULL: there is no more. */
SHARED void *heap_take(uint64_t size);
/* Gives all back. */
SHARED void heap_reset(void);

/* ---- lines (client_lines.c) ---- */

/* Forgets what it had; before heap_reset(). */
SHARED void lines_forget(void);
/* A PC was reached; all bits are others. */
SHARED void lines_reach(uint32_t pc);
SHARED void lines_renew(void);
/* Counts lines of all files into the nodes, which were set to 0. */
SHARED void lines_recount(void);
/* True if lines' states are known. */
SHARED int lines_are_known(void);
/* Lines of @file in the order of their numbers: how many; and the number and the state of one,
 * whose index goes to @ret_block. */
SHARED uint32_t lines_of_file(uint32_t file);
SHARED uint32_t lines_number(uint32_t file, uint32_t place, uint32_t *ret_block);
SHARED uint32_t lines_state(uint32_t block);
/* What became of functions' lines, by group; and how often a file was counted. */
SHARED const struct line_sums *lines_sums(uint32_t *ret_counts);

#endif
