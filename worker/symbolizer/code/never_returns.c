/* SPDX-License-Identifier: MIT
 * Which functions nobody comes back from; in the symbolizer.
 */
#include "config.h"

#include "never_returns.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

/* A run that ends there ends with a report, or a signal. */
static const char *const crashes[] = {
	"__asan_report_load*",
	"__asan_report_store*",
	"__asan_report_exp_load*",
	"__asan_report_exp_store*",
	"__hwasan_report*",
	"__msan_warning_noreturn",
	"__msan_warning_with_origin_noreturn",
	"__ubsan_handle_*_abort",
	"__sanitizer_*_report",
	"__stack_chk_fail",
	"__fortify_fail",
	"__chk_fail",
	"__assert_fail",
	"__assert_perror_fail",
	"__assert_rtn",
	"abort",
};

/* A sanitizer that may go on. */
static const char *const survivors[] = { "*_noabort" };

static const char *const others[] = {
	"exit",
	"_exit",
	"_Exit",
	"quick_exit",
	"pthread_exit",
	"err",
	"errx",
	"verr",
	"verrx",
	"longjmp",
	"_longjmp",
	"siglongjmp",
	"__longjmp_chk",
	"_Unwind_Resume",
	"__cxa_throw",
	"__cxa_rethrow",
	"__cxa_bad_cast",
	"__cxa_bad_typeid",
	"__cxa_throw_bad_array_new_length",
	"__cxa_pure_virtual",
	"_ZSt9terminatev",
	"__clang_call_terminate",
	"_ZSt*__throw_*",
	"_ZN4core9panicking*",
	"_ZN4core6option13expect_failed*",
	"_ZN4core6option13unwrap_failed*",
	"_ZN4core6result13unwrap_failed*",
	"_ZN4core5slice5index*_fail*",
	"_ZN4core3str16slice_error_fail*",
	"_ZN5alloc5alloc18handle_alloc_error*",
	"_ZN5alloc7raw_vec17capacity_overflow*",
	"_ZN3std9panicking*",
	"_ZN3std7process4exit*",
	"_ZN3std7process5abort*",
	"_R*4core9panicking*",
	"_R*3std9panicking*",
	"rust_begin_unwind",
	"rust_panic",
};

/* Callbacks that compilers add, and what they make calls of. */
static const char *const helpers[] = { "__sanitizer_*", "__asan_*", "__hwasan_*",
	"__msan_*", "__tsan_*", "__ubsan_*", "memcpy", "memmove", "memset", "memcmp",
	"bcmp", "strlen" };

static const char *const throwers[] = { "__cxa_throw", "__cxa_rethrow",
	"_Unwind_RaiseException", "rust_panic" };
static const char *const jumpers[] = { "longjmp", "_longjmp", "siglongjmp",
	"__longjmp_chk" };
static const char *const catchers[] = { "__cxa_begin_catch" };

enum verdict { NOT_ASKED, RETURNS, NEVER };

struct address {
	uint64_t at;
	enum call_end end;
};

struct never_returns {
	const struct function_ranges *ranges;
	struct code_memory *memory;
	const struct code_machine *machine;
	struct address *known; /* functions, stubs of the PLT and slots of the GOT */
	size_t len, size;
	unsigned char *verdicts; /* enum verdict, by range */
	enum call_leaves leaves; /* what any function might do */
};

/* ---- by name ---- */

static bool
is_one_of(const char *name, const char *const *patterns, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		/* Most differ in a letter at the start. */
		if (patterns[i][0] != '*' &&
		    (patterns[i][0] != name[0] || patterns[i][1] != name[1]))
			continue;
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	}
	return false;
}

#define LEN(list) (sizeof(list) / sizeof((list)[0]))

static enum call_end
end_by_name(struct never_returns *never, struct byte_text text)
{
	char name[256];

	if (text.text == NULL || text.len < 3 || text.len >= sizeof(name))
		return CALL_RETURNS;
	memcpy(name, text.text, text.len);
	name[text.len] = '\0';
	if (is_one_of(name, crashes, LEN(crashes)))
		return is_one_of(name, survivors, LEN(survivors)) ? CALL_RETURNS
								  : CALL_CRASHES;
	if (is_one_of(name, jumpers, LEN(jumpers)))
		never->leaves = CALL_JUMPS;
	else if (never->leaves == CALL_STAYS &&
	    is_one_of(name, throwers, LEN(throwers)))
		never->leaves = CALL_THROWS;
	return is_one_of(name, others, LEN(others))    ? CALL_NEVER_RETURNS
	    : is_one_of(name, helpers, LEN(helpers))   ? CALL_COMES_BACK
	    : is_one_of(name, catchers, LEN(catchers)) ? CALL_CATCHES
						       : CALL_RETURNS;
}

