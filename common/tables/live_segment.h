/* SPDX-License-Identifier: MIT
 * Layout of a target's live segment: a memfd with one writer, the collector, and any
 * number of readers, which never wait for it.
 *
 * The collector maps it writable, then seals it with F_SEAL_FUTURE_WRITE, so nobody else
 * ever can. Bits only become set, counters only grow. The writer sets times, then bits
 * (release), then counters, then `sequence` (release); a reader that loads `sequence`
 * (acquire) sees at least everything that was counted in it.
 */
#ifndef FUZZSUP_LIVE_SEGMENT_H
#define FUZZSUP_LIVE_SEGMENT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_SEGMENT_MAGIC UINT32_C(0x564c5a46) /* "FZLV" */
#define LIVE_SEGMENT_VERSION 1
#define LIVE_ENTRIES_MAX 4096

struct live_segment {
	uint32_t magic;
	uint32_t version;
	uint64_t size;
	uint32_t pcs_len;
	uint32_t reserved;
	int64_t base_ms; /* Unix ms; hit times count from here */
	/* offsets from the start, multiples of 8 */
	uint64_t bits; /* _Atomic u64 × ceil(pcs_len/64) */
	uint64_t
	    times; /* _Atomic u32 × pcs_len: first hit in 1/100 s since base_ms; 0 for
	                     bits that were set when the segment was made, else at least 1 */
	uint64_t entries; /* _Atomic u32 × LIVE_ENTRIES_MAX: PC-table indexes */
	_Alignas(
	    64) _Atomic uint64_t sequence; /* + 1 for every change of anything below */
	_Atomic uint64_t bits_version;     /* + 1 whenever bits became set */
	_Atomic uint64_t n_runs;
	_Atomic uint64_t unique_runs;
	_Atomic uint64_t milli_runs_per_second;
	_Atomic int64_t last_find_ms; /* 0: never */
	_Atomic int64_t last_run_ms;  /* 0: never seen to grow */
	_Atomic uint32_t covered;     /* number of set bits */
	_Atomic uint32_t entries_len;
};
_Static_assert(sizeof(struct live_segment) == 128, "live segment header");
_Static_assert(offsetof(struct live_segment, sequence) == 64, "live segment counters");

/* A segment as mapped; the pointers lie inside of the map. Who reads another process's
 * segment takes its length and its base from here and never again from the head, which its
 * writer can change after they were checked. */
struct live_map {
	struct live_segment *head; /* start of the map */
	_Atomic uint64_t *bits;
	_Atomic uint32_t *times;
	_Atomic uint32_t *entries;
	size_t size;
	int64_t base_ms;
	uint32_t pcs_len;
};

/* Makes a segment for @pcs_len PCs, mapped writable and then sealed against everybody
 * else. The caller owns *ret_fd and the map. Returns 0 or a negative errno. */
int live_segment_create(
    uint32_t pcs_len, int64_t base_ms, int *ret_fd, struct live_map *ret_map);

/* 0 if @fd carries the seals of a segment: it keeps its size, and only its maker writes. */
int live_segment_check(int fd);

/* Maps the segment behind @fd read-only and checks seals, size and offsets. Does not
 * keep @fd. Returns 0, -EPROTO if it is not a well-formed segment, or a negative errno. */
int live_segment_map(int fd, struct live_map *ret_map);
void live_segment_unmap(struct live_map *map);

#endif
