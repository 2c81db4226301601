/* SPDX-License-Identifier: MIT
 * The archive's block of the configuration: how much is kept.
 */
#ifndef FUZZSUP_CONF_ARCHIVE_H
#define FUZZSUP_CONF_ARCHIVE_H

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_archive {
	uint32_t seconds_s, minutes_s,
	    hours_s;          /* how long samples of each are kept; 0: for good */
	uint32_t events;                        /* 0: all */
	uint32_t builds;                        /* likewise */
	uint64_t input_bytes; /* 0: all */
};

/* True if @key is one of the block's. */
bool conf_archive_has(const char *key);

/* Checks @value of @key. Writes its normal form to @ret_normal, else one sentence to @ret_why and returns
 * -EINVAL. */
int conf_archive_check(const char *key, const char *value, char *ret_normal,
    size_t size, char *ret_why, size_t why_size);

/* libconfuse's check of a block that was read: there is one at most. */
int conf_archive_single(cfg_t *cfg, cfg_opt_t *opt);

/* Of the block in @cfg, whose values were checked; without one what is kept by default. */
struct conf_archive conf_archive_take(cfg_t *cfg);

#endif
