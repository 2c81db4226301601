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
	unsigned len;     /* bytes; 0: no instruction that is known */
	uint64_t target;  /* link-time address */
	bool by_slot;     /* target is where the address of whom it calls is stored */
	uint64_t touched; /* address of the byte that it loads or stores, if that is a
			   * constant; 0: it is none, or nobody knows */
};

/* What a register of AArch64 holds, as far as it is known; all zero: nothing is. */
struct code_register {
	enum code_holds {
		HOLDS_VALUE,
		HOLDS_ADDRESS, /* a constant */
		HOLDS_STORED,  /* what is stored at the address */
		HOLDS_ENTRY,   /* of the table at the address */
		HOLDS_TARGET,  /* the same, and its base was added */
	} holds;
	uint32_t
	    value; /* HOLDS_VALUE: who has the same number holds the same; 0: none */
	uint32_t limit; /* of a value: it is below; of a table: entries; 0: not known */
	unsigned char entry_size, shift;
	bool is_unsigned;
	bool is_old; /* an address of before somebody jumped in */
	uint64_t address, base;
};

/* The same of all of them. */
struct code_registers {
	struct code_register list[31];
	struct code_register spilled; /* what was stored last on the stack … */
	uint32_t spilled_at;          /* … with this instruction's address bits */
	uint32_t values;              /* that got a number */
	uint32_t compared; /* value that was compared with a constant, by the newest
			    * comparison; 0: none was */
	uint32_t compared_with;
};

/* What loads of a jump table's start and of an entry leave behind, for the leap that comes
 * after them. Zeroed at a function's start. */
struct code_trail {
	uint64_t table;      /* of the newest entry that was loaded; 0: of none */
	uint64_t base;       /* what its entries count from; 0: they are addresses */
	uint64_t loaded_at;  /* behind the instruction that loaded it */
	unsigned entry_size; /* bytes */
	unsigned shift;      /* entries count in units of 1 << shift */
	bool is_unsigned;    /* entries are; of 8 bytes: it does not matter */
	uint32_t len;        /* entries; 0: nobody knows */
	/* Set by who decodes where code is jumped to: what was found before need not hold. */
	bool is_joined;
	union {
		uint64_t
		    starts[16]; /* x86-64: the address that was last loaded into it */
		struct code_registers registers; /* AArch64 */
	};
};

/* Decodes the instruction at @at, which runs at @address, and of which no byte lies at @end
 * or behind; keeps in @trail what matters for leaps. */
typedef struct code_step code_decoder(const unsigned char *at, const unsigned char *end,
    uint64_t address, struct code_trail *trail);

code_decoder x86_64_step, aarch64_step;

/* The slot by which the @left bytes at @at, which run at @address, jump as a stub of the PLT
 * does; 0: they do not. */
typedef uint64_t code_slot_of_stub(
    const unsigned char *at, size_t left, uint64_t address);

code_slot_of_stub x86_64_slot_of_stub, aarch64_slot_of_stub;

/* What differs from one processor to the other. */
struct code_machine {
	unsigned machine; /* EM_… */
	code_decoder *step;
	code_slot_of_stub *slot_of_stub;
	uint32_t slot_types[2]; /* R_…: relocations of slots by a symbol */
	/* A stub begins where the jump is, not where its section's entries do. */
	bool stub_begins_there;
	bool wants_joins;   /* its decoder looks at is_joined */
	bool tells_touched; /* and outputs touched */
};

/* NULL: its code is not known. */
const struct code_machine *code_machine_find(unsigned machine);

#endif
