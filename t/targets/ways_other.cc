/* SPDX-License-Identifier: MIT
 * The second unit of ways.cc.
 */
#include "ways.hh"

int
other_unit(int value)
{
	return (int)clamp_to<short>((short)value, 7);
}
