/* SPDX-License-Identifier: MIT
 * Runs clang on the page's client; in the runner.
 */
#include "config.h"

#include "wasm_build.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hash.h"
#include "shared_memory.h"
#include "banned.h"

#define SOURCE_MAX (1 << 20)
#define OUTPUT_MAX (32 << 20)
#define WORDS_MAX 64
#define SECONDS_MAX 30

/* ---- sources ---- */

static int
read_whole(int directory, const char *name, char **ret_text, size_t *ret_len)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = malloc(SOURCE_MAX + 1);
	if (text == NULL)
		r = -ENOMEM;
	else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > SOURCE_MAX)
		r = -EFBIG;
	if (r == 0) {
		n = pread(fd, text, SOURCE_MAX, 0);
		r = n < 0 ? -errno : 0;
	}
	close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	text[n] = '\0';
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}

static const char *const file_names[WASM_FILES] = { "client.c", "client_lines.c",
	"client_memory.c", "line_states.c", "line_owners.c", "line_places.c",
	"line_shapes.c", "line_lost.c", "client.h", "wire.h", "line_states.h",
	"line_owners.h", "line_places.h", "line_shapes.h", "line_shape_code.h" };

int
wasm_sources_read(int web, struct wasm_sources *ret_sources)
{
	static const char *const homes[] = { "../../common/lines", "../../common" };
	struct wasm_sources sources = { 0 };
	char path[64];
	size_t flags_len;
	int r = 0;

	for (unsigned i = 0; i < WASM_FILES && r == 0; i++) {
		struct wasm_file *file = &sources.files[i];

		r = read_whole(web, file_names[i], &file->text, &file->len);
		/* In the source tree what is shared has one home only. */
		for (size_t home = 0; home < 2 && r == -ENOENT && i > 0; home++) {
			snprintf(
			    path, sizeof(path), "%s/%s", homes[home], file_names[i]);
			r = read_whole(web, path, &file->text, &file->len);
		}
	}
	if (r == 0)
		r = read_whole(web, "wasm.flags", &sources.flags, &flags_len);
	if (r < 0) {
		wasm_sources_free(&sources);
		return r;
	}
	*ret_sources = sources;
	return 0;
}

void
wasm_sources_free(struct wasm_sources *sources)
{
	for (unsigned i = 0; i < WASM_FILES; i++)
		free(sources->files[i].text);
	free(sources->flags);
	*sources = (struct wasm_sources){ 0 };
}

uint64_t
wasm_sources_hash(const struct wasm_sources *sources, const char *compiler, bool debug)
{
	uint64_t hash = HASH_SEED;

	for (unsigned i = 0; i < WASM_FILES; i++)
		hash = hash_bytes(hash, sources->files[i].text, sources->files[i].len);
	hash = hash_bytes(hash, sources->flags, strlen(sources->flags));
	hash = hash_bytes(hash, compiler, strlen(compiler));
	return hash_bytes(hash, &debug, sizeof(debug));
}

/* ---- the compiler ---- */

static char *
find_in_path(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char file[4096];

	for (; path != NULL && *path != '\0'; path = *end == ':' ? end + 1 : end) {
		end = strchrnul(path, ':');
		if ((size_t)snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path),
			path, name) < sizeof(file) &&
		    access(file, X_OK) == 0)
			return strdup(file);
	}
	return NULL;
}

char *
wasm_compiler_find(const char *wanted)
{
	static const char *const names[] = { "clang-19", "clang-18", "clang-17",
		"clang-16", "clang-15", "clang-14", "clang" };
	char *found = NULL;

	if (strchr(wanted, '/') != NULL)
		return access(wanted, X_OK) == 0 ? strdup(wanted) : NULL;
	if (wanted[0] != '\0')
		return find_in_path(wanted);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && found == NULL; i++)
		found = find_in_path(names[i]);
	return found;
}

/* ---- one compilation ---- */

static void
remove_folder(const char *folder)
{
	char path[128];

	for (size_t i = 0; i <= WASM_FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder,
		    i < WASM_FILES ? file_names[i] : "main.wasm");
		unlink(path);
	}
	rmdir(folder);
}

static int
write_copy(const char *folder, const char *name, const char *text, size_t len)
{
	char path[128];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = shared_memory_append(fd, text, len);
	close(fd);
	return r;
}

