/* SPDX-License-Identifier: MIT
 * Addresses and reports to frames; in the symbolizer.
 */
#include "config.h"

#include "frames_filter.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "sandbox.h"
#include "banned.h"

struct filter {
	struct frames *frames;
	const char *module;
	FILE *out;
	bool is_report;      /* a line of one was seen: "dead" is a word now */
	unsigned long shift; /* frames more than before in the current stack */
};

/* A frame as a sanitizer prints it where it has no symbolizer; points into the line. */
struct bare_frame {
	size_t indent; /* before "#" */
	unsigned long number;
	const char *pc; /* from behind the number on */
	size_t pc_len;
	const char *place; /* "(MODULE+0xOFFSET)" and what comes behind it */
	const char *module;
	size_t module_len;
	uint64_t offset;
};

static const char *
known(const char *text)
{
	return text != NULL ? text : "??";
}

/* frames_find(), where what is cut is said and no failure. */
static int
find(struct frames *frames, uint64_t address, const struct frame **ret_found,
    size_t *ret_len)
{
	int r = frames_find(frames, address, ret_found, ret_len);
	const char *remark = frames_remark(frames);

	if (remark != NULL)
		fprintf(stderr, "fuzzsupctl: %s\n", remark);
	if (r != -EOVERFLOW)
		return r;
	fprintf(stderr,
	    "fuzzsupctl: 0x%" PRIx64 ": calls are nested too deep there, only the "
	    "outermost function is told: build it again\n",
	    address);
	return 0;
}

int
frames_filter_address(struct frames *frames, uint64_t address, FILE *out)
{
	const struct frame *found;
	size_t len;
	int r = find(frames, address, &found, &len);

	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s\n%s:%" PRIu64 ":%" PRIu64 "\n",
		    known(found[i].function), known(found[i].file), found[i].line,
		    found[i].column);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}

int
frames_filter_read_address(const char *word, uint64_t *ret_address)
{
	uint64_t address;
	char *end;

	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		word += 2;
	if (!isxdigit((unsigned char)word[0]))
		return -EINVAL;
	errno = 0;
	address = strtoull(word, &end, 16);
	if (errno != 0 || *end != '\0')
		return -EINVAL;
	*ret_address = address;
	return 0;
}

/* ---- reports ---- */

/* Reads "#N 0xPC" at the start of @line; outputs also what comes behind it. */
static bool
read_number(const char *line, struct bare_frame *frame, const char **ret_rest)
{
	char *end;

	frame->indent = strspn(line, " \t");
	line += frame->indent;
	if (line[0] != '#' || !isdigit((unsigned char)line[1]))
		return false;
	frame->number = strtoul(line + 1, &end, 10);
	frame->pc = end;
	end += strspn(end, " ");
	if (end == frame->pc || strncmp(end, "0x", 2) != 0)
		return false;
	end += 2 + strspn(end + 2, "0123456789abcdefABCDEF");
	frame->pc_len = (size_t)(end - frame->pc);
	*ret_rest = end;
	return true;
}

/* Reads "(MODULE+0xOFFSET)", which stands last but for a build ID; a function may stand
 * before it. */
static bool
read_place(const char *rest, struct bare_frame *frame)
{
	const char *plus = NULL, *open = rest;
	char *end;

	for (const char *at = rest; (at = strstr(at, "+0x")) != NULL; at += 3)
		plus = at;
	if (plus == NULL)
		return false;
	frame->offset = strtoull(plus + 3, &end, 16);
	if (*end != ')')
		return false;
	/* A module may hold brackets itself, but its path begins with a slash. */
	open = strstr(rest, " (/");
	if (open == NULL || open > plus)
		open = strstr(rest, " (");
	if (open == NULL || open > plus)
		return false;
	frame->place = open + 1;
	frame->module = open + 2;
	frame->module_len = (size_t)(plus - frame->module);
	return true;
}

