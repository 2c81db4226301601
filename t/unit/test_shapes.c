/* SPDX-License-Identifier: MIT
 * What sources' shapes make of lines' states.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_shapes.h"

#define LINES_MAX 64

/* @drawing: lines that begin with a state's letter (Reached, Partly, Missed, Unknown, Idle; a
 * space: no code; r and p: not led) and "|", and then the source. Returns the letters after all. */
static const char *
correct_of(const char *drawing, enum source_language language, enum line_file_kind kind)
{
	static const char letters[] = " IMUPR", unled[] = "    pr";
	static char result[LINES_MAX + 1];
	struct wire_line lines[LINES_MAX];
	uint32_t order[LINES_MAX], len = 0, number = 0;
	uint8_t states[LINES_MAX], led[LINES_MAX], shapes[LINES_MAX * 100];
	const char *letter;
	char text[4096] = "";
	size_t shapes_len;

	memset(result, 0, sizeof(result));
	for (const char *at = drawing; *at != '\0'; at = strchr(at, '\n') + 1) {
		assert_int_equal(at[1], '|');
		result[number++] = ' ';
		strncat(text, at + 2, (size_t)(strchr(at, '\n') + 1 - (at + 2)));
		if (*at == ' ')
			continue;
		lines[len] = (struct wire_line){ 0, number };
		order[len] = len;
		letter = strchr(letters, *at);
		led[len] = letter != NULL;
		states[len++] = (uint8_t)(letter != NULL ? letter - letters
							 : strchr(unled, *at) - unled);
	}
	shapes_len = line_shapes_read(text, strlen(text), language, shapes);
	assert_true(shapes_len <= line_shapes_max(strlen(text)));
	line_shapes_apply(shapes, shapes_len, lines, order, len, led, kind, states);
	for (uint32_t i = 0; i < len; i++)
		result[lines[i].line - 1] = letters[states[i]];
	return result;
}

static const char *
correct(const char *drawing, enum source_language language)
{
	return correct_of(drawing, language, LINE_FILE_INLINED);
}

static void
test_blocks(void **state)
{
	(void)state;
	/* The end of what ran, and the head of what ran. */
	assert_string_equal(correct("I|int f(int x)\n"
				    "M|{\n"
				    "R|	if (x) {\n"
				    "R|		g();\n"
				    "M|	}\n"
				    "M|}\n",
				SOURCE_C),
	    "RRRRRR");
	/* The end of what did not. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "M|		g();\n"
				    "R|	}\n",
				SOURCE_C),
	    "PMM");
	/* Nobody knows of what is inside. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "U|		g();\n"
				    "R|	}\n",
				SOURCE_C),
	    "PUR");
	/* Either way counts for what stands between. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "R|		g();\n"
				    "M|	} else {\n"
				    "M|		h();\n"
				    "M|	}\n",
				SOURCE_C),
	    "PRRMM");
	assert_string_equal(correct("P|	if (x) {\n"
				    "M|		g();\n"
				    "M|	} else {\n"
				    " |		h = 1;\n"
				    " |	}\n",
				SOURCE_C),
	    "PMR  ");
	/* But whether what stands behind "else" was asked is another question. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "R|		g();\n"
				    "M|	} else if (y) {\n"
				    "M|		h();\n"
				    "M|	} else if (z) {\n"
				    "M|		h();\n"
				    "M|	}\n",
				SOURCE_C),
	    "PRRMMMM");
}

static void
test_statements(void **state)
{
	(void)state;
	/* A condition that was never asked stands in a statement that was. */
	assert_string_equal(correct("R|	if (a\n"
				    "M|	    && b\n"
				    "M|	    && c)\n"
				    "M|		g();\n"
				    "R|	h();\n",
				SOURCE_C),
	    "RPPMR");
	assert_string_equal(correct("M|	f(a,\n"
				    "R|	    b);\n"
				    "R|	c = d ?\n"
				    "M|	    e : g;\n",
				SOURCE_C),
	    "RRRU");
	/* What stands behind a statement without a way out is come to. */
	assert_string_equal(correct(" |{\n"
				    "R|	g();\n"
				    "M|	return rc;\n"
				    "R|}\n",
				SOURCE_C),
	    " RRR");
	assert_string_equal(correct(" |{\n"
				    "P|	if (x) return 1;\n"
				    "M|	return rc;\n"
				    "R|}\n",
				SOURCE_C),
	    " PUU");
	assert_string_equal(correct(" |{\n"
				    "P|	if (x)\n"
				    "M|		g();\n"
				    "R|	h();\n"
				    "M|lost:\n"
				    "R|	i();\n"
				    "R|}\n",
				SOURCE_C),
	    " PMRMRR");
	/* One that ran behind one that did not. */
	assert_string_equal(correct(" |{\n"
				    "M|	g();\n"
				    "R|	if (rc) {\n"
				    "M|		h();\n"
				    " |	}\n"
				    " |}\n",
				SOURCE_C),
	    " UUM  ");
	assert_string_equal(correct(" |	switch (x) {\n"
				    "M|	case 1: g(); break;\n"
				    "R|	case 2: h(); break;\n"
				    "M|	case 3:\n"
				    "R|	default: i();\n"
				    "R|	}\n",
				SOURCE_C),
	    " MRMRR");
	assert_string_equal(correct(" |	match x {\n"
				    "M|		A => g(),\n"
				    "R|		B => h(),\n"
				    "M|		C => i(),\n"
				    " |	}\n",
				SOURCE_RUST),
	    " MRM ");
}

