/* SPDX-License-Identifier: MIT
 * What became of lines, in the page: the block table and the sources' shapes, kept up with the
 * reached PCs and counted by file and folder.
 *
 * All work is done by client_lines_step(), some at a time: a target of a million PCs takes a
 * second in all. What a new bit changes is one function's lines; then its files are concluded
 * and counted anew.
 */
#include "client.h"

#include "line_owners.h"
#include "line_shapes.h"

#define FUNCTION_COST 200 /* beside the bytes of its code */

static struct lines {
	struct line_blocks_view view;
	uint32_t files_len;   /* that the block table names */
	uint32_t *file_start; /* files_len + 1: first place of a file in order */
	uint32_t *owner;      /* by PC: its function; NONE: none */
	struct line_places places;
	struct line_owners owners;
	uint32_t owned; /* functions whose lines have an owner */
	struct line_scratch *scratch;
	uint8_t *raw, *states;         /* by line: of blocks alone; in the end */
	uint8_t *idle;                 /* by function */
	uint8_t *kinds;                /* by file (line_files_find) */
	uint32_t *first, *next;        /* functions by the file of their first line */
	uint32_t *shapes, *shapes_len; /* by file: offset in shape_bytes */
	const unsigned char *shape_bytes;
	/* What is to be done: functions, then files. */
	uint8_t *function_due;
	uint32_t *functions_due;
	uint32_t functions_due_len;
	struct line_news news; /* files */
	uint32_t built;        /* functions that were looked at first */
	uint32_t counts;       /* how often a file was counted */
	int is_ready;
} lines;

SHARED void
lines_forget(void)
{
	lines = (struct lines){ .is_ready = 0 };
}

SHARED int
lines_are_known(void)
{
	return lines.is_ready;
}

/* ---- the block table ---- */

static int
part_fits(uint64_t offset, uint64_t count, uint64_t size, uint64_t all)
{
	return offset % 8 == 0 && offset <= all && count * size <= all - offset;
}

static int
blocks_check(const unsigned char *bytes, uint32_t size)
{
	const struct wire_blocks *h = (const void *)bytes;
	if (size < sizeof(*h))
		return CLIENT_SHORT;
	if (h->magic != WIRE_BLOCKS_MAGIC || h->version != WIRE_BLOCKS_VERSION)
		return CLIENT_MALFORMED;
	if (h->pcs_len != client.pcs_len || h->files_len < client.files_len)
		return CLIENT_MISMATCH;
	if (!part_fits(h->functions, h->functions_len,
		sizeof(struct wire_blocks_function), size) ||
	    !part_fits(h->lines, h->lines_len, sizeof(struct wire_line), size) ||
	    !part_fits(h->order, h->lines_len, 4, size) ||
	    !part_fits(h->code, h->code_len, 1, size) ||
	    !part_fits(h->families, (uint64_t)h->families_len + 1, 4, size) ||
	    !part_fits(h->family_lines, h->family_lines_len, 4, size))
		return CLIENT_SHORT;
	if (h->files_len > FILES_MAX || h->blocks_max > size || h->edges_max > size)
		return CLIENT_MEMORY;
	lines.view.header = h;
	lines.view.functions = (const void *)(bytes + h->functions);
	lines.view.lines = (const void *)(bytes + h->lines);
	lines.view.order = (const void *)(bytes + h->order);
	lines.view.code = bytes + h->code;
	lines.view.families = (const void *)(bytes + h->families);
	lines.view.family_lines = (const void *)(bytes + h->family_lines);
	lines.files_len = h->files_len;
	return CLIENT_OK;
}

static int
functions_check(void)
{
	const struct wire_blocks *h = lines.view.header;
	uint64_t code = 0;
	for (uint32_t i = 0; i < h->functions_len; i++) {
		const struct wire_blocks_function *f = &lines.view.functions[i];
		code += f->code_len; /* none twice: that would be work without end */
		if (code > h->code_len || f->code > h->code_len ||
		    f->code_len > h->code_len - f->code ||
		    f->blocks_len > h->blocks_max || f->edges_len > h->edges_max ||
		    (f->line != WIRE_LINE_NONE && f->line >= h->lines_len))
			return CLIENT_RANGE;
	}
	return line_families_are_sound(&lines.view) ? CLIENT_OK : CLIENT_RANGE;
}

