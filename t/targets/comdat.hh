// SPDX-License-Identifier: MIT
template <typename T> struct Counter {
	long total = 0;

	__attribute__((noinline)) void add(T value)
	{
		if (value > 64)
			total += value;
		else
			total--;
	}
};

__attribute__((noinline)) inline int
shared_decision(long value)
{
	if (value > 1000)
		return 3;
	return value < 0 ? 1 : 2;
}
