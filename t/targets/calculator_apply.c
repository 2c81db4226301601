/* SPDX-License-Identifier: MIT
 * Part of the calculator: a second unit, with a function that nobody calls.
 */
#include "calculator.h"

long calculator_unused(long value);

long
calculator_unused(long value)
{
	return value > 3 ? value / 3 : -value;
}

long
calculator_apply(char operation, long left, long right)
{
	switch (operation) {
	case '+':
		return (left + right) & 0xffff;
	case '*':
		return (left * right) & 0xffff;
	default:
		return right != 0 ? left / right : 0;
	}
}
