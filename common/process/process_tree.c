/* SPDX-License-Identifier: MIT
 * Walks over /proc/PID/task/TID/children; in the runner and its minders.
 */
#include "config.h"

#include "process_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "banned.h"

#define PROCESSES_MAX 65536

/* Pids found so far; a queue, so that no depth of a tree is a depth of our stack. */
struct pids {
	pid_t *items;
	size_t len, size;
};

static void
pids_add(struct pids *pids, pid_t pid)
{
	pid_t *larger;

	if (pids->len == PROCESSES_MAX)
		return;
	if (pids->len == pids->size) {
		larger = realloc(pids->items, (2 * pids->size + 64) * sizeof(*larger));
		if (larger == NULL)
			return;
		pids->items = larger;
		pids->size = 2 * pids->size + 64;
	}
	pids->items[pids->len++] = pid;
}

static void
add_children_of_thread(struct pids *pids, int tasks, const char *thread)
{
	char path[300], text[4096];
	size_t kept = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.255s/children", thread);
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((n = read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
		char *at = text, *end;

		text[kept + (size_t)n] = '\0';
		while ((end = strchr(at, ' ')) != NULL) {
			pids_add(pids, (pid_t)strtol(at, NULL, 10));
			at = end + 1;
		}
		kept = strlen(at);
		memmove(text, at, kept);
		if (kept > 32)
			break; /* no pid is that long */
	}
	close(fd);
}

static void
add_children(struct pids *pids, pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return;
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			add_children_of_thread(pids, dirfd(tasks), entry->d_name);
	closedir(tasks);
}

/* Everything below @pid, parents first. */
static struct pids
collect(pid_t pid)
{
	struct pids pids = { 0 };

	add_children(&pids, pid);
	for (size_t i = 0; i < pids.len; i++)
		add_children(&pids, pids.items[i]);
	return pids;
}

unsigned
process_tree_signal(pid_t pid, int number)
{
	struct pids pids = collect(pid);

	for (size_t i = 0; i < pids.len; i++)
		kill(pids.items[i], number);
	free(pids.items);
	return (unsigned)pids.len;
}

static uint64_t
memory_of(pid_t pid)
{
	unsigned long long size, resident = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
process_tree_memory(pid_t pid)
{
	struct pids pids = collect(pid);
	uint64_t bytes = 0;

	for (size_t i = 0; i < pids.len; i++)
		bytes += memory_of(pids.items[i]);
	free(pids.items);
	return bytes;
}

/* ---- ending ---- */

/* Children that are not spared; outputs whether there are any. */
static bool
kill_children(process_spare_fn spare, void *context)
{
	struct pids children = { 0 };
	bool any = false;

	add_children(&children, getpid());
	for (size_t i = 0; i < children.len; i++) {
		pid_t pid = children.items[i];

		if (spare != NULL && spare(pid, context))
			continue;
		any = true;
		/* First what is below it, or it would fall to us one by one. */
		process_tree_signal(pid, SIGKILL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
	}
	free(children.items);
	return any;
}

int
process_tree_end(process_spare_fn spare, void *context, int patience_ms)
{
	int64_t end = clock_ms(CLOCK_MONOTONIC) + patience_ms;

	while (kill_children(spare, context)) {
		if (clock_ms(CLOCK_MONOTONIC) > end)
			return -ETIMEDOUT;
		poll(NULL, 0, 1); /* the killed take a moment to become zombies */
	}
	return 0;
}
