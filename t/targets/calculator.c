/* SPDX-License-Identifier: MIT
 * A small parser to be fuzzed by tests: functions, a switch, a loop, a macro, a header.
 */
#include <stddef.h>
#include <stdint.h>

#include "calculator.h"

struct input {
	const char *at, *end;
	int depth;
};

static long expression(struct input *input, int level);

static long
number(struct input *input)
{
	long value = 0;
	int digit;

	while (input->at < input->end && (digit = calculator_digit(*input->at)) >= 0) {
		value = (value * 16 + digit) & 0xffff;
		input->at++;
	}
	return value;
}

static long
primary(struct input *input)
{
	long value;

	CALCULATOR_SKIP(input->at, input->end);
	if (input->at == input->end)
		return 0;
	switch (*input->at) {
	case '(':
		if (input->depth == 16)
			return 0;
		input->at++;
		input->depth++;
		value = expression(input, 0);
		input->depth--;
		if (input->at < input->end && *input->at == ')')
			input->at++;
		return value;
	case '-':
		input->at++;
		return input->depth < 16 ? -number(input) : 0;
	default:
		return number(input);
	}
}

static long
expression(struct input *input, int level)
{
	long left = primary(input);

	for (;;) {
		CALCULATOR_SKIP(input->at, input->end);
		if (input->at == input->end)
			return left;
		char operation = *input->at;
		int mine = operation == '*' || operation == '/' ? 2 : 1;
		if (mine <= level ||
		    (operation != '+' && operation != '*' && operation != '/'))
			return left;
		input->at++;
		left = calculator_apply(operation, left, expression(input, mine));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { (const char *)data, (const char *)data + size, 0 };

	return expression(&input, 0) == 0x1337 ? -1 : 0;
}
