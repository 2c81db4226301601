/* SPDX-License-Identifier: MIT
 * Line programs by blocks of 64 bytes; in the symbolizer.
 *
 * The bytes of a block are opcodes and LEB128 operands. Opcodes 2 to 5 have one operand,
 * whose last byte is below 0x80; all others that are met here have none. So a byte is one
 * of three: 2 to 5 turns "opcode comes" into "operand comes" and, as the last byte of an
 * operand, the other way round; 0x80 and more leaves both as they are (a special opcode, or
 * an operand that goes on); the rest leads to "opcode comes" in both cases. What comes at a
 * byte is thus the parity of the 2s to 5s since the last byte of the rest.
 */
#include "config.h"

#include "line_blocks.h"

#include <dwarf.h>
#include <string.h>

#include "banned.h"

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#define HAVE_BLOCKS 1
#include <immintrin.h>
#include <sys/platform/x86.h>

#define BLOCK 64

/* Operands of DW_LNS_advance_line that a block may have: as many as a vector. */
#define LINE_OPERANDS 16

/* Sums within a block are bytes that stay at their highest value. */
#define SUM_MAX 255

#define TARGET \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi," \
			      "bmi2,lzcnt,popcnt,pclmul")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* One block, a bit or byte for each of its bytes. */
struct block {
	const unsigned char *at;
	uint64_t rows; /* opcodes that make a row, up to where all is common */
	uint64_t specials, line_operands, columns, files; /* opcodes */
	__m512i sums; /* instructions up to and including that byte */
	uint8_t sum_bytes[BLOCK];
	uint8_t special_lines[BLOCK]; /* less line_base each, summed up likewise */
	int32_t line_sums[LINE_OPERANDS + 1]; /* by number of operands before */
};

/* The bits up to and including bit @i. */
INLINE uint64_t
up_to(unsigned i)
{
	return _bzhi_u64(UINT64_MAX, i + 1);
}

INLINE unsigned
highest(uint64_t bits)
{
	return 63 - (unsigned)_lzcnt_u64(bits);
}

/* Each bit: whether an odd number of bits is set up to and including it. */
INLINE uint64_t
parities(uint64_t bits)
{
	const __m128i ones = _mm_set1_epi8((char)0xff);

	return (uint64_t)_mm_cvtsi128_si64(
	    _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits), ones, 0));
}

/* Bytes of @table, which has 256, at the places @bytes. */
INLINE __m512i
look_up(const uint8_t *table, __m512i bytes)
{
	__m512i low = _mm512_permutex2var_epi8(
	    _mm512_loadu_si512(table), bytes, _mm512_loadu_si512(table + 64));
	__m512i high = _mm512_permutex2var_epi8(
	    _mm512_loadu_si512(table + 128), bytes, _mm512_loadu_si512(table + 192));

	return _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high);
}

/* Each byte: the sum of all up to and including it, SUM_MAX where that is more. */
INLINE __m512i
sum_bytes(__m512i bytes)
{
	const __m512i none = _mm512_setzero_si512();
	__m512i halves;

	bytes = _mm512_adds_epu8(bytes, _mm512_bslli_epi128(bytes, 1));
	bytes = _mm512_adds_epu8(bytes, _mm512_bslli_epi128(bytes, 2));
	bytes = _mm512_adds_epu8(bytes, _mm512_bslli_epi128(bytes, 4));
	bytes = _mm512_adds_epu8(bytes, _mm512_bslli_epi128(bytes, 8));
	/* The highest byte of each quarter to all of the next one, then of each half. */
	halves = _mm512_shuffle_epi8(bytes, _mm512_set1_epi8(15));
	bytes = _mm512_adds_epu8(
	    bytes, _mm512_maskz_shuffle_i64x2(0xcc, halves, halves, 0x80));
	halves = _mm512_permutexvar_epi8(_mm512_set1_epi8(31), bytes);
	return _mm512_adds_epu8(bytes, _mm512_mask_blend_epi64(0xf0, none, halves));
}

