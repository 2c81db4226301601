/* SPDX-License-Identifier: MIT
 * Makes or joins the coverage file of a module; in the fuzzed process.
 *
 * A file gets its name by link(2), when all of it is written, so that no reader and no
 * second writer ever sees a part of it.
 */
#include "rt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"

int
fuzzsup_rt_directory_open(char path[PATH_MAX], const char **ret_problem)
{
	const char *wanted = getenv("FUZZSUP_DIR");
	struct stat st;
	int fd;

	if (wanted != NULL) {
		if (snprintf(path, PATH_MAX, "%s", wanted) >= PATH_MAX) {
			snprintf(path, PATH_MAX, "FUZZSUP_DIR");
			*ret_problem = strerror(ENAMETOOLONG);
			return -1;
		}
		mkdir(path, 0755);
	} else if (access(COVERAGE_SYSTEM_DIR, W_OK | X_OK) == 0) {
		snprintf(path, PATH_MAX, "%s", COVERAGE_SYSTEM_DIR);
	} else {
		snprintf(
		    path, PATH_MAX, "%s%u", COVERAGE_USER_DIR, (unsigned)geteuid());
		mkdir(path, 0700);
	}
	fd = open(path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (wanted == NULL ? O_NOFOLLOW : 0));
	if (fd < 0) {
		*ret_problem = strerror(errno);
		return -1;
	}
	/* In /tmp anybody may have made a directory of that name before us. */
	if (wanted == NULL &&
	    strncmp(path, COVERAGE_USER_DIR, strlen(COVERAGE_USER_DIR)) == 0 &&
	    (fstat(fd, &st) != 0 || st.st_uid != geteuid() ||
		(st.st_mode & 022) != 0)) {
		*ret_problem = "the directory belongs to somebody else";
		close(fd);
		return -1;
	}
	return fd;
}

static uint64_t
identify(const struct rt_module *module)
{
	uint64_t id = hash_bytes(HASH_SEED, module->build_id, module->build_id_len), pc;

	for (size_t i = 0; i < module->len; i++) {
		pc = rt_module_pc(module, i);
		id = hash_bytes(id, &pc, sizeof(pc));
	}
	return id;
}

static bool
write_all(int fd, const void *data, size_t len)
{
	const char *bytes = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Whoever writes more than it may is killed by SIGXFSZ, not told. */
static bool
may_write(size_t len)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur >= len)
		return true;
	errno = EFBIG;
	return false;
}

/* Writes @data under @name, whole or not at all; a name that is taken stays as it is. */
static bool
publish(int directory, const char *name, const void *data, size_t len)
{
	char temporary[96];
	uint64_t random = 0;
	bool done;
	int fd;

	if (!may_write(len))
		return false;
	/* Containers that share a directory have equal pids: first of all, 1. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint64_t)(uintptr_t)&random;
	snprintf(temporary, sizeof(temporary), ".%s.%ld.%016llx", name, (long)getpid(),
	    (unsigned long long)random);
	fd =
	    openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	done = write_all(fd, data, len);
	close(fd);
	if (done)
		done = linkat(directory, temporary, directory, name, 0) == 0 ||
		    errno == EEXIST;
	unlinkat(directory, temporary, 0);
	return done;
}

static bool
publish_sidecar(
    int directory, const char *name, const struct rt_module *module, uintptr_t entry)
{
	char file[64], text[PATH_MAX + 512], hex[2 * RT_BUILD_ID_MAX + 1] = "";
	int len = 0;

	for (size_t i = 0; i < module->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
	snprintf(file, sizeof(file), "%s%s", name, COVERAGE_MODULE_SUFFIX);
	len = snprintf(text, sizeof(text), "fuzzsup-module 1\npath %s\n%s%s%spcs %zu\n",
	    module->path, hex[0] != '\0' ? "build-id " : "", hex,
	    hex[0] != '\0' ? "\n" : "", module->len);
	if (entry != 0)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "entry 0x%lx LLVMFuzzerTestOneInput\n", (unsigned long)entry);
	return publish(directory, file, text, (size_t)len);
}

static bool
publish_map(int directory, const char *name, const struct rt_module *module)
{
	size_t words = coverage_map_words(module->len), i;
	uint64_t *content = calloc(1, coverage_map_size(module->len));
	bool done;

	if (content == NULL)
		return false;
	((struct coverage_map_header *)content)->pcs_len = module->len;
	for (i = 0; i < module->len; i++)
		content[3 + words + i] = rt_module_pc(module, i);
	done = publish(directory, name, content, coverage_map_size(module->len));
	free(content);
	return done;
}

static bool
same_pcs(const struct coverage_map_header *map, const struct rt_module *module)
{
	const uint64_t *pcs =
	    (const uint64_t *)(map + 1) + coverage_map_words(module->len);

	if (map->pcs_len != module->len)
		return false;
	for (size_t i = 0; i < module->len; i++)
		if (pcs[i] != rt_module_pc(module, i))
			return false;
	return true;
}

/* Whoever owns a file can cut it, and who then writes to the map gets SIGBUS. The
 * directory's owner could do worse, and was chosen. */
static bool
is_trusted(const struct stat *file, int directory)
{
	struct stat st;

	return file->st_uid == geteuid() || file->st_uid == 0 ||
	    (fstat(directory, &st) == 0 && file->st_uid == st.st_uid);
}

/* Maps an existing file. NULL with errno 0: it is not this module's. */
static struct coverage_map_header *
join(int directory, const char *name, const struct rt_module *module)
{
	size_t size = coverage_map_size(module->len);
	struct coverage_map_header *map = NULL;
	struct stat st;
	int fd;

	fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	errno = 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == size) {
		if (!is_trusted(&st, directory)) {
			close(fd);
			errno = EPERM;
			return NULL;
		}
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			map = NULL;
	}
	close(fd);
	if (map != NULL && !same_pcs(map, module)) {
		munmap(map, size);
		map = NULL;
		errno = 0;
	}
	return map;
}

struct coverage_map_header *
fuzzsup_rt_file_map(int directory, const struct rt_module *module, uintptr_t entry,
    const char **ret_problem)
{
	struct coverage_map_header *map;
	char name[17];

	if (module->len > COVERAGE_MAP_PCS_MAX) {
		*ret_problem = "too many PCs";
		return NULL;
	}
	snprintf(name, sizeof(name), "%016lx", (unsigned long)identify(module));
	map = join(directory, name, module);
	if (map == NULL && errno == ENOENT) {
		if (!publish_sidecar(directory, name, module, entry) ||
		    !publish_map(directory, name, module)) {
			*ret_problem = strerror(errno);
			return NULL;
		}
		map = join(directory, name, module);
	}
	if (map == NULL)
		*ret_problem = errno != 0
		    ? strerror(errno)
		    : "the coverage file there has other PCs; remove it";
	return map;
}
