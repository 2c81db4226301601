/* SPDX-License-Identifier: MIT
 * Folders in which fuzzers keep their inputs, and what is new there; in the replay driver.
 *
 * A folder's regular files are inputs, but for those whose name begins with a dot. Where it
 * has a folder `queue`, it is an AFL++ instance's and the inputs are in there; where its
 * folders have one, each is. Folders may come, go and be replaced at any time.
 */
#ifndef FUZZSUP_REPLAY_WATCH_H
#define FUZZSUP_REPLAY_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_watch;

enum replay_take {
	REPLAY_TAKEN,
	REPLAY_LEFT_OUT, /* it is none */
	REPLAY_UNREAD,   /* it cannot be read, for now */
};

/* An input that may be new: folder's descriptor, and its name there. */
typedef enum replay_take replay_input_fn(void *context, int folder, const char *name);

/* Begins to watch @folders, @len strings that must live as long; one that is not there is
 * looked for again and again. Returns NULL with errno set. */
struct replay_watch *replay_watch_new(
    const char *const *folders, size_t len, replay_input_fn *input, void *context);

/* NULL is fine. */
void replay_watch_free(struct replay_watch *watch);

/* Writes the name of a file or folder to standard error, without its control characters,
 * which would let it write lines of its own. */
void replay_watch_say(const char *name);

/* To be polled for POLLIN. */
int replay_watch_fd(const struct replay_watch *watch);

/* Tells of all that has come since the last call. */
void replay_watch_news(struct replay_watch *watch);

/* Tells of one input that was there before it was watched, so that new ones wait for no more
 * than that; false if there is none. */
bool replay_watch_list(struct replay_watch *watch);

/* How many of those are still to be told of, about. */
uint64_t replay_watch_left(const struct replay_watch *watch);

/* How many files were left out, or cannot be read. */
uint64_t replay_watch_skipped(const struct replay_watch *watch);

/* Looks for folders that were not there, and whether the others still are, and again at
 * what could not be read; to be called every second or so. */
void replay_watch_tick(struct replay_watch *watch);

#endif
