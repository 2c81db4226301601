/* SPDX-License-Identifier: MIT
 * Reads a source's shapes: a lexer that knows brackets, statements' ends, comments and literals,
 * and no grammar.
 */
#include "line_shapes.h"

#include "line_shape_code.h"

#define DEPTH_MAX 256
#define CONDITIONS_MAX 64
#define TINY_CALLS 1
#define BRACKETS_MAX 32 /* deeper ones are taken for the last */

/* Of a statement's tokens so far. */
struct statement {
	uint32_t line;     /* of its first token; 0: it has none */
	uint32_t words;    /* before anything else, 2 at most */
	uint32_t brackets; /* "(" and "[" that are open */
	uint32_t
	    kinds; /* flags of the shape of what it opens, wherever the brace stands */
	bool is_case, is_control, has_question;
	bool has_let;              /* decides by a pattern (Rust) */
	bool destroys;             /* has a "~" */
	bool is_given;             /* "= default" */
	bool is_async, is_closure; /* what it opens runs at another time */
	bool head_done; /* what is behind is a statement of its own, or a block */
};

/* What a bracket of a statement is in the middle of. */
enum operand {
	OPERAND_FIRST,
	OPERAND_AND, /* behind "&&" */
	OPERAND_OR,  /* behind "||", "?" or its ":": "&&" ends none of these */
};

/* The function at hand, where the language names it as one. */
struct function {
	uint32_t depth; /* of its block; 0: there is none */
	uint32_t calls;
	bool decides;
};

/* An open brace, or a condition of the preprocessor: what it began in. */
struct saved {
	struct statement statement;
	uint32_t depth;
};

struct lexer {
	const char *text, *at, *end;
	enum source_language language;
	uint32_t line;
	struct statement statement;
	uint32_t depth; /* open braces */
	struct saved braces[DEPTH_MAX];
	struct saved conditions[CONDITIONS_MAX];
	uint32_t conditions_len;
	struct function function;
	/* of the line at hand */
	struct line_shape shape;
	bool has_token, has_other, ends_in_else;
	bool has_hook;     /* a "?" */
	bool is_not_hook;  /* has something beside it that ends nothing */
	bool begins_quote; /* with a string */
	bool is_value; /* it is an arm of a match, and does nothing but give a value */
	bool ends_brackets;
	bool is_empty; /* the last token began a block */
	/* of the statement's brackets, from none on */
	uint8_t operands[BRACKETS_MAX];
	/* the last token asks for more; is "=" */
	bool wants_more, is_equals;
	unsigned char *out;
	size_t out_len;
	uint32_t told; /* the last line that has a shape */
};

/* ---- what comes out ---- */

static void
put_number(struct lexer *lexer, uint32_t number)
{
	for (; number >= 0x80; number >>= 7)
		lexer->out[lexer->out_len++] = (unsigned char)(number | 0x80);
	lexer->out[lexer->out_len++] = (unsigned char)number;
}

static uint32_t
capped(uint32_t number, uint32_t most)
{
	return number < most ? number : most;
}

static void
end_line(struct lexer *lexer)
{
	struct line_shape *shape = &lexer->shape;

	if ((shape->flags & SHAPE_ENDS) != 0 && !lexer->has_other && shape->opens == 0)
		shape->flags |= SHAPE_ALL;
	/* What is decided stands in another line. */
	if (lexer->ends_in_else) {
		shape->flags &= ~(uint32_t)SHAPE_ELSE;
		lexer->statement.line = 0;
	}
	if (shape->opens == 0)
		shape->flags &= ~(uint32_t)(SHAPE_PLAIN_ELSE | SHAPE_DO | SHAPE_LATE |
		    SHAPE_FUNCTION | SHAPE_CATCH);
	if (lexer->is_equals && lexer->statement.has_let &&
	    lexer->statement.line == lexer->line)
		shape->flags |= SHAPE_BINDS;
	if (lexer->has_hook && !lexer->is_not_hook)
		shape->flags |= SHAPE_HOOK;
	else if (lexer->ends_brackets && !lexer->has_other)
		shape->flags |= SHAPE_ASKS;
	/* Strings are told apart by their lengths first. */
	if (lexer->begins_quote && lexer->language == SOURCE_RUST &&
	    (shape->flags & SHAPE_LABEL) != 0)
		shape->flags |= SHAPE_ASKS;
	/* Of those compilers make a table, or a sum. */
	if (lexer->is_value && shape->opens == 0)
		shape->flags |= SHAPE_ASKS;
	if (shape->opens == 0 && (shape->flags & SHAPE_GOES_ON) == 0)
		shape->head = 0;
	shape->flags |= (shape->closes > 0 ? SHAPE_CLOSES : 0u) |
	    (shape->opens > 0 ? SHAPE_OPENS : 0u) | (shape->head > 0 ? SHAPE_HEAD : 0u);
	if ((shape->flags & SHAPE_ALL) == 0)
		shape->flags &= ~(uint32_t)SHAPE_FALLS;
	if (shape->flags != 0) {
		put_number(lexer, lexer->line - lexer->told);
		put_number(lexer, shape->flags);
		if (shape->closes > 0)
			put_number(lexer, capped(shape->closes, SHAPE_BLOCKS_MAX));
		if (shape->opens > 0)
			put_number(lexer, capped(shape->opens, SHAPE_BLOCKS_MAX));
		if (shape->head > 0)
			put_number(lexer, shape->head);
		lexer->told = lexer->line;
	}
	lexer->line++;
	*shape = (struct line_shape){ 0 };
	lexer->has_token = lexer->has_other = lexer->ends_in_else = false;
	lexer->has_hook = lexer->is_not_hook = lexer->begins_quote = false;
	lexer->ends_brackets = lexer->is_value = false;
}