/* Of what machine code does not tell, what stands beside it may. */
static void
test_unknowns(void **state)
{
	(void)state;
	assert_string_equal(correct("R|{\n"
				    "U|	f();\n"
				    "U|	if (a)\n"
				    "M|		g();\n"
				    "R|	h();\n"
				    "U|	i();\n"
				    " |}\n",
				SOURCE_C),
	    "RRRMRR ");
	assert_string_equal(correct("P|	if (a) {\n"
				    "M|		g();\n"
				    "U|		h();\n"
				    " |	}\n",
				SOURCE_C),
	    "PMM ");
	/* A label, or a way out, and nobody knows. */
	assert_string_equal(correct("R|{\n"
				    "U|	f();\n"
				    " |	case 1:\n"
				    "R|	h();\n"
				    "R|	if (a) return;\n"
				    "U|	i();\n"
				    "r|	j();\n"
				    " |}\n",
				SOURCE_C),
	    "RU RRUR ");
}

/* One without an instruction of its own. */
static void
test_silent_ways(void **state)
{
	(void)state;
	assert_string_equal(correct("R|	if (a) {\n"
				    "R|		g();\n"
				    " |		break;\n"
				    " |	}\n"
				    "U|	h();\n"
				    "M|	i();\n",
				SOURCE_C),
	    "RR  UM");
}

/* Wherever the brace stands, it belongs to what is before it. */
static void
test_brace_alone(void **state)
{
	(void)state;
	assert_string_equal(correct("P|	if (a)\n"
				    " |	{\n"
				    "r|		if (b)\n"
				    "M|			g();\n"
				    " |	}\n"
				    "R|	h();\n"
				    "M|	return;\n",
				SOURCE_C),
	    "P UM RR");
	assert_string_equal(correct("R|	switch (a)\n"
				    " |	{\n"
				    " |	case 1:\n"
				    " |	{\n"
				    "M|		return b;\n"
				    "M|	}\n"
				    " |	}\n",
				SOURCE_C),
	    "R   MM ");
	/* The head of a function that may have been inlined: a constructor's, above its brace. */
	assert_string_equal(correct("I|node::node(): _root(0)\n"
				    "U|{\n"
				    "U|}\n"
				    "I|other::other(): _root(0)\n"
				    "I|{\n"
				    "I|}\n",
				SOURCE_C),
	    "UUUIII");
}

