/* SPDX-License-Identifier: MIT
 * The third job: which lines are executed with each PC; in the symbolizer.
 *
 * Line tables are run once, sequence by sequence; what is kept of them is one sequence. Its
 * functions are cut into blocks (code_graph.h), of which what is kept is the bytes that the
 * finished table holds of them.
 */
#include "config.h"

#include "blocks_parts.h"

#include <string.h>
#include <unistd.h>

#include "alternate.h"
#include "code_memory.h"
#include "landing_pads.h"
#include "never_returns.h"
#include "banned.h"

/* ---- sequences ---- */

/* Writes the functions that begin in the sequence at hand, which ends at @end. */
static int
end_sequence(struct blocks_job *job, uint64_t end)
{
	uint32_t first, behind;
	int r = 0;

	if (job->rows_len == 0)
		return 0;
	for (size_t i = function_ranges_from(&job->ranges, job->rows[0].address);
	    r == 0 && i < job->ranges.len && job->ranges.list[i].start < end; i++) {
		struct function_range range = job->ranges.list[i];

		if (job->done[i])
			continue;
		job->done[i] = true;
		range.end = range.end < end ? range.end : end;
		first = blocks_place_of(job, range.start);
		behind = blocks_place_of(job, range.end);
		if (behind > first)
			r = block_function_write(job, &range, first, behind - first);
	}
	job->rows_len = 0;
	return r;
}

