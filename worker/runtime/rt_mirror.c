/* SPDX-License-Identifier: MIT
 * A mirror for each module: its counters, and the shared file that they are carried to. A
 * mirror stays until the process ends, and so does the library that it is of. In the
 * fuzzed process; on any trouble one line is said and the target goes on without us.
 */
#include "rt_mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage_map.h"
#include "rt_file.h"
#include "rt_finds.h"
#include "rt_loaded.h"
#include "rt_module.h"
#include "rt_scan.h"

struct mirror {
	const uint8_t *counters;
	const uint32_t *guards; /* instead of counters: AFL++'s, see find_guards() */
	size_t first; /* where in AFL++'s map the first guard's counter lies */
	size_t len;
	struct coverage_map_header *map;
};

static struct mirror mirrors[RT_MODULES_MAX];
static size_t mirrors_len; /* grows when the mirror is complete: scans need no lock */
static rt_scan_fn *scan;
static pid_t looking; /* who looks for new modules; a parent does not in its child */
static int doorbell = -1;
static dev_t doorbell_device;
static ino_t doorbell_inode;

/* Out of the way of targets that expect, or close, the low numbers. */
#define DOORBELL_FD_MIN 512

static __attribute__((format(printf, 2, 3))) void
say(const char *what_follows, const char *format, ...)
{
	char line[PATH_MAX + 512];
	va_list args;
	int n, m;

	n = snprintf(line, sizeof(line), "fuzzsup: ");
	va_start(args, format);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	n = m < 0 || (size_t)(n + m) >= sizeof(line) ? (int)sizeof(line) - 1 : n + m;
	m = snprintf(line + n, sizeof(line) - (size_t)n,
	    "; %s is not visible to fuzzsupd\n", what_follows);
	n = m < 0 || (size_t)(n + m) >= sizeof(line) ? (int)sizeof(line) - 1 : n + m;
	while (write(STDERR_FILENO, line, (size_t)n) == -1 && errno == EINTR)
		;
}

/* Link-time address of LLVMFuzzerTestOneInput if the module holds it, else 0. */
static uintptr_t
find_entry(const struct rt_module *module)
{
	uintptr_t wanted = (uintptr_t)__real_LLVMFuzzerTestOneInput;

	for (size_t i = 0; wanted != 0 && i < module->len; i++)
		if (module->pcs[i].pc == wanted)
			return wanted - module->base;
	return 0;
}

/* False after *ret_problem was set. */
static bool
mirror_module(int directory, const struct rt_module *module, const char **ret_problem)
{
	struct mirror *mirror = &mirrors[mirrors_len];

	if (mirrors_len == RT_MODULES_MAX) {
		*ret_problem = "too many modules";
		return false;
	}
	mirror->map =
	    fuzzsup_rt_file_map(directory, module, find_entry(module), ret_problem);
	if (mirror->map == NULL)
		return false;
	mirror->counters = module->counters;
	mirror->guards = module->guards;
	mirror->len = module->len;
	fuzzsup_rt_finds_add(mirror->map, module);
	__atomic_store_n(&mirrors_len, mirrors_len + 1, __ATOMIC_RELEASE);
	return true;
}

static void
open_doorbell(int directory)
{
	struct stat st;
	/* Read and write: a FIFO that has a reader, ourselves, never raises SIGPIPE. */
	int fd = openat(directory, COVERAGE_DOORBELL,
		O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC),
	    high;

	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return;
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, DOORBELL_FD_MIN);
	if (high >= 0)
		close(fd);
	doorbell = high >= 0 ? high : fd;
	doorbell_device = st.st_dev;
	doorbell_inode = st.st_ino;
}

/* Targets close what is not theirs, and then the number may name a file of theirs: look
 * first. A full pipe means that the reader has yet to look: nothing is lost. */
static __attribute__((noinline, cold)) void
ring(void)
{
	int saved = errno;
	struct stat st;

	if (fstat(doorbell, &st) != 0 || !S_ISFIFO(st.st_mode) ||
	    st.st_dev != doorbell_device || st.st_ino != doorbell_inode ||
	    (write(doorbell, "!", 1) < 0 && errno != EAGAIN && errno != EINTR))
		doorbell = -1;
	errno = saved;
}

/* All or nothing. */
static void
mirror_modules(const struct rt_module *modules, size_t len)
{
	const char *problem = "";
	char path[PATH_MAX];
	int directory = fuzzsup_rt_directory_open(path, &problem);

	if (directory < 0) {
		say("this target", "%s: %s", path, problem);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (!mirror_module(directory, &modules[i], &problem)) {
			say("this target", "%s: %s", path, problem);
			mirrors_len = 0;
			break;
		}
	}
	if (mirrors_len > 0)
		open_doorbell(directory);
	close(directory);
}

static size_t
count_pcs(void)
{
	size_t count = 0;

	for (size_t i = 0; i < mirrors_len; i++)
		count += mirrors[i].len;
	return count;
}

