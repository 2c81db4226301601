/* SPDX-License-Identifier: MIT
 * Fuzz target: the project's own decoder of .debug_line, on bytes as they come. The first
 * one says how many of the others are .debug_line; what follows are strings.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "line_names.h"
#include "line_program.h"

/* Addresses that are asked for, from 0 on. */
#define PCS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A row may name any file; what is told of it must lie in the input. */
static void
look_up(const struct line_names *names, const struct line_row *row, const uint8_t *data,
    size_t size)
{
	struct byte_text parts[3], none = { 0 };

	if (line_names_path(names, row->file, none, parts) != 0)
		return;
	for (int i = 0; i < 3; i++) {
		const uint8_t *text = (const uint8_t *)parts[i].text;

		if (text != NULL && (text < data || text + parts[i].len > data + size))
			abort();
	}
}

/* The first question that the row of an event leaves open. */
static uint32_t
place_after(enum line_event event, const struct line_answers *answers, uint64_t address)
{
	uint32_t place = event == LINE_FIRST ? 0 : answers->place;

	if (event == LINE_LAST)
		return answers->pcs_len;
	while (place < answers->pcs_len && answers->pcs[place] < address)
		place++;
	return place;
}

static void
run_program(const struct line_table *table, const struct line_names *names,
    const uint8_t *data, size_t size)
{
	static const uint32_t claimed[PCS];
	uint64_t pcs[PCS];
	struct line_answers answers = {
		.pcs = pcs, .claimed = claimed, .pcs_len = PCS, .place = PCS
	};
	struct line_program program;
	enum line_event event;

	for (uint32_t i = 0; i < PCS; i++)
		pcs[i] = i * UINT64_C(8);
	line_program_start(&program, table);
	for (int events = 0; events < 10000; events++) {
		event = line_program_next(&program, &answers);
		for (uint32_t i = 0; i < answers.len; i++) {
			if (answers.answers[i].row.address >
			    pcs[answers.answers[i].place])
				abort();
			look_up(names, &answers.answers[i].row, data, size);
		}
		answers.len = 0;
		if (event == LINE_DONE || event == LINE_BAD)
			return;
		look_up(names, &program.before, data, size);
		answers.place = place_after(event, &answers, program.row.address);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t lines = size < 2 ? 0 : 1 + (size - 2) * data[0] / 255;
	struct byte_reader section, rest;
	struct line_strings strings;
	struct line_names names = { 0 };
	struct line_table table;
	int r;

	if (lines == 0)
		return 0;
	section = byte_reader_over(data + 1, lines);
	rest = byte_reader_over(data + 1 + lines, size - 1 - lines);
	strings = (struct line_strings){ .line_str = rest, .str = rest };
	while ((r = line_table_next(&section, data + 1, 0, &table)) != -ENODATA &&
	    r != -EPROTO) {
		if (r == 0 && line_names_read(&names, &table, &strings) == 0)
			run_program(&table, &names, data, size);
	}
	line_names_free(&names);
	return 0;
}
