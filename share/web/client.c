/* SPDX-License-Identifier: MIT
 * The page's model of one target: parses the source index, holds the reached bits and
 * their times, and counts by file, line, place and folder. main.js only draws.
 * Compiled to main.wasm without a library; runs in the browser (and natively in tests).
 *
 * Every byte that comes in is checked before it is believed, because a trap here is a
 * dead page: all sizes are computed in 64 bits, all offsets compared with lengths that
 * were checked. Memory is never given back one by one; client_reset() frees it all.
 */
#include <stddef.h>
#include <stdint.h>

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

/* ---- memory ---- */

#ifdef __wasm__
#define EXPORT __attribute__((visibility("default")))
#define PAGE_SIZE UINT64_C(65536)
#define MEMORY_MAX (UINT64_C(2) << 30)

extern unsigned char __heap_base;
static uint64_t heap_next;

/* The compiler may call these three for copies and zeroing of structs. */
EXPORT void *
memset(void *to, int byte, size_t size)
{
	unsigned char *at = to;
	while (size--)
		*at++ = (unsigned char)byte;
	return to;
}

EXPORT void *
memcpy(void *restrict to, const void *restrict from, size_t size)
{
	unsigned char *at = to;
	const unsigned char *source = from;
	while (size--)
		*at++ = *source++;
	return to;
}

static void *
heap_take(uint64_t size)
{
	if (!heap_next)
		heap_next = ((uintptr_t)&__heap_base + 15) & ~(uint64_t)15;
	uint64_t end = heap_next + ((size + 15) & ~(uint64_t)15);
	uint64_t have = __builtin_wasm_memory_size(0) * PAGE_SIZE;
	if (size > MEMORY_MAX || end > MEMORY_MAX)
		return NULL;
	if (end > have &&
	    __builtin_wasm_memory_grow(0, (end - have + PAGE_SIZE - 1) / PAGE_SIZE) ==
		SIZE_MAX)
		return NULL;
	uint64_t *at = (uint64_t *)(uintptr_t)heap_next;
	heap_next = end;
	for (uint64_t i = 0; i < (size + 7) / 8; i++)
		at[i] = 0;
	return at;
}

static void
heap_reset(void)
{
	heap_next = 0;
}
#else
#include <stdlib.h>
#include <string.h>
#define EXPORT static __attribute__((unused))

/* One allocation each, so that AddressSanitizer sees every step over an edge. */
static void **heap_blocks;
static size_t heap_blocks_len;

static void *
heap_take(uint64_t size)
{
	void **blocks = realloc(heap_blocks, (heap_blocks_len + 1) * sizeof(*blocks));
	if (!blocks)
		return NULL;
	heap_blocks = blocks;
	void *block = size < (UINT64_C(1) << 31) ? calloc(1, size ? size : 1) : NULL;
	if (block)
		heap_blocks[heap_blocks_len++] = block;
	return block;
}

static void
heap_reset(void)
{
	for (size_t i = 0; i < heap_blocks_len; i++)
		free(heap_blocks[i]);
	free(heap_blocks);
	heap_blocks = NULL;
	heap_blocks_len = 0;
}
#endif

/* ---- the model ---- */

#define PCS_MAX UINT32_C(16000000)
#define FILES_MAX UINT32_C(1000000)
#define NODES_MAX UINT64_C(4000000)
#define NAME_MAX_LEN UINT32_C(4096)
#define DEPTH_MAX 64
#define NONE UINT32_C(0xffffffff)

/* main.js reads these five as arrays of u32. */
struct node { /* of the tree of folders and files; 0 is the root */
	uint32_t parent;
	uint32_t first_child;
	uint32_t next_sibling;
	uint32_t name; /* offset into the strings */
	uint32_t name_len;
	uint32_t file; /* NONE: a folder; files_len: PCs without a source location */
	uint32_t total, covered; /* PCs; without the excluded */
	uint32_t excluded_total, excluded_covered;
	uint32_t newest; /* hit, in 1/100 s since base_ms */
	uint32_t reserved;
};
_Static_assert(sizeof(struct node) == 48, "main.js reads nodes by this size");

