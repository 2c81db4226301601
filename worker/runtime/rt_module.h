/* SPDX-License-Identifier: MIT
 * The modules (executable, shared libraries) of a fuzz target that carry coverage
 * instrumentation; in the fuzzed process.
 */
#ifndef FUZZSUP_RT_MODULE_H
#define FUZZSUP_RT_MODULE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define RT_MODULES_MAX 64
#define RT_BUILD_ID_MAX 64

/* One entry of __sancov_pcs, as Clang's SanitizerCoverage emits it. */
struct rt_pc {
	uintptr_t pc; /* run-time address */
	uintptr_t flags;
};

struct rt_module {
	char path[PATH_MAX];
	uintptr_t base;          /* what run-time addresses exceed link-time ones by */
	const uint8_t *counters; /* 8-bit counters or bools, one per PC; or NULL and */
	const uint32_t *guards;  /* guards, one per PC */
	const struct rt_pc *pcs;
	size_t len;
	uint8_t build_id[RT_BUILD_ID_MAX];
	size_t build_id_len;
};

/* Link-time address of PC @i. Of a function that the linker threw away (a copy of an inline one,
 * what a coroutine no longer needs) it left 0 or 1, which does not move with the module. */
static inline uint64_t
rt_module_pc(const struct rt_module *module, size_t i)
{
	const uintptr_t pc = module->pcs[i].pc;

	return pc >= module->base ? pc - module->base : pc;
}

/* Finds the instrumented modules that are loaded now and were not when it was called last;
 * needs section headers in their files, but no symbols. Returns how many were filled in;
 * *ret_problem is NULL, or what is wrong with one that was left out. */
size_t fuzzsup_rt_modules_find(
    struct rt_module *modules, size_t max, const char **ret_problem);

#endif
