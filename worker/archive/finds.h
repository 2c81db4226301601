/* SPDX-License-Identifier: MIT
 * Which input reached a PC first; in the archive.
 */
#ifndef FUZZSUP_ARCHIVE_FINDS_H
#define FUZZSUP_ARCHIVE_FINDS_H

#include <jansson.h>
#include <stdbool.h>

#include "message.h"
#include "store.h"
#include "targets.h"

struct finds;

int finds_new(struct store *store, struct targets *targets, struct finds **ret_finds);
void finds_free(struct finds *finds);

/* Inputs are kept up to so many bytes in all. */
void finds_set_keep(struct finds *finds, uint64_t bytes);

/* A FIND, with the input's bytes in the sealed memfd @fd, which stays the caller's; -1: they did not
 * come. Returns 0, -EPROTO for what is none, or -ENOMEM. */
int finds_add(struct finds *finds, const struct message *message, int fd);

/* In a transaction: writes those that came. True if there is more, to be written soon. */
bool finds_write(struct finds *finds);

/* In a transaction, now and then: forgets inputs of which nothing but their SHA-1 was left. */
void finds_prune(struct finds *finds);

/* They were kept, or came to nothing. */
void finds_written(struct finds *finds, bool kept);

/* True once after some could not be kept: whoever sent them is to send them again. */
bool finds_lost(struct finds *finds);

/* The first hit among @len PCs of the build that @target has: {"pc":…,"time":ms,"job":…,"instance":…,
 * "input":{"sha1":…,"size":…,"kept":true},"command":…}, the last of which runs INPUT; of those with an input that is kept before all others. time 0: before
 * anybody looked. NULL: none of them was reached. */
json_t *finds_first(
    struct finds *finds, const char *target, const uint32_t *pcs, size_t len);

/* The bytes of the input @sha1 (hex), as a sealed memfd; -ENOENT: they are not kept. */
int finds_input(struct finds *finds, const char *sha1);

#endif
