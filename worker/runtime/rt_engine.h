/* SPDX-License-Identifier: MIT
 * What drives the target, as told by the symbols that it was linked with; in the fuzzed
 * process. One archive serves all, so each of these is missing somewhere.
 */
#ifndef FUZZSUP_RT_ENGINE_H
#define FUZZSUP_RT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#define RT_WEAK __attribute__((weak))

/* The other side of each -Wl,--wrap. */
RT_WEAK int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
RT_WEAK int __real___afl_persistent_loop(unsigned int count);
RT_WEAK _Noreturn void __real__exit(int status);
RT_WEAK _Noreturn void __real__Exit(int status);
RT_WEAK int __real_dlclose(void *handle);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap___afl_persistent_loop(unsigned int count);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap__Exit(int status);
int __wrap_dlclose(void *handle);

/* AFL++'s map: a counter for each guard, at the guard's value. */
extern RT_WEAK uint8_t *__afl_area_ptr;
extern RT_WEAK uint32_t __afl_map_size;

/* Its input, where it is handed over by shared memory. */
extern RT_WEAK unsigned char *__afl_fuzz_ptr;
extern RT_WEAK uint32_t *__afl_fuzz_len;

/* In libfuzzsup_replay, whose runs count however they end. libFuzzer's, which ends as soon
 * as one fails, do not. */
extern RT_WEAK const char fuzzsup_replay_is_linked;

/* Ends a run of LLVMFuzzerTestOneInput that does not return: what it reached until now
 * counts. Safe wherever an atomic store is; does nothing between runs. */
void fuzzsup_rt_end_run(void);

/* Runs that reached something new, in all processes that share our coverage files. */
uint64_t fuzzsup_rt_finds(void);

/* A sanitizer's, if one is linked. */
RT_WEAK void __sanitizer_set_death_callback(void (*callback)(void));

enum rt_engine {
	RT_LIBFUZZER, /* or another that calls LLVMFuzzerTestOneInput */
	RT_AFL,
	RT_NONE, /* a program as it is; its counters are never cleared */
};

static inline enum rt_engine
fuzzsup_rt_engine(void)
{
	/* AFL++ has a driver that calls LLVMFuzzerTestOneInput. */
	if (&__afl_area_ptr != NULL)
		return RT_AFL;
	return __real_LLVMFuzzerTestOneInput != NULL ? RT_LIBFUZZER : RT_NONE;
}

#endif
