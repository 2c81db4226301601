/* SPDX-License-Identifier: MIT
 * What -fsanitize=fuzzer-no-link calls besides counters, where there is no libFuzzer.
 */
#include <stdint.h>

_Thread_local uintptr_t __sancov_lowest_stack;

#define STUB(name) \
	void __sanitizer_cov_trace_##name(uintptr_t a, uintptr_t b) \
	{ \
		(void)a; \
		(void)b; \
	}

STUB(cmp1)
STUB(cmp2)
STUB(cmp4)
STUB(cmp8)
STUB(const_cmp1)
STUB(const_cmp2)
STUB(const_cmp4)
STUB(const_cmp8)
STUB(switch)
STUB(div4)
STUB(div8)
STUB(gep)
STUB(pc_indir)
