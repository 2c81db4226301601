/* SPDX-License-Identifier: MIT
 * The instrumented shared library of the target "branches": a module of its own.
 */
void library_call(int choice);
void in_library(void);

static volatile int sink;

__attribute__((noinline)) void
in_library(void)
{
	sink++;
}

void
library_call(int choice)
{
	if (choice == 'x')
		in_library();
}
