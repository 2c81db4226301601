/* SPDX-License-Identifier: MIT
 * The sidecar ID.module that our runtime writes beside a coverage file; in the collector.
 */
#ifndef FUZZSUP_MODULE_FILE_H
#define FUZZSUP_MODULE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define MODULE_ENTRIES_MAX 64
#define BUILD_ID_MAX 64
#define MODULE_PROGRAM_MAX 64

struct module_file {
	uint64_t path_hash; /* of the executable's or library's path; 0: not said */
	char program
	    [MODULE_PROGRAM_MAX]; /* its last component; empty: not said, or longer */
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_len; /* 0: the module has none */
	uint64_t entries[MODULE_ENTRIES_MAX];
	size_t entries_len;
};

/* Reads the text of a sidecar, which anybody may have written. Keys that are not known
 * are passed over. Returns 0, or -EPROTO if it is none. */
int module_file_parse(const char *text, size_t len, struct module_file *ret_module);

/* Takes the @len bytes of a path; leaves path_hash 0 where they are no absolute one. */
void module_file_set_path(const char *path, size_t len, uint64_t *ret_hash,
    char ret_program[MODULE_PROGRAM_MAX]);

/* Reads a build ID of @len hex digits. Its length in bytes; 0 if it is none. */
uint32_t module_file_build_id(const char *hex, size_t len, uint8_t id[BUILD_ID_MAX]);

/* Reads the sidecar of the coverage file @name in @directory. Returns 0, -ENOENT if there
 * is none (a foreign fuzzer's file), -EPROTO, or another negative errno. */
int module_file_read(int directory, const char *name, struct module_file *ret_module);

#endif