struct file {
	uint32_t total, covered;
	uint32_t newest;
	uint32_t node;
	uint32_t pending; /* reached, but not yet added to the folders above */
	uint32_t excluded;
};
_Static_assert(sizeof(struct file) == 24, "main.js reads files by this size");

/* Of the open file. Several PCs can stand at one place (templates, inlining): a place
 * is reached when one of them is. */
struct place {
	uint32_t column;
	uint32_t pcs;
	uint32_t reached;
	uint32_t time; /* of the first hit; NONE: not reached */
};
_Static_assert(sizeof(struct place) == 16, "main.js reads places by this size");

struct line {
	uint32_t line;
	uint32_t place; /* index of its first */
	uint32_t places;
	uint32_t reached; /* places: 0 missed, all of them hit, else partly */
	uint32_t first_time;
	uint32_t newest_time;
	uint32_t changed; /* number of the update that last changed it */
	uint32_t order;   /* index of its first PC in client.order */
};
_Static_assert(sizeof(struct line) == 32, "main.js reads lines by this size");

struct summary {
	uint32_t pcs_len, files_len, nodes_len, covered;
	uint32_t nodes, files, lines, places; /* addresses */
	uint32_t lines_len, open_file, update, no_line;
	uint32_t entries, entries_len, dirty, growth;
};
_Static_assert(sizeof(struct summary) == 64, "main.js reads the summary by this size");

static struct client {
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
	uint32_t lines_len, open_file, no_line;
	uint32_t dirty; /* the open file has changed since its lines were counted */

	uint32_t *entries;
	uint32_t entries_len, entries_size;
	uint32_t *growth; /* answer of client_growth */
	char *name;       /* of client_file_name */
	struct summary summary;
} client;

#define GROWTH_MAX 512

static uint32_t
file_of(uint32_t pc)
{
	uint32_t file = client.locations[pc].file;
	return file == WIRE_FILE_UNKNOWN ? client.files_len : file;
}

