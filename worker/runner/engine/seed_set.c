/* SPDX-License-Identifier: MIT
 * Open addressing over a power of two; in a process of the job's user.
 */
#include "config.h"

#include "seed_set.h"

#include <errno.h>
#include <stdlib.h>

#include "banned.h"

#define SIZE_MIN 1024

/* Where @hash is, or would be. */
static size_t
place(const struct seed_set *set, uint64_t hash)
{
	size_t at = hash & (set->size - 1);

	while (set->slots[at] != 0 && set->slots[at] != hash)
		at = (at + 1) & (set->size - 1);
	return at;
}

static int
grow(struct seed_set *set)
{
	struct seed_set larger = { .size = set->size > 0 ? 2 * set->size : SIZE_MIN,
		.len = set->len };

	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < set->size; i++)
		if (set->slots[i] != 0)
			larger.slots[place(&larger, set->slots[i])] = set->slots[i];
	free(set->slots);
	*set = larger;
	return 0;
}

int
seed_set_add(struct seed_set *set, uint64_t hash)
{
	size_t at;

	hash += hash == 0; /* which means free */
	if (2 * (set->len + 1) > set->size && grow(set) < 0)
		return -ENOMEM;
	at = place(set, hash);
	set->len += set->slots[at] == 0;
	set->slots[at] = hash;
	return 0;
}

bool
seed_set_has(const struct seed_set *set, uint64_t hash)
{
	hash += hash == 0;
	return set->size > 0 && set->slots[place(set, hash)] == hash;
}

void
seed_set_clear(struct seed_set *set)
{
	free(set->slots);
	*set = (struct seed_set){ 0 };
}
