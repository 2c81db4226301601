// SPDX-License-Identifier: MIT
// Inline functions that two units share, so that several line tables claim one address.
#include "comdat.hh"

extern int comdat_other(const unsigned char *data, unsigned long size);

extern "C" int
LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size)
{
	Counter<unsigned char> counter;

	for (unsigned long i = 0; i < size; i++)
		counter.add(data[i]);
	return shared_decision(counter.total) + comdat_other(data, size) == 77 ? -1 : 0;
}