static void
end_statement(struct lexer *lexer)
{
	lexer->statement = (struct statement){ 0 };
	lexer->wants_more = false;
	lexer->operands[0] = OPERAND_FIRST;
}

static uint8_t *
operand_at(struct lexer *lexer, uint32_t brackets)
{
	return &lexer->operands[brackets < BRACKETS_MAX ? brackets : BRACKETS_MAX - 1];
}

/* Whether a line that begins with @first, twice or once, goes on with an operand. */
static bool
is_inner(struct lexer *lexer, char first)
{
	const uint32_t brackets = lexer->statement.brackets;
	const uint8_t at_hand = *operand_at(lexer, brackets);
	const bool twice = lexer->at + 1 < lexer->end && lexer->at[1] == first;

	for (uint32_t i = 0; i < brackets && i < BRACKETS_MAX; i++)
		if (*operand_at(lexer, i) != OPERAND_FIRST)
			return true;
	/* Between patterns. */
	if (first == '|' && !twice && lexer->language == SOURCE_RUST)
		return true;
	if (first == '?' || first == ':' || (first == '|' && twice))
		return false;
	return at_hand == OPERAND_OR ||
	    (at_hand == OPERAND_AND && !(first == '&' && twice));
}

/* The same of one that the language's coverage counts for itself. */
static bool
is_apart(const struct lexer *lexer, char first)
{
	return lexer->language == SOURCE_RUST && (first == '|' || first == '&') &&
	    lexer->at + 1 < lexer->end && lexer->at[1] == first;
}

/* ---- tokens ---- */

static uint32_t
head_of(const struct lexer *lexer)
{
	const uint32_t line = lexer->statement.line;
	const uint32_t head = line != 0 ? lexer->line - line : 0;

	return head <= SHAPE_HEAD_MAX ? head : 0;
}

/* Before each token. @goes_on: one with which nothing begins. */
static void
begin_token(struct lexer *lexer, char first, bool goes_on)
{
	struct statement *statement = &lexer->statement;

	lexer->is_equals = false;
	/* "if (x)" and what stands behind it are two. */
	if (statement->head_done && first != '{') {
		end_statement(lexer);
		if (!lexer->has_token)
			lexer->shape.flags |= SHAPE_CONTROLLED;
	}
	if (!lexer->has_token && statement->line != 0 &&
	    statement->line < lexer->line && first != ')' && first != '{' &&
	    first != '}' && (statement->brackets > 0 || goes_on || lexer->wants_more)) {
		lexer->shape.flags |= SHAPE_GOES_ON |
		    (is_inner(lexer, first) ? SHAPE_INNER : 0u) |
		    (is_apart(lexer, first) ? SHAPE_INNER | SHAPE_APART : 0u);
		lexer->shape.head = head_of(lexer);
	}
	lexer->has_token = true;
	lexer->is_empty = lexer->is_empty && first == '}';
	lexer->ends_in_else = false;
	if (statement->line == 0 && first != '}')
		statement->line = lexer->line;
	if (first != '}' && first != ';' && first != ',' && first != ')') {
		lexer->has_other = true;
		lexer->is_not_hook =
		    lexer->is_not_hook || (first != '?' && first != ']');
	}
	lexer->wants_more = goes_on;
}

