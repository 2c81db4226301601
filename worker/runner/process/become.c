/* SPDX-License-Identifier: MIT
 * The last steps before a job's program runs; in the process that becomes it.
 */
#include "config.h"

#include "become.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"
#include "seeds.h"
#include "banned.h"

/* The kernel's choice where memory runs out should be a fuzzer. */
#define OOM_SCORE "500"

static int
limit(int resource, uint64_t value)
{
	const struct rlimit both = { value, value };

	return value == 0 || setrlimit((__rlimit_resource_t)resource, &both) == 0
	    ? 0
	    : -errno;
}

static int
set_limits(const struct launch *launch)
{
	const struct rlimit none = { 0, 0 };
	int r = limit(RLIMIT_FSIZE, launch->file_size_max);

	if (r == 0)
		r = limit(RLIMIT_NOFILE, launch->open_files_max);
	/* Counts all processes of its user, which other jobs may be of, too. */
	if (r == 0 && !launch->group_has_processes)
		r = limit(RLIMIT_NPROC, launch->processes_max);
	/* Crashes are the daily work here: artifacts tell, cores would fill the disk. */
	return r == 0 && setrlimit(RLIMIT_CORE, &none) != 0 ? -errno : r;
}

static int
set_cpu(const struct launch *launch)
{
	cpu_set_t cpus;

	if (launch->cpu < 0)
		return 0;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)launch->cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) == 0 ? 0 : -errno;
}

int
become_user(const struct probe_user *user)
{
	int r = probe_become(user);

	return r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ? -errno : r;
}

static int
set_descriptors(int output, int stdin_fd, int stdout_fd, int keep)
{
	if (dup2(stdin_fd, 0) < 0 || dup2(stdout_fd, 1) < 0 || dup2(output, 2) < 0)
		return -errno;
	child_close_all_but(&keep, 1);
	return 0;
}

static void
raise_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, OOM_SCORE, strlen(OOM_SCORE)) < 0)
		errno = 0; /* only a preference */
	close(fd);
}

int
become_instance(const struct launch *launch, int output, int stdin_fd, int stdout_fd,
    int keep, const char **ret_stage)
{
	sigset_t none;
	int r;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	raise_oom_score();
	*ret_stage = "entering its control group";
	r = cgroup_enter(launch->group);
	if (r == 0) {
		*ret_stage = "pinning it to its CPU";
		r = set_cpu(launch);
	}
	if (r == 0) {
		*ret_stage = "setting its limits";
		r = set_limits(launch);
	}
	if (r == 0) {
		*ret_stage = "becoming its user";
		r = become_user(&launch->user);
	}
	if (r == 0) {
		*ret_stage = "entering its directory";
		r = chdir(launch->directory) == 0 ? 0 : -errno;
	}
	if (r == 0) {
		*ret_stage = "placing its descriptors";
		r = set_descriptors(output, stdin_fd, stdout_fd, keep);
	}
	if (r == 0)
		r = seeds_prepare(&launch->seeds, ret_stage);
	if (r < 0)
		return r;
	*ret_stage = BECOME_EXECUTING;
	execve(launch->program, launch->words, launch->environment);
	return -errno;
}
