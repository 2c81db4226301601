/* SPDX-License-Identifier: MIT
 * A fuzz target for libFuzzer and, with -DAFL, for AFL++: letters to be found one after
 * another; the last of them ends it, if LETTERS_CRASH is set.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static int
take(const uint8_t *data, size_t len)
{
	volatile int found = 0;

	if (len > 0 && data[0] == 'L') {
		found = 1;
		if (len > 1 && data[1] == 'E') {
			found = 2;
			if (len > 2 && data[2] == 'T' &&
			    getenv("LETTERS_CRASH") != NULL)
				abort();
		}
	}
	return found * 0;
}

#ifdef AFL
#include <unistd.h>

__AFL_FUZZ_INIT();

int
main(void)
{
	const unsigned char *data = __AFL_FUZZ_TESTCASE_BUF;

	while (__AFL_LOOP(10000))
		take(data, (size_t)__AFL_FUZZ_TESTCASE_LEN);
	return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	return take(data, len);
}
#endif
