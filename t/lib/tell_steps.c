/* SPDX-License-Identifier: MIT
 * Where instructions of AArch64 lead, as the symbolizer knows it: reads lines "ADDRESS WORD", in hex, and
 * prints for each its kind, and of those that have one the target.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "symbolizer/code/code_step.h"

int
main(void)
{
	static const char *const kinds[] = { "plain", "branch", "jump", "leap", "call",
		"end", "return", "padding" };
	static struct code_trail trail;
	uint64_t address;
	uint32_t word;

	while (scanf("%" SCNx64 " %" SCNx32, &address, &word) == 2) {
		const unsigned char bytes[] = { (unsigned char)word,
			(unsigned char)(word >> 8), (unsigned char)(word >> 16),
			(unsigned char)(word >> 24) };
		const struct code_step step =
		    aarch64_step(bytes, bytes + sizeof(bytes), address, &trail);

		if (step.len == 0)
			puts("unknown");
		else if (step.target != 0 && !step.by_slot)
			printf("%s %" PRIx64 "\n", kinds[step.kind], step.target);
		else
			puts(kinds[step.kind]);
	}
	return 0;
}
