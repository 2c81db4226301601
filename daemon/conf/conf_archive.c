/* SPDX-License-Identifier: MIT
 * Keys of the archive's block; libconfuse; in the supervisor.
 */
#include "config.h"

#include "conf_archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_check.h"
#include "banned.h"

#define FOREVER "forever"
#define EVENTS_MAX 100000000

enum kind { DURATION, COUNT, SIZE };

static const struct {
	const char *key, *value; /* by default, normal */
	enum kind kind;
} keys[] = {
	{ "keep-seconds", "3600000", DURATION },
	{ "keep-minutes", "2592000000", DURATION },
	{ "keep-hours", "0", DURATION },
	{ "keep-events", "100000", COUNT },
	{ "keep-builds", "20", COUNT },
	{ "keep-inputs", "1073741824", SIZE },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static size_t
find(const char *key)
{
	size_t i = 0;

	while (i < KEYS && strcmp(keys[i].key, key) != 0)
		i++;
	return i;
}

bool
conf_archive_has(const char *key)
{
	return find(key) < KEYS;
}

int
conf_archive_check(const char *key, const char *value, char *ret_normal, size_t size,
    char *ret_why, size_t why_size)
{
	const enum kind kind = keys[find(key)].kind;
	int r;

	if (strcmp(value, FOREVER) == 0) {
		snprintf(ret_normal, size, "0");
		return 0;
	}
	r = kind == DURATION
	    ? conf_check_duration(value, ret_normal, size, ret_why, why_size)
	    : kind == COUNT
	    ? conf_check_count(
		  value, 1, EVENTS_MAX, ret_normal, size, ret_why, why_size)
	    : conf_check_size(value, ret_normal, size, ret_why, why_size);
	if (r < 0 || kind == COUNT)
		return r;
	if (strtoull(ret_normal, NULL, 10) >= (kind == DURATION ? 1000u : 1024u))
		return 0;
	snprintf(ret_why, why_size,
	    "\"%.100s\": too little; expected %s, or \"" FOREVER "\"", value,
	    kind == DURATION ? "one second at least" : "1K at least");
	return -EINVAL;
}

static uint64_t
number(cfg_t *block, const char *key)
{
	const char *value = block != NULL ? cfg_getstr(block, key) : NULL;

	return strtoull(value != NULL ? value : keys[find(key)].value, NULL, 10);
}

static uint32_t
seconds(cfg_t *block, const char *key)
{
	const uint64_t s = number(block, key) / 1000;

	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

int
conf_archive_single(cfg_t *cfg, cfg_opt_t *opt)
{
	if (cfg_opt_size(opt) < 2)
		return 0;
	cfg_error(cfg, "archive: there is a block of it already");
	return -1;
}

struct conf_archive
conf_archive_take(cfg_t *cfg)
{
	cfg_t *block =
	    cfg_size(cfg, "archive") > 0 ? cfg_getnsec(cfg, "archive", 0) : NULL;

	return (struct conf_archive){ .seconds_s = seconds(block, "keep-seconds"),
		.minutes_s = seconds(block, "keep-minutes"),
		.hours_s = seconds(block, "keep-hours"),
		.events = (uint32_t)number(block, "keep-events"),
		.builds = (uint32_t)number(block, "keep-builds"),
		.input_bytes = number(block, "keep-inputs") };
}