/* Also lays out file_start. */
static int
lines_check(void)
{
	const struct wire_blocks *h = lines.view.header;
	const struct wire_line *line, *before = NULL;
	uint32_t file = 0;
	for (uint32_t i = 0; i < h->lines_len; i++, before = line) {
		if (lines.view.order[i] >= h->lines_len)
			return CLIENT_RANGE;
		line = &lines.view.lines[lines.view.order[i]];
		if (line->file >= h->files_len)
			return CLIENT_RANGE;
		if (before &&
		    (before->file > line->file ||
			(before->file == line->file && before->line >= line->line)))
			return CLIENT_MALFORMED;
		while (file <= line->file)
			lines.file_start[file++] = i;
	}
	while (file <= h->files_len)
		lines.file_start[file++] = h->lines_len;
	return CLIENT_OK;
}

static int
take_memory(void)
{
	const struct wire_blocks *h = lines.view.header;
	const uint64_t functions = (uint64_t)h->functions_len + 1,
		       files = (uint64_t)h->files_len + 1,
		       all = (uint64_t)h->lines_len + 1;
	const size_t scratch = line_scratch_size(h);
	void *memory = scratch ? heap_take(scratch) : NULL;
	lines.file_start = heap_take(files * 4);
	lines.owner = heap_take((uint64_t)client.pcs_len * 4);
	lines.places.places = heap_take(all * 4);
	lines.places.limits = heap_take(all * 4);
	lines.owners.owner = heap_take(all * 4);
	lines.owners.groups = heap_take(functions * 4);
	lines.owners.heads = heap_take(functions * 4);
	lines.owners.sums = heap_take(functions * sizeof(struct line_sums));
	lines.raw = heap_take(all);
	lines.states = heap_take(all);
	lines.idle = heap_take(functions);
	lines.first = heap_take(files * 4);
	lines.next = heap_take(functions * 4);
	lines.shapes = heap_take(files * 4);
	lines.shapes_len = heap_take(files * 4);
	lines.function_due = heap_take(functions);
	lines.functions_due = heap_take(functions * 4);
	lines.kinds = heap_take(files);
	lines.news.marks = heap_take(files);
	lines.news.list = heap_take(files * 4);
	if (!memory || !lines.file_start || !lines.owner || !lines.places.places ||
	    !lines.places.limits || !lines.owners.owner || !lines.owners.groups ||
	    !lines.owners.heads || !lines.owners.sums || !lines.raw || !lines.states ||
	    !lines.idle || !lines.first || !lines.next || !lines.shapes ||
	    !lines.shapes_len || !lines.function_due || !lines.functions_due ||
	    !lines.kinds || !lines.news.marks || !lines.news.list)
		return CLIENT_MEMORY;
	lines.scratch = line_scratch_lay(memory, h);
	return CLIENT_OK;
}

static void
list_functions(void)
{
	for (uint32_t i = 0; i < lines.files_len; i++)
		lines.first[i] = NONE;
	for (uint32_t i = lines.view.header->functions_len; i-- > 0;) {
		const uint32_t line = lines.view.functions[i].line;
		if (line == WIRE_LINE_NONE)
			continue;
		const uint32_t file = lines.view.lines[line].file;
		lines.next[i] = lines.first[file];
		lines.first[file] = i;
	}
	for (uint32_t i = 0; i < client.pcs_len; i++)
		lines.owner[i] = NONE;
}

/* The message in the input buffer is blocks.bin of the table at hand; its work is done by
 * client_lines_step(). */
EXPORT int
client_load_blocks(uint32_t size)
{
	const unsigned char *bytes = client.input;
	if (!client.nodes)
		return CLIENT_NO_INDEX;
	if (!bytes || size > client.input_size)
		return CLIENT_SHORT;
	lines_forget();
	client.input = NULL; /* it stays where it is */
	client.input_size = 0;
	int error = blocks_check(bytes, size);
	if (!error)
		error = functions_check();
	if (!error)
		error = take_memory();
	if (!error)
		error = lines_check();
	if (error) {
		lines_forget();
		return error;
	}
	list_functions();
	line_places_find(&lines.view, &lines.places);
	line_files_find(&lines.view, lines.kinds);
	line_owners_begin(&lines.view, &lines.places, &lines.owners);
	return CLIENT_OK;
}

/* ---- shapes ---- */