static int
add_row(struct blocks_job *job, const struct line_row *row)
{
	struct row *last = job->rows_len > 0 ? &job->rows[job->rows_len - 1] : NULL;
	size_t wanted = job->rows_size * 2 + 4096;
	struct row *larger;

	if (last != NULL && last->file == row->file && last->line == row->line)
		return 0;
	/* One that covers nothing is none. */
	if (last != NULL && last->address == row->address) {
		*last = (struct row){ row->address, row->file, row->line, ROW_NEW };
		return 0;
	}
	if (job->rows_len == job->rows_size) {
		larger = realloc(job->rows, wanted * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		job->rows = larger;
		job->rows_size = wanted;
	}
	job->rows[job->rows_len++] =
	    (struct row){ row->address, row->file, row->line, ROW_NEW };
	return 0;
}

/* Runs the current table's program. Returns 0, also if it is malformed (what came before that
 * counts), or a negative errno if all is lost. */
static int
run_program(struct blocks_job *job)
{
	/* A question that every row passes, and none behind it: all rows are told. */
	const uint64_t lowest = 0;
	const uint32_t free_place = 0;
	struct line_answers answers = {
		.pcs = &lowest, .claimed = &free_place, .pcs_len = 1
	};
	enum line_event event;
	bool live = false;
	int r = 0;

	line_program_start(&job->program, &job->table);
	while (r == 0) {
		event = line_program_next(&job->program, &answers);
		if (event == LINE_MORE) {
			r = line_window_go_on(job->window, &job->program);
			continue;
		}
		if (event == LINE_DONE || event == LINE_BAD)
			break;
		if (event == LINE_LAST) {
			r = end_sequence(job, job->program.row.address);
			live = false;
			continue;
		}
		if (event == LINE_FIRST) {
			r = end_sequence(job, job->program.before.address);
			live = elf_image_is_code(
			    job->ranges.image, job->program.row.address);
		}
		if (r == 0 && live)
			r = add_row(job, &job->program.row);
	}
	job->rows_len = 0;
	return r;
}

/* Notes of the functions of the unit at hand, which begin at @first, whether counters were put in
 * before code was inlined. */
static void
end_unit(struct blocks_job *job, uint32_t first)
{
	for (uint32_t i = first; job->counted_first && i < job->functions_len; i++)
		job->functions[i].flags |= WIRE_FUNCTION_COUNTED;
	job->counted_first = false;
}

static int
run_tables(struct blocks_job *job)
{
	uint32_t first;
	int r = 0;

	while (r == 0) {
		first = job->functions_len;
		r = line_window_next(job->window, &job->table);
		if (r == -ENODATA || r == -EPROTO)
			return 0;
		if (r == 0) {
			line_files_turn(&job->files, &job->table);
			r = run_program(job);
			end_unit(job, first);
		}
		r = r == -EBADMSG || r == -ENOTSUP ? 0 : r; /* the first job says so */
	}
	return r;
}

/* ---- the job ---- */

/* The files of the source-location table have the same numbers here. */
static int
take_files(struct blocks_job *job)
{
	const struct source_table *sources = &job->sources;
	uint32_t number;
	int r = path_table_new(&job->paths);

	for (uint32_t i = 0; r == 0 && i < sources->header->files_len; i++) {
		const char *directory = sources->strings +
		    sources->directories[sources->files[i].directory];
		const char *name = sources->strings + sources->files[i].basename;
		const struct byte_text parts[] = {
			{ *directory != '\0' ? directory : "/",
			    *directory != '\0' ? strlen(directory) : 1 },
			{ name, strlen(name) },
		};

		r = path_table_file(job->paths, parts, 2, &number);
		if (r == 0 && number != i)
			r = -EPROTO;
	}
	return r;
}

/* Where Clang's PC table and its counters are, if they are those of our PCs. */
static void
find_counters(struct blocks_job *job)
{
	static const char *const names[] = { "__sancov_cntrs", "__sancov_bools" };
	const uint32_t len = job->sources.header->pcs_len;
	struct elf_section section;
	struct failure ignored;

	if (elf_image_section(job->ranges.image, "__sancov_pcs", &section, &ignored) ==
		0 &&
	    section.size == len * (uint64_t)CLANG_ENTRY)
		job->entries = section.data;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (elf_image_find(job->ranges.image, names[i], &section, &ignored) ==
			0 &&
		    section.size == len)
			job->counters = section.header.sh_addr;
}

static int
prepare(struct blocks_job *job, struct failure *text)
{
	const struct source_table *sources = &job->sources;
	const struct code_machine *machine =
	    code_machine_find(elf_image_machine(job->ranges.image));
	int r;

	if (machine == NULL)
		return failure_say(text, ENOTSUP,
		    "its machine code is of a kind that is not known (x86-64 and "
		    "AArch64 are): lines are known by their PCs alone");
	job->sorted = malloc(((size_t)sources->header->pcs_len + 1) * sizeof(uint64_t));
	job->done = calloc(job->ranges.len + 1, 1);
	if (job->sorted == NULL || job->done == NULL)
		return blocks_out_of_memory(text);
	for (uint32_t i = 0; i < sources->header->pcs_len; i++)
		job->sorted[i] = sources->pcs[sources->order[i]];
	find_counters(job);
	r = code_memory_new(job->ranges.image, &job->memory);
	if (r == 0)
		r = never_returns_new(&job->ranges, job->memory, machine, &job->never);
	if (r == 0)
		r = landing_pads_new(job->ranges.image, job->memory, &job->pads);
	if (r == 0)
		r = code_grapher_new(
		    job->memory, machine, job->never, job->pads, &job->grapher);
	if (r == 0)
		r = take_files(job);
	return r == 0 ? 0 : failure_say(text, -r, "its blocks: %s", strerror(-r));
}

/* Where lines are. */
static int
open_debug(struct blocks_job *job, struct elf_image **ret_image, struct failure *text)
{
	const struct blocks_request *request = job->request;
	uint64_t size;
	int r;

	*ret_image = job->ranges.image;
	if (request->debug >= 0 &&
	    !(elf_image_has(job->ranges.image, ".debug_line", &size) && size > 0)) {
		/* Symbols may have been in the executable. */
		if (job->ranges.split == NULL) {
			r = elf_image_open(request->debug, &job->ranges.split, text);
			if (r < 0)
				return r;
		}
		*ret_image = job->ranges.split;
	}
	return request->alternate < 0
	    ? 0
	    : alternate_open(request->alternate, *ret_image, &job->alternate, text);
}

static bool
is_known_pc(void *context, uint64_t address)
{
	return blocks_pc_at(context, address) != CODE_NONE;
}

static int
run(struct blocks_job *job, int *ret_blocks, struct failure *text)
{
	struct elf_image *image = NULL;
	int r = source_table_map(job->request->table, &job->sources);

	if (r < 0)
		return failure_say(
		    text, -r, "its table cannot be mapped: %s", strerror(-r));
	r = function_ranges_read(
	    job->request->executable, job->request->debug, &job->ranges, text);
	if (r == 0)
		r = prepare(job, text);
	if (r == 0)
		r = open_debug(job, &image, text);
	if (r == 0)
		r = line_window_new(image, 0, &job->window, text);
	if (r < 0)
		return r;
	if (inlined_copies_read(image, is_known_pc, job, &job->copies) < 0)
		return blocks_out_of_memory(text);
	if (block_copies_open(&job->copy_lines, &job->copies) < 0)
		return blocks_out_of_memory(text);
	line_files_open(&job->files, image, job->alternate, job->paths);
	r = run_tables(job);
	if (r < 0)
		return failure_say(text, -r, "its blocks, at .debug_line+0x%llx: %s",
		    (unsigned long long)job->table.offset, strerror(-r));
	return block_write_table(job, ret_blocks, text);
}

enum table_status
blocks_make(const struct blocks_request *request, int *ret_blocks, struct failure *text)
{
	struct blocks_job job = { .request = request };
	int r;

	text->text[0] = '\0';
	r = run(&job, ret_blocks, text);
	free(job.code);
	free(job.functions);
	free(job.picked);
	free(job.weak.list);
	free(job.counted.list);
	free(job.uncounted.list);
	free(job.rows);
	free(job.sorted);
	free(job.done);
	line_set_free(&job.lines);
	line_files_free(&job.files);
	line_window_free(job.window);
	path_table_free(job.paths);
	code_grapher_free(job.grapher);
	landing_pads_free(job.pads);
	never_returns_free(job.never);
	code_memory_free(job.memory);
	inlined_copies_free(&job.copies);
	block_copies_free(&job.copy_lines);
	free(job.parts);
	free(job.stretches);
	elf_image_free(job.alternate);
	function_ranges_free(&job.ranges);
	source_table_unmap(&job.sources);
	return r == 0 ? TABLE_OK : TABLE_FAILED;
}