/* Numbers of up to three bytes, signed, as LEB128 has them; what is above is ignored. */
INLINE __m512i
signed_leb(__m512i codes)
{
	__m512i ends = _mm512_andnot_si512(codes, _mm512_set1_epi32(0x808080));
	__m512i end, numbers, sign;

	end = _mm512_and_si512(ends, _mm512_sub_epi32(_mm512_setzero_si512(), ends));
	codes = _mm512_and_si512(codes, _mm512_sub_epi32(end, _mm512_set1_epi32(1)));
	numbers = _mm512_and_si512(codes, _mm512_set1_epi32(0x7f));
	numbers = _mm512_or_si512(numbers,
	    _mm512_and_si512(_mm512_srli_epi32(codes, 1), _mm512_set1_epi32(0x3f80)));
	numbers = _mm512_or_si512(numbers,
	    _mm512_and_si512(_mm512_srli_epi32(codes, 2), _mm512_set1_epi32(0x1fc000)));
	sign = _mm512_and_si512(_mm512_srli_epi32(end, 1), _mm512_set1_epi32(0x40));
	sign = _mm512_or_si512(sign,
	    _mm512_and_si512(_mm512_srli_epi32(end, 2), _mm512_set1_epi32(0x2000)));
	sign = _mm512_or_si512(sign,
	    _mm512_and_si512(_mm512_srli_epi32(end, 3), _mm512_set1_epi32(0x100000)));
	return _mm512_sub_epi32(_mm512_xor_si512(numbers, sign), sign);
}

INLINE __m512i
sum_words(__m512i words)
{
	const __m512i none = _mm512_setzero_si512();

	words = _mm512_add_epi32(words, _mm512_alignr_epi32(words, none, 15));
	words = _mm512_add_epi32(words, _mm512_alignr_epi32(words, none, 14));
	words = _mm512_add_epi32(words, _mm512_alignr_epi32(words, none, 12));
	return _mm512_add_epi32(words, _mm512_alignr_epi32(words, none, 8));
}

/* What DW_LNS_advance_line adds, for all of the block. */
INLINE void
read_line_operands(struct block *block, __m512i bytes)
{
	static const uint8_t places[BLOCK] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
		31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
		49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };
	/* The three bytes behind an opcode; what wraps around the block lies behind the
	 * end of an operand, or behind the last row. */
	const __m512i spread = _mm512_set4_epi32(
	    (int)0x800c0c0c, (int)0x80080808, (int)0x80040404, (int)0x80000000);
	__m512i at, codes;

	at = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(_mm512_maskz_compress_epi8(
	    block->line_operands, _mm512_loadu_si512(places))));
	at = _mm512_add_epi8(
	    _mm512_shuffle_epi8(at, spread), _mm512_set1_epi32(0x030201));
	codes = _mm512_permutexvar_epi8(at, bytes);
	block->line_sums[0] = 0;
	_mm512_storeu_si512(block->line_sums + 1, sum_words(signed_leb(codes)));
}

/* Finds opcodes and rows of the block at @block->at; false if it has no row before
 * something that is not common. */