/* A small function may have been put wherever it is called, and have left nothing there. */
static void
test_functions(void **state)
{
	(void)state;
	/* A destructor without code leaves nothing in any case. */
	assert_string_equal(correct("I|node::~node()\n"
				    "I|{\n"
				    "I|}\n"
				    "I|other::~other() {}\n"
				    "I|third::~third() = default;\n"
				    "I|fourth::~fourth()\n"
				    "I|{\n"
				    "I|	g();\n"
				    "I|}\n",
				SOURCE_C),
	    "UUUUUIIII");
	/* Who came into one without code came out of it. */
	assert_string_equal(correct("R|node::node() : base(0)\n"
				    "R|{\n"
				    "U|}\n"
				    "U|other::other() : base(0)\n"
				    "U|{\n"
				    "U|}\n",
				SOURCE_C),
	    "RRRUUU");
	assert_string_equal(correct("I|	pub fn f(&self) -> u32 {\n"
				    " |		u32::from(self)\n"
				    "I|	}\n",
				SOURCE_RUST),
	    "U U");
	assert_string_equal(correct("I|	fn f(&self) -> u32 {\n"
				    " |		g(h(self))\n"
				    "I|	}\n",
				SOURCE_RUST),
	    "I I");
	/* The same of one of which others have copies, none of which seems to have run; one did. */
	assert_string_equal(correct(" |	fn lower(&self) -> u8 {\n"
				    "M|		self.start\n"
				    " |	}\n"
				    " |	fn upper(&self) -> u8 {\n"
				    "R|		self.end\n"
				    "M|	}\n",
				SOURCE_RUST),
	    " U  RR");
	assert_string_equal(correct("I|	fn f(&self) -> u32 {\n"
				    "I|		if self.x { 1 } else { 2 }\n"
				    "I|	}\n",
				SOURCE_RUST),
	    "III");
	assert_string_equal(correct("I|int f(int x) {\n"
				    "I|	return x;\n"
				    "I|}\n",
				SOURCE_C),
	    "III");
	assert_string_equal(correct("I|	virtual ~A() {}\n"
				    "I|	void f() {}\n"
				    "I|	int f() { return x; }\n",
				SOURCE_C),
	    "UII");
	/* But not where nothing is inlined. */
	assert_string_equal(correct_of("I|	fn f(&self) -> u32 {\n"
				       " |		self.x\n"
				       "I|	}\n"
				       "I|	fn f(&self) -> u32 { self.x }\n",
				SOURCE_RUST, LINE_FILE_PLAIN),
	    "I II");
	/* An arm that a compiler may have made a table's entry: not where it was counted before. */
	assert_string_equal(correct_of("R|	match x {\n"
				       "R|		1 => 0x100,\n"
				       "M|		2 => 0x200,\n"
				       "M|		_ => x,\n"
				       "R|	}\n",
				SOURCE_RUST, LINE_FILE_PLAIN),
	    "RRUUR");
	assert_string_equal(correct_of("R|	match x {\n"
				       "R|		1 => 0x100,\n"
				       "M|		2 => 0x200,\n"
				       "M|		_ => x,\n"
				       "R|	}\n",
				SOURCE_RUST, LINE_FILE_COUNTED),
	    "RRMMR");
	/* Functions of one line do not follow each other. */
	assert_string_equal(correct("I|	fn never(x: i64) -> i64 { x - 1 }\n"
				    "R|	fn called(x: i64) -> i64 { x + 1 }\n"
				    "I|	fn late(x: i64) -> i64 { x + 1 }\n"
				    " |	}\n",
				SOURCE_RUST),
	    "URU ");
	/* A closure, wherever it stands. */
	assert_string_equal(correct("R|	fn f() {\n"
				    "R|		let late = |x: u8| {\n"
				    "I|			if x > 3 {\n"
				    "I|				return 4;\n"
				    "I|			}\n"
				    "I|			x + a\n"
				    "I|		};\n"
				    "R|		g(a | b);\n"
				    "R|	}\n",
				SOURCE_RUST),
	    "RRIIIIIRR");
	/* Who enters one comes to what is first in it, and where nothing leaves to its end. */
	assert_string_equal(correct("R|	fn f(&self) -> Result<()> {\n"
				    " |		self.g();\n"
				    "U|		Ok(())\n"
				    "U|	}\n",
				SOURCE_RUST),
	    "R RR");
	assert_string_equal(correct("R|	pub fn new<I>(ranges: I) -> Set\n"
				    " |	where\n"
				    " |		I: Iterator,\n"
				    " |	{\n"
				    "M|		Set { set: Other::new(ranges) }\n"
				    "U|	}\n",
				SOURCE_RUST),
	    "R   RR");
	/* What seems never to have been entered is another copy's. */
	assert_string_equal(correct("R|	pub fn build(&self) -> Parser {\n"
				    "R|		Parser {\n"
				    "I|			octal: self.octal,\n"
				    "U|			limit: self.limit,\n"
				    " |		}\n"
				    "I|	}\n",
				SOURCE_RUST),
	    "RRRR R");
	assert_string_equal(correct("R|	fn f(&mut self) -> Result<()> {\n"
				    "P|		if a {\n"
				    "I|			self.g(1)?;\n"
				    " |		} else {\n"
				    "I|			self.g(2)?;\n"
				    " |		}\n"
				    "R|		self.h().map_err(|e| {\n"
				    "I|			e.i()\n"
				    " |		})?;\n"
				    "R|	}\n",
				SOURCE_RUST),
	    "RPU U RI R");
	assert_string_equal(correct("R|	async fn f() {\n"
				    "M|		g();\n"
				    "M|	}\n",
				SOURCE_RUST),
	    "RMM");
	/* A closure's code is another's. */
	assert_string_equal(correct(" |	fn f(&self) -> Result<()> {\n"
				    " |		self.g().map_err(|e| {\n"
				    "M|			h(e)\n"
				    " |		})\n"
				    "R|	}\n",
				SOURCE_RUST),
	    "  M R");
}

