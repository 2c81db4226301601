/* SPDX-License-Identifier: MIT
 * A target for the replay driver: the first byte says how it behaves; every way has a
 * branch of its own.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static volatile unsigned count;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (getenv("MOODS_BROKEN") != NULL)
		exit(9);
	return 0;
}

/* 1 MB that stays, and is used. */
static __attribute__((noinline)) void
keep_memory(void)
{
	static char *last;
	char *more = malloc(1 << 20);

	if (more == NULL)
		abort();
	memset(more, 1, 1 << 20);
	*(char **)(void *)more = last;
	last = more;
}

static void
close_all(void)
{
	for (int i = 3; i < 1024; i++)
		close(i);
}

static __attribute__((noinline)) void
end(char how)
{
	if (how == 'a')
		abort();
	else if (how == 's')
		raise(SIGSEGV);
	else if (how == 'e')
		exit(5);
	else if (how == '_')
		_exit(6);
	else if (how == 'k')
		kill(getpid(), SIGKILL);
	else if (how == 'g')
		kill(0, SIGTERM);
	else if (how == 'm')
		for (;;)
			keep_memory();
	if (how == 'c')
		close_all();
	for (;;)
		count++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first;

	if (size == 0)
		return 0;
	first = (char)data[0];
	if (first == 't')
		fork(); /* and returns twice */
	if (first == 'f' && fork() == 0)
		for (;;)
			pause();
	if (memchr("ase_kgmch", first, 9) != NULL)
		end(first);
	if (first == 'l')
		keep_memory();
	if (first == '1')
		count += 2;
	if (first == '2')
		count += 3;
	if (first == '3')
		count += 4;
	return 0;
}
