/* SPDX-License-Identifier: MIT
 * The page's model of one target: parses the source index, holds the reached bits and
 * their times, and counts by file, line, place and folder. main.js only draws.
 * Runs in the browser (and natively in tests).
 *
 * Every byte that comes in is checked before it is believed, because a trap here is a
 * dead page: all sizes are computed in 64 bits, all offsets compared with lengths that
 * were checked. Memory is never given back one by one; client_reset() frees it all.
 */
#include "client.h"

#ifdef __wasm__
struct client client;
#endif

#define GROWTH_MAX 512

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
	lines_forget();
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
		    name_len, file, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
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
	for (uint32_t i = 0; i < client.files_len; i++) {
		struct file *file = &client.files[i];
		file->total = client.file_start[i + 1] - client.file_start[i];
		file->node = node_add(folders[client.wire_files[i].directory],
		    client.wire_files[i].basename,
		    name_length(client.wire_files[i].basename), i);
	}
	/* Those without a location, as far as they are counted. */
	struct file *nowhere = &client.files[client.files_len];
	nowhere->total = 0;
	for (uint32_t i = client.file_start[client.files_len];
	    i < client.file_start[client.files_len + 1]; i++)
		nowhere->total += (uint32_t)is_counted(client.order[i]);
	if (nowhere->total)
		nowhere->node = node_add(0, 0, 0, client.files_len);
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
		node->lines = node->lines_reached = 0;
		node->excluded_lines = node->excluded_lines_reached = 0;
	}
	for (uint32_t i = 0; i <= client.files_len; i++) {
		struct file *file = &client.files[i];
		file->covered = file->newest = file->pending = 0;
	}
	for (uint32_t i = 0; i < client.pcs_len; i++) {
		if (!bit_test(client.bits, i) || !is_counted(i))
			continue;
		struct file *file = &client.files[file_of(i)];
		client.covered++;
		file->covered++;
		if (file->newest < client.times[i])
			file->newest = client.times[i];
	}
	for (uint32_t i = 0; i <= client.files_len; i++)
		count_up(i, client.files[i].covered, client.files[i].total);
	lines_recount();
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
	lines_renew();
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
	lines_reach(pc);
	if (!is_counted(pc))
		return;
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
	uint32_t reached = 0, first = NONE, newest = 0, state;
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
	state = line->block != NONE  ? lines_state(line->block)
	    : !reached               ? LINE_MISSED
	    : reached < line->places ? LINE_PARTLY
				     : LINE_REACHED;
	if (reached != line->reached || state != line->state)
		line->changed = client.update;
	line->reached = reached;
	line->state = state;
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

/* Room for any file. */
static int
lines_reserve(void)
{
	uint64_t most = 0, lines, places = 0;
	for (uint32_t i = 0; i < client.files_len; i++) {
		lines = (uint64_t)client.files[i].total + lines_of_file(i);
		if (lines > most)
			most = lines;
		if (client.files[i].total > places)
			places = client.files[i].total;
	}
	if (client.lines && most <= client.lines_size)
		return CLIENT_OK;
	client.lines = heap_take(most * sizeof(struct line));
	if (!client.places)
		client.places = heap_take(places * sizeof(struct place));
	if (!client.lines || !client.places) {
		client.lines = NULL;
		return CLIENT_MEMORY;
	}
	client.lines_size = (uint32_t)most;
	return CLIENT_OK;
}

/* The places of the PCs of @number, from @at in client.order on; returns where they end. */
static uint32_t
line_add_places(struct line *line, uint32_t at, uint32_t end, struct place **place)
{
	for (; at < end; at++) {
		const struct wire_location *location =
		    &client.locations[client.order[at]];
		if (location->line != line->line)
			break;
		if (!line->places || (*place)->column != location->column) {
			*++*place = (struct place){ .column = location->column };
			line->places++;
		}
		(*place)->pcs++;
	}
	return at;
}

/* Makes @file's lines and places readable: those that have PCs, and those that a block names; the
 * last open file's are forgotten. */
EXPORT int
client_open(uint32_t file)
{
	if (!client.nodes || file >= client.files_len)
		return CLIENT_RANGE;
	int error = lines_reserve();
	if (error)
		return error;
	struct place *place = client.places - 1;
	uint32_t at = client.file_start[file], end = client.file_start[file + 1];
	uint32_t next = 0, blocks = lines_of_file(file), block = NONE, by_pc, by_block;
	client.lines_len = client.no_line = 0;
	for (; at < end && !client.locations[client.order[at]].line; at++)
		client.no_line++;
	while (at < end || next < blocks) {
		by_pc = at < end ? client.locations[client.order[at]].line : NONE;
		by_block = next < blocks ? lines_number(file, next, &block) : NONE;
		struct line *line = &client.lines[client.lines_len++];
		*line = (struct line){ .line = by_pc < by_block ? by_pc : by_block,
			.place = (uint32_t)(place + 1 - client.places),
			.order = at,
			.block = by_block <= by_pc ? block : NONE };
		next += by_block <= by_pc;
		at = line_add_places(line, at, end, &place);
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
	const uint32_t state = client.lines[i].state;
	uint32_t before = i;
	if (state != LINE_IDLE && state != LINE_MISSED)
		return state == LINE_PARTLY;
	while (before > 0 && client.lines[before - 1].state == LINE_UNKNOWN)
		before--;
	return before == 0 || client.lines[before - 1].state > LINE_UNKNOWN;
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
	uint32_t dirty = client.dirty, line_counts;
	const struct line_sums *sums = lines_sums(&line_counts);
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
		.has_lines = (uint32_t)lines_are_known(),
		.sums = (uint32_t)(uintptr_t)sums,
		.line_counts = line_counts,
	};
	return &client.summary;
}
