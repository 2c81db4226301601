/* SPDX-License-Identifier: MIT
 * AFL++'s fuzz_bitmap: a byte of each guard, 0xff where it was never reached; in the
 * collector.
 */
#include "config.h"

#include "afl_bitmap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "coverage_map.h"
#include "log.h"
#include "banned.h"

#define RESERVED_MAX 8 /* 1 in AFL++ 4.04, 5 in 4.22 */
#define PART 65536
#define UNREACHED 0xff

static struct target *
find(struct collector *collector, const char *name)
{
	struct target *target;

	LIST_FOREACH(target, &collector->targets, in_all)
		if (strcmp(target->name, name) == 0)
			return target;
	return NULL;
}

/* Sets in @words, which are zeros, the bits of @len places from @reserved on. Returns 0, or -EAGAIN for a
 * file that is too short. */
static int
read_bits(int fd, unsigned reserved, uint32_t len, uint64_t *words)
{
	unsigned char part[PART];
	uint32_t at = 0;
	ssize_t n;

	while (at < len) {
		const size_t size = len - at < PART ? len - at : PART;

		n = pread(fd, part, size, (off_t)at + reserved);
		if (n <= 0)
			return -EAGAIN;
		for (uint32_t i = 0; i < (uint32_t)n; i++)
			if (part[i] != UNREACHED)
				words[(at + i) / 64] |= UINT64_C(1) << ((at + i) % 64);
		at += (uint32_t)n;
	}
	return 0;
}

static void
refuse(struct target *target, const struct job_bitmap *bitmap, uint32_t pcs_len)
{
	if (target->afl == AFL_FOREIGN)
		return;
	target->afl = AFL_FOREIGN;
	log_notice("%s: AFL++'s map has %llu places, its PC table %u: its coverage is "
		   "not read from there",
	    target->name, (unsigned long long)bitmap->places, (unsigned)pcs_len);
}

int
afl_bitmap_take(struct collector *collector, const struct job_bitmap *bitmap)
{
	struct target *target = find(collector, bitmap->target);
	bool first;
	uint32_t len;
	int r = 0;

	if (target == NULL || !target->has_table)
		return -EAGAIN;
	/* A run of another build; the runner starts a new one soon. */
	if (target->attached > 0 || bitmap->started_ms < target->built_ms)
		return 0;
	len = target->table.header->pcs_len;
	if (bitmap->places <= len || bitmap->places > (uint64_t)len + RESERVED_MAX) {
		refuse(target, bitmap, len);
		return 0;
	}
	if (!file_make_room(collector, coverage_map_words(len)))
		return 0;
	memset(collector->scratch, 0, 8 * coverage_map_words(len));
	if (bitmap->fd >= 0)
		r = read_bits(bitmap->fd, (unsigned)(bitmap->places - len), len,
		    collector->scratch);
	if (r < 0)
		return r;
	first = target->afl != AFL_READ;
	if (first)
		log_notice("%s: reading AFL++'s bitmap of %s (%u PCs)", target->name,
		    bitmap->name, (unsigned)len);
	target->afl = AFL_READ;
	target->afl_ms = collector->now_ms;
	target_add_bits(collector, target, bitmap->grew, first);
	return 0;
}
