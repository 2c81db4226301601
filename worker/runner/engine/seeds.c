/* SPDX-License-Identifier: MIT
 * Seeds on their way to an engine; in a process of the job's user.
 *
 * AFL++ reads its -i folder once, when a session begins, and imports from then on what other
 * instances have in their queues. So what comes later becomes the queue of an instance that
 * does not exist, out/fuzzsup-seeds: links whose numbers follow each other without a gap,
 * as AFL++ counts them. The file "known" beside them holds a hash of each file that AFL++
 * was given in one way or the other.
 */
#include "config.h"

#include "seeds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "job_folder.h"
#include "seed_set.h"
#include "banned.h"

#define DEPTH_MAX 8
#define QUEUE_MAX 999999 /* AFL++ counts with six digits */
#define SETTLES_MS 1000
#define COPY_SIZE 65536
#define OUR_QUEUE "out/fuzzsup-seeds"

struct import {
	const struct seeds *seeds;
	struct seed_set known;
	int folder; /* the job's */
	int queue;  /* -1: none */
	int record; /* -1: none */
	int target; /* folder that files are linked or copied into; -1: none */
	bool links; /* rather than copies */
	uint32_t next;
	struct seeds_result result;
	int error;       /* the first */
	char unread[96]; /* likewise, what cannot be read */
};

/* One file of a folder. */
struct seed {
	int at;
	const char *folder, *name;
	uint64_t hash;
};

/* ---- copying ---- */

static int
copy_bytes(int from, int to)
{
	static char buffer[COPY_SIZE];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)n) != n)
			return errno != 0 ? -errno : -ENOSPC;
	return n < 0 ? -errno : 0;
}

