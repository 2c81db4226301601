/* SPDX-License-Identifier: MIT
 * A program that no fuzzer drives: does what each line on its standard input says, and
 * answers with a line.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART __attribute__((noinline))

void on_start(void);
void on_word(void);
void on_end(void);
void in_child(void);
void in_child_that_waits(void);
void on_never(void);

static volatile int sink;

APART void
on_start(void)
{
	sink++;
}

APART void
on_word(void)
{
	sink += 2;
}

APART void
on_end(void)
{
	sink += 3;
}

APART void
in_child(void)
{
	sink += 4;
}

APART void
in_child_that_waits(void)
{
	sink += 5;
}

APART void
on_never(void)
{
	sink += 6;
}

/* Ends as the children of daemons do. */
static void
fork_one(void)
{
	pid_t child = fork();

	if (child == 0) {
		in_child();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* The child answers in its parent's place, until it is killed. */
static void
fork_and_wait(void)
{
	pid_t child = fork();

	if (child == 0) {
		in_child_that_waits();
		printf("%ld\n", (long)getpid());
		fflush(stdout);
		for (;;)
			pause();
	}
	waitpid(child, NULL, 0);
}

static void
load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	void (*call)(int) =
	    library == NULL ? NULL : (void (*)(int))dlsym(library, "library_call");

	if (call == NULL) {
		puts(dlerror());
		return;
	}
	call('x');
	dlclose(library);
}

int
main(void)
{
	char line[4096];

	on_start();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "word") == 0)
			on_word();
		else if (strcmp(line, "fork") == 0)
			fork_one();
		else if (strcmp(line, "wait") == 0)
			fork_and_wait();
		else if (strncmp(line, "load ", 5) == 0)
			load(line + 5);
		else if (strcmp(line, "never") == 0)
			on_never();
		puts("done");
		fflush(stdout);
	}
	on_end();
	return 0;
}
