/* SPDX-License-Identifier: MIT
 * Looks at a file that is not attached: whether it is a coverage file, and whose; part by
 * part, since anybody may lay half a gigabyte of PCs there; in the collector.
 *
 * A file whose length is no target's is not read at all, and of another one only up to the
 * first part that is no target's. The next look begins with that part: as long as it is
 * the same, nothing else is read.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collect.h"
#include "hash.h"
#include "shared_memory.h"
#include "banned.h"

/* Who may want the PCs of a file. */
struct wanted {
	struct target *target; /* the first of them; NULL: nobody */
	bool asks;             /* one that has no table */
	bool of_length; /* one has a table of that length, perhaps of another build */
};

static struct wanted
who_wants(const struct file *file)
{
	const uint32_t pcs_len = file->check.pcs_len;
	struct wanted wanted = { 0 };
	const struct look *look;
	bool asks;

	LIST_FOREACH(look, &file->place->looks, in_place) {
		if (!look_allows(look, file))
			continue;
		asks = target_asks(look, file, pcs_len);
		wanted.asks = wanted.asks || asks;
		wanted.of_length = wanted.of_length ||
		    (look->target->has_table &&
			look->target->table.header->pcs_len == pcs_len);
		if (wanted.target == NULL &&
		    (asks || target_may_own(look->target, file, pcs_len)))
			wanted.target = look->target;
	}
	return wanted;
}

static bool
is_zero(const uint64_t *pcs, uint32_t len)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < len; i++)
		any |= pcs[i];
	return any == 0;
}

/* True if the @len PCs from @at on are those of one target at least. */
static bool
fits_any(const struct file *file, uint32_t at, const uint64_t *pcs, uint32_t len)
{
	const struct look *look;

	LIST_FOREACH(look, &file->place->looks, in_place) {
		if (!look_allows(look, file))
			continue;
		if (target_may_own(look->target, file, file->check.pcs_len) &&
		    memcmp(look->target->table.pcs + at, pcs, 8 * (size_t)len) == 0)
			return true;
		if (target_asks(look, file, file->check.pcs_len) &&
		    (at > 0 || !is_zero(pcs, len)))
			return true;
	}
	return false;
}

void
check_begin(struct file *file)
{
	file->check.pcs_read = 0;
	file->check.pcs_hash = HASH_SEED;
	if (file->list >= 0)
		close(file->list);
	file->list = -1;
}

void
check_end(struct file *file)
{
	check_begin(file);
	coverage_file_close(&file->check);
}

/* Targets that share a directory may have jobs of different users. */
static bool
some_look_allows(const void *context, uid_t uid)
{
	const struct file *file = context;
	const struct look *look;

	LIST_FOREACH(look, &file->place->looks, in_place)
		if (look->owner == uid && look_allows(look, file))
			return true;
	return false;
}

/* Opens it; what was read of another file that had its name counts for nothing. */
static enum coverage_status
reopen(struct file *file, char *reason, size_t size)
{
	const struct coverage_owner owner = { .service = geteuid(),
		.directory = file->place->owner,
		.allows = some_look_allows,
		.context = file };
	struct coverage_file now;
	enum coverage_status status;

	status =
	    coverage_file_open(file->place->fd, file->name, &owner, &now, reason, size);
	if (now.device != file->check.device || now.inode != file->check.inode ||
	    now.size != file->check.size || now.pcs_len != file->check.pcs_len) {
		check_begin(file);
		file->differs_at = CHECK_NOWHERE;
	} else if (file->check.pcs_read > 0) {
		now.pcs_read = file->check.pcs_read;
		now.pcs_hash = file->check.pcs_hash;
	}
	file->check = now;
	return status;
}

/* ---- how it ends ---- */

static void
say_unsound(struct collector *collector, struct file *file, enum coverage_status status,
    const char *reason)
{
	turns_remove(collector, file);
	check_end(file);
	file_unsound(collector, file, status, reason);
}

