/* SPDX-License-Identifier: MIT
 * Which executable a report's line speaks of, and where in it; in the symbolizer. Names may
 * lie: where a line carries a build ID that decides, and a function's name that is
 * somewhere else tells of another build, too.
 */
#include "config.h"

#include "report_modules.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code_call.h"
#include "plain_text.h"
#include "banned.h"

#define ID_DIGITS_MAX 128
#define RUNTIME_ID_DIGITS 64 /* sanitizers cut longer ones */
#define BUILDS_MAX 16
#define FOREIGN_MAX 5
#define FOREIGN_NAME_MAX 128
#define PAGE UINT64_C(4096)

/* Return addresses that tell where the executable was loaded, code that is looked
 * through for that, and stacks that may be looked at in vain. */
#define RETURNS_MIN 5
#define CALLERS_MIN 3 /* that are judged */
#define CODE_MAX (UINT64_C(1) << 30)
#define ATTEMPTS_MAX 100

/* Where Linux puts position-independent executables of x86-64 that it does not move, as
 * gdb and honggfuzz want it. */
#define UNMOVED_BASE UINT64_C(0x555555554000)

/* Another build that the report names. */
struct build {
	char id[ID_DIGITS_MAX + 1];
	int fd;                /* -1: not kept */
	struct frames *frames; /* NULL: the same, or it cannot be read */
};

struct report_modules {
	struct frames *frames;
	const char *const *names;
	size_t names_len;
	char id[ID_DIGITS_MAX + 1]; /* of the executable; empty: it has none */
	frames_open_cb open_cb;
	void *context;
	uint64_t base; /* of the process whose stack was seen last; 0: not known */
	unsigned long next_caller; /* number of the frame that called the last one */
	unsigned long callers,
	    not_calling;   /* without build IDs, and those that cannot */
	unsigned attempts; /* to conclude that from a stack */
	struct build builds[BUILDS_MAX];
	size_t builds_len;
	bool is_contradicted; /* a function is not where a report without IDs has it */
	char foreign[FOREIGN_MAX][FOREIGN_NAME_MAX]; /* modules of others */
	size_t foreign_len;
	unsigned long named; /* frames that are told already */
	/* Lines that say where their code lies: */
	unsigned long seen, told, unknown, of_others, without_module, of_other_builds,
	    nowhere;
};

/* ---- names ---- */

static struct byte_text
last_component(struct byte_text path)
{
	static const char deleted[] = " (deleted)";
	const size_t len = sizeof(deleted) - 1;
	const char *slash;

	if (path.len > len && memcmp(path.text + path.len - len, deleted, len) == 0)
		path.len -= len;
	slash = memrchr(path.text, '/', path.len);
	if (slash != NULL) {
		path.len -= (size_t)(slash + 1 - path.text);
		path.text = slash + 1;
	}
	return path;
}

static bool
is_named(const struct report_modules *modules, struct byte_text module)
{
	const struct byte_text name = last_component(module);
	struct byte_text ours;

	for (size_t i = 0; i < modules->names_len; i++) {
		ours = last_component(
		    (struct byte_text){ modules->names[i], strlen(modules->names[i]) });
		if (name.len > 0 && name.len == ours.len &&
		    memcmp(name.text, ours.text, name.len) == 0)
			return true;
	}
	return false;
}

static void
remember_foreign(struct report_modules *modules, struct byte_text module)
{
	const struct byte_text name = last_component(module);
	char text[FOREIGN_NAME_MAX];

	snprintf(text, sizeof(text), "%.*s", (int)name.len, name.text);
	plain_string(text);
	for (size_t i = 0; i < modules->foreign_len; i++)
		if (strcmp(modules->foreign[i], text) == 0)
			return;
	if (modules->foreign_len < FOREIGN_MAX)
		memcpy(modules->foreign[modules->foreign_len++], text, sizeof(text));
}

/* ---- builds ---- */

static bool
is_same_id(const char *ours, struct byte_text theirs)
{
	const size_t len = strlen(ours);

	return theirs.len <= len &&
	    (theirs.len == len || theirs.len == RUNTIME_ID_DIGITS) &&
	    memcmp(ours, theirs.text, theirs.len) == 0;
}

/* Writes @frames' build ID in hex. */
static void
write_id(struct frames *frames, char id[ID_DIGITS_MAX + 1])
{
	struct byte_reader reader = elf_image_build_id(frames_image(frames));
	size_t used = 0;

	id[0] = '\0';
	while (byte_reader_left(&reader) > 0 && used < ID_DIGITS_MAX) {
		snprintf(id + used, 3, "%02x", byte_reader_u8(&reader));
		used += 2;
	}
}