static int
bit_test(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static uint32_t
name_length(uint32_t offset)
{
	uint32_t max =
	    client.strings_len - offset; /* at least the NUL, see index_check */
	uint32_t len = 0;
	if (max > NAME_MAX_LEN)
		max = NAME_MAX_LEN;
	while (len < max && client.strings[offset + len])
		len++;
	return len;
}

/* Forgets everything. */
EXPORT void
client_reset(void)
{
	heap_reset();
	client = (struct client){ .open_file = NONE };
}

/* Room for a message of @size bytes, to be written before the call that reads it; the
 * last one's is reused, so an index must stay in a room of its own. NULL: too large. */
EXPORT void *
client_input(uint32_t size)
{
	if (size > client.input_size) {
		uint64_t wanted = (uint64_t)size + size / 2;
		client.input = heap_take(wanted);
		client.input_size = client.input && wanted <= UINT32_MAX ? wanted : 0;
	}
	return client.input_size >= size ? client.input : NULL;
}

/* ---- source index ---- */

static int
index_check(const unsigned char *bytes, uint32_t size)
{
	struct wire_source_index head;
	if (size < sizeof(head))
		return CLIENT_SHORT;
	memcpy(&head, bytes, sizeof(head));
	uint64_t need = sizeof(head) + (uint64_t)head.directories_len * 4 +
	    (uint64_t)head.files_len * sizeof(struct wire_file) +
	    (uint64_t)head.locations_len * sizeof(struct wire_location) +
	    head.string_bytes_len;
	if ((head.flags & 0xff) != WIRE_SOURCE_INDEX)
		return CLIENT_MALFORMED;
	if (need > size)
		return CLIENT_SHORT;
	if (head.locations_len > PCS_MAX || head.files_len > FILES_MAX ||
	    head.directories_len > FILES_MAX)
		return CLIENT_MEMORY;
	client.directories = (const void *)(bytes + sizeof(head));
	client.wire_files = (const void *)(client.directories + head.directories_len);
	client.locations = (const void *)(client.wire_files + head.files_len);
	client.strings = (const void *)(client.locations + head.locations_len);
	client.directories_len = head.directories_len;
	client.files_len = head.files_len;
	client.pcs_len = head.locations_len;
	client.strings_len = head.string_bytes_len;
	for (uint32_t i = 0; i < client.directories_len; i++)
		if (client.directories[i] >= client.strings_len)
			return CLIENT_RANGE;
	for (uint32_t i = 0; i < client.files_len; i++)
		if (client.wire_files[i].directory >= client.directories_len ||
		    client.wire_files[i].basename >= client.strings_len)
			return CLIENT_RANGE;
	for (uint32_t i = 0; i < client.pcs_len; i++)
		if (client.locations[i].file >= client.files_len &&
		    client.locations[i].file != WIRE_FILE_UNKNOWN)
			return CLIENT_RANGE;
	return CLIENT_OK;
}

static uint32_t
sort_key(uint32_t pc, unsigned field)
{
	const struct wire_location *location = &client.locations[pc];
	return field == 0 ? location->column
	    : field == 1  ? location->line
			  : file_of(pc);
}

/* One pass of a stable radix sort; returns 0 if all keys agree and nothing moved. */
static int
sort_pass(const uint32_t *from, uint32_t *to, unsigned field, unsigned shift)
{
	static uint32_t starts[2048];
	uint32_t sum = 0;
	memset(starts, 0, sizeof(starts));
	for (uint32_t i = 0; i < client.pcs_len; i++)
		starts[sort_key(from[i], field) >> shift & 2047]++;
	if (starts[sort_key(from[0], field) >> shift & 2047] == client.pcs_len)
		return 0;
	for (unsigned i = 0; i < 2048; i++) {
		uint32_t count = starts[i];
		starts[i] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < client.pcs_len; i++)
		to[starts[sort_key(from[i], field) >> shift & 2047]++] = from[i];
	return 1;
}

static int
index_sort(void)
{
	uint32_t *from = heap_take((uint64_t)client.pcs_len * 4);
	uint32_t *to = heap_take((uint64_t)client.pcs_len * 4);
	client.file_start = heap_take(((uint64_t)client.files_len + 2) * 4);
	if (!from || !to || !client.file_start)
		return CLIENT_MEMORY;
	for (uint32_t i = 0; i < client.pcs_len; i++)
		from[i] = i;
	for (unsigned pass = 0; client.pcs_len && pass < 9; pass++) {
		if (!sort_pass(from, to, pass / 3, pass % 3 * 11))
			continue;
		uint32_t *swap = from;
		from = to;
		to = swap;
	}
	client.order = from;
	for (uint32_t i = 0; i < client.pcs_len; i++)
		client.file_start[file_of(i) + 1]++;
	for (uint32_t i = 0; i <= client.files_len; i++)
		client.file_start[i + 1] += client.file_start[i];
	return CLIENT_OK;
}

/* ---- tree of folders and files ---- */

struct intern {
	uint32_t *slots;
	uint32_t mask;
};

/* Length of the first component of a path; the leading "/" of an absolute one counts.
 */
static uint32_t
component_length(const char *path, uint32_t len, unsigned depth)
{
	uint32_t i = 0;
	if (len && path[0] == '/')
		return 1;
	while (i < len && (path[i] != '/' || depth + 1 >= DEPTH_MAX))
		i++;
	return i;
}

static uint32_t
node_add(uint32_t parent, uint32_t name, uint32_t name_len, uint32_t file)
{
	uint32_t id = client.nodes_len++;
	client.nodes[id] =
	    (struct node){ parent, NONE, client.nodes[parent].first_child, name,
		    name_len, file, 0, 0, 0, 0, 0, 0 };
	client.nodes[parent].first_child = id;
	return id;
}

static uint32_t
folder_find(struct intern *intern, uint32_t parent, uint32_t name, uint32_t len)
{
	uint32_t hash = 2166136261u ^ parent * 2654435769u;
	for (uint32_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)client.strings[name + i]) * 16777619u;
	hash ^= hash >> 15;
	for (;; hash++) {
		uint32_t id = intern->slots[hash & intern->mask];
		if (!id)
			break;
		const struct node *node = &client.nodes[id];
		uint32_t i = 0;
		if (node->parent != parent || node->name_len != len)
			continue;
		while (i < len &&
		    client.strings[node->name + i] == client.strings[name + i])
			i++;
		if (i == len)
			return id;
	}
	return intern->slots[hash & intern->mask] = node_add(parent, name, len, NONE);
}

