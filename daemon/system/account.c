/* SPDX-License-Identifier: MIT
 * The password file's words for a job; in the supervisor, since it may ask a server, for
 * which the runner's loop cannot wait.
 */
#include "config.h"

#include "account.h"

#include <pwd.h>

#include "banned.h"

int
account_add(uid_t uid, char text[JOB_SPEC_MAX], size_t *len)
{
	const struct passwd *entry = getpwuid(uid);
	int r;

	if (entry == NULL)
		return 0;
	r = job_spec_add(text, len, "login", entry->pw_name);
	if (r == 0)
		r = job_spec_add(text, len, "home", entry->pw_dir);
	return r == 0 ? job_spec_add(text, len, "shell", entry->pw_shell) : r;
}
