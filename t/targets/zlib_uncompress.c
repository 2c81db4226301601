/* SPDX-License-Identifier: MIT
 * zlib to be fuzzed by tests: inflates whatever comes.
 */
#include <zlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size)
{
	static unsigned char buffer[65536];
	uLongf len = sizeof(buffer);

	return uncompress(buffer, &len, data, size) == Z_OK && len == 4242 ? -1 : 0;
}