static uint32_t
folder_of(struct intern *intern, uint32_t name)
{
	uint32_t len = name_length(name), node = 0;
	for (unsigned depth = 0; len; depth++) {
		uint32_t part = component_length(client.strings + name, len, depth);
		if (part)
			node = folder_find(intern, node, name, part);
		part += part < len && client.strings[name + part] == '/';
		name += part;
		len -= part;
	}
	return node;
}

static uint64_t
nodes_bound(void)
{
	uint64_t bound = (uint64_t)client.files_len + 2;
	for (uint32_t i = 0; i < client.directories_len; i++) {
		uint32_t at = client.directories[i], end = at + name_length(at);
		uint32_t parts = 2;
		for (; at < end; at++)
			parts += client.strings[at] == '/';
		bound += parts < DEPTH_MAX + 2 ? parts : DEPTH_MAX + 2;
	}
	return bound;
}

static int
tree_build(void)
{
	uint64_t bound = nodes_bound();
	struct intern intern = { .mask = 1023 };
	if (bound > NODES_MAX)
		return CLIENT_MEMORY;
	while (intern.mask < bound * 2)
		intern.mask = intern.mask * 2 + 1;
	intern.slots = heap_take(((uint64_t)intern.mask + 1) * 4);
	uint32_t *folders = heap_take((uint64_t)client.directories_len * 4);
	client.nodes = heap_take(bound * sizeof(struct node));
	client.files =
	    heap_take(((uint64_t)client.files_len + 1) * sizeof(struct file));
	client.touched = heap_take(((uint64_t)client.files_len + 1) * 4);
	if (!intern.slots || !folders || !client.nodes || !client.files ||
	    !client.touched)
		return CLIENT_MEMORY;
	client.nodes[0] = (struct node){
		.parent = NONE, .first_child = NONE, .next_sibling = NONE, .file = NONE
	};
	client.nodes_len = 1;
	for (uint32_t i = 0; i < client.directories_len; i++)
		folders[i] = folder_of(&intern, client.directories[i]);
	for (uint32_t i = 0; i <= client.files_len; i++) {
		struct file *file = &client.files[i];
		file->total = client.file_start[i + 1] - client.file_start[i];
		if (i < client.files_len)
			file->node = node_add(folders[client.wire_files[i].directory],
			    client.wire_files[i].basename,
			    name_length(client.wire_files[i].basename), i);
		else if (file->total)
			file->node = node_add(0, 0, 0, i);
	}
	return CLIENT_OK;
}

static void
count_up(uint32_t file_index, uint32_t hits, uint32_t total)
{
	const struct file *file = &client.files[file_index];
	for (uint32_t id = file->node; id != NONE; id = client.nodes[id].parent) {
		struct node *node = &client.nodes[id];
		*(file->excluded ? &node->excluded_covered : &node->covered) += hits;
		*(file->excluded ? &node->excluded_total : &node->total) += total;
		if (node->newest < file->newest)
			node->newest = file->newest;
	}
}

