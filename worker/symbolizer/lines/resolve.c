/* SPDX-License-Identifier: MIT
 * The merge of sorted PCs with the rows of .debug_line; in the symbolizer.
 *
 * Each table is streamed once, and only up to the rows that lie around a PC is anything
 * done. `next` keeps hostile tables linear, whose sequences claim the same PCs again and
 * again: whoever comes second jumps over what is claimed.
 */
#include "config.h"

#include "resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "line_files.h"
#include "line_program.h"
#include "line_window.h"
#include "pages.h"
#include "banned.h"

struct resolver {
	struct elf_image *image;
	const struct resolve_job *job;
	struct line_window *lines;
	struct line_files files;
	struct line_table table;
	struct line_program program;
	struct line_answers answers;
	uint32_t *next;            /* by place: 0 free, else a place behind it + 1 */
	uint32_t cursor;           /* place of the last search */
	uint32_t found;            /* PCs that have a location */
	uint32_t damaged, foreign; /* tables */
	uint64_t first_damage, first_foreign;
};

/* ---- places: indexes of sorted PCs ---- */

/* The first place from @place on that nobody has claimed. */
static uint32_t
first_free(struct resolver *resolver, uint32_t place)
{
	uint32_t *next = resolver->next;

	while (place < resolver->job->len && next[place] != 0) {
		uint32_t after = next[place] - 1;

		/* Halve the way for who comes later. */
		if (after < resolver->job->len && next[after] != 0)
			next[place] = next[after];
		place = after;
	}
	return place;
}

