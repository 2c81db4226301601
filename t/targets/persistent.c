/* SPDX-License-Identifier: MIT
 * Drives LLVMFuzzerTestOneInput with AFL++: in its loop, or, with ONCE defined, one run a
 * process.
 */
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef ONCE
__AFL_FUZZ_INIT();
#endif

int
main(void)
{
#ifdef ONCE
	static uint8_t data[4096];
	ssize_t size = read(STDIN_FILENO, data, sizeof(data));

	if (size > 0)
		LLVMFuzzerTestOneInput(data, (size_t)size);
#else
	unsigned char *data;

	__AFL_INIT();
	data = __AFL_FUZZ_TESTCASE_BUF;
	while (__AFL_LOOP(1000))
		LLVMFuzzerTestOneInput(data, (size_t)__AFL_FUZZ_TESTCASE_LEN);
#endif
	return 0;
}
