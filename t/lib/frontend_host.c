/* SPDX-License-Identifier: MIT
 * Runs a front-end on synthetic targets, for the page's author and for benchmarks:
 *
 *   frontend_host PROGRAM WEB-FOLDER SOURCE-FOLDER [PORT [TARGETS [PCS [sandbox]]]]
 *
 * Prints its address, then carries out commands from stdin, one a line, and says ok:
 *   hit NAME FIRST LEN | run NAME RUNS UNIQUE | entry NAME INDEX
 *   rebuild NAME PCS | remove NAME | quit
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor_double.h"
#include "banned.h"

static struct supervisor_double supervisor;

static struct double_target *
find(const char *name)
{
	for (size_t i = 0; i < supervisor.targets_len; i++)
		if (supervisor.targets[i].id != 0 &&
		    strcmp(supervisor.targets[i].name, name) == 0)
			return &supervisor.targets[i];
	return NULL;
}

static void
carry_out(const char *line, const char *sources)
{
	char verb[16], name[DIRECTORY_NAME_MAX];
	unsigned long a = 0, b = 0;
	struct double_target *target = NULL;

	if (sscanf(line, "%15s %63s %lu %lu", verb, name, &a, &b) >= 2)
		target = find(name);
	if (target == NULL) {
		puts("what? no such target or command");
	} else {
		if (strcmp(verb, "hit") == 0)
			double_hit(&supervisor, target, (uint32_t)a, (uint32_t)b);
		else if (strcmp(verb, "run") == 0)
			double_run(&supervisor, target, a, b);
		else if (strcmp(verb, "entry") == 0)
			double_entry(&supervisor, target, (uint32_t)a);
		else if (strcmp(verb, "rebuild") == 0)
			double_rebuild(&supervisor, target, sources, (uint32_t)a);
		else if (strcmp(verb, "remove") == 0)
			double_remove(&supervisor, target);
		puts("ok");
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	unsigned port = argc > 4 ? (unsigned)atoi(argv[4]) : 0;
	unsigned targets = argc > 5 ? (unsigned)atoi(argv[5]) : 2;
	uint32_t pcs = argc > 6 ? (uint32_t)atoi(argv[6]) : 5000;
	char line[256], name[32];

	if (argc < 4)
		errx(2,
		    "usage: frontend_host PROGRAM WEB SOURCES [PORT [TARGETS [PCS]]]");
	double_start(&supervisor, argv[1], argv[2], port, argc > 7);
	for (unsigned i = 0; i < targets; i++) {
		snprintf(name, sizeof(name), "t%04u", i);
		double_add(&supervisor, name, argv[3], pcs);
	}
	printf("http://127.0.0.1:%u/ pid %d\n", supervisor.port, (int)supervisor.pid);
	fflush(stdout);
	while (
	    fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0)
		carry_out(line, argv[3]);
	return double_stop(&supervisor) == 0 ? 0 : 1;
}
