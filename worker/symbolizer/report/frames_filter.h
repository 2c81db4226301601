/* SPDX-License-Identifier: MIT
 * Text in, text with frames out: addresses as llvm-symbolizer takes and answers them, and
 * reports of sanitizers, fuzzers and crash handlers, whose bare frames get functions and
 * lines; in the symbolizer.
 */
#ifndef FUZZSUP_FRAMES_FILTER_H
#define FUZZSUP_FRAMES_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "frames.h"
#include "report_modules.h"

/* Writes what stands at @address to @out: two lines a frame, then an empty one. Returns 0
 * or a negative errno; text is in the same words as llvm-symbolizer's. */
int frames_filter_address(struct frames *frames, uint64_t address, FILE *out);

/* Copies @in to @out line by line. Lines that say where their code lies (report_line.h) get
 * function and place if that is in one of @modules; inlined calls become lines of their own,
 * and the frames behind them in the same stack are numbered on. As long as nothing but
 * addresses was read, a line that is one becomes its frames. All others stay as they are.
 * Returns 0 or a negative errno. */
int frames_filter(
    struct frames *frames, struct report_modules *modules, FILE *in, FILE *out);

/* The same where each line that is a hexadecimal number is an address, with or without 0x,
 * and nothing is a report. */
int frames_filter_addresses(struct frames *frames, FILE *in, FILE *out);

/* Reads @word, hexadecimal with or without 0x, as an address. Returns 0 or -EINVAL. */
int frames_filter_read_address(const char *word, uint64_t *ret_address);

#endif
