/* SPDX-License-Identifier: MIT
 * Compiles the page's client.c to WASM: one build for all who ask for the same.
 */
#ifndef FUZZSUP_WASM_BUILD_H
#define FUZZSUP_WASM_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WASM_COMMAND_MAX 64
#define WASM_TEXT_MAX (64 * 1024)
#define WASM_MODULE_MAX (8 * 1024 * 1024)

struct wasm_command {
	char *words[WASM_COMMAND_MAX + 1]; /* words[0]: path of the compiler */
	char storage[16384];
	size_t used;
};

/* Finds @compiler ("*": the newest clang in PATH). 0, or -ENOENT. */
int wasm_find_compiler(const char *compiler, char *ret_path, size_t size);

/* Puts a command together from the folder's wasm.flags. 0 or a negative errno. */
int wasm_command_make(const char *folder, const char *compiler, bool debug, int output,
    struct wasm_command *ret_command);

/* Hash of the sources, flags, compiler and mode: equal means that a build can be shared.
 * 0 or a negative errno. */
int wasm_hash(const char *folder, const char *compiler, bool debug, uint64_t *ret_hash);

/* Starts the compiler; its module and its words go to the memfds. 0 or -errno. */
int wasm_compile(const struct wasm_command *command, int output, int words,
    pid_t *ret_pid);

#endif