enum call_leaves
never_returns_leaves(const struct never_returns *never, enum call_end end)
{
	return end == CALL_RETURNS ? never->leaves : CALL_STAYS;
}

static int
add(struct never_returns *never, uint64_t at, enum call_end end)
{
	size_t wanted = never->size * 2 + 64;
	struct address *larger;

	if (end == CALL_RETURNS)
		return 0;
	if (never->len == never->size) {
		larger = realloc(never->known, wanted * sizeof(*larger));
		if (larger == NULL)
			return -ENOMEM;
		never->known = larger;
		never->size = wanted;
	}
	never->known[never->len++] = (struct address){ at, end };
	return 0;
}

static int
compare_addresses(const void *a, const void *b)
{
	const struct address *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Among the first @len, which are sorted. */
static enum call_end
end_at(const struct never_returns *never, size_t len, uint64_t at)
{
	const struct address key = { .at = at };
	const struct address *found = len > 0
	    ? bsearch(&key, never->known, len, sizeof(key), compare_addresses)
	    : NULL;

	return found != NULL ? found->end : CALL_RETURNS;
}

static void
sort(struct never_returns *never)
{
	if (never->len > 0)
		qsort(
		    never->known, never->len, sizeof(*never->known), compare_addresses);
}

/* ---- behind the PLT ---- */

static bool
is_slot(const struct never_returns *never, uint64_t type)
{
	const uint32_t *types = never->machine->slot_types;

	return type == types[0] || type == types[1];
}

static struct byte_text
symbol_name(const struct elf_section *symbols, const struct elf_section *strings,
    uint64_t index)
{
	struct byte_reader reader = byte_reader_over(strings->data, strings->size);
	struct byte_text none = { 0 };
	Elf64_Sym symbol;

	if (index >= symbols->size / sizeof(symbol))
		return none;
	memcpy(&symbol, symbols->data + index * sizeof(symbol), sizeof(symbol));
	byte_reader_skip(&reader, symbol.st_name);
	if (byte_reader_left(&reader) > 256)
		reader.end = reader.at + 256;
	return byte_reader_text(&reader);
}

/* Slots of the GOT that the dynamic linker fills with such a function. */
static int
add_slots(struct never_returns *never)
{
	struct elf_image *image = never->ranges->image;
	struct elf_section table, symbols, strings;
	struct failure ignored;
	Elf64_Rela entry;
	size_t index = 0;
	int r = 0;

	while (
	    r == 0 && elf_image_next(image, SHT_RELA, &index, &table, &ignored) == 0) {
		if ((table.header.sh_flags & SHF_ALLOC) == 0 ||
		    elf_image_section_at(
			image, table.header.sh_link, &symbols, &ignored) < 0 ||
		    elf_image_section_at(
			image, symbols.header.sh_link, &strings, &ignored) < 0)
			continue;
		for (size_t at = 0; r == 0 && table.size - at >= sizeof(entry);
		    at += sizeof(entry)) {
			memcpy(&entry, table.data + at, sizeof(entry));
			if (is_slot(never, ELF64_R_TYPE(entry.r_info)))
				r = add(never, entry.r_offset,
				    end_by_name(never,
					symbol_name(&symbols, &strings,
					    ELF64_R_SYM(entry.r_info))));
		}
	}
	return r;
}

/* A stub begins where its section's entries do, or where its code does. */
static int
add_stubs(struct never_returns *never, const char *section, unsigned entry)
{
	const struct code_machine *machine = never->machine;
	const uint64_t within = machine->stub_begins_there ? 0 : entry - 1;
	struct elf_image *image = never->ranges->image;
	struct elf_section plt;
	struct failure ignored;
	uint64_t address, slot;
	const size_t slots_len = never->len;
	int r = 0;

	if (elf_image_section(image, section, &plt, &ignored) < 0)
		return 0;
	sort(never);
	for (size_t at = 0; r == 0 && plt.size - at >= 4; at += 2) {
		address = plt.header.sh_addr + at;
		slot = machine->slot_of_stub(plt.data + at, plt.size - at, address);
		if (slot != 0)
			r = add(
			    never, address & ~within, end_at(never, slots_len, slot));
	}
	return r;
}

/* Without a version. */
static struct byte_text
plain_name(const char *text, size_t len)
{
	const char *version = memchr(text, '@', len);

	return (
	    struct byte_text){ text, version != NULL ? (size_t)(version - text) : len };
}

/* The name of whom a linker's veneer calls for who is too far away; of others their own. */
static struct byte_text
behind_veneer(struct byte_text name)
{
	static const char *const starts[] = { "__AArch64ADRPThunk_",
		"__AArch64AbsLongThunk_" };
	static const char end[] = "_veneer";
	const size_t end_len = sizeof(end) - 1;

	for (size_t i = 0; i < LEN(starts); i++) {
		const size_t len = strlen(starts[i]);

		if (name.len > len && memcmp(name.text, starts[i], len) == 0)
			return plain_name(name.text + len, name.len - len);
	}
	if (name.len > 2 + end_len && memcmp(name.text, "__", 2) == 0 &&
	    memcmp(name.text + name.len - end_len, end, end_len) == 0)
		return plain_name(name.text + 2, name.len - 2 - end_len);
	return name;
}

static int
add_functions(struct never_returns *never)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < never->ranges->len; i++)
		r = add(never, never->ranges->list[i].start,
		    end_by_name(
			never, behind_veneer(never->ranges->list[i].symbol->name)));
	return r;
}