/* Of one within another nothing is told, nor of the other. */
static void
begin_function(struct lexer *lexer)
{
	lexer->function = (struct function){ .depth = lexer->depth + 1,
		.decides = lexer->function.depth != 0 };
}

static void
end_function(struct lexer *lexer)
{
	if (lexer->function.calls <= TINY_CALLS && !lexer->function.decides)
		lexer->shape.flags |= SHAPE_TINY;
	lexer->function = (struct function){ 0 };
}

/* Whether what it opens may run at another time. */
static bool
is_late(const struct statement *statement)
{
	return statement->brackets > 0 || statement->is_async ||
	    (statement->is_closure && (statement->kinds & SHAPE_DECIDES) == 0);
}

static void
open_brace(struct lexer *lexer)
{
	begin_token(lexer, '{', false);
	if ((lexer->statement.kinds & SHAPE_FUNCTION) != 0)
		begin_function(lexer);
	if (lexer->shape.opens == 0) {
		lexer->shape.head = head_of(lexer);
		lexer->shape.flags |= lexer->statement.kinds |
		    (is_late(&lexer->statement) ? SHAPE_LATE : 0u);
	}
	lexer->shape.opens++;
	if (lexer->depth < DEPTH_MAX)
		lexer->braces[lexer->depth] =
		    (struct saved){ .statement = lexer->statement };
	lexer->depth++;
	end_statement(lexer);
	lexer->is_empty = true;
}

/* Rust's coverage counts those that an "if" passed by at its end. */
static bool
is_falling(const struct lexer *lexer)
{
	return lexer->language == SOURCE_RUST &&
	    (lexer->braces[lexer->depth].statement.kinds &
		(SHAPE_DECIDES | SHAPE_LOOP | SHAPE_PLAIN_ELSE)) == SHAPE_DECIDES;
}

