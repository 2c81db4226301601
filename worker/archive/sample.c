/* SPDX-License-Identifier: MIT
 * Packing samples; in the archive.
 */
#include "config.h"

#include "sample.h"

#include <errno.h>
#include <string.h>

#include "banned.h"

size_t
sample_put(unsigned char *to, uint64_t value)
{
	size_t len = 0;

	while (value >= 0x80) {
		to[len++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	to[len++] = (unsigned char)value;
	return len;
}

int
sample_get(const unsigned char **at, const unsigned char *end, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		const unsigned char byte = *(*at)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret_value = value;
			return 0;
		}
	}
	return -EPROTO;
}

/* Differences wrap, so that every value can follow every other one. */
static uint64_t
zigzag(uint64_t before, uint64_t now)
{
	const uint64_t difference = now - before;

	return difference << 1 ^ (difference >> 63 != 0 ? UINT64_MAX : 0);
}

static uint64_t
unzigzag(uint64_t before, uint64_t packed)
{
	return before + (packed >> 1 ^ ((packed & 1) != 0 ? UINT64_MAX : 0));
}

static size_t
put(const struct sample *before, const struct sample *sample, unsigned char *to)
{
	size_t len = sample_put(to, (uint64_t)(sample->t - before->t)), mask = len++;

	to[mask] = 0;
	for (unsigned i = 0; i < SAMPLE_VALUES; i++) {
		if (sample->values[i] == before->values[i])
			continue;
		to[mask] |= (unsigned char)(1u << i);
		len +=
		    sample_put(to + len, zigzag(before->values[i], sample->values[i]));
	}
	return len;
}

size_t
sample_pack(int64_t t0, const struct sample *samples, size_t len, unsigned char *to)
{
	const struct sample first = { .t = t0 };
	size_t size = 0;

	for (size_t i = 0; i < len; i++)
		size += put(i > 0 ? &samples[i - 1] : &first, &samples[i], to + size);
	return size;
}

static int
get(const unsigned char **at, const unsigned char *end, struct sample *sample)
{
	uint64_t seconds, packed;
	unsigned mask;

	/* What is later than the year 10,000 is damage. */
	if (sample_get(at, end, &seconds) < 0 || seconds > UINT64_C(253402300800) ||
	    *at == end)
		return -EPROTO;
	sample->t += (int64_t)seconds;
	mask = *(*at)++;
	for (unsigned i = 0; i < SAMPLE_VALUES; i++) {
		if ((mask & 1u << i) == 0)
			continue;
		if (sample_get(at, end, &packed) < 0)
			return -EPROTO;
		sample->values[i] = unzigzag(sample->values[i], packed);
	}
	return 0;
}

int
sample_unpack(int64_t t0, const unsigned char *pack, size_t len,
    struct sample *ret_samples, size_t max)
{
	const unsigned char *end = pack + len;
	struct sample sample = { .t = t0 };
	size_t count = 0;

	while (pack < end) {
		if (count == max || get(&pack, end, &sample) < 0)
			return -EPROTO;
		ret_samples[count++] = sample;
	}
	return (int)count;
}

struct sample
sample_sum(const struct sample *samples, size_t len)
{
	struct sample sum = samples[len - 1];
	uint64_t rate = 0, memory = 0;

	for (size_t i = 0; i < len; i++) {
		/* By parts: no sum of them can wrap. */
		rate += samples[i].values[SAMPLE_RATE] / len;
		if (samples[i].values[SAMPLE_MEMORY] > memory)
			memory = samples[i].values[SAMPLE_MEMORY];
	}
	sum.values[SAMPLE_RATE] = rate;
	sum.values[SAMPLE_MEMORY] = memory;
	return sum;
}
