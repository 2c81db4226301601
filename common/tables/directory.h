/* SPDX-License-Identifier: MIT
 * Layout of the directory: the page set, made by the supervisor before its first fork,
 * that lists all targets. Sole writer: the supervisor (daemon/system/directory_writer.c). Readers:
 * the front-end (worker/frontend/targets/snapshot.c). The symbolizer never maps it.
 *
 * Double-buffered: the writer fills the half that `committed` does not name and then
 * flips `committed`. Whoever reads or writes holds `lock`; a reader that does not get it
 * within 2 ms copies without and validates by `committed` (see shared_lock.h).
 */
#ifndef FUZZSUP_DIRECTORY_H
#define FUZZSUP_DIRECTORY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shared_lock.h"
#include "target_state.h"

#define DIRECTORY_MAGIC UINT32_C(0x52445a46) /* "FZDR" */
#define DIRECTORY_VERSION 1
#define DIRECTORY_TARGETS_MAX 4096
#define DIRECTORY_NAME_MAX 64 /* with NUL: [A-Za-z0-9][A-Za-z0-9._-]* */
#define DIRECTORY_REASON_MAX 320

struct directory_target {
	uint32_t id;    /* never 0, never used twice in a service's life */
	uint32_t state; /* enum target_state */
	char name[DIRECTORY_NAME_MAX];
	char reason[DIRECTORY_REASON_MAX]; /* one sentence; empty where all is well */
	uint32_t pcs_len;
	uint32_t build_id_len;
	uint8_t build_id[64];
	uint64_t table; /* generation of the table; 0: none yet */
	uint64_t live;  /* generation of the live segment; 0: none yet */
};
_Static_assert(sizeof(struct directory_target) == 480, "directory target");

struct directory_half {
	uint64_t generation;
	uint32_t targets_len;
	uint32_t reserved;
	struct directory_target targets[DIRECTORY_TARGETS_MAX]; /* sorted by name */
};

struct directory {
	uint32_t magic;
	uint32_t version;
	uint64_t size;
	struct shared_lock lock;
	/* Generation of the last committed half; it lies in halves[generation & 1]. 0 only
	 * before the first commit, which comes before the first fork. */
	_Alignas(64) _Atomic uint64_t committed;
	_Alignas(64) struct directory_half halves[2];
};

#endif