static void
close_brace(struct lexer *lexer)
{
	const bool is_first = !lexer->has_token;

	begin_token(lexer, '}', false);
	if (lexer->shape.opens > 0) {
		/* Perhaps a function in one line, which others do not follow. */
		lexer->shape.opens--;
		if (lexer->function.depth == 0 || lexer->function.depth == lexer->depth)
			lexer->shape.flags |= SHAPE_LABEL;
	} else {
		lexer->shape.closes++;
		if (is_first)
			lexer->shape.flags |= SHAPE_ENDS;
	}
	end_statement(lexer);
	if (lexer->depth == 0)
		return;
	if (lexer->depth == lexer->function.depth)
		end_function(lexer);
	lexer->depth--;
	/* Nothing tells of a destructor without code. */
	if (lexer->depth < DEPTH_MAX && lexer->is_empty && lexer->shape.opens == 0 &&
	    lexer->braces[lexer->depth].statement.destroys)
		lexer->shape.flags |= SHAPE_TINY;
	lexer->is_empty = false;
	if (lexer->depth < DEPTH_MAX && is_falling(lexer))
		lexer->shape.flags |= SHAPE_FALLS;
	/* Within brackets the statement goes on behind it. */
	if (lexer->depth < DEPTH_MAX &&
	    lexer->braces[lexer->depth].statement.brackets > 0)
		lexer->statement = lexer->braces[lexer->depth].statement;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '$' || (unsigned char)c >= 0x80;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What a call's bracket stands behind. */
static bool
ends_name(char c)
{
	return is_letter(c) || is_digit(c) || c == '>';
}

/* Whether the bracket that was just passed calls something: a value's name begins with a capital. */
static bool
is_call(const struct lexer *lexer)
{
	const char *at = lexer->at - 1;

	while (at > lexer->text && (is_letter(at[-1]) || is_digit(at[-1])))
		at--;
	return at < lexer->at - 1 && (*at < 'A' || *at > 'Z');
}

static void
bracket(struct lexer *lexer, char c)
{
	struct statement *statement = &lexer->statement;

	begin_token(lexer, c, false);
	statement->words = 2;
	if (c == '(' || c == '[') {
		if (c == '(' && lexer->function.depth != 0)
			lexer->function.calls += ends_name(lexer->at[-2]);
		lexer->is_value = lexer->is_value && c == '(' && !is_call(lexer);
		statement->brackets++;
		*operand_at(lexer, statement->brackets) = OPERAND_FIRST;
	} else if (statement->brackets > 0) {
		lexer->ends_brackets = true;
		statement->brackets--;
		if (c == ')' && statement->brackets == 0 && statement->is_control)
			statement->head_done = true;
	}
}

static bool
is_word(const char *word, size_t len, const char *const *words)
{
	size_t i;

	for (; *words != NULL; words++) {
		for (i = 0; i < len && (*words)[i] == word[i]; i++)
			;
		if (i == len && (*words)[i] == '\0')
			return true;
	}
	return false;
}

/* By its name: at least two letters, and none is small. */
static bool
is_macro(const char *word, size_t len)
{
	size_t letters = 0;

	for (size_t i = 0; i < len; i++) {
		if (word[i] >= 'a' && word[i] <= 'z')
			return false;
		letters += word[i] >= 'A' && word[i] <= 'Z';
	}
	return letters > 1;
}

static bool
is_called(const struct lexer *lexer)
{
	const char *at = lexer->at;

	while (at < lexer->end && (*at == ' ' || *at == '\t'))
		at++;
	return at < lexer->end && *at == '(';
}

/* The last "\"" of a raw string whose opening one is at @quote; what it ends with stands in
 * @hashes (Rust) or between quote and "(" (C++). */
static void skip_raw(struct lexer *lexer, uint32_t hashes);

/* Of the line at hand: a run may not come to what is behind it. */
static void
may_leave(struct lexer *lexer, uint32_t kinds)
{
	lexer->shape.flags |= kinds;
	lexer->function.decides = true;
}

/* The same, and of what the statement opens. */
static void
decide(struct lexer *lexer, uint32_t kinds)
{
	may_leave(lexer, kinds);
	lexer->statement.kinds |= kinds;
}

static void
take_else(struct lexer *lexer)
{
	if (!lexer->has_token)
		lexer->shape.flags |= SHAPE_CONTROLLED | SHAPE_ELSE;
	else if ((lexer->shape.flags & SHAPE_ENDS) != 0 && !lexer->has_other)
		lexer->shape.flags |= SHAPE_ELSE;
	begin_token(lexer, 'a', false);
	decide(lexer, SHAPE_DECIDES | SHAPE_PLAIN_ELSE);
	lexer->statement.words = 2;
	lexer->statement.head_done = true;
	lexer->ends_in_else = true;
}

/* Of those that may leave what is behind them unevaluated. */
static void
take_operator(struct lexer *lexer, char c)
{
	uint8_t *operand = operand_at(lexer, lexer->statement.brackets);

	if (c != '&')
		*operand = OPERAND_OR;
	else if (*operand == OPERAND_FIRST)
		*operand = OPERAND_AND;
}

/* Rust and Zig say where a function begins, and what may be evaluated with no code of its own. */
static void
take_function(struct lexer *lexer, const char *start, size_t len)
{
	static const char *const functions[] = { "fn", NULL };
	static const char *const late[] = { "async", NULL };
	static const char *const lets[] = { "let", NULL };
	static const char *const asserts[] = { "assert", "assert_eq", "assert_ne",
		"debug_assert", "debug_assert_eq", "debug_assert_ne", NULL };
	static const char *const panics[] = { "panic", "unreachable", "unimplemented",
		"todo", NULL };

	if (lexer->language == SOURCE_C)
		return;
	if (is_word(start, len, late))
		lexer->statement.is_async = true;
	if (is_word(start, len, lets) && (lexer->statement.kinds & SHAPE_DECIDES) != 0)
		lexer->statement.has_let = true;
	if (is_word(start, len, functions) && lexer->statement.brackets == 0 &&
	    !lexer->statement.is_async)
		lexer->statement.kinds |= SHAPE_FUNCTION;
	/* What is left of the rest may be no more than that. */
	if ((lexer->statement.words == 0 && is_word(start, len, asserts)) ||
	    (lexer->statement.brackets > 0 && is_word(start, len, panics)))
		lexer->shape.flags |= SHAPE_ASKS;
}

static void
word(struct lexer *lexer)
{
	static const char *const controls[] = { "if", "for", "while", "switch", "catch",
		NULL };
	static const char *const cases[] = { "case", "default", NULL };
	static const char *const given[] = { "default", NULL };
	static const char *const more[] = { "return", "and", "or", NULL };
	static const char *const raw[] = { "R", "LR", "uR", "UR", "u8R", NULL };
	static const char *const raw_rust[] = { "r", "br", "cr", NULL };
	static const char *const or_and[] = { "and", "or", NULL };
	static const char *const switches[] = { "switch", NULL };
	static const char *const else_word[] = { "else", NULL };
	static const char *const do_word[] = { "do", NULL };
	static const char *const catch_word[] = { "catch", NULL };
	static const char *const loops[] = { "for", "while", "do", "loop", NULL };
	static const char *const waits[] = { "co_await", "co_yield", "await", "try",
		"orelse", "throw", NULL };
	static const char *const leaves[] = { "return", "break", "continue", "goto",
		"throw", "co_return", NULL };
	struct statement *statement = &lexer->statement;
	const char *start = lexer->at;
	uint32_t hashes = 0;
	size_t len;

	while (
	    lexer->at < lexer->end && (is_letter(*lexer->at) || is_digit(*lexer->at)))
		lexer->at++;
	len = (size_t)(lexer->at - start);
	if (is_word(start, len, else_word)) {
		take_else(lexer);
		return;
	}
	if (is_word(start, len, leaves)) {
		may_leave(lexer, lexer->has_token ? 0 : SHAPE_LEAVES);
		lexer->is_value = false;
	}
	begin_token(lexer, 'a', is_word(start, len, or_and));
	/* Macros may hide a way out. */
	if (statement->words == 0 && is_macro(start, len) && is_called(lexer))
		may_leave(lexer, SHAPE_DECIDES);
	if (is_word(start, len, switches))
		decide(lexer, SHAPE_SWITCH | SHAPE_DECIDES);
	if (is_word(start, len, loops))
		decide(lexer, SHAPE_LOOP | SHAPE_DECIDES);
	else if (is_word(start, len, controls))
		decide(lexer, SHAPE_DECIDES);
	else if (is_word(start, len, waits))
		may_leave(lexer, SHAPE_DECIDES);
	if (is_word(start, len, do_word))
		decide(lexer, SHAPE_DO);
	if (is_word(start, len, catch_word))
		decide(lexer, SHAPE_CATCH);
	take_function(lexer, start, len);
	if (is_word(start, len, controls) || is_word(start, len, loops)) {
		lexer->shape.flags &= ~(uint32_t)SHAPE_PLAIN_ELSE;
		statement->kinds &= ~(uint32_t)SHAPE_PLAIN_ELSE;
	}
	if (is_word(start, len, or_and))
		take_operator(lexer, *start == 'a' ? '&' : '|');
	if (lexer->language == SOURCE_RUST && is_word(start, len, raw_rust)) {
		while (lexer->at + hashes < lexer->end && lexer->at[hashes] == '#')
			hashes++;
		if (lexer->at + hashes < lexer->end && lexer->at[hashes] == '"')
			skip_raw(lexer, hashes);
		return;
	}
	if (lexer->language == SOURCE_C && lexer->at < lexer->end &&
	    *lexer->at == '"' && is_word(start, len, raw)) {
		skip_raw(lexer, 0);
		return;
	}
	/* Rust's conditions have no brackets, and braces always. */
	if (lexer->language != SOURCE_RUST && statement->brackets == 0 &&
	    is_word(start, len, controls) && statement->words < 2)
		statement->is_control = true;
	if (statement->words == 0 && is_word(start, len, cases))
		statement->is_case = true;
	statement->is_given = statement->destroys && is_word(start, len, given);
	lexer->wants_more = is_word(start, len, more);
	statement->words += statement->words < 2;
}

/* ---- comments and literals ---- */

static void
newline(struct lexer *lexer)
{
	lexer->at++;
	end_line(lexer);
}

static void
skip_comment(struct lexer *lexer)
{
	uint32_t depth = 1;

	lexer->at += 2;
	while (lexer->at < lexer->end && depth > 0) {
		const bool two = lexer->at + 1 < lexer->end;

		if (two && lexer->at[0] == '*' && lexer->at[1] == '/') {
			depth--;
			lexer->at += 2;
		} else if (two && lexer->language == SOURCE_RUST &&
		    lexer->at[0] == '/' && lexer->at[1] == '*') {
			depth++;
			lexer->at += 2;
		} else if (*lexer->at == '\n') {
			newline(lexer);
		} else {
			lexer->at++;
		}
	}
}

static void
skip_line(struct lexer *lexer)
{
	while (lexer->at < lexer->end && *lexer->at != '\n')
		lexer->at++;
}

/* From its opening quote on. Rust's go on over lines; others end there, closed or not, unless
 * a backslash says otherwise. */
static void
skip_string(struct lexer *lexer, char quote)
{
	lexer->at++;
	while (lexer->at < lexer->end && *lexer->at != quote) {
		if (*lexer->at == '\\' && lexer->at + 1 < lexer->end)
			lexer->at++;
		else if (*lexer->at == '\n' && lexer->language != SOURCE_RUST)
			return;
		if (*lexer->at == '\n')
			newline(lexer);
		else
			lexer->at++;
	}
	if (lexer->at < lexer->end)
		lexer->at++;
}

static void
skip_raw(struct lexer *lexer, uint32_t hashes)
{
	const char *mark;
	size_t mark_len = hashes, i;

	if (lexer->language == SOURCE_RUST) {
		mark = lexer->at; /* the hashes themselves */
		lexer->at += hashes + 1;
	} else {
		mark = ++lexer->at;
		while (
		    lexer->at < lexer->end && *lexer->at != '(' && *lexer->at != '\n')
			lexer->at++;
		mark_len = (size_t)(lexer->at - mark);
	}
	for (; lexer->at < lexer->end;) {
		const char c = *lexer->at;
		const size_t left = (size_t)(lexer->end - lexer->at);
		const char *rest = lexer->at + 1;

		if (c == '\n') {
			newline(lexer);
			continue;
		}
		lexer->at++;
		if (c != (lexer->language == SOURCE_RUST ? '"' : ')') ||
		    left < mark_len + 2)
			continue;
		for (i = 0; i < mark_len && rest[i] == mark[i]; i++)
			;
		if (i < mark_len || (lexer->language != SOURCE_RUST && rest[i] != '"'))
			continue;
		lexer->at = rest + mark_len + (lexer->language != SOURCE_RUST);
		return;
	}
}

/* A character, or in Rust a lifetime; between digits a separator. */
static void
apostrophe(struct lexer *lexer)
{
	const char *at = lexer->at;
	const size_t left = (size_t)(lexer->end - at);
	size_t len = 1;

	if (lexer->language == SOURCE_RUST && left > 2 && at[1] != '\\') {
		while (1 + len < left && ((unsigned char)at[1 + len] & 0xc0) == 0x80)
			len++;
		if (1 + len >= left || at[1 + len] != '\'') {
			lexer->at++;
			return;
		}
	}
	begin_token(lexer, 'a', false);
	lexer->statement.words = 2;
	/* Even in Rust none goes over a line. */
	for (lexer->at++;
	    lexer->at < lexer->end && *lexer->at != '\'' && *lexer->at != '\n';
	    lexer->at++)
		if (*lexer->at == '\\' && lexer->at + 1 < lexer->end &&
		    lexer->at[1] != '\n')
			lexer->at++;
	if (lexer->at < lexer->end && *lexer->at == '\'')
		lexer->at++;
}

static void
literal_number(struct lexer *lexer)
{
	begin_token(lexer, 'a', false);
	lexer->statement.words = 2;
	while (lexer->at < lexer->end &&
	    (is_letter(*lexer->at) || is_digit(*lexer->at) ||
		(*lexer->at == '\'' && lexer->language == SOURCE_C &&
		    lexer->at + 1 < lexer->end &&
		    (is_digit(lexer->at[1]) || is_letter(lexer->at[1])))))
		lexer->at++;
}

/* ---- the preprocessor ---- */

/* What the other branch left open or closed is undone, as if it had not been there. */
static void
other_branch(struct lexer *lexer)
{
	const struct saved *saved;

	if (lexer->conditions_len == 0 || lexer->conditions_len > CONDITIONS_MAX)
		return;
	saved = &lexer->conditions[lexer->conditions_len - 1];
	if (lexer->depth > saved->depth)
		lexer->shape.closes = lexer->depth - saved->depth;
	else
		lexer->shape.opens = saved->depth - lexer->depth;
	lexer->depth = saved->depth;
	lexer->statement = saved->statement;
}

static void
directive(struct lexer *lexer)
{
	const char *at = lexer->at + 1;

	while (at < lexer->end && (*at == ' ' || *at == '\t'))
		at++;
	if (lexer->end - at > 2 && at[0] == 'i' && at[1] == 'f') {
		if (lexer->conditions_len < CONDITIONS_MAX)
			lexer->conditions[lexer->conditions_len] =
			    (struct saved){ lexer->statement, lexer->depth };
		lexer->conditions_len++;
	} else if (lexer->end - at > 2 && at[0] == 'e' && at[1] == 'l') {
		other_branch(lexer);
	} else if (lexer->end - at > 2 && at[0] == 'e' && at[1] == 'n') {
		lexer->conditions_len -= lexer->conditions_len > 0;
	}
	while (lexer->at < lexer->end && *lexer->at != '\n') {
		const bool two = lexer->at + 1 < lexer->end;

		if (two && lexer->at[0] == '/' && lexer->at[1] == '*') {
			skip_comment(lexer);
		} else if (two && lexer->at[0] == '\\' &&
		    (lexer->at[1] == '\n' ||
			(lexer->at[1] == '\r' && lexer->at + 2 < lexer->end &&
			    lexer->at[2] == '\n'))) {
			lexer->at += lexer->at[1] == '\n' ? 1 : 2;
			newline(lexer);
		} else {
			lexer->at++;
		}
	}
}

/* ---- all of it ---- */

static void
colon(struct lexer *lexer)
{
	struct statement *statement = &lexer->statement;

	if (lexer->at + 1 < lexer->end && lexer->at[1] == ':') {
		begin_token(lexer, 'a', false);
		lexer->at += 2;
		statement->words = 2;
		return;
	}
	lexer->at++;
	if (lexer->language == SOURCE_C && statement->brackets == 0 &&
	    !statement->has_question && (statement->is_case || statement->words == 1)) {
		lexer->shape.flags |=
		    SHAPE_LABEL | (statement->is_case ? SHAPE_CASE : SHAPE_TARGET);
		begin_token(lexer, 'a', false);
		end_statement(lexer);
		return;
	}
	begin_token(lexer, ':', true);
	if (statement->has_question)
		take_operator(lexer, ':');
}

/* An operator; those that may also stand before a statement's first operand begin nothing anew
 * only where something was before them on the line. */
static void
operator(struct lexer *lexer)
{
	const char c = *lexer->at;
	const char next = lexer->at + 1 < lexer->end ? lexer->at[1] : '\0';
	const bool twice = next == c && (c == '&' || c == '|' || c == '<' || c == '>'),
		   is_unary = !twice &&
	    (c == '*' || c == '&' || c == '+' || c == '-' || c == '!' || c == '~' ||
		c == '<' || c == '#' || c == '@' || c == '\\') &&
	    !(c == '-' && next == '>') && !(c == '!' && next == '=');

	begin_token(lexer, c, !(is_unary && !lexer->has_token));
	lexer->is_equals = c == '=' && next != '=' && next != '>';
	lexer->statement.destroys = lexer->statement.destroys || c == '~';
	if (c == '|' && lexer->language == SOURCE_RUST)
		lexer->statement.is_closure = true;
	/* An arm of Rust's "match" or Zig's "switch". */
	if (c == '=' && next == '>')
		lexer->statement.is_closure = false;
	if (c == '=' && next == '>' && lexer->language != SOURCE_C)
		may_leave(lexer,
		    /* A guard may be asked, and its arm not be taken. */
		    SHAPE_LABEL |
			((lexer->shape.flags & SHAPE_DECIDES) != 0 ? SHAPE_ASKS : 0u));
	if (c == '?' && lexer->language == SOURCE_RUST) {
		may_leave(lexer, SHAPE_DECIDES | SHAPE_TRIES);
		lexer->has_hook = true;
	}
	/* A macro of Rust's. */
	if (c == '!' && next != '=' && lexer->language == SOURCE_RUST)
		may_leave(lexer, SHAPE_DECIDES);
	/* "i++" wants nothing. */
	if ((c == '+' || c == '-') && next == c)
		lexer->wants_more = false;
	if (c == '=' && next == '>')
		lexer->is_value = lexer->language == SOURCE_RUST;
	if (c == '!' || c == '?')
		lexer->is_value = false;
	lexer->statement.words = 2;
	if (c == '?')
		lexer->statement.has_question = true;
	if ((twice && (c == '&' || c == '|')) ||
	    (c == '?' && lexer->language != SOURCE_RUST))
		take_operator(lexer, c);
	lexer->at += twice || ((c == '+' || c == '-') && next == c) ? 2 : 1;
}

static void
comma(struct lexer *lexer)
{
	begin_token(lexer, ',', false);
	lexer->at++;
	*operand_at(lexer, lexer->statement.brackets) = OPERAND_FIRST;
	/* What bounds a function's types stands before its block. */
	if (lexer->statement.brackets == 0 &&
	    (lexer->statement.kinds & SHAPE_FUNCTION) == 0)
		end_statement(lexer);
	else
		lexer->wants_more = true;
}

static void
one_token(struct lexer *lexer)
{
	const char c = *lexer->at;
	const char next = lexer->at + 1 < lexer->end ? lexer->at[1] : '\0';

	if (c == '\n') {
		newline(lexer);
	} else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
		lexer->at++;
	} else if (c == '/' && next == '/') {
		skip_line(lexer);
	} else if (c == '/' && next == '*' && lexer->language != SOURCE_ZIG) {
		skip_comment(lexer);
	} else if (c == '#' && !lexer->has_token && lexer->language == SOURCE_C) {
		directive(lexer);
	} else if (c == '\\' && next == '\\' && lexer->language == SOURCE_ZIG) {
		skip_line(lexer);
	} else if (c == '"') {
		lexer->begins_quote = lexer->begins_quote || !lexer->has_token;
		begin_token(lexer, 'a', false);
		lexer->statement.words = 2;
		skip_string(lexer, c);
	} else if (c == '\'') {
		apostrophe(lexer);
	} else if (is_letter(c)) {
		word(lexer);
	} else if (is_digit(c)) {
		literal_number(lexer);
	} else if (c == '{' || c == '}') {
		lexer->at++;
		c == '{' ? open_brace(lexer) : close_brace(lexer);
	} else if (c == '(' || c == ')' || c == '[' || c == ']') {
		lexer->at++;
		bracket(lexer, c);
	} else if (c == ';') {
		lexer->at++;
		begin_token(lexer, c, false);
		if (lexer->statement.is_given)
			lexer->shape.flags |= SHAPE_TINY;
		if (lexer->statement.brackets == 0)
			end_statement(lexer);
	} else if (c == ',') {
		comma(lexer);
	} else if (c == ':') {
		colon(lexer);
	} else {
		operator(lexer);
	}
}

