/* SPDX-License-Identifier: MIT
 * A Zig test executable, as its minder sees it: what it says goes to the job's log, to the
 * runner and to the other instances that fuzz the same.
 */
#ifndef FUZZSUP_ZIG_DRIVE_H
#define FUZZSUP_ZIG_DRIVE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "job_log.h"
#include "launch.h"
#include "zig_listen.h"
#include "zig_share.h"

struct zig_drive {
	struct zig_listen listen;
	struct zig_share share;
	struct job_log *log;
	int64_t since_ms, shared_ms;
	/* What is wrong with it though it runs; empty: nothing. */
	char note[160];
	char lack[160]; /* as it is told, for as long as it runs */
	bool is_unfit, share_failed;
	/* A new entry point, a new note, and why it cannot be run at all. */
	void (*entry)(void *context, uint64_t address);
	void (*noted)(void *context, const char *note);
	void (*unfit)(void *context, const char *why);
	void *context;
};

/* What an instance is that was not started. */
#define ZIG_DRIVE_NONE { .listen = { .to = -1, .from = -1 }, .share = { .own = -1 } }

/* Takes both descriptors; callbacks, context and log are set already. */
void zig_drive_start(
    struct zig_drive *drive, const struct launch *launch, int to, int from);

/* Two descriptors to be polled, and what to do then. */
void zig_drive_polls(const struct zig_drive *drive, struct pollfd polls[2]);
void zig_drive_polled(struct zig_drive *drive, const struct pollfd polls[2]);

/* Now and then: finds of others, and a silence that lasts. */
void zig_drive_look(struct zig_drive *drive, int64_t now_ms);

/* The instance is over; @well: it ended as it should, or was told to. */
void zig_drive_ended(struct zig_drive *drive, const struct launch *launch, bool well);

#endif
