/* SPDX-License-Identifier: MIT
 * Names of C++ and Rust: what each demangler is needed for, what none of them knows, and
 * what is made to be endless.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbolizer/names/demangle.h"

struct name {
	const char *mangled, *plain;
};

/* libiberty of 2023 (Debian 12) knows these. */
static const struct name known[] = {
	{ "main", "main" },
	{ "f", "f" },
	{ "_Z3foov", "foo()" },
	{ "_ZN1SC1ERKS_", "S::S(S const&)" },
	{ "_ZNSt6vectorIS_IiSaIiEESaIS1_EE9push_backEOS1_",
	    "std::vector<std::vector<int, std::allocator<int>>, "
	    "std::allocator<std::vector<int, std::allocator<int>>>>::push_back"
	    "(std::vector<int, std::allocator<int>>&&)" },
	{ "_ZN1AgtES_", "A::operator>(A)" },
	{ "_Z1fIiEvT_Q", "_Z1fIiEvT_Q" }, /* cut */
	{ "_ZZ1fiENKUlvE_clEv", "f(int)::{lambda()#1}::operator()() const" },
	{ "_ZZ4mainENK3$_0clIiEEDaT_", "auto main::$_0::operator()<int>(int) const" },
	{ "_ZTV1A", "vtable for A" },
	{ "_ZN3foo3barEv.part.0", "foo::bar() [clone .part.0]" },
	{ "_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE",
	    "core::fmt::Formatter::write_str" },
	{ "_ZN45_$LT$u32$u20$as$u20$core..ops..arith..Add$GT$3add17h0123456789abcdefE",
	    "<u32 as core::ops::arith::Add>::add" },
	{ "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
	{ "_RNvMC7mycrateNtB2_1S3new", "<mycrate::S>::new" },
};

/* These are LLVM's: constraints, explicit objects, types that are newer. */
static const struct name newer[] = {
	{ "_Z3oneITk5SmallsEiT_", "int one<short>(short)" },
	{ "_Z3twoIsQ5SmallIT_EEiS0_", "int two<short>(T)" },
	{ "_Z5threeIlEiT_QltstS0_Li16E",
	    "int three<long>(long) requires sizeof (long) < 16" },
	{ "_Z4fourITk5SmallcEiT_", "int four<char>(char)" },
	{ "_Z4fiveITnDk5SmallLi7EEiv", "int five<7>()" },
	{ "_Z2frIiQsr3stdE8integralIT_EEi1SS0_", "int fr<int>(S, T)" },
	{ "_ZNH1S3getERKS_i", "S::get(this S const&, int)" },
	{ "_ZNH1S3genIRS_EEiOT_", "int S::gen<S&>(this S&)" },
	{ "_Z2biDB17_", "bi(_BitInt(17))" },
};

/* Nobody's here: a generic lambda without a number that has a constraint, of Clang. Each is
 * shown as the linker knows it. */
static const struct name unknown[] = {
	{ "_ZZ4mainENK3$_2clIiEEDaT_Qgtszfp_Li2E",
	    "_ZZ4mainENK3$_2clIiEEDaT_Qgtszfp_Li2E" },
};

static void
check(const struct name *names, size_t len)
{
	char *plain;

	for (size_t i = 0; i < len; i++) {
		plain = demangle(names[i].mangled, strlen(names[i].mangled));
		assert_non_null(plain);
		assert_string_equal(plain, names[i].plain);
		free(plain);
	}
}

static void
test_known(void **state)
{
	(void)state;
	check(known, sizeof(known) / sizeof(known[0]));
	check(unknown, sizeof(unknown) / sizeof(unknown[0]));
}

static void
test_newer(void **state)
{
	(void)state;
#ifdef WITH_LLVM_DEMANGLER
	check(newer, sizeof(newer) / sizeof(newer[0]));
#else
	(void)newer;
	print_message("built without LLVM's demangler\n");
#endif
}

/* Repeats @part between @start and @end; both demanglers recurse for some of them. */
static void
repeat(const char *start, const char *part, const char *end, size_t size)
{
	char *name = malloc(size + 64), *plain, *at = name;

	assert_non_null(name);
	at = stpcpy(at, start);
	while ((size_t)(at - name) + strlen(part) + strlen(end) < size)
		at = stpcpy(at, part);
	stpcpy(at, end);
	plain = demangle(name, strlen(name));
	assert_non_null(plain);
	free(plain);
	free(name);
}

static void
test_deep(void **state)
{
	static const char *const parts[][3] = {
		{ "_Z1f", "P", "i" },
		{ "_Z1fIX", "ad", "Li1EEEvv" },
		{ "_Z", "1aI", "i" },
		{ "_Z1f", "FP", "" },
		{ "_Z1fIiEvT_Q", "nt", "Lb1E" },
		{ "_Z1f", "Mi", "i" },
		{ "_Z1fITk", "N", "E" },
		{ "_R", "INvC1a1bp", "E" },
		{ "_ZNH", "1S", "E" },
	};
	static const size_t sizes[] = { 100, 2000, 8100, 16300, 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			repeat(parts[i][0], parts[i][1], parts[i][2], sizes[k]);
}

/* Each argument holds the one before twice: 60 of them, whatever demangler takes it. */
static void
test_doubled(void **state)
{
	static const char *const starts[] = { "_Z1fI", "_Z1fITk5SmallsE", "_ZNH1S1fI" };
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[4096], number[4], *plain;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		for (unsigned first = 0; first < 4; first++) {
			len =
			    (size_t)snprintf(name, sizeof(name), "%s1aIiiE", starts[i]);
			for (unsigned k = 0; k < 60; k++) {
				const unsigned n = first + k;

				snprintf(number, sizeof(number), "%.*s%c", n >= 36,
				    n >= 36 ? "1" : "", digits[n % 36]);
				len += (size_t)snprintf(name + len, sizeof(name) - len,
				    "1aIS%s_S%s_E", number, number);
			}
			snprintf(name + len, sizeof(name) - len, "EEvv");
			plain = demangle(name, strlen(name));
			assert_non_null(plain);
			assert_true(strlen(plain) <= 65536);
			free(plain);
		}
}

/* Letters in each other's place: no sanitizer complains, nothing ends the process. */
static void
test_damaged(void **state)
{
	static const char letters[] = "EISTKQHNLZXRPFDUlvi_0123456789tksrgtfpcl";
	char name[256], *plain;
	unsigned chance = 38;

	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		snprintf(name, sizeof(name), "%s",
		    newer[round % (sizeof(newer) / sizeof(newer[0]))].mangled);
		for (unsigned k = 0; k < 1 + round % 5; k++) {
			chance = chance * 1103515245U + 12345U;
			name[2 + (chance >> 8) % (strlen(name) - 2)] =
			    letters[(chance >> 16) % (sizeof(letters) - 1)];
		}
		plain = demangle(name, strlen(name));
		assert_non_null(plain);
		free(plain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
