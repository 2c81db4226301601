/* SPDX-License-Identifier: MIT
 * Interning source paths; in the symbolizer.
 */
#include "config.h"

#include "path_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "banned.h"

/* Open addressing with linear probing, at most half full; what a slot's number means is
 * its user's business. */
struct slots {
	uint32_t *numbers; /* number + 1; 0: free */
	uint32_t *hashes;
	uint32_t mask;
	uint32_t used;
};

struct path_table {
	char *strings;
	uint32_t strings_len, strings_size;
	uint32_t *directories;
	uint32_t directories_len, directories_size;
	struct wire_file *files;
	uint32_t files_len, files_size;
	struct slots by_string; /* offsets */
	struct slots
	    by_directory;     /* indexes of directories, by offset of their string */
	struct slots by_file; /* indexes of files, by directory and basename */
	char path[PATH_TABLE_PATH_MAX];
};

/* ---- slots ---- */

static int
slots_init(struct slots *slots, uint32_t size)
{
	slots->numbers = calloc(size, sizeof(*slots->numbers));
	slots->hashes = calloc(size, sizeof(*slots->hashes));
	slots->mask = size - 1;
	return slots->numbers != NULL && slots->hashes != NULL ? 0 : -ENOMEM;
}

static void
slots_free(struct slots *slots)
{
	free(slots->numbers);
	free(slots->hashes);
}

static void
slots_put(struct slots *slots, uint32_t hash, uint32_t number)
{
	uint32_t at = hash & slots->mask;

	while (slots->numbers[at] != 0)
		at = (at + 1) & slots->mask;
	slots->numbers[at] = number + 1;
	slots->hashes[at] = hash;
	slots->used++;
}

/* Makes room for one more. */
static int
slots_reserve(struct slots *slots)
{
	struct slots larger = { 0 };

	if (slots->used <= slots->mask / 2)
		return 0;
	if (slots->mask >= UINT32_MAX / 2 ||
	    slots_init(&larger, (slots->mask + 1) * 2) < 0) {
		slots_free(&larger);
		return -ENOMEM;
	}
	for (uint32_t at = 0; at <= slots->mask; at++)
		if (slots->numbers[at] != 0)
			slots_put(&larger, slots->hashes[at], slots->numbers[at] - 1);
	slots_free(slots);
	*slots = larger;
	return 0;
}

/* ---- arrays ---- */

/* Makes room for @more elements behind @len, doubling. */
static int
reserve(void **array, uint32_t *size, uint32_t len, uint32_t more, size_t each)
{
	uint64_t wanted = (uint64_t)len + more, doubled = (uint64_t)*size * 2;
	void *larger;

	if (wanted <= *size)
		return 0;
	if (wanted > UINT32_MAX)
		return -ENOSPC;
	wanted = doubled > wanted && doubled <= UINT32_MAX ? doubled : wanted;
	larger = realloc(*array, wanted * each);
	if (larger == NULL)
		return -ENOMEM;
	*array = larger;
	*size = (uint32_t)wanted;
	return 0;
}

/* ---- strings, directories, files ---- */

static int
intern_string(
    struct path_table *table, const char *text, uint32_t len, uint32_t *ret_offset)
{
	const uint32_t hash = (uint32_t)hash_bytes(HASH_SEED, text, len);
	struct slots *slots = &table->by_string;
	uint32_t at, offset;
	int r;

	for (at = hash & slots->mask; slots->numbers[at] != 0;
	    at = (at + 1) & slots->mask) {
		offset = slots->numbers[at] - 1;
		if (slots->hashes[at] == hash && table->strings_len - offset > len &&
		    memcmp(table->strings + offset, text, len) == 0 &&
		    table->strings[offset + len] == '\0') {
			*ret_offset = offset;
			return 0;
		}
	}
	if (len >= PATH_TABLE_STRINGS_MAX - table->strings_len)
		return -ENOSPC;
	r = reserve((void **)&table->strings, &table->strings_size, table->strings_len,
	    len + 1, 1);
	if (r == 0)
		r = slots_reserve(slots);
	if (r < 0)
		return r;
	offset = table->strings_len;
	memcpy(table->strings + offset, text, len);
	table->strings[offset + len] = '\0';
	table->strings_len += len + 1;
	slots_put(slots, hash, offset);
	*ret_offset = offset;
	return 0;
}

static int
intern_directory(struct path_table *table, uint32_t offset, uint32_t *ret_directory)
{
	const uint32_t hash = (uint32_t)hash_bytes(HASH_SEED, &offset, sizeof(offset));
	struct slots *slots = &table->by_directory;
	uint32_t at;
	int r;

	for (at = hash & slots->mask; slots->numbers[at] != 0;
	    at = (at + 1) & slots->mask) {
		if (table->directories[slots->numbers[at] - 1] == offset) {
			*ret_directory = slots->numbers[at] - 1;
			return 0;
		}
	}
	r = reserve((void **)&table->directories, &table->directories_size,
	    table->directories_len, 1, sizeof(*table->directories));
	if (r == 0)
		r = slots_reserve(slots);
	if (r < 0)
		return r;
	table->directories[table->directories_len] = offset;
	slots_put(slots, hash, table->directories_len);
	*ret_directory = table->directories_len++;
	return 0;
}