/* All files and folders anew, from the bits. */
static void
recount(void)
{
	client.covered = 0;
	client.touched_len = 0;
	for (uint32_t i = 0; i < client.nodes_len; i++) {
		struct node *node = &client.nodes[i];
		node->total = node->covered = node->newest = 0;
		node->excluded_total = node->excluded_covered = 0;
	}
	for (uint32_t i = 0; i <= client.files_len; i++) {
		struct file *file = &client.files[i];
		file->covered = file->newest = file->pending = 0;
	}
	for (uint32_t i = 0; i < client.pcs_len; i++) {
		if (!bit_test(client.bits, i))
			continue;
		struct file *file = &client.files[file_of(i)];
		client.covered++;
		file->covered++;
		if (file->newest < client.times[i])
			file->newest = client.times[i];
	}
	for (uint32_t i = 0; i <= client.files_len; i++)
		count_up(i, client.files[i].covered, client.files[i].total);
	client.dirty = 1;
	client.update++;
}

/* The message in the input buffer becomes the model; what was before is forgotten. */
EXPORT int
client_load_index(uint32_t size)
{
	const unsigned char *bytes = client.input;
	if (!bytes || size > client.input_size)
		return CLIENT_SHORT;
	int error = index_check(bytes, size);
	client.input = NULL; /* the index stays where it is */
	client.input_size = 0;
	if (!error && client.strings_len && client.strings[client.strings_len - 1])
		error = CLIENT_MALFORMED;
	if (!error)
		error = index_sort();
	if (!error)
		error = tree_build();
	uint64_t words = ((uint64_t)client.pcs_len + 63) / 64;
	client.bits = heap_take(words * 8);
	client.base_bits = heap_take(words * 8);
	client.times = heap_take((uint64_t)client.pcs_len * 4);
	client.growth = heap_take(GROWTH_MAX * 4);
	client.name = heap_take(2 * NAME_MAX_LEN + 2);
	if (!error &&
	    (!client.bits || !client.base_bits || !client.times || !client.growth ||
		!client.name))
		error = CLIENT_MEMORY;
	if (error)
		client_reset();
	else
		recount();
	return error;
}

/* Counts @file apart from the others (configured source-exclude). */
EXPORT void
client_exclude(uint32_t file)
{
	if (client.nodes && file < client.files_len)
		client.files[file].excluded = 1;
}

EXPORT void
client_recount(void)
{
	if (client.nodes)
		recount();
}

/* ---- coverage ---- */

static const unsigned char *
message(uint32_t size, size_t least, int *ret_error)
{
	*ret_error = CLIENT_OK;
	if (!client.nodes)
		*ret_error = CLIENT_NO_INDEX;
	else if (!client.input || size > client.input_size || size < least)
		*ret_error = CLIENT_SHORT;
	return *ret_error ? NULL : client.input;
}

EXPORT int
client_full(uint32_t size)
{
	struct wire_coverage_full full;
	int error;
	const unsigned char *bytes = message(size, sizeof(full), &error);
	if (!bytes)
		return error;
	memcpy(&full, bytes, sizeof(full));
	uint64_t words = ((uint64_t)client.pcs_len + 63) / 64;
	if (full.header.tag != WIRE_COVERAGE_FULL)
		return CLIENT_MALFORMED;
	if (full.pcs_len != client.pcs_len)
		return CLIENT_MISMATCH;
	if (size - sizeof(full) < words * 8)
		return CLIENT_SHORT;
	memcpy(client.bits, bytes + sizeof(full), words * 8);
	if (client.pcs_len % 64)
		client.bits[words - 1] &= (UINT64_C(1) << client.pcs_len % 64) - 1;
	if (full.base_ms != client.base_ms)
		memset(client.times, 0, (size_t)client.pcs_len * 4);
	memcpy(client.base_bits, client.bits, words * 8);
	client.version = client.base_version = full.version;
	client.base_ms = full.base_ms;
	client.have_full = 1;
	recount();
	return CLIENT_OK;
}

/* Returns the bytes taken, 0 if there is no whole number below 2^32. */
static uint32_t
varint_read(const unsigned char *bytes, uint32_t size, uint32_t *ret_value)
{
	uint64_t value = 0;
	for (uint32_t i = 0; i < size && i < 5; i++) {
		value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
		if (bytes[i] & 0x80)
			continue;
		if (value > UINT32_MAX)
			return 0;
		*ret_value = (uint32_t)value;
		return i + 1;
	}
	return 0;
}