int
never_returns_new(const struct function_ranges *ranges, struct code_memory *memory,
    const struct code_machine *machine, struct never_returns **ret_never)
{
	struct never_returns *never = calloc(1, sizeof(*never));
	int r;

	if (never == NULL)
		return -ENOMEM;
	never->ranges = ranges;
	never->memory = memory;
	never->machine = machine;
	never->verdicts = calloc(ranges->len + 1, 1);
	r = never->verdicts != NULL ? add_slots(never) : -ENOMEM;
	if (r == 0)
		r = add_stubs(never, ".plt", 16);
	if (r == 0)
		r = add_stubs(never, ".plt.sec", 16);
	if (r == 0)
		r = add_stubs(never, ".plt.got", 8);
	if (r == 0)
		r = add_functions(never);
	if (r < 0) {
		never_returns_free(never);
		return r;
	}
	sort(never);
	*ret_never = never;
	return 0;
}

void
never_returns_free(struct never_returns *never)
{
	if (never == NULL)
		return;
	free(never->known);
	free(never->verdicts);
	free(never);
}

/* ---- by code ---- */

static enum verdict
look_at(struct never_returns *never, const struct function_range *range)
{
	struct code_trail trail = { 0 };
	struct code_step step = { .kind = CODE_PLAIN };
	const unsigned char *code;
	enum code_kind last = CODE_PLAIN;
	uint64_t len, at = 0;
	size_t left;

	code = code_memory_at(never->memory, range->start, &left);
	len = range->end - range->start;
	if (code == NULL || len > left)
		return RETURNS;
	while (at < len) {
		step = never->machine->step(
		    code + at, code + len, range->start + at, &trail);
		if (step.len == 0 || step.kind == CODE_RETURN || step.kind == CODE_LEAP)
			return RETURNS;
		if ((step.kind == CODE_JUMP || step.kind == CODE_BRANCH) &&
		    step.target - range->start >= len)
			return RETURNS;
		if (step.kind != CODE_PADDING)
			last = step.kind;
		at += step.len;
	}
	return last == CODE_END || last == CODE_JUMP || last == CODE_CALL ? NEVER
									  : RETURNS;
}

enum call_end
never_returns_ask(struct never_returns *never, const struct code_step *call)
{
	enum call_end end = end_at(never, never->len, call->target);
	const struct function_ranges *ranges = never->ranges;
	unsigned char *verdict;
	size_t index;

	if (end != CALL_RETURNS || call->by_slot || call->target == 0)
		return end;
	index = function_ranges_from(ranges, call->target);
	if (index == ranges->len || ranges->list[index].start != call->target)
		return CALL_RETURNS;
	verdict = &never->verdicts[index];
	if (*verdict == NOT_ASKED)
		*verdict = (unsigned char)look_at(never, &ranges->list[index]);
	return *verdict == NEVER ? CALL_NEVER_RETURNS : CALL_RETURNS;
}