static bool
is_ours(const struct filter *filter, const struct bare_frame *frame)
{
	const char *name = memrchr(frame->module, '/', frame->module_len);
	const char *end = frame->module + frame->module_len;

	name = name != NULL ? name + 1 : frame->module;
	return (size_t)(end - name) == strlen(filter->module) &&
	    memcmp(name, filter->module, (size_t)(end - name)) == 0;
}

static void
write_frame(const struct filter *filter, const char *line,
    const struct bare_frame *bare, unsigned long number, const struct frame *frame)
{
	fprintf(filter->out, "%.*s#%lu%.*s in %s ", (int)bare->indent, line, number,
	    (int)bare->pc_len, bare->pc, known(frame->function));
	if (frame->file == NULL || (frame->line == 0 && frame->function == NULL)) {
		fputs(bare->place, filter->out);
		return;
	}
	fputs(frame->file, filter->out);
	if (frame->line > 0)
		fprintf(filter->out, ":%" PRIu64, frame->line);
	if (frame->line > 0 && frame->column > 0)
		fprintf(filter->out, ":%" PRIu64, frame->column);
	fputc('\n', filter->out);
}

/* Writes @line, which is a frame, with the number that it has now. */
static void
renumber(const struct filter *filter, const char *line, const struct bare_frame *frame)
{
	if (filter->shift == 0)
		fputs(line, filter->out);
	else
		fprintf(filter->out, "%.*s#%lu%s", (int)frame->indent, line,
		    frame->number + filter->shift, frame->pc);
}

static int
take_frame(
    struct filter *filter, const char *line, const char *rest, struct bare_frame *bare)
{
	const struct frame *found;
	size_t len;
	int r;

	if (bare->number == 0)
		filter->shift = 0;
	if (!read_place(rest, bare) || !is_ours(filter, bare)) {
		renumber(filter, line, bare);
		return 0;
	}
	r = find(filter->frames, bare->offset, &found, &len);
	if (r < 0)
		return r;
	if (found[0].function == NULL && found[0].file == NULL) {
		renumber(filter, line, bare);
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		write_frame(
		    filter, line, bare, bare->number + filter->shift + i, &found[i]);
	filter->shift += len - 1;
	return 0;
}

/* ---- lines ---- */

static bool
read_address(const struct filter *filter, const char *line, uint64_t *ret_address)
{
	char word[32];
	size_t start = strspn(line, " \t"), len = strcspn(line + start, " \t\r\n");

	if (len == 0 || len >= sizeof(word) ||
	    line[start + len + strspn(line + start + len, " \t\r\n")] != '\0')
		return false;
	memcpy(word, line + start, len);
	word[len] = '\0';
	if (filter->is_report && strncmp(word, "0x", 2) != 0)
		return false;
	return frames_filter_read_address(word, ret_address) == 0;
}

static int
take_line(struct filter *filter, const char *line)
{
	struct bare_frame frame = { 0 };
	const char *rest;
	uint64_t address;

	if (read_number(line, &frame, &rest)) {
		filter->is_report = true;
		return take_frame(filter, line, rest, &frame);
	}
	if (strncmp(line, "==", 2) == 0)
		filter->is_report = true;
	if (read_address(filter, line, &address))
		return frames_filter_address(filter->frames, address, filter->out);
	fputs(line, filter->out);
	return 0;
}

int
frames_filter(struct frames *frames, const char *module, FILE *in, FILE *out)
{
	struct filter filter = { .frames = frames, .module = module, .out = out };
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &size, in)) >= 0) {
		/* Bytes of somebody's output, and none of ours. */
		if (memchr(line, '\0', (size_t)len) != NULL)
			fwrite(line, 1, (size_t)len, out);
		else
			r = take_line(&filter, line);
		/* Somebody may wait for the answer before he asks on. */
		if (r == 0 && fflush(out) != 0)
			r = -errno;
		sandbox_go_on();
	}
	if (r == 0 && !feof(in))
		r = -errno;
	free(line);
	return r;
}