static void
bit_reach(uint32_t pc, uint32_t time)
{
	if (bit_test(client.bits, pc))
		return;
	uint32_t index = file_of(pc);
	struct file *file = &client.files[index];
	client.bits[pc / 64] |= UINT64_C(1) << (pc % 64);
	client.times[pc] = time;
	client.covered++;
	file->covered++;
	if (!file->pending++)
		client.touched[client.touched_len++] = index;
	if (file->newest < time)
		file->newest = time;
}

/* Walks the numbers of a delta; reaches the bits if @apply, else only checks. */
static int
delta_walk(const struct wire_coverage_delta *delta, const unsigned char *bytes,
    uint32_t size, int apply)
{
	uint64_t at = 0, bits = 0;
	while (bits < delta->bits_len) {
		uint32_t gap, run = 1, used = varint_read(bytes, size, &gap);
		if (!used)
			return CLIENT_SHORT;
		bytes += used;
		size -= used;
		if (delta->encoding == WIRE_DELTA_RUNS) {
			used = varint_read(bytes, size, &run);
			if (!used)
				return CLIENT_SHORT;
			bytes += used;
			size -= used;
		}
		at += gap;
		bits += run;
		if (at + run > client.pcs_len)
			return CLIENT_RANGE;
		if (!run || bits > delta->bits_len)
			return CLIENT_MALFORMED;
		for (uint64_t end = at + run; at < end; at++)
			if (apply)
				bit_reach((uint32_t)at, delta->hit_time);
	}
	return CLIENT_OK;
}

EXPORT int
client_delta(uint32_t size)
{
	struct wire_coverage_delta delta;
	int error;
	const unsigned char *bytes = message(size, sizeof(delta), &error);
	if (!bytes)
		return error;
	memcpy(&delta, bytes, sizeof(delta));
	if (delta.header.tag != WIRE_COVERAGE_DELTA || delta.encoding > WIRE_DELTA_RUNS)
		return CLIENT_MALFORMED;
	if (!client.have_full || delta.from_version != client.version)
		return CLIENT_STALE;
	bytes += sizeof(delta);
	size -= (uint32_t)sizeof(delta);
	error = delta_walk(&delta, bytes, size, 0);
	if (error)
		return error;
	delta_walk(&delta, bytes, size, 1);
	client.version = delta.to_version;
	client.update++;
	for (uint32_t i = 0; i < client.touched_len; i++) {
		struct file *file = &client.files[client.touched[i]];
		count_up(client.touched[i], file->pending, 0);
		file->pending = 0;
		client.dirty |= client.touched[i] == client.open_file;
	}
	client.touched_len = 0;
	return CLIENT_OK;
}

EXPORT int
client_hit_times(uint32_t size)
{
	struct wire_hit_times head;
	int error;
	const unsigned char *bytes = message(size, sizeof(head), &error);
	if (!bytes)
		return error;
	memcpy(&head, bytes, sizeof(head));
	if (head.header.tag != WIRE_HIT_TIMES)
		return CLIENT_MALFORMED;
	if (!client.have_full || head.version != client.base_version)
		return CLIENT_STALE;
	if ((size - sizeof(head)) / 4 < head.times_len)
		return CLIENT_SHORT;
	uint32_t used = 0;
	for (uint32_t i = 0; i < client.pcs_len && used < head.times_len; i++)
		if (bit_test(client.base_bits, i))
			memcpy(&client.times[i],
			    bytes + sizeof(head) + 4 * (uint64_t)used++, 4);
	recount();
	return CLIENT_OK;
}

