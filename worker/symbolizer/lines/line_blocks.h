/* SPDX-License-Identifier: MIT
 * Line programs by blocks of 64 bytes, for processors with AVX-512; in the symbolizer.
 *
 * Where an opcode begins in a line program is known only after the one before it, and
 * which one comes next cannot be guessed: a loop over opcodes spends most of its time on
 * wrong guesses. Here all opcodes of a block are found at once, by arithmetic.
 */
#ifndef FUZZSUP_LINE_BLOCKS_H
#define FUZZSUP_LINE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "line_answers.h"

/* Bytes that are read from where decoding stands on. */
#define LINE_BLOCK_READS 72

/* What a special opcode adds. */
struct line_step {
	uint32_t address;
	int32_t line;
};

/* Of one line table. */
struct line_blocks {
	bool usable; /* by this processor, for this table */
	uint8_t opcode_base;
	int8_t line_base;
	uint8_t shift;         /* of min_instruction, a power of two */
	uint8_t advances[256]; /* by opcode: instructions it moves on by itself */
	uint8_t lines[256];    /* by special opcode: lines, less line_base */
};

/* Prepares @blocks for a table whose @steps are those of its special opcodes, from
 * @opcode_base on; usable is false where the processor lacks what it takes or the header
 * is unusual. */
void line_blocks_start(struct line_blocks *blocks, const struct line_step steps[256],
    unsigned opcode_base, int line_base, unsigned min_instruction);

/* Runs usable @blocks from @at, where *@row has just been made, over opcodes that are
 * common, and gives the answers that they pass. Returns where it stopped, just behind
 * the opcode that made what is now *@row: before something that is not common, or that
 * cannot be answered, or less than LINE_BLOCK_READS before @end. */
const unsigned char *line_blocks_run(const struct line_blocks *blocks,
    const unsigned char *at, const unsigned char *end, struct line_answers *answers,
    struct line_row *row);

#endif
