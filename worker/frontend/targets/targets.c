/* SPDX-License-Identifier: MIT
 * All targets; in the front-end.
 */
#include "config.h"

#include "targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

#define TARGETS_MAX (2 * DIRECTORY_TARGETS_MAX) /* listed ones, and those that go */

void
targets_free(struct targets *targets)
{
	for (size_t i = 0; i < targets->len; i++)
		target_free(targets->sorted[i]);
	free(targets->sorted);
	*targets = (struct targets){ 0 };
}

struct target *
targets_by_id(const struct targets *targets, uint32_t id)
{
	for (size_t i = 0; i < targets->len; i++)
		if (targets->sorted[i]->id == id)
			return targets->sorted[i];
	return NULL;
}

/* Number of targets that sort before (@name, @id). */
static size_t
place(const struct targets *targets, const char *name, uint32_t id)
{
	size_t low = 0, high = targets->len, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(targets->sorted[middle]->entry.name, name);
		if (order < 0 || (order == 0 && targets->sorted[middle]->id < id))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct target *
targets_by_name(const struct targets *targets, const char *name, size_t len)
{
	char copy[DIRECTORY_NAME_MAX];
	size_t behind;

	if (len >= sizeof(copy))
		return NULL;
	memcpy(copy, name, len);
	copy[len] = '\0';
	behind = place(targets, copy, UINT32_MAX);
	if (behind < targets->len && targets->sorted[behind]->id == UINT32_MAX &&
	    strcmp(targets->sorted[behind]->entry.name, copy) == 0)
		return targets->sorted[behind];
	if (behind == 0 || strcmp(targets->sorted[behind - 1]->entry.name, copy) != 0)
		return NULL;
	return targets->sorted[behind - 1];
}

static int
grow(struct targets *targets)
{
	size_t capacity = targets->capacity != 0 ? 2 * targets->capacity : 16;
	struct target **grown;

	if (targets->len < targets->capacity)
		return 0;
	if (targets->len >= TARGETS_MAX)
		return -E2BIG;
	grown = reallocarray(targets->sorted, capacity, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	targets->sorted = grown;
	targets->capacity = capacity;
	return 0;
}

struct target *
targets_need(struct targets *targets, uint32_t id, const char *name)
{
	struct target *target;
	size_t at = place(targets, name, id);

	if (at < targets->len && targets->sorted[at]->id == id &&
	    strcmp(targets->sorted[at]->entry.name, name) == 0)
		return targets->sorted[at];
	if (grow(targets) < 0)
		return NULL;
	target = target_new(id, name);
	if (target == NULL)
		return NULL;
	memmove(&targets->sorted[at + 1], &targets->sorted[at],
	    (targets->len - at) * sizeof(*targets->sorted));
	targets->sorted[at] = target;
	targets->len++;
	return target;
}

void
targets_sweep(struct targets *targets, targets_gone_cb gone, void *arg)
{
	size_t kept = 0;

	/* All part first: a watcher may move on to another target. */
	for (size_t i = 0; i < targets->len; i++)
		if (!targets->sorted[i]->listed && !targets->sorted[i]->served)
			gone(targets->sorted[i], arg);
	for (size_t i = 0; i < targets->len; i++) {
		struct target *target = targets->sorted[i];

		if (target->listed || target->served)
			targets->sorted[kept++] = target;
		else
			target_free(target);
	}
	targets->len = kept;
}

void
targets_apply(struct targets *targets, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < targets->len; i++)
		targets->sorted[i]->listed = false;
	for (size_t i = 0; i < snapshot->len; i++) {
		const struct directory_target *entry = &snapshot->targets[i];
		struct target *target;

		if (entry->id == 0)
			continue;
		target = targets_need(targets, entry->id, entry->name);
		if (target == NULL)
			continue;
		if (memcmp(&target->entry, entry, sizeof(*entry)) != 0)
			target->json_stale = true;
		target->entry = *entry;
		target->listed = true;
	}
}

struct target *
targets_default(const struct targets *targets)
{
	struct target *first = NULL;

	for (size_t i = 0; i < targets->len; i++) {
		struct target *target = targets->sorted[i];

		if (target->table == NULL || !target->served)
			continue;
		if (target_covered(target) > 0)
			return target;
		if (first == NULL)
			first = target;
	}
	return first;
}
