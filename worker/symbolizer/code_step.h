/* SPDX-License-Identifier: MIT
 * One instruction, as far as it matters where a program goes; in the symbolizer.
 */
#ifndef FUZZSUP_CODE_STEP_H
#define FUZZSUP_CODE_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum code_kind {
	CODE_PLAIN,   /* goes on behind it */
	CODE_BRANCH,  /* to target, or behind it */
	CODE_JUMP,    /* to target */
	CODE_LEAP,    /* to where a register or memory says */
	CODE_CALL,    /* of target; goes on behind it, mostly */
	CODE_END,     /* nothing is behind it: a return, a trap */
	CODE_RETURN,  /* the same, and the function has come to its end */
	CODE_PADDING, /* between functions */
};

struct code_step {
	enum code_kind kind;
	unsigned len;    /* bytes; 0: no instruction that is known */
	uint64_t target; /* link-time address */
	bool by_slot;    /* target is where the address of whom it calls is stored */
};

/* What loads of a jump table's start and of an entry leave behind, for the leap that comes
 * after them. Zeroed at a function's start. */
struct code_trail {
	uint64_t starts[16]; /* by register: the address that was last loaded into it */
	uint64_t table;      /* of the newest entry that was loaded; 0: of none */
	uint64_t base;       /* what its entries count from; 0: they are addresses */
	uint64_t loaded_at;  /* behind the instruction that loaded it */
	unsigned entry_size; /* bytes: 4, signed, or 8 */
};

/* Decodes the instruction at @at, which runs at @address, and of which no byte lies at @end
 * or behind; keeps in @trail what matters for leaps. */
typedef struct code_step code_decoder(const unsigned char *at, const unsigned char *end,
    uint64_t address, struct code_trail *trail);

code_decoder x86_64_step;

#endif
