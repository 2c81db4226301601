/* SPDX-License-Identifier: MIT
 * Where an exception goes that is thrown within a function, by .eh_frame and .gcc_except_table; in
 * the symbolizer. Layouts: System V ABI for x86-64 and Linux Standard Base (.eh_frame), Itanium C++
 * ABI (language-specific data area).
 */
#ifndef FUZZSUP_LANDING_PADS_H
#define FUZZSUP_LANDING_PADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_reader.h"
#include "code_memory.h"
#include "elf_image.h"

struct landing_pads;

/* What becomes of an exception that a call lets through. */
enum call_throws {
	THROWS_OUT,    /* it leaves the function */
	THROWS_TO_PAD, /* it goes on at a landing pad of the function */
	THROWS_NEVER,  /* the run ends there */
};

/* The calls of one function, asked one after the other. */
struct call_sites {
	struct byte_reader table; /* what is left of it */
	uint64_t function;        /* where its addresses count from */
	uint64_t start, end;      /* of the entry at hand */
	uint64_t pad;             /* address; 0: it has none */
	unsigned encoding;
	bool has_table, is_over;
};

/* Over @image and @memory, which must live as long. What is malformed is left out: there an
 * exception leaves. Returns 0 or -ENOMEM. */
int landing_pads_new(struct elf_image *image, struct code_memory *memory,
    struct landing_pads **ret_pads);
void landing_pads_free(struct landing_pads *pads);

/* Prepares to ask for the calls of the function that begins at @address. */
void call_sites_start(
    const struct landing_pads *pads, uint64_t address, struct call_sites *ret_sites);

/* Of the call at @address, which is not below the one that was asked for before. */
enum call_throws call_sites_ask(struct call_sites *sites, uint64_t address);

#endif
