/* SPDX-License-Identifier: MIT
 * Which files a target's user should know were left out; in the collector.
 *
 * Many programs may share a folder. The sidecar tells whose executable wrote a file, so that
 * an old build's file is told at its own target, and not at all that look there.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collect.h"
#include "banned.h"

#define CROWD \
	64 /* in a place of more targets nobody is told of files that are not his */

size_t
text_append(char *text, size_t used, const char *format, ...)
{
	va_list args;
	int n;

	if (used >= TEXT_MAX - 1)
		return used;
	va_start(args, format);
	n = vsnprintf(text + used, TEXT_MAX - used, format, args);
	va_end(args);
	return n < 0                      ? used
	    : used + (size_t)n < TEXT_MAX ? used + (size_t)n
					  : TEXT_MAX - 1;
}

static const char *
why_left_out(const struct target *target, const struct file *file)
{
	if (target->has_table || file->state != FILE_OTHER)
		return file->reason;
	if (target->executable_size > 0 && file->file.pcs_len > target->executable_size)
		return "has more PCs than the executable has bytes";
	return file->has_module && file->module.build_id_len > 0
	    ? "is of another build: the build ID beside it is not this one's"
	    : "has no sidecar that says whose it is: if it is this build's, name it as "
	      "coverage";
}

static enum kinship
kinship_of(const struct target *target, const struct file *file)
{
	if (file->module.path_hash == target->path_hash)
		return KIN_PATH;
	return file->module.program[0] != '\0' &&
		strcmp(file->module.program, target->program) == 0
	    ? KIN_NAME
	    : KIN_NONE;
}

static enum kinship
nearest(struct file *file)
{
	const struct look *look;
	enum kinship kinship;

	if (file->nearest_looks == file->place->looks_version)
		return file->nearest;
	file->nearest = KIN_NONE;
	file->nearest_looks = file->place->looks_version;
	LIST_FOREACH(look, &file->place->looks, in_place) {
		kinship = kinship_of(look->target, file);
		if (kinship > file->nearest)
			file->nearest = kinship;
	}
	return file->nearest;
}

/* A stranger's file is told where nothing else comes: perhaps the configuration names
 * another executable than the one that runs. */
static bool
may_be_meant(const struct target *target, struct file *file)
{
	enum kinship kinship;

	if (!file->has_module || file->module.path_hash == 0 || target->path_hash == 0)
		return true;
	kinship = kinship_of(target, file);
	if (kinship < nearest(file))
		return false;
	return kinship > KIN_NONE || target->attached == 0;
}

static bool
is_strangers(const struct target *target, const struct file *file)
{
	return file->state == FILE_OTHER && file->has_module &&
	    file->module.program[0] != '\0' && target->path_hash != 0 &&
	    kinship_of(target, file) == KIN_NONE;
}

/* A place is told once for each user that may own files there. */
static bool
is_repeated(const struct target *target, const struct look *look)
{
	const struct look *before;

	LIST_FOREACH(before, &target->looks, in_target) {
		if (before == look)
			return false;
		if (before->place == look->place && !before->left &&
		    (before->name[0] == '\0' || strcmp(before->name, look->name) == 0))
			return true;
	}
	return false;
}

void
left_out_describe(const struct target *target, char *text, size_t used)
{
	const struct look *look;
	struct file *file;
	unsigned named = 0;

	LIST_FOREACH(look, &target->looks, in_target) {
		if (look->left || look->place->looks_len > CROWD ||
		    is_repeated(target, look))
			continue;
		TAILQ_FOREACH(file, &look->place->files, in_place) {
			if (file->state == FILE_ATTACHED || file->state == FILE_NEW ||
			    !look_allows(look, file) || !may_be_meant(target, file))
				continue;
			if (++named > 2) {
				text_append(text, used, "; and others");
				return;
			}
			used = text_append(text, used, "%s%s%s/%s ",
			    used > 0 ? "; " : "", named == 1 ? "left out: " : "",
			    look->place->path, file->name);
			used = is_strangers(target, file)
			    ? text_append(text, used, "is of another program, %s",
				  file->module.program)
			    : text_append(text, used, "%s", why_left_out(target, file));
		}
	}
}
