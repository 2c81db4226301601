/* SPDX-License-Identifier: MIT
 * Open addressing, at most three quarters full; in the replay driver.
 */
#include "replay_seen.h"

#include <stdlib.h>

static bool
insert(uint64_t *slots, size_t size, uint64_t number)
{
	size_t i = number & (size - 1);

	while (slots[i] != 0 && slots[i] != number)
		i = (i + 1) & (size - 1);
	if (slots[i] == number)
		return false;
	slots[i] = number;
	return true;
}

static bool
grow(struct replay_seen *seen)
{
	size_t size = seen->size > 0 ? 2 * seen->size : 1024;
	uint64_t *slots = calloc(size, sizeof(*slots));

	if (slots == NULL)
		return false;
	for (size_t i = 0; i < seen->size; i++)
		if (seen->slots[i] != 0)
			insert(slots, size, seen->slots[i]);
	free(seen->slots);
	seen->slots = slots;
	seen->size = size;
	return true;
}

/* The last steps of SplitMix64: no two numbers give the same, and all bits count. */
static uint64_t
mix(uint64_t number)
{
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

bool
replay_seen_add(struct replay_seen *seen, const uint64_t *fields, size_t fields_len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < fields_len; i++)
		number = mix(number + fields[i] + UINT64_C(0x9e3779b97f4a7c15));
	if (number == 0)
		number = 1;
	if (seen->len >= seen->size / 4 * 3 && !grow(seen) &&
	    seen->len + 1 >= seen->size)
		return true;
	if (!insert(seen->slots, seen->size, number))
		return false;
	seen->len++;
	return true;
}
