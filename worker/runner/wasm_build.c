/* SPDX-License-Identifier: MIT
 * The compiler's command line and process; in the runner.
 */
#include "config.h"

#include "wasm_build.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hash.h"
#include "banned.h"

#define SOURCE_MAX ((off_t)4 << 20)
#define CPU_SECONDS 30
#define OUTPUT_FD 3

int
wasm_find_compiler(const char *compiler, char *ret_path, size_t size)
{
	static const char *const known[] = { "clang-19", "clang-18", "clang-17", "clang-16",
		"clang-15", "clang-14", "clang" };
	const char *path = getenv("PATH"), *colon;

	if (compiler[0] == '/')
		return snprintf(ret_path, size, "%s", compiler) < (int)size &&
			access(ret_path, X_OK) == 0
		    ? 0
		    : -ENOENT;
	if (path == NULL || compiler[0] == '\0')
		return -ENOENT;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *name = strcmp(compiler, "*") == 0 ? known[i] : compiler;

		for (const char *from = path;; from = colon + 1) {
			colon = strchrnul(from, ':');
			if (colon > from &&
			    snprintf(ret_path, size, "%.*s/%s", (int)(colon - from), from,
				name) < (int)size &&
			    access(ret_path, X_OK) == 0)
				return 0;
			if (*colon == '\0')
				break;
		}
	}
	return -ENOENT;
}

static int __attribute__((format(printf, 3, 4)))
add_word(struct wasm_command *command, size_t *len, const char *format, ...)
{
	size_t room = sizeof(command->storage) - command->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(command->storage + command->used, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room || *len == WASM_COMMAND_MAX)
		return -E2BIG;
	command->words[(*len)++] = command->storage + command->used;
	command->words[*len] = NULL;
	command->used += (size_t)n + 1;
	return 0;
}

/* wire.h lies beside client.c where it is installed, in common/ in the source tree. */
static void
find_header(const char *folder, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/wire.h", folder);
	if (access(ret_path, R_OK) != 0)
		snprintf(ret_path, size, "%s/../../common/wire.h", folder);
}

/* The file's lines are "all FLAG", "optimized FLAG" or "debug FLAG". */
static int
add_flags(const char *folder, bool debug, struct wasm_command *command, size_t *len)
{
	char path[PATH_MAX], line[512];
	FILE *file;
	int r = 0;

	snprintf(path, sizeof(path), "%s/wasm.flags", folder);
	file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), file) != NULL) {
		char *flag = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || flag == NULL)
			continue;
		*flag++ = '\0';
		if (strcmp(line, "all") == 0 || strcmp(line, debug ? "debug" : "optimized") == 0)
			r = add_word(command, len, "%s", flag);
	}
	fclose(file);
	return r;
}

int
wasm_command_make(const char *folder, const char *compiler, bool debug, int output,
    struct wasm_command *ret_command)
{
	struct wasm_command *command = ret_command;
	char header[PATH_MAX];
	size_t len = 0;
	int r;

	command->used = 0;
	find_header(folder, header, sizeof(header));
	*strrchr(header, '/') = '\0';
	r = add_word(command, &len, "%s", compiler);
	if (r == 0)
		r = add_flags(folder, debug, command, &len);
	if (r == 0)
		r = add_word(command, &len, "-I%s", header);
	if (r == 0)
		r = add_word(command, &len, "-o");
	/* wasm-ld renames onto nothing in /proc: it gets a path of its own */
	if (r == 0)
		r = add_word(command, &len, "/proc/self/fd/%d", output);
	return r == 0 ? add_word(command, &len, "%s/client.c", folder) : r;
}

static int
hash_file(const char *path, uint64_t *state)
{
	struct stat st;
	char *text;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > SOURCE_MAX) {
		close(fd);
		return -EINVAL;
	}
	text = malloc((size_t)st.st_size + 1);
	n = text != NULL ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0)
		r = -EIO;
	else
		*state = hash_bytes(*state, text, (size_t)n);
	free(text);
	close(fd);
	return r;
}

int
wasm_hash(const char *folder, const char *compiler, bool debug, uint64_t *ret_hash)
{
	uint64_t state = hash_bytes(HASH_SEED, compiler, strlen(compiler));
	char path[PATH_MAX];
	struct stat st = { 0 };
	int r;

	state = hash_bytes(state, &debug, sizeof(debug));
	if (stat(compiler, &st) == 0)
		state = hash_bytes(state, &st.st_mtim, sizeof(st.st_mtim));
	snprintf(path, sizeof(path), "%s/client.c", folder);
	r = hash_file(path, &state);
	snprintf(path, sizeof(path), "%s/wasm.flags", folder);
	if (r == 0)
		r = hash_file(path, &state);
	find_header(folder, path, sizeof(path));
	if (r == 0)
		r = hash_file(path, &state);
	if (r == 0)
		*ret_hash = state;
	return r;
}

static void __attribute__((noreturn))
become_compiler(const struct wasm_command *command, int output, int words, pid_t parent)
{
	const struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS };
	const struct rlimit size = { WASM_MODULE_MAX, WASM_MODULE_MAX };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
		_exit(125);
	output = fcntl(output, F_DUPFD_CLOEXEC, 10);
	words = fcntl(words, F_DUPFD_CLOEXEC, 10);
	if (dup2(null, 0) < 0 || dup2(words, 1) < 0 || dup2(words, 2) < 0 ||
	    dup2(output, OUTPUT_FD) < 0)
		_exit(126);
	syscall(SYS_close_range, OUTPUT_FD + 1, ~0U, 0);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_FSIZE, &size);
	setpgid(0, 0);
	execv(command->words[0], command->words);
	_exit(127);
}

int
wasm_compile(const struct wasm_command *command, int output, int words, pid_t *ret_pid)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_compiler(command, output, words, parent);
	*ret_pid = pid;
	return 0;
}
