/* SPDX-License-Identifier: MIT
 * Layout of coverage files and of what lies beside them; types alone.
 * Used by the runtime (writes), the collector (reads) and tests.
 *
 * Source: Zig 0.14 lib/std/Build/Fuzz/abi.zig, SeenPcsHeader. Native-endian, with the
 * word size of the fuzzed program; we write and read 8-byte words.
 *
 *   header | seen bits: ceil(pcs_len/64) words | PCs: pcs_len words, PC-table order
 *
 * The file's name is 16 lower-case hex digits. Writers map it MAP_SHARED, OR bits and
 * add to the counters atomically, so many processes of one executable share one file.
 */
#ifndef FUZZSUP_COVERAGE_MAP_H
#define FUZZSUP_COVERAGE_MAP_H

#include <stdint.h>

struct coverage_map_header {
	uint64_t n_runs;      /* executions so far */
	uint64_t unique_runs; /* executions that reached a new PC */
	uint64_t pcs_len;     /* entries of the PC table */
};
_Static_assert(sizeof(struct coverage_map_header) == 24, "coverage file header");

/* More PCs than this in one file is a damaged file. (The largest known targets, whole
 * browsers, stay below 2^25.) Also keeps every size computation below 2^32 bytes. */
#define COVERAGE_MAP_PCS_MAX (UINT64_C(1) << 26)

/* Words of seen bits for @pcs_len PCs. */
static inline uint64_t
coverage_map_words(uint64_t pcs_len)
{
	return (pcs_len + 63) / 64;
}

/* Exact length in bytes of a coverage file with @pcs_len PCs, which must not be more
 * than COVERAGE_MAP_PCS_MAX. */
static inline uint64_t
coverage_map_size(uint64_t pcs_len)
{
	return sizeof(struct coverage_map_header) + 8 * coverage_map_words(pcs_len) +
	    8 * pcs_len;
}

/* Beside the coverage file ID our runtime writes ID.module, text, one "key value" a
 * line, complete before it gets its name:
 *
 *   fuzzsup-module 1
 *   path /srv/json/fuzz_json        (rest of the line, may hold spaces)
 *   build-id 3ace91f2...            (hex; line absent if the module has none)
 *   pcs 5744
 *   entry 0x12ab0 LLVMFuzzerTestOneInput   (link-time address; any number of lines)
 */
#define COVERAGE_MODULE_SUFFIX ".module"
#define COVERAGE_MODULE_MAX 65536 /* bytes; larger is refused */

/* A FIFO in a coverage directory, made by the service. Our runtime opens it
 * O_RDWR|O_NONBLOCK (so that a write can never raise SIGPIPE) and writes one byte after
 * it has set new bits; EAGAIN means that a wake-up is already under way. */
#define COVERAGE_DOORBELL ".wake"

/* Where the runtime puts its files when FUZZSUP_DIR is not set: the first, if it is a
 * directory that it can write to, else the second followed by the decimal uid. */
#define COVERAGE_SYSTEM_DIR "/run/fuzzsupd/coverage"
#define COVERAGE_USER_DIR "/tmp/fuzzsup-"

#endif
