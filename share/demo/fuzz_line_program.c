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

/* More of a program that comes in parts of @part bytes, or as many as it takes. */
static void
go_on(struct line_program *program, const struct line_table *table, size_t part)
{
	const size_t left = byte_reader_left(&program->code);
	const size_t total = left + program->rest;
	const size_t len = part > left ? part : left + 1;
	const unsigned char *at = table->program.end - total;

	program->code.at = at;
	line_program_go_on(program, byte_reader_over(at, len < total ? len : total),
	    len < total ? total - len : 0);
}

/* Of all that is told. */
static uint64_t
mix(uint64_t hash, const struct line_row *row, uint64_t what)
{
	const uint64_t words[] = { what, row->address, row->file, row->line,
		row->column };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		hash = (hash ^ words[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Runs @table's program, in parts unless @part is 0; returns a hash of what it tells. */
static uint64_t
run_program(const struct line_table *table, const struct line_names *names,
    const uint8_t *data, size_t size, size_t part)
{
	static const uint32_t claimed[PCS];
	uint64_t pcs[PCS], hash = 0;
	struct line_answers answers = {
		.pcs = pcs, .claimed = claimed, .pcs_len = PCS, .place = PCS
	};
	struct line_program program;
	enum line_event event;

	for (uint32_t i = 0; i < PCS; i++)
		pcs[i] = i * UINT64_C(8);
	line_program_start(&program, table);
	if (part > 0) {
		program.rest = byte_reader_left(&program.code);
		program.code.end = program.code.at;
	}
	do {
		event = line_program_next(&program, &answers);
		for (uint32_t i = 0; i < answers.len; i++) {
			const struct line_answer *answer = &answers.answers[i];

			if (answer->row.address > pcs[answer->place])
				abort();
			look_up(names, &answer->row, data, size);
			hash = mix(hash, &answer->row, answer->place);
		}
		answers.len = 0;
		if (event == LINE_MORE) {
			go_on(&program, table, part);
		} else if (event != LINE_DONE && event != LINE_BAD) {
			look_up(names, &program.before, data, size);
			while (event != LINE_FIRST && answers.place < PCS &&
			    pcs[answers.place] < program.row.address)
				hash = mix(hash, &program.before, answers.place++);
			answers.place =
			    place_after(event, &answers, program.row.address);
			if (event != LINE_PASSED)
				hash = mix(hash, &program.row, PCS + event);
		}
	} while (event != LINE_DONE && event != LINE_BAD);
	return mix(hash, &(struct line_row){ 0 }, PCS + event);
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
		if (r == 0 && line_names_read(&names, &table, &strings) == 0 &&
		    run_program(&table, &names, data, size, 0) !=
			run_program(&table, &names, data, size, 1 + data[0] % 100))
			abort();
	}
	line_names_free(&names);
	return 0;
}
