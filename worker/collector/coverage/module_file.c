/* SPDX-License-Identifier: MIT
 * Reads sidecars: lines of "key value"; in the collector.
 */
#include "config.h"

#include "module_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage_map.h"
#include "hash.h"
#include "banned.h"

#define FIRST_LINE "fuzzsup-module 1"

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	    : c >= 'a' && c <= 'f'  ? c - 'a' + 10
				    : -1;
}

uint32_t
module_file_build_id(const char *hex, size_t len, uint8_t id[BUILD_ID_MAX])
{
	if (len % 2 != 0 || len / 2 > BUILD_ID_MAX)
		return 0;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		id[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (uint32_t)(len / 2);
}

void
module_file_set_path(const char *path, size_t len, uint64_t *ret_hash,
    char ret_program[MODULE_PROGRAM_MAX])
{
	const char *slash = memrchr(path, '/', len);
	size_t name;

	if (len == 0 || path[0] != '/')
		return;
	*ret_hash = hash_bytes(HASH_SEED, path, len) | 1;
	name = len - (size_t)(slash + 1 - path);
	if (name < MODULE_PROGRAM_MAX)
		snprintf(ret_program, MODULE_PROGRAM_MAX, "%.*s", (int)name, slash + 1);
}

static bool
parse_build_id(const char *value, size_t len, struct module_file *module)
{
	module->build_id_len = module_file_build_id(value, len, module->build_id);
	return module->build_id_len > 0 || len == 0;
}

/* "0x1234 NAME" */
static bool
parse_entry(const char *value, size_t len, struct module_file *module)
{
	uint64_t address = 0;
	size_t i = 2;
	int digit;

	if (len < 3 || memcmp(value, "0x", 2) != 0)
		return false;
	for (; i < len && i < 18 && (digit = hex_digit(value[i])) >= 0; i++)
		address = address << 4 | (uint64_t)digit;
	if (i == 2 || (i < len && value[i] != ' '))
		return false;
	if (module->entries_len < MODULE_ENTRIES_MAX)
		module->entries[module->entries_len++] = address;
	return true;
}

static bool
parse_line(const char *line, size_t len, struct module_file *module)
{
	static const char build_id[] = "build-id ", entry[] = "entry ",
			  path[] = "path ";

	if (len >= sizeof(path) - 1 && memcmp(line, path, sizeof(path) - 1) == 0)
		module_file_set_path(line + sizeof(path) - 1, len - sizeof(path) + 1,
		    &module->path_hash, module->program);
	if (len >= sizeof(build_id) - 1 &&
	    memcmp(line, build_id, sizeof(build_id) - 1) == 0)
		return parse_build_id(
		    line + sizeof(build_id) - 1, len - sizeof(build_id) + 1, module);
	if (len >= sizeof(entry) - 1 && memcmp(line, entry, sizeof(entry) - 1) == 0)
		return parse_entry(
		    line + sizeof(entry) - 1, len - sizeof(entry) + 1, module);
	return true;
}

int
module_file_parse(const char *text, size_t len, struct module_file *ret_module)
{
	struct module_file module = { 0 };
	const char *end;
	size_t first = sizeof(FIRST_LINE) - 1, line;

	if (len <= first || memcmp(text, FIRST_LINE, first) != 0 || text[first] != '\n')
		return -EPROTO;
	while (len > 0) {
		end = memchr(text, '\n', len);
		if (end == NULL)
			return -EPROTO;
		line = (size_t)(end - text);
		if (!parse_line(text, line, &module))
			return -EPROTO;
		text = end + 1;
		len -= line + 1;
	}
	*ret_module = module;
	return 0;
}

int
module_file_read(int directory, const char *name, struct module_file *ret_module)
{
	char file[256 + sizeof(COVERAGE_MODULE_SUFFIX)], *text = NULL;
	struct stat st;
	ssize_t n;
	int fd, r;

	if ((size_t)snprintf(file, sizeof(file), "%s%s", name,
		COVERAGE_MODULE_SUFFIX) >= sizeof(file))
		return -ENOENT;
	fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = -EPROTO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > COVERAGE_MODULE_MAX)
		goto out;
	r = -ENOMEM;
	text = malloc(COVERAGE_MODULE_MAX);
	if (text == NULL)
		goto out;
	n = pread(fd, text, COVERAGE_MODULE_MAX, 0);
	r = n < 0 ? -errno : module_file_parse(text, (size_t)n, ret_module);
out:
	free(text);
	close(fd);
	return r;
}