static bool
become_user(uid_t uid, gid_t gid)
{
	return (geteuid() != 0 || uid == 0 ||
		   (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
		       setresuid(uid, uid, uid) == 0)) &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* In the child: never returns. */
static _Noreturn void
run_compiler(const struct wasm_build *build, const char *compiler, char *flags,
    bool debug, uid_t uid, gid_t gid, pid_t parent)
{
	const struct rlimit seconds = { SECONDS_MAX, SECONDS_MAX };
	const struct rlimit size = { OUTPUT_MAX, OUTPUT_MAX };
	const char *words[WORDS_MAX + 8 + WASM_FILES] = { compiler }, *word;
	int len = 1, nothing = open("/dev/null", O_RDWR);
	char *rest = flags, *saved = NULL;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Compiler drivers start linkers: the group is ended as one. */
	setpgid(0, 0);
	while ((word = strtok_r(rest, " \t\n", &saved)) != NULL && len < WORDS_MAX) {
		words[len++] = word;
		rest = NULL;
	}
	words[len++] = debug ? "-O0" : "-O2";
	words[len++] = debug ? "-g" : "-DNDEBUG";
	words[len++] = "-o";
	words[len++] = "main.wasm";
	for (size_t i = 0; i < WASM_FILES; i++)
		if (strchr(file_names[i], '.')[1] == 'c')
			words[len++] = file_names[i];
	if (become_user(uid, gid) && getppid() == parent && chdir(build->folder) == 0 &&
	    dup2(nothing, 0) == 0 && dup2(build->words, 1) == 1 &&
	    dup2(build->words, 2) == 2 && setrlimit(RLIMIT_CPU, &seconds) == 0 &&
	    setrlimit(RLIMIT_FSIZE, &size) == 0 &&
	    syscall(SYS_close_range, 3, ~0U, 0) == 0)
		execv(compiler, (char *const *)words);
	_exit(127);
}

int
wasm_build_start(const struct wasm_sources *sources, const char *compiler, bool debug,
    uid_t uid, gid_t gid, struct wasm_build *ret_build)
{
	struct wasm_build build = { .pid = -1, .pidfd = -1, .words = -1 };
	pid_t parent = getpid();
	int r = 0;

	snprintf(build.folder, sizeof(build.folder), "/tmp/fuzzsupd-wasm-XXXXXX");
	if (mkdtemp(build.folder) == NULL)
		return -errno;
	if (geteuid() == 0 && chown(build.folder, uid, gid) != 0)
		r = -errno;
	for (unsigned i = 0; i < WASM_FILES && r == 0; i++)
		r = write_copy(build.folder, file_names[i], sources->files[i].text,
		    sources->files[i].len);
	if (r == 0)
		r = build.words = shared_memory_create("fuzzsupd-compiler");
	if (r >= 0) {
		build.pid = fork();
		if (build.pid == 0)
			run_compiler(
			    &build, compiler, sources->flags, debug, uid, gid, parent);
		r = build.pid < 0 ? -errno : 0;
	}
	if (r == 0) {
		build.pidfd = (int)syscall(SYS_pidfd_open, build.pid, 0);
		r = build.pidfd < 0 ? -errno : 0;
	}
	if (r < 0) {
		if (build.pid > 0)
			kill(build.pid, SIGKILL);
		if (build.words >= 0)
			close(build.words);
		remove_folder(build.folder);
		return r;
	}
	*ret_build = build;
	return 0;
}

static int
load_module(const char *folder, int *ret_fd)
{
	char path[128], *module = NULL;
	struct stat st;
	int from, fd = -1, r;

	snprintf(path, sizeof(path), "%s/main.wasm", folder);
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0)
		return -errno;
	r = fstat(from, &st) == 0 && st.st_size > 8 && st.st_size <= OUTPUT_MAX ? 0
										: -EIO;
	if (r == 0 && (module = malloc((size_t)st.st_size)) == NULL)
		r = -ENOMEM;
	if (r == 0 && pread(from, module, (size_t)st.st_size, 0) != st.st_size)
		r = -EIO;
	if (r == 0)
		r = fd = shared_memory_create("fuzzsupd-wasm");
	if (r >= 0)
		r = shared_memory_append(fd, module, (size_t)st.st_size);
	if (r == 0)
		r = shared_memory_seal(fd);
	free(module);
	close(from);
	if (r < 0 && fd >= 0)
		close(fd);
	else if (r == 0)
		*ret_fd = fd;
	return r;
}

int
wasm_build_finish(struct wasm_build *build, int status, int *ret_fd)
{
	static const char silent[] = "the compiler ended without a word "
				     "(time limit, or it could not be started)\n";
	int r;

	if (status == 0) {
		r = load_module(build->folder, ret_fd);
		close(build->words);
	} else {
		if (lseek(build->words, 0, SEEK_END) == 0)
			shared_memory_append(build->words, silent, sizeof(silent) - 1);
		r = shared_memory_seal(build->words);
		if (r == 0) {
			*ret_fd = build->words;
			r = -ENOEXEC;
		} else {
			close(build->words);
		}
	}
	close(build->pidfd);
	remove_folder(build->folder);
	return r;
}
