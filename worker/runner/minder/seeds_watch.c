/* SPDX-License-Identifier: MIT
 * A look at folders of seeds, and a process for what is new in them; in the minder.
 *
 * The minder has the service's rights, so it reads nothing itself: it asks for the time of
 * folders alone.
 */
#include "config.h"

#include "seeds_watch.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "banned.h"

#define LOOK_MS 2000
#define LOOK_BELOW_MS 60000 /* folders in folders tell nothing to those above */
#define LOOK_AGAIN_MS 10000 /* nor do files of which the rights change */

void
seeds_watch_start(struct seeds_watch *watch, const struct launch *launch)
{
	void *map;

	if (launch->seeds.use != SEEDS_ARE_QUEUED || launch->instance != 0)
		return;
	map = mmap(NULL, sizeof(*watch->result), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map != MAP_FAILED)
		watch->result = map;
}

static _Noreturn void
import(const struct seeds_watch *watch, const struct launch *launch)
{
	int r = become_user(&launch->user);

	syscall(SYS_close_range, 0, ~0U, 0);
	if (r == 0 && nice(10) != -1)
		r = seeds_import(&launch->seeds, watch->result);
	_exit(r == 0 ? 0 : 1);
}

/* How long what stands still is not looked through. */
static int64_t
patience_ms(const struct seeds_result *result)
{
	return result->unsettled  ? 0
	    : result->unread      ? LOOK_AGAIN_MS
	    : result->has_folders ? LOOK_BELOW_MS
				  : INT64_MAX;
}

void
seeds_watch_look(struct seeds_watch *watch, const struct launch *launch, int64_t now_ms)
{
	uint64_t state;

	if (watch->result == NULL || watch->pid != 0 ||
	    now_ms - watch->looked_ms < LOOK_MS)
		return;
	watch->looked_ms = now_ms;
	state = seeds_state(&launch->seeds);
	if (state == watch->state &&
	    now_ms - watch->imported_ms < patience_ms(watch->result))
		return;
	watch->pid = fork();
	if (watch->pid == 0)
		import(watch, launch);
	if (watch->pid < 0)
		watch->pid = 0; /* the next look tries again */
	else
		watch->state = state;
	watch->imported_ms = now_ms;
}

bool
seeds_watch_ended(
    struct seeds_watch *watch, pid_t pid, int status, uint32_t *ret_imported)
{
	if (watch->pid == 0 || pid != watch->pid)
		return false;
	watch->pid = 0;
	/* What failed may do so for now only. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		watch->result->unsettled = true;
	*ret_imported = watch->result->imported;
	watch->result->imported = 0;
	return true;
}
