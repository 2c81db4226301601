/* SPDX-License-Identifier: MIT
 * A fuzz target with known functions: the first byte of the input chooses. Some choices do
 * what programs do to the process that they run in, for the runtime to survive.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART __attribute__((noinline))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void on_a(size_t size);
void on_b(size_t size);
void on_never(size_t size);
#ifdef WITH_LIBRARY
void library_call(int choice);
#endif

static volatile size_t sink;

APART void
on_a(size_t size)
{
	sink += size;
}

APART void
on_b(size_t size)
{
	sink -= size;
}

APART void
on_never(size_t size)
{
	sink ^= size;
}

/* As a daemon does when it starts: whatever was open is closed, and numbers are used again. */
static void
close_everything(void)
{
	static int file = -1;

	if (file >= 0)
		return;
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (int i = 0; i < 8; i++)
		file = open(getenv("REUSED_FILE"), O_RDWR | O_CREAT, 0644);
}

static void
fork_and_go_on(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void
load_library(int choice)
{
	const char *path = getenv("LATER_LIBRARY");
	void *library = path != NULL ? dlopen(path, RTLD_NOW) : NULL;
	void (*call)(int) =
	    library != NULL ? (void (*)(int))dlsym(library, "library_call") : NULL;

	if (call != NULL)
		call(choice);
	if (library != NULL)
		dlclose(library);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'A':
		on_a(size);
		break;
	case 'B':
		on_b(size);
		break;
	case 'C':
		close_everything();
		break;
	case 'D':
		load_library(size > 1 ? data[1] : 0);
		break;
	case 'F':
		fork_and_go_on();
		break;
#ifdef WITH_LIBRARY
	case 'L':
		library_call(size > 1 ? data[1] : 0);
		break;
#endif
	default:
		break;
	}
	if (size == 1000003)
		on_never(size);
	return 0;
}
