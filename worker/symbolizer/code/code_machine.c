/* SPDX-License-Identifier: MIT
 * The processors whose code is known; in the symbolizer.
 */
#include "config.h"

#include <elf.h>

#include "code_step.h"
#include "banned.h"

static const struct code_machine machines[] = {
	{ EM_X86_64, x86_64_step, x86_64_slot_of_stub,
	    { R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT }, false, false, false },
	{ EM_AARCH64, aarch64_step, aarch64_slot_of_stub,
	    { R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT }, true, true, true },
};

const struct code_machine *
code_machine_find(unsigned machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == machine)
			return &machines[i];
	return NULL;
}