/* What Rust evaluates, and where nothing of it may be seen. */
static void
test_rust(void **state)
{
	(void)state;
	/* What goes on behind a block goes on with what stands before it. */
	assert_string_equal(correct("R|	let y = f(a)\n"
				    "R|		.map(|x| match x {\n"
				    "R|			1 => 2,\n"
				    "M|			_ => unreachable!(\"never\"),\n"
				    " |		})\n"
				    "R|		.parse_next(input);\n",
				SOURCE_RUST),
	    "RRRM R");
	/* A block's head is not what another one has that stands before it in its statement. */
	assert_string_equal(correct("R|	let y = f(a)\n"
				    "R|		.map(|x| {\n"
				    "M|			g(x);\n"
				    "M|			h(x)\n"
				    " |		})\n"
				    "R|		.or_else(|| {\n"
				    "R|			k()\n"
				    " |		});\n",
				SOURCE_RUST),
	    "RRMM RR ");
	/* An operand is counted where it stands, also if its block ran. */
	assert_string_equal(correct("R|	if a\n"
				    "M|		&& b(x)\n"
				    "M|		&& c(x)\n"
				    " |	{\n"
				    "M|		g();\n"
				    " |	}\n"
				    "R|	if !a\n"
				    "M|		|| b(x)\n"
				    " |	{\n"
				    "R|		g();\n"
				    " |	}\n",
				SOURCE_RUST),
	    "RMM M RM R ");
	/* What a pattern names is the block's. */
	assert_string_equal(correct("R|	if let Some((a, b)) =\n"
				    "R|		f(x)\n"
				    " |	{\n"
				    "M|		g(a);\n"
				    " |	}\n"
				    "R|	while let Some(a) =\n"
				    "R|		f(x)\n"
				    " |	{\n"
				    "R|		g(a);\n"
				    " |	}\n"
				    "R|	let a =\n"
				    "R|		f(x);\n"
				    "R|	if let Some(a) = f(x) {\n"
				    "M|		g(a);\n"
				    " |	}\n"
				    "R|	if let Some(a) =\n"
				    "R|		f(x)\n"
				    " |	{\n"
				    " |	}\n",
				SOURCE_RUST),
	    "MR M RR R RRRM UR  ");
	assert_string_equal(correct("P|		a = self.f(\n"
				    "R|			b,\n"
				    "R|		)?;\n"
				    "R|		g();\n",
				SOURCE_RUST),
	    "PRUR");
	assert_string_equal(correct("P|		a = f(|e| {\n"
				    "M|			g(e)\n"
				    "R|		})?;\n",
				SOURCE_RUST),
	    "PMU");
	/* Strings of other lengths are not compared; and of values a table is made. */
	assert_string_equal(correct("P|	match name {\n"
				    "P|		\"alnum\" => Some(Alnum),\n"
				    "M|		\"ascii\" => Some(Ascii),\n"
				    "M|		Name::Other => Some((1, None)),\n"
				    "M|		Name::Call => other(),\n"
				    "M|		Name::Macro => vec![],\n"
				    "M|		Name::Index => list[0],\n"
				    "M|		Name::Out => return 1,\n"
				    "M|		Name::Fails => value?,\n"
				    "M|		Name::Block => {\n"
				    "M|		}\n"
				    "M|		Name(n) if n > 1 => None,\n"
				    " |	}\n",
				SOURCE_RUST),
	    "PPUUMMMMMMMU ");
	/* Of an assertion only its failure may be left. */
	assert_string_equal(correct("R|	if let Some(last) = self.last {\n"
				    "M|		assert!(\n"
				    " |			last < c,\n"
				    "M|			\"message\"\n"
				    " |		);\n"
				    " |	}\n",
				SOURCE_RUST),
	    "RU M  ");
	assert_string_equal(
	    correct("R|	fn f(&self) -> char {\n"
		    " |		self.text()\n"
		    "M|		    .unwrap_or_else(|| panic!(\"none\"))\n"
		    "R|	}\n",
		SOURCE_RUST),
	    "R UR");
	assert_string_equal(correct("P|	if x {\n"
				    "M|		panic!(\"x\");\n"
				    " |	}\n",
				SOURCE_RUST),
	    "PM ");
	/* An "if" ends for those, too, that passed it by. */
	assert_string_equal(correct("P|	if x.is_empty() {\n"
				    "M|		return None;\n"
				    "M|	}\n"
				    "R|	g();\n",
				SOURCE_RUST),
	    "PMRR");
	assert_string_equal(correct("P|	if x.is_empty() {\n"
				    "R|		g();\n"
				    " |	} else {\n"
				    "M|		h();\n"
				    "M|	}\n",
				SOURCE_RUST),
	    "PR MM");
}