static void
file_due(uint32_t file)
{
	line_news_add(&lines.news, file);
}

/* The message in the input buffer is shapes.bin. */
EXPORT int
client_load_shapes(uint32_t size)
{
	const unsigned char *bytes = client.input;
	struct wire_shapes head;
	struct wire_shapes_of of;
	uint32_t at = sizeof(head);
	if (!lines.view.header)
		return CLIENT_NO_INDEX;
	if (!bytes || size > client.input_size || size < sizeof(head))
		return CLIENT_SHORT;
	memcpy(&head, bytes, sizeof(head));
	if (head.magic != WIRE_SHAPES_MAGIC || head.version != 1)
		return CLIENT_MALFORMED;
	client.input = NULL;
	client.input_size = 0;
	lines.shape_bytes = bytes;
	for (;;) {
		if (size - at < sizeof(of))
			return CLIENT_SHORT;
		memcpy(&of, bytes + at, sizeof(of));
		at += sizeof(of);
		if (of.file == WIRE_SHAPES_END)
			return CLIENT_OK;
		if (of.len > size - at)
			return CLIENT_SHORT;
		if (of.file < lines.files_len) {
			lines.shapes[of.file] = at;
			lines.shapes_len[of.file] = of.len;
			file_due(of.file);
		}
		at += of.len;
	}
}

/* ---- what is to be done ---- */

static void
function_due(uint32_t function)
{
	if (lines.function_due[function])
		return;
	lines.function_due[function] = 1;
	lines.functions_due[lines.functions_due_len++] = function;
}

SHARED void
lines_reach(uint32_t pc)
{
	/* Functions that were not looked at yet come by themselves. */
	if (lines.view.header && lines.owner[pc] != NONE)
		function_due(lines.owner[pc]);
}

SHARED void
lines_renew(void)
{
	if (!lines.view.header)
		return;
	memset(lines.raw, 0, lines.view.header->lines_len);
	line_scratch_forget(lines.scratch);
	memset(lines.function_due, 0, lines.view.header->functions_len);
	lines.functions_due_len = 0;
	lines.built = 0;
}

static void
conclude_function(uint32_t function)
{
	lines.idle[function] = line_states_function(&lines.view, function, client.bits,
				   lines.scratch, lines.raw) == LINE_FUNCTION_IDLE;
}

/* Counts what a file adds to its folders, or with -1 no longer adds. */
static void
count_file(const struct file *file, uint32_t sign)
{
	for (uint32_t id = file->node; id != NONE; id = client.nodes[id].parent) {
		struct node *node = &client.nodes[id];
		*(file->excluded ? &node->excluded_lines : &node->lines) +=
		    sign * file->lines;
		*(file->excluded ? &node->excluded_lines_reached
				 : &node->lines_reached) += sign * file->lines_reached;
	}
}

static void
conclude_file(uint32_t number)
{
	const uint32_t from = lines.file_start[number],
		       to = lines.file_start[number + 1];
	const uint32_t *order = lines.view.order;
	for (uint32_t i = from; i < to; i++)
		lines.states[order[i]] = lines.raw[order[i]];
	for (uint32_t f = lines.first[number]; f != NONE; f = lines.next[f])
		if (lines.idle[f])
			line_states_doubt(
			    &lines.view, f, &lines.places, lines.scratch, lines.states);
	line_shapes_lose(lines.shape_bytes + lines.shapes[number],
	    lines.shapes_len[number], lines.view.lines, order + from, to - from,
	    line_scratch_lost(lines.scratch), lines.states);
	if (lines.shapes_len[number])
		line_shapes_apply(lines.shape_bytes + lines.shapes[number],
		    lines.shapes_len[number], lines.view.lines, order + from, to - from,
		    line_scratch_led(lines.scratch), lines.kinds[number], lines.states);
	line_owners_count(&lines.view, from, to, lines.states, &lines.owners);
	lines.counts++;
	if (number >= client.files_len)
		return; /* of an index that was there before the block table */
	struct file *file = &client.files[number];
	count_file(file, -1u);
	file->lines = file->lines_reached = file->lines_partly = file->lines_unknown =
	    0;
	for (uint32_t i = from; i < to; i++) {
		const uint8_t state = lines.states[order[i]];
		file->lines += line_state_counts(state);
		file->lines_reached += state >= LINE_PARTLY;
		file->lines_partly += state == LINE_PARTLY;
		file->lines_unknown += state == LINE_UNKNOWN;
	}
	count_file(file, 1);
	client.dirty |= number == client.open_file;
}