static int
intern_file(struct path_table *table, struct wire_file file, uint32_t *ret_file)
{
	const uint32_t hash = (uint32_t)hash_bytes(HASH_SEED, &file, sizeof(file));
	struct slots *slots = &table->by_file;
	uint32_t at;
	int r;

	for (at = hash & slots->mask; slots->numbers[at] != 0;
	    at = (at + 1) & slots->mask) {
		if (memcmp(&table->files[slots->numbers[at] - 1], &file,
			sizeof(file)) == 0) {
			*ret_file = slots->numbers[at] - 1;
			return 0;
		}
	}
	r = reserve((void **)&table->files, &table->files_size, table->files_len, 1,
	    sizeof(*table->files));
	if (r == 0)
		r = slots_reserve(slots);
	if (r < 0)
		return r;
	table->files[table->files_len] = file;
	slots_put(slots, hash, table->files_len);
	*ret_file = table->files_len++;
	return 0;
}

/* ---- paths ---- */

bool
path_table_is_absolute(struct byte_text path)
{
	const char *text = path.text;

	if (path.len == 0)
		return false;
	if (text[0] == '/')
		return true;
	if (path.len < 3)
		return false;
	return (text[0] == '\\' && text[1] == '\\') ||
	    (isalpha((unsigned char)text[0]) && text[1] == ':' &&
		(text[2] == '\\' || text[2] == '/'));
}

/* Drops the last component of the @len bytes at @path; a relative path that begins with
 * ".." can only grow. */
static bool
drop_component(const char *path, size_t *len)
{
	size_t slash = *len;

	while (slash > 0 && path[slash - 1] != '/')
		slash--;
	if (*len == 0 || (*len - slash == 2 && memcmp(path + slash, "..", 2) == 0))
		return false;
	*len = slash > 0 ? slash - 1 : 0;
	return true;
}

/* Appends the components of @part to the normalised path of @len bytes, which is kept
 * without a slash at its end: the root directory is "". */
static int
append_part(char *path, size_t *len, bool absolute, struct byte_text part)
{
	const char *at = part.text, *end = part.text + part.len, *slash;
	size_t n;

	for (; at < end; at = slash + 1) {
		slash = memchr(at, '/', (size_t)(end - at));
		slash = slash != NULL ? slash : end;
		n = (size_t)(slash - at);
		if (n == 0 || (n == 1 && at[0] == '.'))
			continue;
		if (n == 2 && at[0] == '.' && at[1] == '.' &&
		    (drop_component(path, len) || absolute))
			continue;
		if (n + 2 > PATH_TABLE_PATH_MAX - *len)
			return -ENAMETOOLONG;
		if (*len > 0 || absolute)
			path[(*len)++] = '/';
		memcpy(path + *len, at, n);
		*len += n;
	}
	return 0;
}

/* True if @name can be a file's: its last component is neither empty nor dots. */
static bool
names_a_file(struct byte_text name)
{
	size_t start = name.len;

	if (name.text == NULL)
		return false;
	while (start > 0 && name.text[start - 1] != '/')
		start--;
	name.text += start;
	name.len -= start;
	return name.len > 2 || (name.len == 1 && name.text[0] != '.') ||
	    (name.len == 2 && (name.text[0] != '.' || name.text[1] != '.'));
}

static int
join(struct path_table *table, const struct byte_text *parts, size_t parts_len,
    size_t *ret_len)
{
	bool absolute = false;
	size_t first = 0, len = 0;
	int r = 0;

	if (parts_len == 0 || !names_a_file(parts[parts_len - 1]))
		return -EINVAL;
	for (size_t i = 0; i < parts_len; i++) {
		if (path_table_is_absolute(parts[i])) {
			first = i;
			absolute = parts[i].text[0] == '/';
		}
	}
	for (size_t i = first; i < parts_len && r == 0; i++)
		if (parts[i].text != NULL)
			r = append_part(table->path, &len, absolute, parts[i]);
	*ret_len = len;
	return r;
}

int
path_table_file(struct path_table *table, const struct byte_text *parts,
    size_t parts_len, uint32_t *ret_file)
{
	struct wire_file file;
	size_t len, slash;
	uint32_t offset;
	int r;

	r = join(table, parts, parts_len, &len);
	if (r < 0)
		return r;
	for (slash = len; slash > 0 && table->path[slash - 1] != '/';)
		slash--;
	r = slash == 0
	    ? intern_string(table, ".", 1, &offset)
	    : intern_string(table, table->path, (uint32_t)slash - 1, &offset);
	if (r == 0)
		r = intern_directory(table, offset, &file.directory);
	if (r == 0)
		r = intern_string(table, table->path + slash, (uint32_t)(len - slash),
		    &file.basename);
	return r == 0 ? intern_file(table, file, ret_file) : r;
}

/* ---- the table as a whole ---- */

int
path_table_new(struct path_table **ret_table)
{
	struct path_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	if (slots_init(&table->by_string, 256) < 0 ||
	    slots_init(&table->by_directory, 64) < 0 ||
	    slots_init(&table->by_file, 256) < 0) {
		path_table_free(table);
		return -ENOMEM;
	}
	*ret_table = table;
	return 0;
}

void
path_table_free(struct path_table *table)
{
	if (table == NULL)
		return;
	slots_free(&table->by_string);
	slots_free(&table->by_directory);
	slots_free(&table->by_file);
	free(table->strings);
	free(table->directories);
	free(table->files);
	free(table);
}

const struct wire_file *
path_table_files(const struct path_table *table, uint32_t *ret_len)
{
	*ret_len = table->files_len;
	return table->files;
}

const uint32_t *
path_table_directories(const struct path_table *table, uint32_t *ret_len)
{
	*ret_len = table->directories_len;
	return table->directories;
}

const char *
path_table_strings(const struct path_table *table, uint32_t *ret_len)
{
	*ret_len = table->strings_len;
	return table->strings;
}
