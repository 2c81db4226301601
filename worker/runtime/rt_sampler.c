/* SPDX-License-Identifier: MIT
 * A thread that looks at the counters. Nobody clears them, and flags stay set (counters of
 * 8 bits may pass 0), so that a look every now and then loses nothing but what a process
 * reached just before it was killed. In the process of a program without fuzzer.
 */
#include "rt_sampler.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "rt_mirror.h"

#define PERIOD_NS 100000000

#if defined(__GLIBC__)
/* What glibc's pthread_atfork() is made of, which is in a static part of it that Rust's
 * compiler names before us. */
int __register_atfork(
    void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);
#define pthread_atfork(prepare, parent, child) \
	__register_atfork(prepare, parent, child, NULL)
#endif

/* ThreadSanitizer kills a child that starts a thread; such children are looked at when they
 * end. */
void __tsan_init(void);
#pragma weak __tsan_init

void
fuzzsup_rt_sampler_look(bool orderly)
{
	if (orderly)
		fuzzsup_rt_mirror_look_again();
	fuzzsup_rt_mirror_carry_over();
	fuzzsup_rt_mirror_count_run();
}

static void *
look_forever(void *unused)
{
	const struct timespec period = { .tv_nsec = PERIOD_NS };

	(void)unused;
	for (;;) {
		fuzzsup_rt_sampler_look(true);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
	}
	return NULL;
}

/* The program's signals are for its own threads. */
static void
start_thread(void)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* Without it there still is the look at the end. */
	pthread_create(&thread, &attributes, look_forever, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

static void
go_on_in_child(void)
{
	if (__tsan_init == NULL)
		start_thread();
}

void
fuzzsup_rt_sampler_start(void)
{
	pthread_atfork(NULL, NULL, go_on_in_child);
	start_thread();
}