/* A kept build's own debug file is not looked for. */
static int
open_nothing_cb(void *context, enum table_status what, const char *wish)
{
	(void)context;
	(void)what;
	(void)wish;
	return -ENOENT;
}

static void
open_build(struct report_modules *modules, struct build *build)
{
	char id[ID_DIGITS_MAX + 1], wish[ID_DIGITS_MAX + 2];
	struct failure failure;

	build->fd = -1;
	if (modules->open_cb == NULL)
		return;
	snprintf(wish, sizeof(wish), "%s\n", build->id);
	build->fd = modules->open_cb(modules->context, TABLE_WANTS_BUILD, wish);
	if (build->fd < 0)
		return;
	if (frames_open(build->fd, open_nothing_cb, NULL, &build->frames, &failure) <
	    0) {
		build->frames = NULL;
		return;
	}
	write_id(build->frames, id);
	if (strcmp(id, build->id) != 0) {
		frames_free(build->frames);
		build->frames = NULL;
	}
}

static void
remark_build(const struct report_modules *modules, const struct build *build,
    struct byte_text module)
{
	char name[FOREIGN_NAME_MAX];

	module = last_component(module);
	snprintf(name, sizeof(name), "%.*s", (int)module.len, module.text);
	plain_string(name);
	if (build->frames != NULL)
		fprintf(stderr,
		    "fuzzsupctl: %s: the report is of build %s, and this one is %s%s: "
		    "frames of that build are read from its own file, which is kept\n",
		    name, build->id, modules->id[0] != '\0' ? "" : "without an ID",
		    modules->id);
	else
		fprintf(stderr,
		    "fuzzsupctl: %s: the report is of build %s, and this one is %s%s: "
		    "frames of that build stay as they are; name its executable, or "
		    "a DIRECTORY with -d that holds .build-id/%.2s/%s.debug\n",
		    name, build->id, modules->id[0] != '\0' ? "" : "without an ID",
		    modules->id, build->id, build->id + 2);
}

/* The build that @id names; NULL: too many, or the ID is none. */
static struct build *
find_build(struct report_modules *modules, struct byte_text id, struct byte_text module)
{
	struct build *build;

	for (size_t i = 0; i < modules->builds_len; i++)
		if (is_same_id(modules->builds[i].id, id))
			return &modules->builds[i];
	if (modules->builds_len == BUILDS_MAX || id.len > ID_DIGITS_MAX || id.len < 4)
		return NULL;
	build = &modules->builds[modules->builds_len++];
	snprintf(build->id, sizeof(build->id), "%.*s", (int)id.len, id.text);
	open_build(modules, build);
	remark_build(modules, build, module);
	return build;
}

/* ---- where ---- */

static bool
is_identifier(struct byte_text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] != '_' && !isalnum((unsigned char)name.text[i]))
			return false;
	return name.len > 0;
}

/* Whether a function that the line names is known, and not at @address. */
static bool
is_elsewhere(struct frames *frames, struct byte_text function, uint64_t address)
{
	struct symbols_named named = { 0 };
	bool found = false;

	if (!is_identifier(function))
		return false;
	while (symbols_find_named(frames_symbols(frames), function, &named)) {
		if (address - named.address < named.size || named.size == 0)
			return false;
		found = true;
	}
	return found;
}

/* The link-time address of a PC; 0 where that cannot be told. */
static uint64_t
address_of_pc(const struct report_modules *modules, struct frames *frames, uint64_t pc)
{
	const uint64_t bases[] = { modules->base, UNMOVED_BASE };

	if (!frames_are_movable(frames))
		return pc;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (bases[i] != 0 && pc > bases[i] &&
		    frames_have_code(frames, pc - bases[i]))
			return pc - bases[i];
	return 0;
}

/* SYMBOL+0xOFFSET: of several symbols with that name the one whose place in its page is the
 * PC's. */
static bool
find_by_symbol(
    const struct report_line *line, struct frames *frames, uint64_t *ret_address)
{
	const bool movable = frames_are_movable(frames);
	struct symbols_named named = { 0 };
	uint64_t address;

	while (symbols_find_named(frames_symbols(frames), line->symbol, &named)) {
		address = named.address + line->offset;
		if (movable ? (address - line->address) % PAGE == 0
			    : address == line->address) {
			*ret_address = address;
			return true;
		}
	}
	return false;
}

/* Outputs the address of a line that names one of our modules. */
static bool
find_address(struct report_modules *modules, const struct report_line *line,
    struct frames *frames, uint64_t *ret_address)
{
	uint64_t address;