/* Heads whose code belongs to another line. */
static void
test_heads(void **state)
{
	(void)state;
	/* "do" runs if its block does. */
	assert_string_equal(correct("M|	if (op < len) {\n"
				    " |		len -= op;\n"
				    "R|		do {\n"
				    "M|			*out++ = *from++;\n"
				    "M|		} while (--op);\n"
				    " |	}\n",
				SOURCE_C),
	    "M MMM ");
	assert_string_equal(correct("M|	if (op < len) {\n"
				    "R|		do {\n"
				    "R|			*out++ = *from++;\n"
				    "R|		} while (--op);\n"
				    " |	}\n",
				SOURCE_C),
	    "RRRR ");
	/* Who was asked for a condition was asked for those before. */
	assert_string_equal(correct("P|	if (n < 128) {\n"
				    "R|		f();\n"
				    "M|	} else if (u && n < 256) {\n"
				    "M|		g();\n"
				    "P|	} else if (n < 32768) {\n"
				    "R|		h();\n"
				    " |	}\n",
				SOURCE_C),
	    "PRRMPR ");
	assert_string_equal(correct("P|	if (n < 128)\n"
				    " |	{\n"
				    "R|		f();\n"
				    " |	}\n"
				    "M|	else if (u && n < 256)\n"
				    " |	{\n"
				    "M|		g();\n"
				    " |	}\n"
				    "P|	else if (n < 32768)\n"
				    " |	{\n"
				    "R|		h();\n"
				    " |	}\n",
				SOURCE_C),
	    "P R R M P R ");
	assert_string_equal(correct("M|	if (exp < -308)\n"
				    "M|		return 0.0;\n"
				    "R|	else if (exp >= 0)\n"
				    "R|		return f();\n"
				    "R|	else\n"
				    "R|		return g();\n"
				    " |	}\n",
				SOURCE_C),
	    "RMRRRR ");
	/* Several that lead to one that ran. */
	assert_string_equal(correct("P|	if (a)\n"
				    "M|		f();\n"
				    "M|	if (b)\n"
				    "M|		g();\n"
				    "M|	if (c)\n"
				    "M|		h();\n"
				    "R|	i();\n"
				    " |	}\n",
				SOURCE_C),
	    "PMUMUMU ");
	/* The last catch shares its end with those before. */
	assert_string_equal(correct("R|	try {\n"
				    "R|		f();\n"
				    "R|	} catch (const a &) {\n"
				    "R|		g();\n"
				    "R|	} catch (const b &) {\n"
				    "R|	}\n",
				SOURCE_C),
	    "RRRRRU");
	assert_string_equal(correct("R|	try {\n"
				    "R|		f();\n"
				    "P|	} catch (const a &) {\n"
				    "R|	}\n",
				SOURCE_C),
	    "RRPR");
	/* Behind a "return" of which nobody knows stands nothing better. */
	assert_string_equal(correct("R|int f(void) {\n"
				    "P|	if (a) {\n"
				    "R|		return 1;\n"
				    " |	}\n"
				    "U|	g();\n"
				    " |	return 2;\n"
				    "R|}\n",
				SOURCE_C),
	    "RPR U U");
}

/* What hides a way out, or a way in. */
static void
test_hidden_ways(void **state)
{
	(void)state;
	assert_string_equal(correct(" |{\n"
				    "R|	CHECK(x > 200);\n"
				    "M|	return x + 3;\n"
				    "R|}\n",
				SOURCE_C),
	    " RUU");
	assert_string_equal(correct(" |{\n"
				    "R|	ensure!(x > 200);\n"
				    "M|	return x;\n"
				    "R|}\n",
				SOURCE_RUST),
	    " RUU");
	assert_string_equal(correct(" |{\n"
				    "R|	let z = parse(x)?;\n"
				    "M|	Ok(z)\n"
				    "R|}\n",
				SOURCE_RUST),
	    " RMU");
	assert_string_equal(correct("R|int f(int x) {\n"
				    "M|	if (sink > x) {\n"
				    "M|		g();\n"
				    " |inside:\n"
				    "R|		h();\n"
				    " |	}\n"
				    "R|}\n",
				SOURCE_C),
	    "RMM R R");
	assert_string_equal(correct("M|	switch (n) {\n"
				    "M|	case 0: do {\n"
				    "M|		g();\n"
				    "R|	case 1: h();\n"
				    "R|	} while (x);\n"
				    " |	}\n",
				SOURCE_C),
	    "RMMRR ");
}

