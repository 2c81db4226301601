/* SPDX-License-Identifier: MIT
 * The least that drives a fuzz target where there is no libFuzzer: one run for each
 * argument, which is the input itself. Counters are cleared before each, as libFuzzer
 * does.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);
void __sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *stop);

static uint8_t *counters;
static size_t counters_len;

void
__sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop)
{
	counters = start;
	counters_len = (size_t)(stop - start);
}

void
__sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *stop)
{
	(void)start;
	(void)stop;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (counters_len > 0)
			memset(counters, 0, counters_len);
		LLVMFuzzerTestOneInput((const uint8_t *)argv[i], strlen(argv[i]));
	}
	return 0;
}
