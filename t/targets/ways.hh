/* SPDX-License-Identifier: MIT
 * A template that two units use.
 */
#ifndef WAYS_HH
#define WAYS_HH

template <class T>
T
clamp_to(T value, T limit)
{
	if (value > limit)
		return limit;
	return value;
}

int other_unit(int value);

#endif
