/* SPDX-License-Identifier: MIT
 * Control groups; in the runner and its minders.
 *
 * A group that holds processes cannot share out controllers to those below it. So all
 * processes of the service move into a leaf, and instances get leaves beside that one.
 * That is done only to a group which is ours to change, and which nobody else is in.
 */
#include "config.h"

#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

#define LEAF "service"
#define NAME_FORMAT "%s:%s:%u" /* names of targets and jobs have no colon */
#define NAME_SIZE 160
#define ROUNDS_MAX 100
#define DEPTH_MAX 64
#define WEIGHT_USUAL 100
#define WEIGHT_MAX 10000

enum controller { MEMORY, PIDS, CPU, CONTROLLERS_LEN };

static const char *const controllers[CONTROLLERS_LEN] = { "memory", "pids", "cpu" };

static bool was_set_up;
static int base = -1; /* the service's group; -1: none of ours */
static bool has[CONTROLLERS_LEN];

/* ---- files of a group ---- */

static int
write_file(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int
write_number(int folder, const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return write_file(folder, name, text);
}

static FILE *
open_file(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

/* ---- where we are ---- */

/* Our group as the kernel names it. Returns 0 or -ENOENT. */
static int
own_name(char *ret_name, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096];
	int r = -ENOENT;

	if (file == NULL)
		return -ENOENT;
	while (r < 0 && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) == 0 &&
		    (size_t)snprintf(ret_name, size, "%s", line + 3) < size)
			r = 0;
	}
	fclose(file);
	return r;
}

/* Where @name can be reached, as a path. Returns 0 or -ENOENT. */
static int
find_mount(const char *name, char *ret_path, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[2048], at[2048];
	int r = -ENOENT;
	size_t len;

	if (file == NULL)
		return -ENOENT;
	while (r < 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strstr(line, " - cgroup2 ") == NULL ||
		    sscanf(line, "%*s %*s %*s %2047s %2047s", root, at) != 2)
			continue;
		len = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(name, root, len) == 0 && strchr("/", name[len]) != NULL &&
		    (size_t)snprintf(ret_path, size, "%s%s", at,
			strcmp(name + len, "/") == 0 ? "" : name + len) < size)
			r = 0;
	}
	fclose(file);
	return r;
}

/* systemd marks what it leaves to a service. In a namespace of its own the topmost group
 * is the container's, but not where it is the machine's, which has no type. */
static bool
is_delegated(int folder, const char *name)
{
	char value[2];

	return (fgetxattr(folder, "user.delegate", value, sizeof(value)) == 1 &&
		   value[0] == '1') ||
	    (fgetxattr(folder, "trusted.delegate", value, sizeof(value)) == 1 &&
		value[0] == '1') ||
	    (strcmp(name, "/") == 0 && faccessat(folder, "cgroup.type", F_OK, 0) == 0);
}

/* ---- who else is there ---- */

static pid_t
parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *end;
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	end = strrchr(text, ')');
	return end != NULL && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* True for the supervisor and all that descends from it. */