/* Entries outside of the table are left out. */
EXPORT int
client_entries(uint32_t size)
{
	struct wire_entries head;
	int error;
	const unsigned char *bytes = message(size, sizeof(head), &error);
	if (!bytes)
		return error;
	memcpy(&head, bytes, sizeof(head));
	if (head.header.tag != WIRE_ENTRIES)
		return CLIENT_MALFORMED;
	if ((size - sizeof(head)) / 4 < head.entries_len)
		return CLIENT_SHORT;
	if (head.entries_len > client.entries_size) {
		uint32_t *entries = heap_take((uint64_t)head.entries_len * 4);
		if (!entries)
			return CLIENT_MEMORY;
		client.entries = entries;
		client.entries_size = head.entries_len;
	}
	client.entries_len = 0;
	for (uint32_t i = 0; i < head.entries_len; i++) {
		uint32_t pc;
		memcpy(&pc, bytes + sizeof(head) + 4 * (uint64_t)i, 4);
		if (pc < client.pcs_len)
			client.entries[client.entries_len++] = pc;
	}
	return CLIENT_OK;
}

/* ---- the open file ---- */

static void
line_count(struct line *line, uint32_t *pc_at, uint32_t pcs_end)
{
	uint32_t reached = 0, first = NONE, newest = 0;
	for (uint32_t i = 0; i < line->places; i++) {
		struct place *place = &client.places[line->place + i];
		place->reached = 0;
		place->time = NONE;
		for (uint32_t k = 0; k < place->pcs && *pc_at < pcs_end; k++) {
			uint32_t pc = client.order[(*pc_at)++];
			if (!bit_test(client.bits, pc))
				continue;
			place->reached++;
			if (client.times[pc] < place->time)
				place->time = client.times[pc];
		}
		if (!place->reached)
			continue;
		reached++;
		if (place->time < first)
			first = place->time;
		if (place->time > newest)
			newest = place->time;
	}
	if (reached != line->reached)
		line->changed = client.update;
	line->reached = reached;
	line->first_time = first;
	line->newest_time = newest;
}

static void
lines_count(void)
{
	uint32_t end = client.file_start[client.open_file + 1];
	for (uint32_t i = 0; i < client.lines_len; i++) {
		uint32_t at = client.lines[i].order;
		line_count(&client.lines[i], &at, end);
	}
	client.dirty = 0;
}

/* Makes @file's lines and places readable; the last open file's are forgotten. */
EXPORT int
client_open(uint32_t file)
{
	if (!client.nodes || file >= client.files_len)
		return CLIENT_RANGE;
	if (!client.lines) { /* once, large enough for any file */
		uint32_t most = 0;
		for (uint32_t i = 0; i < client.files_len; i++)
			if (client.files[i].total > most)
				most = client.files[i].total;
		client.lines = heap_take((uint64_t)most * sizeof(struct line));
		client.places = heap_take((uint64_t)most * sizeof(struct place));
		if (!client.lines || !client.places) {
			client.lines = NULL;
			return CLIENT_MEMORY;
		}
	}
	struct line *line = NULL;
	struct place *place = client.places - 1;
	client.lines_len = client.no_line = 0;
	for (uint32_t i = client.file_start[file]; i < client.file_start[file + 1];
	    i++) {
		const struct wire_location *location =
		    &client.locations[client.order[i]];
		if (!location->line) {
			client.no_line++;
			continue;
		}
		if (!line || line->line != location->line) {
			line = &client.lines[client.lines_len++];
			*line = (struct line){ .line = location->line,
				.place = (uint32_t)(place + 1 - client.places),
				.order = i };
		}
		if (!line->places || place->column != location->column) {
			*++place = (struct place){ .column = location->column };
			line->places++;
		}
		place->pcs++;
	}
	client.open_file = file;
	lines_count();
	for (uint32_t i = 0; i < client.lines_len; i++)
		client.lines[i].changed = 0; /* as found, not news */
	return CLIENT_OK;
}

EXPORT void
client_close(void)
{
	client.open_file = NONE;
	client.lines_len = 0;
}

