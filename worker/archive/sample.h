/* SPDX-License-Identifier: MIT
 * What is known of a target or a job at one second, and how many of these are packed into a few
 * bytes each; in the archive.
 *
 *   A pack is a row of: varint of the seconds since the one before (of the first: since the
 *   pack's own time), a byte with a bit for each value that is another one than before (of
 *   the first: than 0), and for each of them a zigzag varint of the difference.
 */
#ifndef FUZZSUP_ARCHIVE_SAMPLE_H
#define FUZZSUP_ARCHIVE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* A bit each: at most eight. */
enum sample_value {
	SAMPLE_COVERED,    /* PCs, of the build */
	SAMPLE_EXECUTIONS, /* of the series' whole life: never goes back */
	SAMPLE_COUNTER, /* what was counted last where executions come from, which may begin anew */
	SAMPLE_BUILD,   /* its row; 0: none */
	SAMPLE_RATE,    /* executions per second × 1,000 */
	SAMPLE_CORPUS,  /* inputs */
	SAMPLE_CRASHES, /* inputs kept */
	SAMPLE_MEMORY,  /* bytes resident */
	SAMPLE_VALUES
};

struct sample {
	int64_t t; /* Unix seconds */
	uint64_t values[SAMPLE_VALUES];
};

#define SAMPLE_PACKED_MAX 91 /* bytes of one */

/* Packs @len samples, in order of time, none before @t0. @to has SAMPLE_PACKED_MAX bytes for each.
 * Returns how many it took. */
size_t sample_pack(
    int64_t t0, const struct sample *samples, size_t len, unsigned char *to);

/* Takes a pack of @len bytes apart, into @ret_samples, which has room for @max. Returns how many
 * there were, or -EPROTO for what is no pack of that many. */
int sample_unpack(int64_t t0, const unsigned char *pack, size_t len,
    struct sample *ret_samples, size_t max);

/* A varint, as packs have them: appends to @to, which has 10 bytes; returns how many it took. */
size_t sample_put(unsigned char *to, uint64_t value);

/* Reads one at *@at, which it moves on, before @end. Returns 0 or -EPROTO. */
int sample_get(const unsigned char **at, const unsigned char *end, uint64_t *ret_value);

/* Of @len samples the one that stands for all of them: the last, with the mean of their rates
 * and the most of their memory. */
struct sample sample_sum(const struct sample *samples, size_t len);

#endif