INLINE bool
read_block(const struct line_blocks *blocks, struct block *block)
{
	const __m512i bytes = _mm512_loadu_si512(block->at);
	const uint64_t high = _mm512_movepi8_mask(bytes);
	const uint64_t with_operand = _mm512_cmple_epu8_mask(
	    _mm512_sub_epi8(bytes, _mm512_set1_epi8(2)), _mm512_set1_epi8(3));
	const uint64_t keep = with_operand | high, odd = parities(with_operand);
	/* A carry runs from each of the rest that was odd up to the next of the rest. */
	const uint64_t since = (keep + ((odd & ~keep) << 1)) ^ keep;
	const uint64_t operands = (odd << 1) ^ since, opcodes = ~operands;
	const uint64_t long_operands = operands & high;
	uint64_t uncommon, advance_pc;
	__m512i lines;

	block->specials = opcodes &
	    _mm512_cmpge_epu8_mask(bytes, _mm512_set1_epi8((char)blocks->opcode_base));
	block->rows = block->specials |
	    (opcodes & _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_copy)));
	uncommon = _mm512_testn_epi8_mask(bytes, bytes) |
	    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_fixed_advance_pc)) |
	    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_set_isa));
	uncommon &= opcodes & ~block->specials;
	uncommon |= long_operands & (long_operands >> 1) & (long_operands >> 2);
	advance_pc = opcodes &
	    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_advance_pc));
	uncommon |= (advance_pc << 1) & high;

	block->sums = sum_bytes(_mm512_or_si512(
	    _mm512_maskz_mov_epi8(opcodes, look_up(blocks->advances, bytes)),
	    _mm512_maskz_mov_epi8(advance_pc << 1, bytes)));
	lines = sum_bytes(
	    _mm512_maskz_mov_epi8(block->specials, look_up(blocks->lines, bytes)));
	uncommon |= _mm512_cmpeq_epi8_mask(
	    _mm512_max_epu8(block->sums, lines), _mm512_set1_epi8((char)SUM_MAX));
	block->line_operands = opcodes &
	    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_advance_line));
	/* Branches, so that where the next block begins need not wait for the sums. */
	if (__builtin_expect(uncommon != 0, 0))
		block->rows &= (uncommon & (0 - uncommon)) - 1;
	if (_mm_popcnt_u64(block->line_operands) > LINE_OPERANDS)
		block->rows &= up_to(BLOCK / 2);
	if (block->rows == 0)
		return false;
	block->columns = opcodes &
	    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_set_column));
	block->files =
	    opcodes & _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(DW_LNS_set_file));
	_mm512_storeu_si512(block->sum_bytes, block->sums);
	_mm512_storeu_si512(block->special_lines, lines);
	read_line_operands(block, bytes);
	return true;
}

/* The operand of the last of @opcodes of @block, of up to three bytes; @before if there
 * is none. Whether there is one cannot be guessed, so that is no branch. */
INLINE uint32_t
last_operand(const struct block *block, uint64_t opcodes, uint32_t before)
{
	const unsigned char *at = block->at + (uint8_t)(highest(opcodes) + 1);
	uint32_t value = at[0];

	if (__builtin_expect(value >= 0x80 && opcodes != 0, 0)) {
		value = (value & 0x7f) | (uint32_t)at[1] << 7;
		if (value >= 0x80 << 7)
			value = (value & 0x3fff) | (uint32_t)at[2] << 14;
	}
	return opcodes != 0 ? value : before;
}

/* The row that the opcode at place @i of @block makes; @row is the one before @block. */
INLINE struct line_row
row_at(const struct line_blocks *blocks, const struct block *block, unsigned i,
    const struct line_row *row)
{
	const uint64_t until = up_to(i), specials = block->specials & until;
	struct line_row made = *row;

	made.address += (uint64_t)block->sum_bytes[i] << blocks->shift;
	made.line += block->special_lines[i];
	made.line += (uint32_t)(_mm_popcnt_u64(specials) * blocks->line_base);
	made.line +=
	    (uint32_t)block->line_sums[_mm_popcnt_u64(block->line_operands & until)];
	made.column = last_operand(block, block->columns & until, row->column);
	made.file = last_operand(block, block->files & until, row->file);
	return made;
}

/* Gives the answers of @block, whose rows follow @row; false if one of them cannot be
 * given here: then only the rows before it are left in @block. */
INLINE bool
give_answers(const struct line_blocks *blocks, struct block *block,
    struct line_answers *answers, const struct line_row *row)
{
	const unsigned total = block->sum_bytes[highest(block->rows)];
	struct line_row before;
	uint64_t distance, rows;
	unsigned i;