/* Of what is computed together with the condition that it hangs on nobody can tell. */
static void
test_computed_ahead(void **state)
{
	(void)state;
	assert_string_equal(correct("P|	if (a) {\n"
				    "r|		if (b)\n"
				    "M|			g();\n"
				    " |	}\n",
				SOURCE_C),
	    "PUM ");
	assert_string_equal(correct("P|	if (a) {\n"
				    "r|		x = b;\n"
				    "R|		g();\n"
				    " |	}\n",
				SOURCE_C),
	    "PRR ");
	assert_string_equal(correct("P|	if (a)\n"
				    "r|		x = 1;\n",
				SOURCE_C),
	    "PU");
	/* A loop computes nothing ahead. */
	assert_string_equal(correct("P|	for (;;)\n"
				    "r|		x = 1;\n"
				    "P|	while (b) {\n"
				    "r|		x = 1;\n"
				    " |	}\n",
				SOURCE_C),
	    "PRPR ");
	/* Nor does the head of a block that did not run for certain run for its sake. */
	assert_string_equal(correct("R|	if (a) {\n"
				    "M|		g();\n"
				    "M|		if (b) {\n"
				    "r|			x = 1;\n"
				    " |		}\n"
				    " |	}\n",
				SOURCE_C),
	    "RMMU  ");
}

static void
test_chains(void **state)
{
	(void)state;
	/* Where the first block has no code, either way may have been gone. */
	assert_string_equal(correct("P|	if (x) {\n"
				    " |		h = 1;\n"
				    "M|	} else if (y\n"
				    "M|	    && z) {\n"
				    "M|		g();\n"
				    "M|	} else {\n"
				    "M|		h();\n"
				    "M|	}\n",
				SOURCE_C),
	    "P UMMMMM");
	/* Neither way ran, though one must have. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "M|		g();\n"
				    "M|	} else {\n"
				    "M|		h();\n"
				    "M|	}\n",
				SOURCE_C),
	    "PMUMM");
	/* What the end of a block shares with the condition behind it proves neither. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "R|		g();\n"
				    "r|	} else if (y) {\n"
				    "M|		h();\n"
				    "M|	} else {\n"
				    "M|		i();\n"
				    "M|	}\n",
				SOURCE_C),
	    "PRRMUMM");
	/* The line of an "else" that decides nothing in it is the end of the block. */
	assert_string_equal(correct("P|	if (x) {\n"
				    "M|		g();\n"
				    "M|	} else\n"
				    " |#endif\n"
				    " |	{\n"
				    "R|		h();\n"
				    " |	}\n",
				SOURCE_C),
	    "PMM  R ");
}

/* A line that begins within an operand runs only where that is evaluated. */
static void
test_operands(void **state)
{
	(void)state;
	assert_string_equal(correct("R|	if (a\n"
				    "P|	    && (b\n"
				    "M|	        || c)\n"
				    "M|	    && d)\n",
				SOURCE_C),
	    "RPUP");
	assert_string_equal(correct("R|	if (a\n"
				    "M|	    && (b\n"
				    "M|	        || c)\n"
				    "M|	    && d)\n",
				SOURCE_C),
	    "RPMP");
	assert_string_equal(correct("R|	x = a || b\n"
				    "M|	    && c;\n"
				    "R|	x = a && b\n"
				    "M|	    || c;\n"
				    "R|	f(a || b,\n"
				    "M|	    c);\n",
				SOURCE_C),
	    "RURPRP");
}

