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
	else
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
	if (first == 'f' && fork() == 0)
		for (;;)
			pause();
	if (memchr("ase_kh", first, 6) != NULL)
		end(first);
	if (first == '1')
		count += 2;
	if (first == '2')
		count += 3;
	if (first == '3')
		count += 4;
	return 0;
}
