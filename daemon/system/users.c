/* SPDX-License-Identifier: MIT
 * Users of workers and jobs; in the supervisor.
 */
#include "config.h"

#include "users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

#define WORKERS_NAME "fuzzsupd"
#define JOBS_NAME "fuzzjob"
/* Numbers that neither distributions nor systemd give to anybody: behind the last dynamic
 * user, before nobody. */
#define FREE_FIRST 65533
#define FREE_LAST 65520
#define NOBODY 65534

/* ---- finding ---- */

static int
take_groups(const struct passwd *entry, struct user *user)
{
	gid_t groups[USER_GROUPS_MAX + 1];
	int len = USER_GROUPS_MAX + 1;

	user->groups_len = 0;
	if (geteuid() != 0)
		return 0; /* they stay as they are */
	if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &len) < 0)
		return -E2BIG;
	for (int i = 0; i < len; i++)
		if (groups[i] != user->gid && user->groups_len < USER_GROUPS_MAX)
			user->groups[user->groups_len++] = groups[i];
	return 0;
}

static int
take_entry(const struct passwd *entry, struct user *ret_user)
{
	struct user user = { .uid = entry->pw_uid, .gid = entry->pw_gid };
	int r = take_groups(entry, &user);

	if (r < 0)
		return r;
	snprintf(user.name, sizeof(user.name), "%s", entry->pw_name);
	*ret_user = user;
	return 0;
}

/* Reads "1000", or "1000:100" whole. */
static bool
read_numbers(const char *text, uid_t *ret_uid, gid_t *ret_gid, bool *ret_has_gid)
{
	unsigned long numbers[2] = { 0 };
	char *end = NULL;
	size_t len = 0;

	for (; len < 2 && text[0] >= '0' && text[0] <= '9'; text = end + 1) {
		numbers[len] = strtoul(text, &end, 10);
		/* The greatest means "leave it" to the kernel. */
		if (numbers[len++] >= UINT32_MAX || (*end != '\0' && *end != ':'))
			return false;
		if (*end == '\0')
			break;
	}
	if (len == 0 || *end != '\0')
		return false;
	*ret_uid = (uid_t)numbers[0];
	*ret_gid = (gid_t)numbers[1];
	*ret_has_gid = len == 2;
	return true;
}

static int
find(const char *name, struct user *ret_user)
{
	const struct passwd *entry = getpwnam(name);
	struct user user = { 0 };
	bool has_gid = false;
	gid_t gid = 0;

	if (entry != NULL)
		return take_entry(entry, ret_user);
	if (!read_numbers(name, &user.uid, &gid, &has_gid))
		return -ENOENT;
	entry = getpwuid(user.uid);
	if (entry != NULL && !has_gid)
		return take_entry(entry, ret_user);
	user.gid = has_gid ? gid : (gid_t)user.uid;
	snprintf(user.name, sizeof(user.name), "%s", name);
	*ret_user = user;
	return 0;
}

static void
number(uid_t uid, struct user *ret_user)
{
	*ret_user = (struct user){ .uid = uid, .gid = (gid_t)uid };
	snprintf(ret_user->name, sizeof(ret_user->name), "%u", (unsigned)uid);
}

static void
ourselves(struct user *ret_user)
{
	const struct passwd *entry = getpwuid(geteuid());

	number(geteuid(), ret_user);
	ret_user->gid = getegid();
	if (entry != NULL)
		snprintf(ret_user->name, sizeof(ret_user->name), "%s", entry->pw_name);
}

/* Only root can become somebody else. */
static int
find_allowed(const char *name, struct user *ret_user)
{
	struct user user;
	int r = find(name, &user);

	if (r == 0 && geteuid() != 0 && user.uid != geteuid())
		r = -EPERM;
	if (r == 0)
		*ret_user = user;
	return r;
}

/* ---- choosing ---- */

int
users_of_workers(const char *name, struct user *ret_user)
{
	uid_t uid = FREE_FIRST;

	if (name != NULL)
		return find_allowed(name, ret_user);
	if (geteuid() != 0) {
		ourselves(ret_user);
		return 0;
	}
	if (find(WORKERS_NAME, ret_user) == 0)
		return 0;
	/* They own no file, so any number will do. */
	while (uid > FREE_LAST && (getpwuid(uid) != NULL || getgrgid(uid) != NULL))
		uid--;
	number(uid, ret_user);
	return 0;
}

/* One of two is not the workers'. */
static void
default_of_jobs(uid_t workers, struct user *ret_user)
{
	if (find(JOBS_NAME, ret_user) == 0 && ret_user->uid != workers)
		return;
	if (find("nobody", ret_user) == 0 && ret_user->uid != workers)
		return;
	number(workers != NOBODY ? NOBODY : FREE_LAST, ret_user);
}

int
users_of_job(const char *name, uid_t workers, struct user *ret_user)
{
	struct user user;
	int r = 0;

	if (geteuid() != 0 && name == NULL)
		ourselves(&user);
	else if (name == NULL)
		default_of_jobs(workers, &user);
	else
		r = find_allowed(name, &user);
	/* Who runs jobs as root has decided that they may do anything. */
	if (r == 0 && geteuid() == 0 && user.uid == workers && workers != 0)
		r = -EBUSY;
	if (r == 0)
		*ret_user = user;
	return r;
}

const char *
users_problem(int error)
{
	switch (error) {
	case -ENOENT:
		return "there is no such user; make it, or name another one";
	case -EPERM:
		return "only root can run something as somebody else; leave user out";
	case -EBUSY:
		return "fuzzsupd's own workers run as this user, and a job could stop "
		       "them; leave user out, or name another one";
	case -E2BIG:
		return "it is in too many groups; name another one";
	default:
		return strerror(-error);
	}
}

void
users_print_groups(const struct user *user, char *ret_text, size_t size)
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < user->groups_len && used < size; i++)
		used += (size_t)snprintf(ret_text + used, size - used, "%s%u",
		    i > 0 ? "," : "", (unsigned)user->groups[i]);
}

struct probe_user
users_for_probe(const struct user *user)
{
	struct probe_user probe_user = { .uid = user->uid, .gid = user->gid };

	probe_user.groups[probe_user.groups_len++] = user->gid;
	for (size_t i = 0; i < user->groups_len; i++)
		probe_user.groups[probe_user.groups_len++] = user->groups[i];
	return probe_user;
}