	if (line->form == REPORT_TRACE && line->symbol.len > 0) {
		if (find_by_symbol(line, frames, &address)) {
			*ret_address = address;
			return true;
		}
		address = address_of_pc(modules, frames, line->address);
	} else if (!line->has_offset ||
	    (line->is_from_start && !frames_are_movable(frames))) {
		address = address_of_pc(modules, frames, line->address);
	} else {
		address = line->offset;
	}
	if (line->form == REPORT_GLOBAL) {
		*ret_address = address;
		return true;
	}
	*ret_address = address;
	return frames_have_code(frames, address);
}

/* What a frame of ours says of where its process has it. */
static void
learn_base(struct report_modules *modules, const struct report_line *line,
    const struct report_spot *spot)
{
	if (line->pc.len > 0 && line->address > spot->address &&
	    line->form != REPORT_RUST && line->form != REPORT_LOGGED &&
	    spot->frames == modules->frames)
		modules->base = line->address - spot->address;
}

/* A line that names a module: which build of the executable it is, if it is one. */
static struct frames *
choose(struct report_modules *modules, const struct report_line *line)
{
	struct build *build;

	if (line->build_id.len > 0 && modules->id[0] != '\0' &&
	    is_same_id(modules->id, line->build_id))
		return modules->frames;
	if (!is_named(modules, line->module)) {
		modules->of_others++;
		remember_foreign(modules, line->module);
		return NULL;
	}
	if (line->build_id.len == 0)
		return modules->frames;
	build = find_build(modules, line->build_id, line->module);
	if (build == NULL || build->frames == NULL) {
		modules->of_other_builds++;
		return NULL;
	}
	return build->frames;
}

/* A report without build IDs may still be of another build. */
static bool
is_of_this_build(struct report_modules *modules, const struct report_line *line,
    const struct report_spot *spot)
{
	if (line->build_id.len > 0)
		return true;
	if (!modules->is_contradicted &&
	    is_elsewhere(spot->frames, line->function, spot->address)) {
		modules->is_contradicted = true;
		fprintf(stderr,
		    "fuzzsupctl: 0x%" PRIx64 " is %.*s in the report, and another "
		    "function in this executable: the report is of another build; its "
		    "frames stay as they are from here on\n",
		    spot->address, (int)line->function.len, line->function.text);
	}
	return !modules->is_contradicted;
}

/* Of two frames in one executable the second called the first: a call ends behind what
 * sanitizers print of it. In another build there seldom is one. */
static void
check_caller(struct report_modules *modules, const struct report_line *line,
    const struct report_spot *spot)
{
	const unsigned machine = elf_image_machine(frames_image(spot->frames));

	if (!line->is_numbered || line->is_return || line->build_id.len > 0 ||
	    !code_call_knows(machine))
		return;
	if (line->number > 0 && line->number == modules->next_caller) {
		modules->callers++;
		if (!frames_is_behind_call(
			spot->frames, spot->address + (machine == EM_AARCH64 ? 4 : 1)))
			modules->not_calling++;
	}
	modules->next_caller = line->number + 1;
}

bool
report_modules_find(struct report_modules *modules, const struct report_line *line,
    struct report_spot *ret_spot)
{
	struct report_spot spot = { .frames = modules->frames };

	modules->seen++;
	if (line->module.len == 0) {
		spot.address = address_of_pc(modules, spot.frames, line->address);
		if (!frames_have_code(spot.frames, spot.address)) {
			modules->without_module++;
			return false;
		}
	} else {
		spot.frames = choose(modules, line);
		if (spot.frames == NULL)
			return false;
		if (!find_address(modules, line, spot.frames, &spot.address)) {
			modules->nowhere++;
			return false;
		}
		if (!is_of_this_build(modules, line, &spot)) {
			modules->of_other_builds++;
			return false;
		}
		learn_base(modules, line, &spot);
		check_caller(modules, line, &spot);
	}
	if (line->is_return && frames_is_behind_call(spot.frames, spot.address))
		spot.address--;
	*ret_spot = spot;
	return true;
}

/* ---- stacks without modules ---- */

bool
report_modules_misses_base(
    const struct report_modules *modules, const struct report_line *line)
{
	return line->pc.len > 0 && line->module.len == 0 &&
	    (line->form == REPORT_RUST || line->form == REPORT_LOGGED ||
		line->form == REPORT_FRAME) &&
	    frames_are_movable(modules->frames) &&
	    !frames_have_code(modules->frames,
		address_of_pc(modules, modules->frames, line->address));
}

/* How many of @pcs stand behind calls if the executable is at @base; 0 if one in its code
 * does not. */
