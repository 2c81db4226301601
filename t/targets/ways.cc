/* SPDX-License-Identifier: MIT
 * Every way that code can take, one function each; for t/0355-lines.t, which runs it with a few
 * inputs and asks what became of each line.
 */
#include <coroutine>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "ways.hh"

#define OWN __attribute__((noinline))

static volatile int sink;

/* Each of them is another instruction, so that no compiler makes two of them one. */
#if defined(__x86_64__)
#define DO(number) asm volatile("addl $" #number ", %0" : "+m"(sink))
#elif defined(__aarch64__)
#define DO(number) \
	asm volatile("ldr w9, %0\n\tadd w9, w9, #" #number "\n\tstr w9, %0" \
	    : "+Q"(sink) \
	    : \
	    : "w9")
#endif

OWN static void
plain_if(int x)
{
	if (x > 3)
		DO(1);
	else
		DO(2);
	if (x > 200)
		DO(3);
	DO(4);
}

OWN static void
else_if(int x)
{
	if (x == 1)
		DO(11);
	else if (x == 2)
		DO(12);
	else if (x == 100)
		DO(13);
	else
		DO(14);
}

OWN static void
table(int x)
{
	switch (x) {
	case 0:
		DO(20);
		break;
	case 1:
		DO(21);
		DO(210);
		break;
	case 2:
		DO(22);
		DO(221);
		break;
	case 3:
		DO(23);
		DO(232);
		DO(233);
		break;
	case 4:
		DO(24);
		break;
	case 5:
		DO(25);
		break;
	case 6:
		DO(26);
		/* fall through */
	case 7:
		DO(27);
		break;
	default:
		DO(28);
		break;
	}
}

OWN static void
loops(int x)
{
	for (int i = 0; i < x; i++)
		sink = i;
	for (int i = 300; i < x; i++)
		sink = i * 3;
	while (x > 200) { // on AArch64 the counters behind it are one place, and:
		sink = x; // unknown there
		x--;      // unknown there
	}
	do {
		sink = x * 7;
		x -= 2;
	} while (x > 0);
}

OWN static int
both(int x, int y)
{
	if (x > 0 && y > 100)
		return 31;
	if (x > 1 || y > 0)
		return 32;
	return x > 100 ? sink : 33;
}

OWN static int
early(int x)
{
	if (x == 77)
		return 41;
	DO(42);
	if (x == 3)
		return 43;
	DO(44);
	return 45;
}

OWN static int
jumps(int x)
{
	if (x < 3)
		goto out;
	DO(51);
	if (x < 200)
		goto fail;
	DO(52);
	return 53;
fail:
	DO(54);
	return 55;
out:
	DO(56);
	return 57;
}

static jmp_buf place;

OWN static void
leap(int x)
{
	DO(61);
	if (x > 1)
		longjmp(place, 1);
	DO(62);
}

OWN static void
lands(int x)
{
	if (setjmp(place) == 0) {
		leap(x);
		DO(63);
	} else
		DO(64); /* llvm-cov: missed, since it counts the first return of setjmp alone */
}

OWN static void
throws(int x)
{
	if (x == 2)
		throw std::runtime_error("two");
	if (x == 99)
		throw 99;
	DO(71);
}

OWN static void
catches(int x)
{
	try {
		throws(x);
		DO(72);
	} catch (const std::runtime_error &) {
		DO(73);
	} catch (int) {
		DO(74);
	}
	DO(75);
}

OWN static int
tail_of(int x)
{
	return x + sink;
}

OWN static int
tail(int x)
{
	if (x > 250)
		return tail_of(x);
	DO(81);
	return tail_of(x + 1);
}

[[noreturn]] OWN static void
gives_up(int x)
{
	printf("%d\n", x);
	exit(1);
}

OWN static void
never_back(int x)
{
	DO(91);
	if (x == 251)
		gives_up(x);
	DO(92);
}

__attribute__((always_inline)) static inline int
small(int x)
{
	if (x > 240)
		return x * 3;
	return x * 5;
}

/* Its copies have no instruction but those of the copy in them. Its own code is never called. */
__attribute__((always_inline)) inline int
through(int x)
{
	return small(x); // unknown is right, too
}
int (*volatile own_code)(int) = through;

OWN static void
twenty_times(int x)
{
	sink = through(x);
	sink = small(x) + small(x + 1) + small(x + 2) + small(x + 3) + small(x + 4);
	sink = small(x) * small(x - 1) * small(x - 2) * small(x - 3) * small(x - 4);
	sink = small(x) - small(x * 1) - small(x * 2) - small(x * 3) - small(x * 4);
	if (sink == 252)
		sink = small(1) + small(2) + small(3) + small(4) + small(5);
}

struct Task {
	struct promise_type {
		Task get_return_object()
		{
			return { std::coroutine_handle<promise_type>::from_promise(
			    *this) };
		}
		std::suspend_always initial_suspend() noexcept { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		void return_void() {} // unknown is right, too
		void unhandled_exception() {} // unknown is right, too
	};
	std::coroutine_handle<promise_type> handle;
};

static Task
steps(int x)
{
	DO(101);
	co_await std::suspend_always{};
	if (x == 253)
		DO(102);
	else
		DO(103);
	co_await std::suspend_always{};
	DO(104); /* llvm-cov: reached, as if it never waited; unknown is right, too */
} /* llvm-cov: reached; unknown is right, too */

OWN static void
coroutine(int x)
{
	Task task = steps(x);

	task.handle.resume();
	task.handle.resume();
	if (x == 254)
		task.handle.resume();
	task.handle.destroy();
}

OWN static void
never_called(int x)
{
	sink = x;
	if (x)
		DO(111);
}

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	const int x = data[0];
	plain_if(x);
	else_if(x);
	table(x);
	loops(x);
	sink = both(x, x - 1);
	sink = early(x);
	sink = jumps(x);
	lands(x);
	catches(x);
	sink = tail(x);
	never_back(x);
	twenty_times(x);
	sink = clamp_to<int>(x, 255);
	sink = other_unit(x);
	coroutine(x);
	if (x == 255)
		never_called(x);
	return 0;
}