/* What stands last tells whether the end was come to. */
static void
test_ends(void **state)
{
	(void)state;
	assert_string_equal(correct(" |	do {\n"
				    "P|		if (a) break;\n"
				    "M|		h();\n"
				    "M|	} while (x);\n",
				SOURCE_C),
	    " PMM");
	assert_string_equal(correct("R|void f(void) {\n"
				    "P|	if (a) return;\n"
				    "M|	h();\n"
				    "R|}\n",
				SOURCE_C),
	    "RPMU");
	/* Behind a "return" nobody comes; what stands there belongs to all cases. */
	assert_string_equal(correct("R|	switch (x) {\n"
				    " |	case 1: {\n"
				    "R|		g();\n"
				    "R|		return 1;\n"
				    "R|	}\n"
				    " |	case 2: {\n"
				    "M|		g();\n"
				    "R|	}\n"
				    " |	}\n",
				SOURCE_C),
	    "R RR  MM ");
	/* It did run if that case did, and if whoever came to labels of many above it would be counted
	 * there. */
	assert_string_equal(correct("R|	switch (x) {\n"
				    " |	case 1:\n"
				    " |	case 2:\n"
				    "R|		return 0;\n"
				    " |	case 3: {\n"
				    "R|		return 1;\n"
				    "M|	}\n"
				    " |	case 4: {\n"
				    "M|		return 1;\n"
				    "R|	}\n"
				    " |	case 5:\n"
				    " |	case 6:\n"
				    "M|		return 2;\n"
				    " |	case 7: {\n"
				    "R|		return 3;\n"
				    "R|	}\n"
				    " |	}\n",
				SOURCE_C),
	    "R  R RR MM  M R  ");
	/* So is that of many a "return": neither what decides on it ran, nor what is before that. */
	assert_string_equal(correct("M|	n = f();\n"
				    "M|	if (n > m) {\n"
				    "R|		return g();\n"
				    " |	}\n"
				    "M|	h();\n",
				SOURCE_C),
	    "MMU M");
	assert_string_equal(correct("R|	n = f();\n"
				    "M|	if (n > m) {\n"
				    "R|		return g();\n"
				    " |	}\n",
				SOURCE_C),
	    "RRR ");
	/* The code of many a "break" is one. */
	assert_string_equal(correct(" |	case 1:\n"
				    "M|		g();\n"
				    "R|		break;\n",
				SOURCE_C),
	    " MM");
}

static void
test_lexer(void **state)
{
	(void)state;
	/* Braces that are none. */
	assert_string_equal(
	    correct("R|{ char *a = \"{\\\"{\", b = '{', c = '\\'', d = '{'; /* {\n"
		    " | { */ int e = 1'000; // {\n"
		    " |#define F { \\\n"
		    " | {\n"
		    " |	char *r = R\"x({)\" \"{ )x\";\n"
		    "R|	g();\n"
		    "M|}\n",
		SOURCE_C),
	    "R    RR");
	assert_string_equal(
	    correct(
		"R|fn f<'a>(x: &'a str) { let c = '{'; let d = '\\''; /* /* { */ { */\n"
		" |	let s = r#\"{ \" {\"#; let t = \"{\n"
		" | {\";\n"
		"R|	g();\n"
		"M|}\n",
		SOURCE_RUST),
	    "R  RR");
	assert_string_equal(correct("R|fn f() void {\n"
				    " |	const s =\n"
				    " |	    \\\\ {\n"
				    " |	;\n"
				    "R|	g();\n"
				    "M|}\n",
				SOURCE_ZIG),
	    "R   RR");
	/* Each branch of a condition opens the same block. */
	assert_string_equal(correct("M|int f(void) {\n"
				    " |#ifdef A\n"
				    " |	if (a) {\n"
				    " |#else\n"
				    "P|	if (b) {\n"
				    " |#endif\n"
				    "M|		g();\n"
				    "R|	}\n"
				    "R|	h();\n"
				    "M|}\n",
				SOURCE_C),
	    "R   P MMRR");
	assert_int_equal(source_language_of("/a.c/b.cc"), SOURCE_C);
	assert_int_equal(source_language_of("/a.c/b"), SOURCE_UNKNOWN);
	assert_int_equal(source_language_of("x.rs"), SOURCE_RUST);
	assert_int_equal(source_language_of("x.r"), SOURCE_UNKNOWN);
}

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16 & 0x7fff;
}

/* Any text, and any bytes for shapes. */
static void
test_hostile(void **state)
{
	static const char some[] = "{}()[];:,?&|'\"\\\n\n\n#/*rR if else case=> x1";
	struct wire_line lines[LINES_MAX];
	uint32_t order[LINES_MAX], seed = 1;

	(void)state;
	for (uint32_t i = 0; i < LINES_MAX; i++) {
		lines[i] = (struct wire_line){ 0, i + 1 };
		order[i] = i;
	}
	for (int round = 0; round < 20000; round++) {
		const size_t len = next(&seed) % 300;
		char *text = malloc(len + 1);
		unsigned char *shapes = malloc(line_shapes_max(len));
		uint8_t *states = malloc(LINES_MAX), led[LINES_MAX];
		size_t shapes_len;

		assert_true(text != NULL && shapes != NULL && states != NULL);
		text = realloc(text, len > 0 ? len : 1);
		for (size_t i = 0; i < len; i++)
			text[i] = round % 3 != 0
			    ? some[next(&seed) % (sizeof(some) - 1)]
			    : (char)next(&seed);
		for (uint32_t i = 0; i < LINES_MAX; i++) {
			states[i] = (uint8_t)(next(&seed) % (LINE_REACHED + 1));
			led[i] = next(&seed) % 2 != 0;
		}
		shapes_len = line_shapes_read(
		    text, len, (enum source_language)(round % 4), shapes);
		assert_true(shapes_len <= line_shapes_max(len));
		shapes = realloc(shapes, shapes_len > 0 ? shapes_len : 1);
		for (size_t i = 0; round % 2 != 0 && i < shapes_len; i++)
			shapes[i] = (unsigned char)next(&seed);
		line_shapes_apply(shapes, shapes_len, lines, order, LINES_MAX, led,
		    (enum line_file_kind)(round % 3), states);
		for (uint32_t i = 0; i < LINES_MAX; i++)
			assert_true(states[i] <= LINE_REACHED);
		free(text);
		free(shapes);
		free(states);
	}
}