/* The first place whose PC is not below @address, in [low, high]. */
static uint32_t
lower_bound(const uint64_t *pcs, uint32_t low, uint32_t high, uint64_t address)
{
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pcs[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The same over all places. Sequences mostly lie close to each other: gallop from where
 * the last one was. */
static uint32_t
search(struct resolver *resolver, uint64_t address)
{
	const uint64_t *pcs = resolver->job->sorted;
	const uint32_t len = resolver->job->len;
	uint32_t at = resolver->cursor, step = 1;

	if (at < len && pcs[at] < address) {
		while (step < len - at && pcs[at + step] < address)
			step *= 2;
		return lower_bound(
		    pcs, at + step / 2 + 1, step < len - at ? at + step : len, address);
	}
	while (step <= at && pcs[at - step] >= address)
		step *= 2;
	return lower_bound(pcs, step <= at ? at - step + 1 : 0, at - step / 2, address);
}

/* ---- the merge ---- */

static int
locate(struct resolver *resolver, const struct line_row *row,
    struct wire_location *ret_location)
{
	struct wire_location location = { WIRE_FILE_UNKNOWN, 0, 0 };
	int r = line_files_find(&resolver->files, row->file, &location.file);

	if (r == 0 && location.file != WIRE_FILE_UNKNOWN) {
		location.line = row->line;
		location.column = row->column;
	}
	*ret_location = location;
	return r;
}

/* Gives all free PCs from @place on that lie below @end the location of @row; outputs
 * the first free place behind them. */
static int
claim(struct resolver *resolver, uint32_t place, uint64_t end,
    const struct line_row *row, uint32_t *ret_place)
{
	const struct resolve_job *job = resolver->job;
	struct wire_location location = { WIRE_FILE_UNKNOWN, 0, 0 };
	int r;

	if (place < job->len && job->sorted[place] < end) {
		r = locate(resolver, row, &location);
		if (r < 0)
			return r;
	}
	while (place < job->len && job->sorted[place] < end) {
		job->locations[job->order[place]] = location;
		resolver->found += location.file != WIRE_FILE_UNKNOWN;
		resolver->next[place] = place + 2;
		place = first_free(resolver, place + 1);
	}
	*ret_place = place;
	return 0;
}

/* Takes what the decoder has found on its way. */
static int
take_answers(struct resolver *resolver, struct line_answers *answers)
{
	const struct resolve_job *job = resolver->job;
	struct wire_location location;
	int r;

	for (uint32_t i = 0; i < answers->len; i++) {
		const struct line_answer *answer = &answers->answers[i];

		r = locate(resolver, &answer->row, &location);
		if (r < 0)
			return r;
		job->locations[job->order[answer->place]] = location;
		resolver->found += location.file != WIRE_FILE_UNKNOWN;
		resolver->next[answer->place] = answer->place + 2;
	}
	answers->len = 0;
	return 0;
}

/* What an event other than the last one means. */
static int
take_event(
    struct resolver *resolver, enum line_event event, struct line_answers *answers)
{
	const struct line_program *program = &resolver->program;
	const uint32_t nowhere = resolver->job->len;
	int r;

	if (event == LINE_FIRST) {
		/* What the linker threw away begins at 0 or another place without
		 * code. */
		answers->place = nowhere;
		if (!elf_image_is_code(resolver->image, program->row.address))
			return 0;
		resolver->cursor = search(resolver, program->row.address);
		answers->place = first_free(resolver, resolver->cursor);
		return 0;
	}
	r = claim(resolver, answers->place, program->row.address, &program->before,
	    &answers->place);
	if (event == LINE_LAST)
		answers->place = nowhere;
	return r;
}

/* Runs the current table's program. Returns 0, -EBADMSG if it is malformed (what came
 * before it counts), or a negative errno if all is lost. */
static int
run_program(struct resolver *resolver)
{
	struct line_answers *answers = &resolver->answers;
	enum line_event event;
	int r;

	answers->pcs = resolver->job->sorted;
	answers->pcs_len = resolver->job->len;
	answers->claimed = resolver->next;
	answers->place = answers->pcs_len;
	answers->len = 0;
	line_program_start(&resolver->program, &resolver->table);
	do {
		event = line_program_next(&resolver->program, answers);
		r = take_answers(resolver, answers);
		if (r == 0 && event == LINE_MORE)
			r = line_window_go_on(resolver->lines, &resolver->program);
		else if (r == 0 && event != LINE_DONE && event != LINE_BAD)
			r = take_event(resolver, event, answers);
	} while (r == 0 && event != LINE_DONE && event != LINE_BAD);
	return r == 0 && event == LINE_BAD ? -EBADMSG : r;
}

static void
note(uint32_t *count, uint64_t *first, uint64_t offset)
{
	if ((*count)++ == 0)
		*first = offset;
}

static int
run_tables(struct resolver *resolver)
{
	int r = 0;

	while (r == 0) {
		r = line_window_next(resolver->lines, &resolver->table);
		if (r == -ENODATA)
			return 0;
		if (r == 0) {
			line_files_turn(&resolver->files, &resolver->table);
			r = run_program(resolver);
			if (r == 0 && resolver->files.are_bad)
				r = -EBADMSG;
		}
		if (r == -EBADMSG || r == -EPROTO)
			note(&resolver->damaged, &resolver->first_damage,
			    resolver->table.offset);
		else if (r == -ENOTSUP)
			note(&resolver->foreign, &resolver->first_foreign,
			    resolver->table.offset);
		if (r == -EPROTO)
			return 0;
		r = r == -EBADMSG || r == -ENOTSUP ? 0 : r;
	}
	return r;
}

/* ---- the job ---- */

static int
no_lines(const struct elf_image *image, struct failure *remarks)
{
	if (elf_image_is_zdebug(image))
		return failure_say(remarks, ENODATA, ELF_IMAGE_ZDEBUG);
	return failure_say(remarks, ENODATA,
	    "no .debug_line: build with -g (or -gline-tables-only), and do not strip");
}

static void
remark(const struct resolver *resolver, struct failure *remarks)
{
	if (resolver->damaged > 0)
		failure_add(remarks,
		    "%u damaged line tables were left out, the first at "
		    ".debug_line+0x%llx: "
		    "the file may be cut or still being written; build it again",
		    resolver->damaged, (unsigned long long)resolver->first_damage);
	if (resolver->foreign > 0)
		failure_add(remarks,
		    "%u line tables are of an unknown DWARF version, the first at "
		    ".debug_line+0x%llx: build with -gdwarf-5",
		    resolver->foreign, (unsigned long long)resolver->first_foreign);
	if (line_files_elsewhere(&resolver->files) > 0)
		failure_add(remarks,
		    "%u units have their build directory there: what they name by "
		    "relative paths may not be found",
		    line_files_elsewhere(&resolver->files));
}

/* PCs that nobody has claimed. Where there is no code they are what linkers leave of code that
 * they drop: 0, 1, or what else they set in its place. */
static void
set_unknown(const struct resolver *resolver)
{
	const struct resolve_job *job = resolver->job;
	struct wire_location location = { WIRE_FILE_UNKNOWN, 0, 0 };

	for (uint32_t i = 0; i < job->len; i++) {
		if (resolver->next[i] != 0)
			continue;
		location.column = elf_image_is_code(resolver->image, job->sorted[i])
		    ? 0
		    : WIRE_COLUMN_DROPPED;
		job->locations[job->order[i]] = location;
	}
}

static int
resolve(struct resolver *resolver, struct failure *remarks)
{
	const struct resolve_job *job = resolver->job;
	int r;

	r = line_window_new(resolver->image, job->window, &resolver->lines, remarks);
	if (r == -ENOENT)
		return no_lines(resolver->image, remarks);
	if (r < 0)
		return r;
	line_files_open(&resolver->files, resolver->image, job->alternate, job->paths);
	resolver->next = pages_new(((size_t)job->len + 1) * sizeof(*resolver->next));
	if (resolver->next == NULL)
		return failure_say(
		    remarks, ENOMEM, "out of memory for %u PCs", job->len);
	r = run_tables(resolver);
	set_unknown(resolver);
	if (r == -EIO) /* which the window has said */
		return r;
	if (r == -ENOSPC)
		return failure_say(remarks, ENOSPC,
		    ".debug_line+0x%llx: the names of its source files are more than "
		    "%u "
		    "bytes",
		    (unsigned long long)resolver->table.offset, PATH_TABLE_STRINGS_MAX);
	if (r < 0)
		return failure_say(remarks, -r, ".debug_line+0x%llx: %s",
		    (unsigned long long)resolver->table.offset, strerror(-r));
	remark(resolver, remarks);
	if (resolver->found > 0)
		return 0;
	failure_add(remarks,
	    "none of its %u PCs has a line in .debug_line: compile the sources under "
	    "test "
	    "with -g",
	    job->len);
	return -ENODATA;
}

int
resolve_lines(
    struct elf_image *image, const struct resolve_job *job, struct failure *remarks)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (resolver == NULL)
		return failure_say(remarks, ENOMEM, "out of memory");
	resolver->image = image;
	resolver->job = job;
	r = resolve(resolver, remarks);
	line_files_free(&resolver->files);
	line_window_free(resolver->lines);
	pages_free(resolver->next, ((size_t)job->len + 1) * sizeof(*resolver->next));
	free(resolver);
	return r;
}