static size_t
count_returns(struct frames *frames, uint64_t base, const uint64_t *pcs, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		if (pcs[i] < base || !frames_have_code(frames, pcs[i] - base))
			continue;
		if (!frames_is_behind_call(frames, pcs[i] - base))
			return 0;
		count++;
	}
	return count;
}

/* The first PC is in the executable, at each page of its code in turn. */
void
report_modules_conclude_base(
    struct report_modules *modules, const uint64_t *pcs, size_t len)
{
	struct frames *frames = modules->frames;
	uint64_t start, end, found = 0, base;
	size_t count, best = 0;

	elf_image_code_bounds(frames_image(frames), &start, &end);
	if (len < RETURNS_MIN || end - start > CODE_MAX ||
	    modules->attempts == ATTEMPTS_MAX ||
	    !code_call_knows(elf_image_machine(frames_image(frames))))
		return;
	for (uint64_t page = start / PAGE * PAGE; page < end; page += PAGE) {
		base = pcs[0] - (page + pcs[0] % PAGE);
		if (base > pcs[0])
			continue;
		count = count_returns(frames, base, pcs, 1) == 0
		    ? 0
		    : count_returns(frames, base, pcs, len);
		if (count >= RETURNS_MIN && count == best)
			found = 0; /* two places are none */
		if (count < RETURNS_MIN || count <= best)
			continue;
		best = count;
		found = base;
	}
	if (found == 0) {
		modules->attempts++;
		return;
	}
	modules->base = found;
	fprintf(stderr,
	    "fuzzsupctl: a stack names no modules; its %zu return addresses fit where "
	    "the executable was loaded at 0x%" PRIx64 "\n",
	    best, found);
}

/* ---- counts ---- */

void
report_modules_pass(struct report_modules *modules)
{
	modules->named++;
}

void
report_modules_count(struct report_modules *modules, bool is_told)
{
	if (is_told)
		modules->told++;
	else
		modules->unknown++;
}

/* ---- the end ---- */

static void
conclude_nothing(const struct report_modules *modules, const char *executable)
{
	if (modules->seen == 0) {
		fprintf(stderr, "fuzzsupctl: %s: %s\n", executable,
		    modules->named > 0
			? "the frames in what was read are told already"
			: "no frame stands in what was read; --addresses takes each "
			  "line as an address");
		return;
	}
	fprintf(stderr, "fuzzsupctl: %s: of %lu frames none could be told", executable,
	    modules->seen);
	for (size_t i = 0; i < modules->foreign_len; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "; they are in",
		    modules->foreign[i]);
	if (modules->foreign_len > 0)
		fputs("; --module NAME says that one is this executable", stderr);
	if (modules->without_module > 0)
		fprintf(stderr,
		    "; %lu name no module, and nothing says where it was loaded",
		    modules->without_module);
	fputc('\n', stderr);
}

bool
report_modules_conclude(const struct report_modules *modules, const char *executable)
{
	const bool is_improbable = modules->callers >= CALLERS_MIN &&
	    2 * modules->not_calling > modules->callers;

	if (modules->told + modules->of_other_builds + modules->nowhere == 0)
		conclude_nothing(modules, executable);
	if (modules->of_other_builds > 0)
		fprintf(stderr,
		    "fuzzsupctl: %s: %lu frames of another build were left as they "
		    "are\n",
		    executable, modules->of_other_builds);
	if (modules->nowhere > 0)
		fprintf(stderr,
		    "fuzzsupctl: %s: where %lu frames are it has no code: the report "
		    "is of another build\n",
		    executable, modules->nowhere);
	if (is_improbable)
		fprintf(stderr,
		    "fuzzsupctl: %s: at %lu of %lu places that should call there is no "
		    "call: the report, which carries no build IDs, seems to be of "
		    "another build; lines are likely to be wrong\n",
		    executable, modules->not_calling, modules->callers);
	return modules->of_other_builds > 0 || modules->nowhere > 0 || is_improbable;
}

int
report_modules_new(struct frames *frames, const char *const *names, size_t names_len,
    frames_open_cb open_cb, void *context, struct report_modules **ret_modules)
{
	struct report_modules *modules = calloc(1, sizeof(*modules));

	if (modules == NULL)
		return -ENOMEM;
	modules->frames = frames;
	modules->names = names;
	modules->names_len = names_len;
	modules->open_cb = open_cb;
	modules->context = context;
	write_id(frames, modules->id);
	*ret_modules = modules;
	return 0;
}

void
report_modules_free(struct report_modules *modules)
{
	if (modules == NULL)
		return;
	for (size_t i = 0; i < modules->builds_len; i++) {
		frames_free(modules->builds[i].frames);
		if (modules->builds[i].fd >= 0)
			close(modules->builds[i].fd);
	}
	free(modules);
}