/* Index of the first line record at or behind source line @line; lines_len: none. */
EXPORT uint32_t
client_line_at(uint32_t line)
{
	uint32_t low = 0, high = client.lines_len;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (client.lines[middle].line < line)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether record @i begins a place to look at: partly reached, or the first of a
 * stretch that was not reached at all. */
static int
is_gap(uint32_t i)
{
	const struct line *line = &client.lines[i];
	if (line->reached)
		return line->reached < line->places;
	return i == 0 || line[-1].reached;
}

/* The next source line behind @line, round the end, where something was not reached;
 * 0: all is reached. */
EXPORT uint32_t
client_next_missed(uint32_t line)
{
	uint32_t start = line < NONE ? client_line_at(line + 1) : 0;
	for (uint32_t i = 0; i < client.lines_len; i++) {
		uint32_t at = (start + i) % client.lines_len;
		if (is_gap(at))
			return client.lines[at].line;
	}
	return 0;
}

/* ---- what main.js reads ---- */

/* Directory, "/" and basename of @file, NUL-terminated. */
EXPORT const char *
client_file_name(uint32_t file)
{
	uint32_t len = 0, from, size;
	if (!client.nodes || file >= client.files_len)
		return NULL;
	from = client.directories[client.wire_files[file].directory];
	size = name_length(from);
	memcpy(client.name, client.strings + from, size);
	len = size;
	if (len && client.name[len - 1] != '/')
		client.name[len++] = '/';
	from = client.wire_files[file].basename;
	size = name_length(from);
	memcpy(client.name + len, client.strings + from, size);
	client.name[len + size] = 0;
	return client.name;
}

EXPORT const char *
client_string(uint32_t offset)
{
	return offset < client.strings_len ? client.strings + offset : "";
}

EXPORT const struct wire_location *
client_location(uint32_t pc)
{
	return client.nodes && pc < client.pcs_len ? &client.locations[pc] : NULL;
}

/* ceil(pcs_len/64) words; main.js reads them as twice as many u32. */
EXPORT const uint64_t *
client_bits(void)
{
	return client.bits;
}

EXPORT double
client_base_ms(void)
{
	return (double)client.base_ms;
}

/* How many PCs were reached up to the end of each of @steps equal parts of the time
 * from
 * @from to @to (1/100 s since base_ms); the room is part of the summary. */
EXPORT int
client_growth(uint32_t from, uint32_t to, uint32_t steps)
{
	if (!client.nodes || !steps || steps > GROWTH_MAX || from >= to)
		return CLIENT_RANGE;
	memset(client.growth, 0, steps * sizeof(*client.growth));
	for (uint32_t i = 0; i < client.pcs_len; i++) {
		if (!bit_test(client.bits, i) || client.times[i] > to)
			continue;
		uint64_t past = client.times[i] > from ? client.times[i] - from : 0;
		uint64_t step = past * steps / (to - from);
		client.growth[step < steps ? step : steps - 1]++;
	}
	for (uint32_t i = 1; i < steps; i++)
		client.growth[i] += client.growth[i - 1];
	return CLIENT_OK;
}

/* Brings the open file's lines up to date; everything else is so already. */
EXPORT const struct summary *
client_summary(void)
{
	uint32_t dirty = client.dirty;
	if (client.open_file != NONE && dirty)
		lines_count();
	client.summary = (struct summary){
		.pcs_len = client.pcs_len,
		.files_len = client.files_len,
		.nodes_len = client.nodes_len,
		.covered = client.covered,
		.nodes = (uint32_t)(uintptr_t)client.nodes,
		.files = (uint32_t)(uintptr_t)client.files,
		.lines = (uint32_t)(uintptr_t)client.lines,
		.places = (uint32_t)(uintptr_t)client.places,
		.lines_len = client.lines_len,
		.open_file = client.open_file,
		.update = client.update,
		.no_line = client.no_line,
		.entries = (uint32_t)(uintptr_t)client.entries,
		.entries_len = client.entries_len,
		.dirty = dirty,
		.growth = (uint32_t)(uintptr_t)client.growth,
	};
	return &client.summary;
}
