// SPDX-License-Identifier: MIT
// Functions of all shapes: overloads, templates, an operator, an alias, and one that no
// input reaches.
#include <stddef.h>
#include <stdint.h>

namespace shapes {

struct Square {
	long side;
};

struct Circle {
	long radius;
};

__attribute__((noinline)) long
area(const Square &square)
{
	return square.side > 9 ? 81 : square.side * square.side;
}

__attribute__((noinline)) long
area(const Circle &circle)
{
	return circle.radius > 9 ? 255 : 3 * circle.radius * circle.radius;
}

__attribute__((noinline)) bool
operator<(const Square &left, const Square &right)
{
	return left.side ? left.side < right.side : right.side > 3;
}

template <typename Shape, int times> struct Sum {
	long total = 0;

	__attribute__((noinline)) void
	add(const Shape &shape)
	{
		for (int i = 0; i < times; i++)
			if (area(shape) > 4)
				total += area(shape);
	}
};

} // namespace shapes

extern "C" __attribute__((noinline)) int
never_reached(const uint8_t *data)
{
	return data[0] > 3 ? data[1] : data[2];
}

extern "C" __attribute__((alias("never_reached"), used)) int another_name(const uint8_t *data);

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	shapes::Sum<shapes::Square, 3> squares;
	shapes::Sum<shapes::Circle, 2> circles;

	if (size < 3)
		return 0;
	squares.add({ data[0] });
	if (data[0] == 'c' && data[1] == 'i')
		circles.add({ data[1] });
	if (size > 1000000)
		return never_reached(data);
	return shapes::operator<({ data[0] }, { data[1] }) && circles.total == 77 &&
			squares.total == 78
	    ? -1
	    : 0;
}