SHARED void
lines_recount(void)
{
	for (uint32_t i = 0; lines.view.header && i < client.files_len; i++)
		count_file(&client.files[i], 1);
}

static int64_t
build(int64_t cost)
{
	const uint32_t function = lines.built++;
	line_blocks_owner(&lines.view, function, lines.scratch, lines.owner);
	if (function == lines.owned) {
		line_owners_add(&lines.view, function, lines.scratch, &lines.owners);
		lines.owned++;
	}
	conclude_function(function);
	return cost - FUNCTION_COST - lines.view.functions[function].code_len;
}

/* Does @cost bytes of blocks' code, or lines, of what is to be done, or a file more. Returns 1 if
 * something is left. With @files only if it wants files to be counted anew. */
EXPORT int
client_lines_step(int32_t budget, int files)
{
	int64_t cost = budget;
	if (!lines.view.header || !client.have_full)
		return 0;
	line_scratch_news(lines.scratch, &lines.news);
	while (cost > 0 && lines.built < lines.view.header->functions_len)
		cost = build(cost);
	while (cost > 0 && lines.functions_due_len > 0) {
		const uint32_t function =
		    lines.functions_due[--lines.functions_due_len];
		lines.function_due[function] = 0;
		conclude_function(function);
		cost -= FUNCTION_COST + lines.view.functions[function].code_len;
	}
	if (cost <= 0)
		return 1;
	while (cost > 0 && files && lines.news.len > 0) {
		const uint32_t file = line_news_take(&lines.news);
		conclude_file(file);
		cost -= 2 * (lines.file_start[file + 1] - lines.file_start[file]) +
		    lines.shapes_len[file];
	}
	if (lines.news.len > 0)
		return files;
	if (!lines.is_ready) {
		lines.is_ready = 1;
		client.dirty = 1;
		client.update++;
	}
	return 0;
}

/* ---- functions ---- */

/* Where among the sums of the summary those of a function stand, by the place of its lowest PC among
 * all in order of address; NONE: nobody knows its lines. The same for as long as the table is. */
EXPORT uint32_t
client_function_group(uint32_t first)
{
	uint32_t function;
	if (!lines.is_ready)
		return NONE;
	function = line_owners_find(&lines.view, first);
	return function != NONE ? lines.owners.groups[function] : NONE;
}

SHARED const struct line_sums *
lines_sums(uint32_t *ret_counts)
{
	*ret_counts = lines.counts;
	return lines.owners.sums;
}

/* ---- for the open file ---- */

#define WAYS_MAX 64

/* What client_ways() found: lines of the same file. */
static uint32_t ways_found[WAYS_MAX];

EXPORT const uint32_t *
client_ways_lines(void)
{
	return ways_found;
}

/* To which lines of its file a run never went on from line record @record of the open file, in no
 * order: how many; client_ways_lines() has their numbers. */
EXPORT uint32_t
client_ways(uint32_t record)
{
	struct line_way ways[WAYS_MAX];
	uint32_t len = 0, found = 0;
	if (!lines.is_ready || record >= client.lines_len ||
	    client.lines[record].block == NONE)
		return 0;
	for (uint32_t i = 0; i < lines.view.header->functions_len; i++)
		if (!lines.idle[i])
			len =
			    line_states_ways(&lines.view, i, client.bits, lines.scratch,
				client.lines[record].block, ways, len, WAYS_MAX);
	for (uint32_t i = 0; i < len; i++) {
		const struct wire_line *to = &lines.view.lines[ways[i].to];
		if (!ways[i].taken && to->file == client.open_file)
			ways_found[found++] = to->line;
	}
	return found;
}

SHARED uint32_t
lines_of_file(uint32_t file)
{
	return lines.is_ready ? lines.file_start[file + 1] - lines.file_start[file] : 0;
}

SHARED uint32_t
lines_number(uint32_t file, uint32_t place, uint32_t *ret_block)
{
	*ret_block = lines.view.order[lines.file_start[file] + place];
	return lines.view.lines[*ret_block].line;
}

SHARED uint32_t
lines_state(uint32_t block)
{
	return lines.states[block];
}
