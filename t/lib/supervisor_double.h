/* SPDX-License-Identifier: MIT
 * Plays the supervisor and the collector for one front-end: starts it with what it
 * inherits, and gives it a directory, tables, live segments, roots. For tests and
 * benchmarks; failures end the program with a message.
 */
#ifndef FUZZSUP_SUPERVISOR_DOUBLE_H
#define FUZZSUP_SUPERVISOR_DOUBLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "channel.h"
#include "directory.h"
#include "live_segment.h"

struct double_target {
	uint32_t id;
	char name[DIRECTORY_NAME_MAX];
	uint32_t pcs_len;
	uint64_t table, live_generation;
	struct live_map live;
};

struct supervisor_double {
	pid_t pid; /* of the front-end */
	unsigned port;
	int news;
	struct channel *channel;
	struct channel *runner, *archive; /* the front-end's edges to them */
	struct directory *directory;
	struct double_target targets[DIRECTORY_TARGETS_MAX];
	size_t targets_len;
};

/* Starts @program, listening on @port (0: any) of 127.0.0.1, with the page in @web. */
void double_start(struct supervisor_double *supervisor, const char *program,
    const char *web, unsigned port, bool sandbox);

/* Ends the front-end by closing its channel; returns its wait status. */
int double_stop(struct supervisor_double *supervisor);

/* Adds a target whose table has @pcs_len PCs over the regular files found directly in
 * @root (PC i: file i modulo their number, line i / their number + 1; every 16th PC
 * unknown); makes it listed. Returns it. */
struct double_target *double_add(struct supervisor_double *supervisor, const char *name,
    const char *root, uint32_t pcs_len);

/* Gives a target a new build of @pcs_len PCs, and an empty live segment. */
void double_rebuild(struct supervisor_double *supervisor, struct double_target *target,
    const char *root, uint32_t pcs_len);

/* Takes a target away. */
void double_remove(struct supervisor_double *supervisor, struct double_target *target);

/* Sets bits [@first, @first + @len) and rings. */
void double_hit(struct supervisor_double *supervisor, struct double_target *target,
    uint32_t first, uint32_t len);

/* Adds to the counters and rings. */
void double_run(struct supervisor_double *supervisor, struct double_target *target,
    uint64_t runs, uint64_t unique);

/* Adds one entry point and rings. */
void double_entry(
    struct supervisor_double *supervisor, struct double_target *target, uint32_t index);

/* Waits for the front-end's next question for a module. */
struct message double_wait_wasm(struct supervisor_double *supervisor);

/* A new runner says that it is there. */
void double_hello(struct supervisor_double *supervisor);

/* Answers it: @status is an enum wasm_status, @content the module or the words. */
void double_answer_wasm(struct supervisor_double *supervisor,
    const struct message *question, unsigned status, const void *content, size_t len);

#endif