	for (;;) {
		distance =
		    (line_answers_question(answers) - row->address) >> blocks->shift;
		if (distance >= total)
			return true;
		i = (unsigned)_tzcnt_u64(block->rows &
		    _mm512_cmpgt_epu8_mask(
			block->sums, _mm512_set1_epi8((char)distance)));
		rows = _bzhi_u64(block->rows, i);
		before = *row;
		if (rows != 0)
			before = row_at(blocks, block, highest(rows), row);
		if (line_answers_give(answers, &before,
			row->address +
			    ((uint64_t)block->sum_bytes[i] << blocks->shift)))
			continue;
		block->rows = rows;
		return false;
	}
}

static TARGET const unsigned char *
run(const struct line_blocks *blocks, const unsigned char *at, const unsigned char *end,
    struct line_answers *answers, struct line_row *row)
{
	struct line_row now = *row;
	struct block block;
	bool go_on = true;
	unsigned last;

	if (line_answers_question(answers) < now.address)
		return at;
	/* No address of the block wraps. */
	while (go_on && end - at >= LINE_BLOCK_READS &&
	    now.address < UINT64_MAX - ((uint64_t)SUM_MAX << blocks->shift)) {
		block.at = at;
		if (!read_block(blocks, &block))
			break;
		go_on = give_answers(blocks, &block, answers, &now);
		if (block.rows == 0)
			break;
		last = highest(block.rows);
		now = row_at(blocks, &block, last, &now);
		at += last + 1;
	}
	*row = now;
	return at;
}

/* Asked of the C library, which has asked already: in a virtual machine the instruction
 * takes tens of microseconds. Its own macro shifts a sign bit. */
static bool
processor_has(unsigned feature)
{
	const struct cpuid_feature *leaf = __x86_get_cpuid_feature_leaf(feature / 128);

	return (leaf->active_array[feature % 128 / 32] >> feature % 32 & 1) != 0;
}

static bool
processor_can(void)
{
	return processor_has(x86_cpu_AVX512F) && processor_has(x86_cpu_AVX512BW) &&
	    processor_has(x86_cpu_AVX512VL) && processor_has(x86_cpu_AVX512_VBMI) &&
	    processor_has(x86_cpu_AVX512_VBMI2) && processor_has(x86_cpu_BMI1) &&
	    processor_has(x86_cpu_BMI2) && processor_has(x86_cpu_LZCNT) &&
	    processor_has(x86_cpu_POPCNT) && processor_has(x86_cpu_PCLMULQDQ);
}
#endif

void
line_blocks_start(struct line_blocks *blocks, const struct line_step steps[256],
    unsigned opcode_base, int line_base, unsigned min_instruction)
{
	*blocks = (struct line_blocks){ .usable = false };
#ifdef HAVE_BLOCKS
	if (!processor_can() || opcode_base < DW_LNS_fixed_advance_pc + 1 ||
	    opcode_base > DW_LNS_set_isa + 1 || min_instruction == 0 ||
	    (min_instruction & (min_instruction - 1)) != 0)
		return;
	blocks->usable = true;
	blocks->opcode_base = (uint8_t)opcode_base;
	blocks->line_base = (int8_t)line_base;
	blocks->shift = (uint8_t)__builtin_ctz(min_instruction);
	for (unsigned opcode = opcode_base; opcode < 256; opcode++) {
		blocks->advances[opcode] =
		    (uint8_t)(steps[opcode].address >> blocks->shift);
		blocks->lines[opcode] = (uint8_t)(steps[opcode].line - line_base);
	}
	blocks->advances[DW_LNS_const_add_pc] = blocks->advances[255];
#else
	(void)steps;
	(void)opcode_base;
	(void)line_base;
	(void)min_instruction;
#endif
}

const unsigned char *
line_blocks_run(const struct line_blocks *blocks, const unsigned char *at,
    const unsigned char *end, struct line_answers *answers, struct line_row *row)
{
#ifdef HAVE_BLOCKS
	return run(blocks, at, end, answers, row);
#else
	(void)blocks;
	(void)end;
	(void)answers;
	(void)row;
	return at;
#endif
}