/* What copies lost that were begun is unknown, but not in what something decides on. */
static void
test_lost(void **state)
{
	static const char text[] = "int f(int x)\n" /* 1 */
				   "{\n"
				   "	int limit = 3;\n"
				   "	if (x < 0)\n"
				   "		x = 0;\n" /* 5 */
				   "	if (x > 9) {\n"
				   "		g();\n"
				   "	} else {\n"
				   "		h();\n"
				   "	}\n" /* 10 */
				   "	while (x--)\n"
				   "		i();\n"
				   "	{\n"
				   "		return limit;\n"
				   "	}\n" /* 15 */
				   "}\n";
	static const char rust[] = "fn f(x: E) -> i64 {\n"
				   "	match x {\n"
				   "		E::A => a(),\n"
				   "		E::B => {\n"
				   "			b()\n" /* 5 */
				   "		}\n"
				   "	}\n"
				   "	c()\n"
				   "}\n";
	static const struct {
		const char *text, *states;
		enum source_language language;
	} cases[] = { { text, "UUUUMUMMMMUMUUUU", SOURCE_C },
		{ rust, "UUMMMMUUU", SOURCE_RUST }, { "", "UUU", SOURCE_UNKNOWN } };
	struct wire_line lines[16];
	uint32_t order[16];
	uint8_t lost[16], states[16], shapes[sizeof(text) * 100];

	(void)state;
	for (uint32_t i = 0; i < 16; i++) {
		lines[i] = (struct wire_line){ 0, i + 1 };
		order[i] = i;
		lost[i] = 1;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t len = (uint32_t)strlen(cases[i].states);
		const size_t shapes_len = line_shapes_read(
		    cases[i].text, strlen(cases[i].text), cases[i].language, shapes);

		for (uint32_t k = 0; k < len; k++)
			states[k] = k % 2 != 0 ? LINE_MISSED : LINE_IDLE;
		line_shapes_lose(shapes, shapes_len, lines, order, len, lost, states);
		for (uint32_t k = 0; k < len; k++)
			assert_int_equal(
			    states[k] == LINE_UNKNOWN, cases[i].states[k] == 'U');
	}
	/* Only what was lost, and seems missed. */
	states[0] = LINE_MISSED;
	states[1] = LINE_REACHED;
	states[2] = LINE_NONE;
	lost[0] = 0;
	line_shapes_lose(NULL, 0, lines, order, 3, lost, states);
	assert_memory_equal(
	    states, ((uint8_t[]){ LINE_MISSED, LINE_REACHED, LINE_NONE }), 3);
}

/* Deep ones, and many at once, cost what their bytes cost. */
static void
test_deep(void **state)
{
	const size_t len = 1 << 20;
	char *text = malloc(len);
	unsigned char *shapes = malloc(line_shapes_max(len));
	struct wire_line line = { 0, 1 };
	uint32_t order = 0;
	uint8_t led = 1, states = LINE_MISSED;
	size_t shapes_len;

	(void)state;
	assert_true(text != NULL && shapes != NULL);
	for (size_t i = 0; i < len; i++)
		text[i] = i % 2 != 0 ? '\n' : i < len / 2 ? '{' : '}';
	shapes_len = line_shapes_read(text, len, SOURCE_C, shapes);
	assert_true(shapes_len > len / 2);
	line_shapes_apply(
	    shapes, shapes_len, &line, &order, 1, &led, LINE_FILE_INLINED, &states);
	free(text);
	free(shapes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_unknowns),
		cmocka_unit_test(test_silent_ways),
		cmocka_unit_test(test_brace_alone),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_rust),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_hidden_ways),
		cmocka_unit_test(test_computed_ahead),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_lexer),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
