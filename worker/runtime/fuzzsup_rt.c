/* SPDX-License-Identifier: MIT
 * What makes a libFuzzer target visible: mirrors its coverage into a shared file after
 * every run. Linked into the fuzzed process with
 * -Wl,--wrap=LLVMFuzzerTestOneInput; it needs libc alone, is compiled without
 * instrumentation, and never makes a target fail: on any trouble it says one line and
 * switches itself off. FUZZSUP=off switches it off in silence.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage_map.h"
#include "rt_file.h"
#include "rt_module.h"
#include "rt_scan.h"

int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct mirror {
	const uint8_t *counters;
	size_t len;
	struct coverage_map_header *map;
};

static struct mirror *mirrors;
static size_t mirrors_len;
static rt_scan_fn *scan;
static int doorbell = -1;
static dev_t doorbell_device;
static ino_t doorbell_inode;

/* Out of the way of targets that expect, or close, the low numbers. */
#define DOORBELL_FD_MIN 512

static __attribute__((format(printf, 1, 2))) void
say_and_stay_off(const char *format, ...)
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
	    "; this target is not visible to fuzzsupd\n");
	n = m < 0 || (size_t)(n + m) >= sizeof(line) ? (int)sizeof(line) - 1 : n + m;
	while (write(STDERR_FILENO, line, (size_t)n) == -1 && errno == EINTR)
		;
}

/* False after a line was said. */
static bool
mirror_module(int directory, const char *path, const struct rt_module *module)
{
	uintptr_t entry = (uintptr_t)__real_LLVMFuzzerTestOneInput - module->base;
	struct mirror *mirror = &mirrors[mirrors_len];
	const char *problem = "";
	bool holds_entry = false;

	for (size_t i = 0; i < module->len && !holds_entry; i++)
		holds_entry =
		    module->pcs[i].pc == (uintptr_t)__real_LLVMFuzzerTestOneInput;
	mirror->map =
	    fuzzsup_rt_file_map(directory, module, holds_entry ? entry : 0, &problem);
	if (mirror->map == NULL) {
		say_and_stay_off("%s: %s", path, problem);
		return false;
	}
	mirror->counters = module->counters;
	mirror->len = module->len;
	mirrors_len++;
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

static void
set_up(struct rt_module *modules)
{
	const char *problem = "", *name;
	char path[PATH_MAX];
	int len, directory;

	len = fuzzsup_rt_modules_find(modules, RT_MODULES_MAX, &problem);
	if (len == 0)
		problem =
		    "no module has both a PC table and 8-bit counters: compile with "
		    "-fsanitize=fuzzer";
	if (len <= 0) {
		say_and_stay_off("%s", problem);
		return;
	}
	directory = fuzzsup_rt_directory_open(path, &problem);
	if (directory < 0) {
		say_and_stay_off("%s: %s", path, problem);
		return;
	}
	mirrors = calloc((size_t)len, sizeof(*mirrors));
	scan = fuzzsup_rt_scan_choose(0, &name);
	for (int i = 0; i < len; i++) {
		if (mirrors == NULL || !mirror_module(directory, path, &modules[i])) {
			mirrors_len = 0;
			break;
		}
	}
	if (mirrors_len > 0)
		open_doorbell(directory);
	close(directory);
}

static __attribute__((constructor)) void
begin(void)
{
	const char *word = getenv("FUZZSUP"), *directory = getenv("FUZZSUP_DIR");
	struct rt_module *modules;

	if ((word != NULL && strcmp(word, "off") == 0) ||
	    (directory != NULL && directory[0] == '\0'))
		return;
	modules = malloc(RT_MODULES_MAX * sizeof(*modules));
	if (modules == NULL)
		return;
	set_up(modules);
	free(modules);
}

/* libFuzzer clears its counters before each run, so what stands there now is this run's. */
static void
carry_over(void)
{
	size_t new = 0, here;

	for (size_t i = 0; i < mirrors_len; i++) {
		struct mirror *mirror = &mirrors[i];

		here =
		    scan(mirror->counters, mirror->len, (uint64_t *)(mirror->map + 1));
		if (here > 0)
			__atomic_fetch_add(
			    &mirror->map->unique_runs, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&mirror->map->n_runs, 1, __ATOMIC_RELAXED);
		new += here;
	}
	if (__builtin_expect(new > 0, 0) && doorbell >= 0)
		ring();
}

int
__wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int result = __real_LLVMFuzzerTestOneInput(data, size);

	carry_over();
	return result;
}