size_t
line_shapes_max(size_t len)
{
	/* A shape takes a token at least, or a line's end; one token makes few bytes. */
	return (len + 1) * SHAPE_BYTES_MAX;
}

size_t
line_shapes_read(const char *text, size_t len, enum source_language language,
    unsigned char *ret_shapes)
{
	struct lexer lexer = { .text = text,
		.at = text,
		.end = text + len,
		.language = language,
		.line = 1,
		.out = ret_shapes };

	while (language != SOURCE_UNKNOWN && lexer.at < lexer.end)
		one_token(&lexer);
	end_line(&lexer);
	return lexer.out_len;
}

enum source_language
source_language_of(const char *name)
{
	static const struct {
		const char *extension;
		enum source_language language;
	} all[] = { { "c", SOURCE_C }, { "h", SOURCE_C }, { "cc", SOURCE_C },
		{ "hh", SOURCE_C }, { "cpp", SOURCE_C }, { "hpp", SOURCE_C },
		{ "cxx", SOURCE_C }, { "hxx", SOURCE_C }, { "c++", SOURCE_C },
		{ "h++", SOURCE_C }, { "C", SOURCE_C }, { "H", SOURCE_C },
		{ "inc", SOURCE_C }, { "inl", SOURCE_C }, { "ipp", SOURCE_C },
		{ "tcc", SOURCE_C }, { "def", SOURCE_C }, { "m", SOURCE_C },
		{ "mm", SOURCE_C }, { "y", SOURCE_C }, { "l", SOURCE_C },
		{ "d", SOURCE_C }, { "rs", SOURCE_RUST }, { "zig", SOURCE_ZIG } };
	const char *extension = NULL;
	size_t i;

	for (; *name != '\0'; name++)
		if (*name == '.')
			extension = name + 1;
		else if (*name == '/')
			extension = NULL;
	for (size_t k = 0; extension != NULL && k < sizeof(all) / sizeof(all[0]); k++) {
		for (i = 0; extension[i] != '\0' && extension[i] == all[k].extension[i];
		    i++)
			;
		if (extension[i] == '\0' && all[k].extension[i] == '\0')
			return all[k].language;
	}
	return SOURCE_UNKNOWN;
}
