/* SPDX-License-Identifier: MIT
 * One compilation of the page's client to WebAssembly; in the runner.
 *
 * The sources are copied into a folder of our own and compiled there: the page's folder
 * may lie where the runner's user can reach it by descriptor only, and what is hashed is
 * then exactly what is compiled.
 */
#ifndef FUZZSUP_WASM_BUILD_H
#define FUZZSUP_WASM_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WASM_FILES 15

struct wasm_file {
	char *text; /* NUL-terminated */
	size_t len;
};

struct wasm_sources {
	struct wasm_file files[WASM_FILES];
	char *flags; /* NUL-terminated */
};

/* Reads the client's files and wasm.flags in @web. Returns 0 or a negative errno. */
int wasm_sources_read(int web, struct wasm_sources *ret_sources);
void wasm_sources_free(struct wasm_sources *sources);

/* Tells apart what would give another module. */
uint64_t wasm_sources_hash(
    const struct wasm_sources *sources, const char *compiler, bool debug);

/* Path of the compiler: @wanted as it is if it holds a slash, else looked for in PATH;
 * empty: the newest clang there. NULL if there is none; else for free(). */
char *wasm_compiler_find(const char *wanted);

struct wasm_build {
	pid_t pid;
	int pidfd;
	int words; /* memfd: what the compiler said */
	char folder[64];
};

/* Starts a compilation as @uid and @gid, where we may choose. Returns 0 or a negative
 * errno. */
int wasm_build_start(const struct wasm_sources *sources, const char *compiler,
    bool debug, uid_t uid, gid_t gid, struct wasm_build *ret_build);

/* After the compiler has ended with @status: the sealed memfd with the module (returns
 * 0) or with its words (returns -ENOEXEC). Or another negative errno. Cleans up. */
int wasm_build_finish(struct wasm_build *build, int status, int *ret_fd);

#endif
