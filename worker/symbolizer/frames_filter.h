/* SPDX-License-Identifier: MIT
 * Text in, text with frames out: addresses as llvm-symbolizer takes and answers them, and
 * reports of sanitizers, whose bare frames get functions and lines; in the symbolizer.
 */
#ifndef FUZZSUP_FRAMES_FILTER_H
#define FUZZSUP_FRAMES_FILTER_H

#include <stdint.h>
#include <stdio.h>

#include "frames.h"

/* Writes what stands at @address to @out: two lines a frame, then an empty one. Returns 0
 * or a negative errno; text is in the same words as llvm-symbolizer's. */
int frames_filter_address(struct frames *frames, uint64_t address, FILE *out);

/* Copies @in to @out line by line. A line that is an address becomes its frames, and so
 * does a report's "#N 0xPC (MODULE+0xOFFSET)" whose MODULE's last component is @module;
 * the frames behind it in the same stack are numbered on. All others stay as they are.
 * Returns 0 or a negative errno. */
int frames_filter(struct frames *frames, const char *module, FILE *in, FILE *out);

/* Reads @word, hexadecimal with or without 0x, as an address. Returns 0 or -EINVAL. */
int frames_filter_read_address(const char *word, uint64_t *ret_address);

#endif
