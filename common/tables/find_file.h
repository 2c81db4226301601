/* SPDX-License-Identifier: MIT
 * Layout of the files in which our runtime notes which input reached a PC first; types alone.
 * Used by the runtime (appends), the collector (reads) and tests.
 *
 * FUZZSUP_FINDS names the file; a job's instance N has FOLDER/finds/N. A record is written by one
 * writev() to a file that is open for appending, so that processes may share it. Native-endian:
 *
 *   header | pcs_len u32: indexes in the PC table | kept bytes of the input | zeros up to 8 bytes
 *
 * A file that has FIND_FILE_MAX bytes is renamed to NAME.1, over the one that has that name.
 */
#ifndef FUZZSUP_FIND_FILE_H
#define FUZZSUP_FIND_FILE_H

#include <stdint.h>

#define FIND_MAGIC UINT32_C(0x44465a46) /* "FZFD" */
#define FIND_FILE_MAX (16 << 20)        /* bytes */
#define FIND_INPUT_MAX (1 << 20) /* bytes of an input that are kept: all or none */
#define FIND_PCS_MAX 65536       /* in one record; more make more records */
#define FIND_FOLDER "finds"
#define FIND_BUILD_ID_MAX 32

struct find_header {
	uint32_t magic;
	uint32_t size; /* of the whole record; a multiple of 8 */
	int64_t ms;    /* Unix */
	uint64_t input_size;
	uint32_t kept; /* bytes of the input that follow: input_size or 0 */
	uint32_t pcs_len;
	uint8_t sha1[20]; /* of the input */
	uint8_t build_id_len;
	uint8_t reserved[3];
	uint8_t build_id[FIND_BUILD_ID_MAX]; /* of the module; cut off */
};
_Static_assert(sizeof(struct find_header) == 88, "find header");

/* Bytes of a record, a multiple of 8. */
static inline uint64_t
find_record_size(uint32_t pcs_len, uint32_t kept)
{
	return (sizeof(struct find_header) + 4 * (uint64_t)pcs_len + kept + 7) &
	    ~UINT64_C(7);
}

#endif