static void
say_other(struct collector *collector, struct file *file, bool of_length)
{
	char reason[REASON_MAX];

	if (of_length && file->has_module)
		snprintf(reason, sizeof(reason),
		    "is of another build: the build ID beside it is not this one's");
	else
		snprintf(reason, sizeof(reason),
		    "has the PC table of another build (%u PCs)", file->check.pcs_len);
	turns_remove(collector, file);
	check_end(file);
	file_other(collector, file, reason);
}

/* The part in @pcs is nobody's. */
static void
refuse(
    struct collector *collector, struct file *file, const uint64_t *pcs, uint32_t len)
{
	if (is_zero(pcs, len))
		say_unsound(collector, file, COVERAGE_UNFINISHED,
		    "its PCs are not written yet");
	else
		say_other(collector, file, false);
}

static void
say_unread(struct collector *collector, struct file *file, int error)
{
	char reason[REASON_MAX];

	snprintf(reason, sizeof(reason), "its PCs cannot be read yet (%s)",
	    strerror(-error));
	say_unsound(collector, file, COVERAGE_UNFINISHED, reason);
}

/* ---- a step ---- */

/* The part that was nobody's when it was last looked at. False if that still ends it. */
static bool
passes_where_it_differed(struct collector *collector, struct file *file)
{
	const uint32_t at = file->differs_at,
		       len = coverage_file_part(&file->check, at);
	int r = coverage_file_pcs(&file->check, at, collector->part, len);

	if (r < 0) {
		say_unread(collector, file, r);
		return false;
	}
	if (!fits_any(file, at, collector->part, len)) {
		refuse(collector, file, collector->part, len);
		return false;
	}
	file->differs_at = CHECK_NOWHERE;
	return true;
}

/* For who has no table: all PCs from the first on. */
static int
add_to_list(struct file *file, const uint64_t *pcs, uint32_t len)
{
	if (file->list < 0)
		file->list = shared_memory_create("fuzzsupd-pcs");
	return file->list < 0 ? file->list
			      : shared_memory_append(file->list, pcs, 8 * (size_t)len);
}

/* What is long goes on in its target's lane, and from the start where a list is wanted, so
 * that one list a target is in the making, and not one a file. */
static void
go_on(struct collector *collector, struct file *file, const struct wanted *wanted)
{
	struct lane *lane = &wanted->target->lane;

	coverage_file_close(&file->check);
	if (file->lane == lane)
		return;
	if (wanted->asks)
		check_begin(file);
	turns_remove(collector, file);
	turns_put(collector, lane, file);
}

static void
read_part(struct collector *collector, struct file *file, const struct wanted *wanted)
{
	uint32_t at = file->check.pcs_read, len = 0;
	const bool lists = wanted->asks &&
	    (file->lane == &wanted->target->lane ||
		file->check.pcs_len <= COVERAGE_PART);
	int r = coverage_file_next(&file->check, collector->part, &len);

	if (r == 0 && !fits_any(file, at, collector->part, len)) {
		file->differs_at = at;
		refuse(collector, file, collector->part, len);
		return;
	}
	if (r == 0 && lists)
		r = add_to_list(file, collector->part, len);
	if (r < 0) {
		say_unread(collector, file, r);
	} else if (file->check.pcs_read < file->check.pcs_len) {
		go_on(collector, file, wanted);
	} else {
		turns_remove(collector, file);
		file_sound(collector, file);
	}
}

void
check_step(struct collector *collector, struct file *file)
{
	char reason[REASON_MAX];
	enum coverage_status status = reopen(file, reason, sizeof(reason));
	struct wanted wanted;

	if (status != COVERAGE_SOUND) {
		say_unsound(collector, file, status, reason);
		return;
	}
	if (file->check.pcs_read == 0) {
		file->has_module =
		    module_file_read(file->place->fd, file->name, &file->module) == 0;
		file->nearest_looks = 0;
	}
	wanted = who_wants(file);
	if (wanted.target == NULL) {
		say_other(collector, file, wanted.of_length);
		return;
	}
	/* Who wants a list may have come, or gone, since the first part. */
	if (file->check.pcs_read > 0 && wanted.asks != (file->list >= 0))
		check_begin(file);
	if (file->differs_at == CHECK_NOWHERE ||
	    passes_where_it_differed(collector, file))
		read_part(collector, file, &wanted);
}