void
fuzzsup_rt_mirror_begin(enum rt_engine engine)
{
	struct rt_module *modules = malloc(RT_MODULES_MAX * sizeof(*modules));
	const char *problem, *name;
	size_t len;

	if (modules == NULL)
		return;
	scan = fuzzsup_rt_scan_choose(0, &name);
	fuzzsup_rt_loaded_begin();
	len = fuzzsup_rt_modules_find(modules, RT_MODULES_MAX, &problem);
	if (problem != NULL)
		say("this target", "%s", problem);
	else if (len == 0)
		say("this target",
		    "no module has both a PC table and counters: compile with %s",
		    engine == RT_LIBFUZZER ? "-fsanitize=fuzzer"
			: engine == RT_AFL
			? "AFL_LLVM_INSTRUMENT=LLVM-NATIVE and "
			  "-fsanitize-coverage=trace-pc-guard,pc-table"
			: "-fsanitize-coverage=inline-bool-flag,pc-table");
	else
		mirror_modules(modules, len);
	if (engine != RT_NONE && mirrors_len > 0)
		fuzzsup_rt_finds_begin(count_pcs());
	free(modules);
}

bool
fuzzsup_rt_mirror_is_on(void)
{
	return mirrors_len > 0;
}

void
fuzzsup_rt_mirror_find_guards(void)
{
	for (size_t i = 0; i < mirrors_len; i++) {
		struct mirror *mirror = &mirrors[i];
		size_t j = 0;

		if (mirror->guards == NULL)
			continue;
		mirror->first = mirror->guards[0];
		while (j < mirror->len && mirror->guards[j] == mirror->first + j)
			j++;
		if (j < mirror->len || mirror->first + mirror->len > __afl_map_size) {
			say("this target",
			    "AFL++ counts some places of the PC table only "
			    "(AFL_INST_RATIO?)");
			mirrors_len = 0;
		}
	}
}

/* A library that is gone before it could be kept is left out, and not worth a word. */
static void
mirror_later(const struct rt_module *module)
{
	const char *problem = "";
	char path[PATH_MAX];
	int directory;

	for (size_t i = 0; i < mirrors_len; i++)
		if (mirrors[i].counters == module->counters &&
		    mirrors[i].guards == module->guards)
			return;
	if (!fuzzsup_rt_loaded_keep(module->path))
		return;
	directory = fuzzsup_rt_directory_open(path, &problem);
	if (directory < 0 || !mirror_module(directory, module, &problem))
		say(module->path, "%s: %s", path, problem);
	if (directory >= 0)
		close(directory);
}

static __attribute__((noinline, cold)) void
look_again(void)
{
	struct rt_module *modules = malloc(RT_MODULES_MAX * sizeof(*modules));
	const char *problem = NULL;
	int saved = errno;
	size_t len = 0;

	if (modules != NULL)
		len = fuzzsup_rt_modules_find(modules, RT_MODULES_MAX, &problem);
	if (problem != NULL)
		say("what was loaded later", "%s", problem);
	for (size_t i = 0; i < len; i++)
		mirror_later(&modules[i]);
	free(modules);
	errno = saved;
}

bool
fuzzsup_rt_mirror_look_again(void)
{
	pid_t holder, me;

	if (mirrors_len == 0 || !fuzzsup_rt_loaded_any())
		return true;
	me = getpid();
	holder = __atomic_load_n(&looking, __ATOMIC_RELAXED);
	if (holder == me ||
	    !__atomic_compare_exchange_n(
		&looking, &holder, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	if (fuzzsup_rt_loaded_more())
		look_again();
	__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
	return true;
}

void
fuzzsup_rt_mirror_carry_over(void)
{
	size_t len = __atomic_load_n(&mirrors_len, __ATOMIC_ACQUIRE), new = 0, here;

	for (size_t i = 0; i < len; i++) {
		struct mirror *mirror = &mirrors[i];
		const uint8_t *counters = mirror->counters;

		if (mirror->guards != NULL)
			counters = __afl_area_ptr + mirror->first;
		here = scan(counters, mirror->len, (uint64_t *)(mirror->map + 1));
		if (__builtin_expect(here > 0, 0))
			__atomic_fetch_add(
			    &mirror->map->unique_runs, 1, __ATOMIC_RELAXED);
		new += here;
	}
	if (__builtin_expect(new == 0, 1))
		return;
	fuzzsup_rt_finds_note();
	if (doorbell >= 0)
		ring();
}

void
fuzzsup_rt_mirror_count_run(void)
{
	size_t len = __atomic_load_n(&mirrors_len, __ATOMIC_ACQUIRE);

	for (size_t i = 0; i < len; i++)
		__atomic_fetch_add(&mirrors[i].map->n_runs, 1, __ATOMIC_RELAXED);
}

uint64_t
fuzzsup_rt_mirror_finds(void)
{
	size_t len = __atomic_load_n(&mirrors_len, __ATOMIC_ACQUIRE);
	uint64_t finds = 0;

	for (size_t i = 0; i < len; i++)
		finds +=
		    __atomic_load_n(&mirrors[i].map->unique_runs, __ATOMIC_RELAXED);
	return finds;
}
