/* SPDX-License-Identifier: MIT
 * Part of the calculator: what a target inlines from a header of its own.
 */
#ifndef CALCULATOR_H
#define CALCULATOR_H

static inline int
calculator_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

#define CALCULATOR_SKIP(at, end) \
	while ((at) < (end) && (*(at) == ' ' || *(at) == '\t')) \
	(at)++

long calculator_apply(char operation, long left, long right);

#endif