/* Under a name that engines pass over until it is whole. */
static int
copy_file(const struct seed *seed, int target, const char *name)
{
	char part[64];
	int from = openat(seed->at, seed->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), to;
	int r;

	if (from < 0)
		return -errno;
	snprintf(part, sizeof(part), ".fuzzsup-%d", (int)getpid());
	to = openat(
	    target, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = to >= 0 ? 0 : -errno;
	errno = 0;
	if (r == 0)
		r = copy_bytes(from, to);
	if (r == 0 && renameat(target, part, target, name) != 0)
		r = -errno;
	if (r < 0 && to >= 0)
		unlinkat(target, part, 0);
	close(from);
	if (to >= 0)
		close(to);
	return r;
}

static int
place_file(const struct import *import, const struct seed *seed)
{
	char name[32];

	snprintf(name, sizeof(name), "seed-%016llx", (unsigned long long)seed->hash);
	if (faccessat(import->target, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (import->links &&
	    linkat(seed->at, seed->name, import->target, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return copy_file(seed, import->target, name);
}

/* ---- AFL++'s queue ---- */

static int
queue_file(struct import *import, const struct seed *seed)
{
	char path[PATH_MAX], name[64];

	if (import->next > QUEUE_MAX)
		return -ENOSPC;
	if (snprintf(path, sizeof(path), "%s/%s", seed->folder, seed->name) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	snprintf(name, sizeof(name), "id:%06u,orig:%016llx", import->next,
	    (unsigned long long)seed->hash);
	if (symlinkat(path, import->queue, name) != 0)
		return -errno;
	import->next++;
	import->result.imported++;
	return 0;
}

static int
remember(struct import *import, uint64_t hash)
{
	int r = seed_set_add(&import->known, hash);

	if (r == 0 && write(import->record, &hash, sizeof(hash)) != sizeof(hash))
		r = -EIO;
	return r;
}

static void
take_file(struct import *import, const struct seed *seed)
{
	int r = 0;

	if (import->record >= 0 && import->queue >= 0 &&
	    seed_set_has(&import->known, seed->hash))
		return;
	if (import->target >= 0)
		r = place_file(import, seed);
	if (r == 0 && import->queue >= 0)
		r = queue_file(import, seed);
	if (r == 0 && import->record >= 0 && !seed_set_has(&import->known, seed->hash))
		r = remember(import, seed->hash);
	/* A file that went meanwhile is no loss. */
	if (r < 0 && r != -ENOENT && import->error == 0)
		import->error = r;
}

/* ---- folders ---- */

static uint64_t
hash_of(const struct stat *st)
{
	const uint64_t words[] = { (uint64_t)st->st_dev, (uint64_t)st->st_ino,
		(uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec };

	return hash_bytes(HASH_SEED, words, sizeof(words));
}

static int scan(struct import *import, int at, const char *path, int depth);

static void
note_unread(struct import *import, const char *path, const char *name)
{
	if (!import->result.unread)
		snprintf(import->unread, sizeof(import->unread), "%s/%s", path, name);
	import->result.unread = true;
}

static void
look_at(struct import *import, int at, const char *path, const char *name, int depth)
{
	struct seed seed = { .at = at, .folder = path, .name = name };
	char below[PATH_MAX];
	struct stat st;
	int64_t age;
	int fd;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (S_ISLNK(st.st_mode) &&
	    (fstatat(at, name, &st, 0) != 0 || S_ISDIR(st.st_mode)))
		return;
	if (faccessat(at, name, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK, 0) != 0) {
		if (errno == EACCES)
			note_unread(import, path, name);
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		import->result.has_folders = true;
		fd = depth < DEPTH_MAX &&
			snprintf(below, sizeof(below), "%s/%s", path, name) <
			    (int)sizeof(below)
		    ? openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		    : -1;
		if (fd >= 0)
			scan(import, fd, below, depth + 1);
		return;
	}
	if (!S_ISREG(st.st_mode))
		return;
	age = clock_ms(CLOCK_REALTIME) - (int64_t)st.st_mtim.tv_sec * 1000 -
	    st.st_mtim.tv_nsec / 1000000;
	/* Before a start nobody can wait for it. */
	if (import->queue >= 0 && age >= 0 && age < SETTLES_MS) {
		import->result.unsettled = true;
		return;
	}
	seed.hash = hash_of(&st);
	if (st.st_size > 0)
		take_file(import, &seed);
}

/* Takes the descriptor @at. */
static int
scan(struct import *import, int at, const char *path, int depth)
{
	DIR *directory = fdopendir(at);
	const struct dirent *entry;

	if (directory == NULL) {
		close(at);
		return -ENOMEM;
	}
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			look_at(import, at, path, entry->d_name, depth);
	closedir(directory);
	return 0;
}

static int
scan_folder(struct import *import, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? scan(import, fd, path, 0) : -errno;
}

/* ---- what AFL++ is given ---- */

static int
make_folder(int folder, const char *name)
{
	return mkdirat(folder, name, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int
read_known(struct import *import)
{
	uint64_t hashes[512];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(import->record, hashes, sizeof(hashes))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(hashes[0]) && r == 0; i++)
			r = seed_set_add(&import->known, hashes[i]);
	return r;
}

/* The number behind the last of our queue. */
static int
count_queue(struct import *import)
{
	DIR *directory = fdopendir(dup(import->queue));
	const struct dirent *entry;
	unsigned long number;

	if (directory == NULL)
		return -errno;
	while ((entry = readdir(directory)) != NULL) {
		if (strncmp(entry->d_name, "id:", 3) != 0)
			continue;
		number = strtoul(entry->d_name + 3, NULL, 10);
		if (number >= import->next && number <= QUEUE_MAX)
			import->next = (uint32_t)number + 1;
	}
	closedir(directory);
	return 0;
}

/* Opens our queue, made where it is missing, and what is known. The lock is held until
 * close_all(), since a look of before may still be under way. */
static int
open_queue(struct import *import)
{
	int r = make_folder(import->folder, OUR_QUEUE);

	if (r == 0)
		r = make_folder(import->folder, OUR_QUEUE "/queue");
	if (r < 0)
		return r;
	import->record = openat(import->folder, OUR_QUEUE "/known",
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (import->record < 0 || flock(import->record, LOCK_EX) != 0)
		return -errno;
	import->queue = openat(import->folder, OUR_QUEUE "/queue",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (import->queue < 0)
		return -errno;
	r = read_known(import);
	return r == 0 ? count_queue(import) : r;
}

static void
close_all(struct import *import)
{
	const int fds[] = { import->folder, import->queue, import->record,
		import->target };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	seed_set_clear(&import->known);
}

/* Where nothing came of its seeds: engines give up without an input. */
static int
give_one(const struct import *import, const char **ret_stage)
{
	*ret_stage = "giving it an input";
	return job_folder_add_input(import->target, getuid(), getgid());
}

/* Its -i folder where there are seeds besides the corpus: one folder with all of them. */
static int
open_input(struct import *import)
{
	import->links = true;
	import->target = openat(
	    import->folder, "input", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Instances begin at once: the others find what the first one did. */
	return import->target >= 0 && flock(import->target, LOCK_EX) == 0 ? 0 : -errno;
}

static int
scan_all(struct import *import, const char **ret_stage)
{
	static char stage[128];
	const struct seeds *seeds = import->seeds;
	int r = 0;

	if (seeds->use == SEEDS_ARE_QUEUED) {
		snprintf(stage, sizeof(stage), SEEDS_READING "%s", seeds->corpus);
		*ret_stage = stage;
		r = scan_folder(import, seeds->corpus);
	}
	for (size_t i = 0; i < seeds->folders.len && r == 0; i++) {
		snprintf(
		    stage, sizeof(stage), SEEDS_READING "%s", seeds->folders.items[i]);
		*ret_stage = stage;
		r = scan_folder(import, seeds->folders.items[i]);
	}
	if (r == 0 && import->error != 0) {
		*ret_stage = "taking over its seeds";
		r = import->error;
	}
	return r;
}

/* True if the instance has no session to go on with, so that it reads its -i folder. */
static bool
begins(const struct import *import)
{
	char path[64] = "out/main/queue";

	if (import->seeds->instance > 0)
		snprintf(path, sizeof(path), "out/secondary%u/queue",
		    import->seeds->instance);
	return faccessat(import->folder, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
}

/* The main instance imports for all. */
static int
run_queued(struct import *import, const char **ret_stage)
{
	const bool is_main = import->seeds->instance == 0, is_new = begins(import);
	static char stage[128];
	int r = 0;

	*ret_stage = "making a queue for its seeds";
	if (is_main)
		r = open_queue(import);
	else if (!is_new)
		return 0;
	if (r == 0 && is_main && is_new) {
		close(import->queue);
		import->queue = -1;
	}
	if (r == 0 && is_new && import->seeds->folders.len > 0)
		r = open_input(import);
	if (r == 0)
		r = scan_all(import, ret_stage);
	if (r < 0 || !is_new)
		return r;
	if (import->target >= 0)
		return give_one(import, ret_stage);
	/* It reads its corpus itself, and gives up at the first that it cannot read. */
	if (!import->result.unread)
		return 0;
	snprintf(stage, sizeof(stage), SEEDS_READING "%s", import->unread);
	*ret_stage = stage;
	return -EACCES;
}

static int
run_copied(struct import *import, const char **ret_stage)
{
	int r;

	*ret_stage = "opening its corpus";
	import->target =
	    open(import->seeds->corpus, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = import->target >= 0 ? scan_all(import, ret_stage) : -errno;
	return r == 0 ? give_one(import, ret_stage) : r;
}

static int
open_folder(const struct seeds *seeds, struct import *ret_import)
{
	*ret_import =
	    (struct import){ .seeds = seeds, .queue = -1, .record = -1, .target = -1 };
	ret_import->folder = open(seeds->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret_import->folder >= 0 ? 0 : -errno;
}

/* Engines read them by themselves, but say nothing clear where they cannot. */
static int
check_readable(const struct seeds *seeds, const char **ret_stage)
{
	static char stage[128];
	int fd;

	for (size_t i = 0; i < seeds->folders.len; i++) {
		snprintf(
		    stage, sizeof(stage), SEEDS_READING "%s", seeds->folders.items[i]);
		*ret_stage = stage;
		fd = open(seeds->folders.items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

int
seeds_prepare(const struct seeds *seeds, const char **ret_stage)
{
	struct import import;
	int r;

	if (seeds->use == SEEDS_ARE_READ)
		return check_readable(seeds, ret_stage);
	if (seeds->use == SEEDS_ARE_COPIED && seeds->folders.len == 0)
		return 0;
	*ret_stage = "opening its folder";
	r = open_folder(seeds, &import);
	if (r < 0)
		return r;
	r = seeds->use == SEEDS_ARE_QUEUED ? run_queued(&import, ret_stage)
					   : run_copied(&import, ret_stage);
	close_all(&import);
	return r;
}

int
seeds_import(const struct seeds *seeds, struct seeds_result *result)
{
	const char *stage;
	struct import import;
	int r = open_folder(seeds, &import);

	if (r < 0)
		return r;
	r = run_queued(&import, &stage);
	*result = import.result;
	close_all(&import);
	return r;
}

static uint64_t
add_state(uint64_t state, const char *path)
{
	struct stat st = { 0 };

	if (stat(path, &st) != 0)
		return hash_bytes(state, "", 0);
	return hash_bytes(state,
	    (const uint64_t[]){ hash_of(&st), (uint64_t)st.st_ctim.tv_nsec }, 16);
}

uint64_t
seeds_state(const struct seeds *seeds)
{
	uint64_t state = add_state(HASH_SEED, seeds->corpus);

	for (size_t i = 0; i < seeds->folders.len; i++)
		state = add_state(state, seeds->folders.items[i]);
	return state;
}
