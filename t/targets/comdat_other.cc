// SPDX-License-Identifier: MIT
// The second unit; its line table puts what it shares at other columns of the same rows.
#include "comdat.hh"

int
comdat_other(const unsigned char *data, unsigned long size)
{
	Counter<unsigned char> counter;

	if (size > 2)
		counter.add(data[1]);
	return shared_decision(counter.total * 2);
}