static bool
is_ours(pid_t pid)
{
	const pid_t service = getppid();

	for (unsigned depth = 0; depth < DEPTH_MAX && pid > 0; depth++) {
		if (pid == service)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

/* Calls @each for everybody in the group @folder until it fails. Returns how many there
 * are, or its negative errno. */
static int
each_process(int folder, int (*each)(pid_t pid))
{
	FILE *file = open_file(folder, "cgroup.procs");
	int pid, r = 0, count = 0;

	if (file == NULL)
		return -errno;
	for (; r >= 0 && fscanf(file, "%d", &pid) == 1; count++)
		r = each(pid);
	fclose(file);
	return r < 0 ? r : count;
}

/* One that ended meanwhile is nobody. */
static int
check_ours(pid_t pid)
{
	return is_ours(pid) || (pid != 0 && kill(pid, 0) != 0 && errno == ESRCH)
	    ? 0
	    : -EBUSY;
}

static int
move_one(pid_t pid)
{
	int r = write_number(base, LEAF "/cgroup.procs", (uint64_t)pid);

	return r == -ESRCH ? 0 : r;
}

/* Whoever starts meanwhile is moved in a later round. */
static int
move_all(void)
{
	int r = 1;

	for (unsigned round = 0; round < ROUNDS_MAX && r > 0; round++)
		r = each_process(base, move_one);
	return r > 0 ? -EBUSY : r;
}

/* ---- setting up ---- */

static int say_none(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int
say_none(const char *format, ...)
{
	char why[512];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	log_notice("jobs have no control groups of their own: %s", why);
	return -ENOTSUP;
}

/* Opens the group that is ours to divide: our own, or the one above the leaf into which a
 * runner before us moved the service. */
static int
open_base(char *ret_path, size_t size)
{
	char name[2048];
	size_t len;
	int fd;

	if (own_name(name, sizeof(name)) < 0 || find_mount(name, ret_path, size) < 0)
		return say_none("no cgroup v2 is mounted where the service runs");
	for (;;) {
		fd = open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return say_none("%s: %s", ret_path, strerror(errno));
		if (is_delegated(fd, name)) {
			base = fd;
			return 0;
		}
		close(fd);
		len = strlen(name);
		if (len <= strlen("/" LEAF) ||
		    strcmp(name + len - strlen("/" LEAF), "/" LEAF) != 0)
			return say_none("%s was not delegated to the service; a unit "
					"says Delegate=yes",
			    ret_path);
		name[len - strlen("/" LEAF)] = '\0';
		ret_path[strlen(ret_path) - strlen("/" LEAF)] = '\0';
	}
}

/* Those who are not ours, in our group or in a leaf that there is already. */
static int
check_others(void)
{
	int leaf = openat(base, LEAF, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	r = leaf >= 0 ? each_process(leaf, check_ours) : errno == ENOENT ? 0 : -errno;
	if (leaf >= 0)
		close(leaf);
	return r < 0 ? r : each_process(base, check_ours);
}

static int
move_service(const char *path)
{
	int r = check_others();

	if (r == -EBUSY)
		return say_none("%s holds processes that are not the service's", path);
	if (r >= 0 && mkdirat(base, LEAF, 0755) != 0 && errno != EEXIST)
		r = -errno;
	if (r >= 0)
		r = move_all();
	return r < 0
	    ? say_none("moving the service into %s/%s: %s", path, LEAF, strerror(-r))
	    : 0;
}

/* What a runner before us left. */
static void
remove_old(void)
{
	int copy = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	if (folder == NULL) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (strchr(entry->d_name, ':') == NULL)
			continue;
		fd = openat(base, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cgroup_kill(fd);
		if (fd >= 0)
			close(fd);
		unlinkat(base, entry->d_name, AT_REMOVEDIR);
	}
	closedir(folder);
}

static void
enable_controllers(char *ret_text, size_t size)
{
	size_t used = 0;
	char change[16];

	ret_text[0] = '\0';
	for (unsigned i = 0; i < CONTROLLERS_LEN; i++) {
		snprintf(change, sizeof(change), "+%s", controllers[i]);
		has[i] = write_file(base, "cgroup.subtree_control", change) == 0;
		if (has[i] && used < size)
			used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
			    used > 0 ? ", " : "", controllers[i]);
	}
}

static void
set_up(void)
{
	char path[4096], names[64];

	was_set_up = true;
	if (open_base(path, sizeof(path)) < 0)
		return;
	if (move_service(path) < 0) {
		close(base);
		base = -1;
		return;
	}
	remove_old();
	enable_controllers(names, sizeof(names));
	log_notice("jobs have control groups of their own below %s; controllers: %s",
	    path, names[0] != '\0' ? names : "none");
}

void
cgroup_finish(void)
{
	char change[16];

	if (base < 0)
		return;
	remove_old();
	for (unsigned i = 0; i < CONTROLLERS_LEN; i++) {
		snprintf(change, sizeof(change), "-%s", controllers[i]);
		if (has[i])
			write_file(base, "cgroup.subtree_control", change);
	}
	close(base);
	base = -1;
}

/* ---- a group ---- */

static void
set_limits(struct cgroup *cgroup, const struct cgroup_limits *limits)
{
	const unsigned weight = limits->weight * WEIGHT_USUAL;

	if (has[CPU])
		write_number(cgroup->fd, "cpu.weight", MAX(1, MIN(weight, WEIGHT_MAX)));
	if (has[PIDS] && limits->processes_max > 0)
		cgroup->processes =
		    write_number(cgroup->fd, "pids.max", limits->processes_max) == 0;
	if (!has[MEMORY] || limits->memory_max == 0)
		return;
	/* One process less would leave a fuzzer that waits for it; and what is swapped out
	 * was as good as used. */
	cgroup->memory =
	    write_number(cgroup->fd, "memory.max", limits->memory_max) == 0 &&
	    write_number(cgroup->fd, "memory.oom.group", 1) == 0;
	write_number(cgroup->fd, "memory.swap.max", 0);
}

/* One that is there already is what a dead minder left: it is emptied, and used again if
 * that takes longer than the kernel's call. */
static int
make(const char *name)
{
	int fd, r = mkdirat(base, name, 0755) == 0 ? 0 : -errno;

	if (r < 0 && r != -EEXIST)
		return r;
	fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || r == 0)
		return fd < 0 ? -errno : fd;
	cgroup_kill(fd);
	if (unlinkat(base, name, AT_REMOVEDIR) != 0)
		return fd;
	close(fd);
	return make(name);
}

struct cgroup
cgroup_make(const char *target, const char *job, unsigned number,
    const struct cgroup_limits *limits)
{
	struct cgroup cgroup = { .fd = -1 };
	char name[NAME_SIZE];
	int fd;

	if (!was_set_up)
		set_up();
	if (base < 0)
		return cgroup;
	snprintf(name, sizeof(name), NAME_FORMAT, target, job, number);
	fd = make(name);
	if (fd < 0) {
		log_warning("job %s/%s: its control group %s: %s", target, job, name,
		    strerror(-fd));
		return cgroup;
	}
	cgroup.fd = fd;
	set_limits(&cgroup, limits);
	return cgroup;
}

void
cgroup_remove(
    struct cgroup *cgroup, const char *target, const char *job, unsigned number)
{
	char name[NAME_SIZE];

	if (cgroup->fd < 0)
		return;
	snprintf(name, sizeof(name), NAME_FORMAT, target, job, number);
	cgroup_kill(cgroup->fd);
	close(cgroup->fd);
	if (unlinkat(base, name, AT_REMOVEDIR) != 0)
		log_debug("job %s/%s: its control group stays until the next start: %s",
		    target, job, strerror(errno));
	*cgroup = (struct cgroup){ .fd = -1 };
}

int
cgroup_enter(int fd)
{
	return fd >= 0 ? write_number(fd, "cgroup.procs", 0) : 0;
}

void
cgroup_kill(int fd)
{
	if (fd >= 0)
		write_number(fd, "cgroup.kill", 1);
}

enum cgroup_memory_end
cgroup_memory_end(int fd)
{
	unsigned long long count, max = 0, killed = 0;
	FILE *file = fd >= 0 ? open_file(fd, "memory.events") : NULL;
	char key[32];

	if (file == NULL)
		return CGROUP_MEMORY_WELL;
	while (fscanf(file, "%31s %llu", key, &count) == 2) {
		if (strcmp(key, "oom") == 0)
			max = count;
		else if (strcmp(key, "oom_kill") == 0)
			killed = count;
	}
	fclose(file);
	return killed == 0 ? CGROUP_MEMORY_WELL
	    : max > 0      ? CGROUP_MEMORY_MAX
			   : CGROUP_MEMORY_NONE;
}
