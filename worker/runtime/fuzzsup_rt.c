/* SPDX-License-Identifier: MIT
 * What makes a fuzz target visible: mirrors its coverage into a shared file after every
 * run. Linked into the fuzzed process; libFuzzer's and AFL++'s calls of the target are
 * wrapped by the linker, and a program without either is looked at ten times a second.
 * Needs libc alone, is compiled without instrumentation, and never makes a target fail: on
 * any trouble it says one line and switches itself off. FUZZSUP=off switches it off in
 * silence, FUZZSUP=no-thread looks at a program without fuzzer at its end alone.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rt_engine.h"
#include "rt_finds.h"
#include "rt_mirror.h"
#include "rt_sampler.h"

/* Before AFL++'s constructor, which starts the fork server: what is done here is done once,
 * and the children inherit it. Behind those of the compiler's instrumentation. */
#define PRIORITY 101

/* How long dlclose() waits for a look that is under way. */
#define LOOK_WAIT_MS 100

static enum rt_engine engine;
static bool
    loops; /* this process, or the one that it is forked from, is in AFL++'s loop */
static volatile bool runs; /* the target, by LLVMFuzzerTestOneInput */

static __attribute__((constructor(PRIORITY))) void
begin(void)
{
	const char *word = getenv("FUZZSUP"), *directory = getenv("FUZZSUP_DIR");

	if ((word != NULL && strcmp(word, "off") == 0) ||
	    (directory != NULL && directory[0] == '\0'))
		return;
	engine = fuzzsup_rt_engine();
	fuzzsup_rt_mirror_begin(engine);
	if (engine == RT_NONE && fuzzsup_rt_mirror_is_on() &&
	    (word == NULL || strcmp(word, "no-thread") != 0))
		fuzzsup_rt_sampler_start();
}

/* libFuzzer clears its counters before each run, so what stands there now is this run's. */
int
__wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int result;

	fuzzsup_rt_finds_input(data, size);
	runs = true;
	result = __real_LLVMFuzzerTestOneInput(data, size);
	runs = false;
	if (engine == RT_LIBFUZZER) {
		fuzzsup_rt_mirror_look_again();
		fuzzsup_rt_mirror_carry_over();
		fuzzsup_rt_mirror_count_run();
	}
	return result;
}

/* Where AFL++ hands over by shared memory. */
static void
take_afl_input(void)
{
	if (&__afl_fuzz_ptr != NULL && __afl_fuzz_ptr != NULL &&
	    &__afl_fuzz_len != NULL && __afl_fuzz_len != NULL)
		fuzzsup_rt_finds_input(__afl_fuzz_ptr, *__afl_fuzz_len);
	else
		fuzzsup_rt_finds_from_stdin();
}

/* Called before each run, and once after the last. AFL++ clears its map before it lets the
 * call return, and turns the map away when it says that it was the last. */
int
__wrap___afl_persistent_loop(unsigned int count)
{
	int more;

	if (loops) {
		/* Else its driver called LLVMFuzzerTestOneInput. */
		if (__real_LLVMFuzzerTestOneInput == NULL)
			take_afl_input();
		fuzzsup_rt_mirror_look_again();
		fuzzsup_rt_mirror_carry_over();
	}
	more = __real___afl_persistent_loop(count);
	if (!loops)
		fuzzsup_rt_mirror_find_guards();
	loops = true;
	if (more != 0)
		fuzzsup_rt_mirror_count_run();
	return more;
}

/* AFL++'s fork server, which runs nothing itself, talks through this descriptor; its
 * children close it. */
#define AFL_SERVER_FD 199

void
fuzzsup_rt_end_run(void)
{
	if (!runs)
		return;
	runs = false;
	fuzzsup_rt_mirror_carry_over();
	fuzzsup_rt_mirror_count_run();
}

uint64_t
fuzzsup_rt_finds(void)
{
	return fuzzsup_rt_mirror_finds();
}

/* A last look: at what a program without fuzzer, or AFL++'s without a loop, reached. */
static void
finish(bool orderly)
{
	if (engine == RT_NONE) {
		fuzzsup_rt_sampler_look(orderly);
	} else if (engine == RT_AFL && !loops && fcntl(AFL_SERVER_FD, F_GETFD) == -1) {
		fuzzsup_rt_mirror_find_guards();
		fuzzsup_rt_mirror_carry_over();
		fuzzsup_rt_mirror_count_run();
	} else if (&fuzzsup_replay_is_linked != NULL) {
		fuzzsup_rt_end_run();
	}
}

static __attribute__((destructor(PRIORITY))) void
end(void)
{
	finish(true);
}

/* How the children of daemons end, where no destructor is called; from signal handlers,
 * too. A static executable may have no other function that ends it. */
_Noreturn void
__wrap__exit(int status)
{
	finish(false);
	if (__real__exit != NULL)
		__real__exit(status);
	for (;;)
		syscall(SYS_exit_group, status);
}

_Noreturn void
__wrap__Exit(int status)
{
	finish(false);
	if (__real__Exit != NULL)
		__real__Exit(status);
	for (;;)
		syscall(SYS_exit_group, status);
}

/* What came and goes again between two looks. Who is looking now may have met the library
 * and must find it when it wants to keep it; but may also wait for a lock that our caller,
 * a library's destructor, holds: so there is an end to waiting. In a static executable
 * everything stays. */
int
__wrap_dlclose(void *handle)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < LOOK_WAIT_MS && !fuzzsup_rt_mirror_look_again(); i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	return __real_dlclose != NULL ? __real_dlclose(handle) : 0;
}
