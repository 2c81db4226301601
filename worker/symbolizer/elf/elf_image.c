/* SPDX-License-Identifier: MIT
 * Sections of an executable, by libelf; in the symbolizer.
 */
#include "config.h"

#include "elf_image.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inflate.h"
#include "pages.h"
#include "banned.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ORDER ELFDATA2LSB
#else
#define NATIVE_ORDER ELFDATA2MSB
#endif

/* Smaller sections are soon read, hole or not. */
#define SPARSE_MIN (UINT64_C(1) << 30)
#define SPARSE_SHARE 4

struct code_range {
	uint64_t start, end;
};

/* Bytes of one section as stored, and inflated if it is compressed. */
struct loaded {
	struct loaded *next;
	size_t index;
	size_t size;
	unsigned char *data;
	size_t inflated_size;
	const unsigned char *inflated; /* NULL: not yet */
};

struct elf_image {
	Elf *elf;
	int fd; /* the caller's */
	GElf_Ehdr header;
	struct byte_reader names; /* of sections */
	uint64_t file_size;
	uint64_t on_disk;        /* bytes of it that are there, and no hole */
	uint64_t budget;         /* bytes that may still be loaded */
	struct code_range *code; /* sorted, disjoint */
	size_t code_len;
	struct loaded *loaded; /* lists; freed with the image */
	struct inflated *inflated;
};

static int
compare_ranges(const void *a, const void *b)
{
	const struct code_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts the ranges and joins those that touch. */
static void
merge_ranges(struct elf_image *image)
{
	struct code_range *code = image->code;
	size_t kept = 0;

	if (image->code_len == 0)
		return;
	qsort(code, image->code_len, sizeof(*code), compare_ranges);
	for (size_t i = 1; i < image->code_len; i++) {
		if (code[i].start > code[kept].end)
			code[++kept] = code[i];
		else if (code[i].end > code[kept].end)
			code[kept].end = code[i].end;
	}
	image->code_len = kept + 1;
}

static int
collect_code(struct elf_image *image, struct failure *failure)
{
	size_t count, size = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr header;

	if (elf_getshdrnum(image->elf, &count) != 0)
		return failure_say(
		    failure, ENOEXEC, "section headers: %s", elf_errmsg(-1));
	size = count * sizeof(*image->code); /* count is bounded by the file's size */
	image->code = malloc(size > 0 ? size : 1);
	if (image->code == NULL)
		return failure_say(
		    failure, ENOMEM, "out of memory for %zu sections", count);
	while (
	    (scn = elf_nextscn(image->elf, scn)) != NULL && image->code_len < count) {
		if (gelf_getshdr(scn, &header) == NULL ||
		    (header.sh_flags & SHF_EXECINSTR) == 0 || header.sh_size == 0 ||
		    header.sh_size > UINT64_MAX - header.sh_addr)
			continue;
		image->code[image->code_len++] = (struct code_range){ header.sh_addr,
			header.sh_addr + header.sh_size };
	}
	merge_ranges(image);
	return 0;
}

/* The table of names as bytes: elf_strptr() looks for the last NUL in all of it at every
 * call, which a hostile file with many sections makes endless. */
static int
load_names(struct elf_image *image, struct failure *failure)
{
	const Elf_Data *data = NULL;
	size_t index;

	if (elf_getshdrstrndx(image->elf, &index) == 0)
		data = elf_rawdata(elf_getscn(image->elf, index), NULL);
	if (data == NULL || data->d_buf == NULL)
		return failure_say(failure, ENOEXEC,
		    "its section headers at offset 0x%llx are missing or damaged (%s): "
		    "do "
		    "not strip them, or build it again",
		    (unsigned long long)image->header.e_shoff, elf_errmsg(-1));
	image->names = byte_reader_over(data->d_buf, data->d_size);
	return 0;
}

static int
check_header(const struct elf_image *image, bool any_type, struct failure *failure)
{
	const GElf_Ehdr *h = &image->header;

	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return failure_say(failure, ENOEXEC,
		    "a 32-bit executable: only 64-bit ones are understood; build "
		    "without "
		    "-m32");
	if (h->e_ident[EI_DATA] != NATIVE_ORDER)
		return failure_say(failure, ENOEXEC,
		    "its byte order is not this machine's: run the service where the "
		    "target runs");
	if (any_type)
		return 0;
	if (h->e_type == ET_REL)
		return failure_say(failure, ENOEXEC,
		    "an object file that is not linked yet: name the linked "
		    "executable");
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return failure_say(failure, ENOEXEC,
		    "ELF type %u is neither an executable nor a shared library",
		    (unsigned)h->e_type);
	return 0;
}

static int
open_elf(struct elf_image *image, int fd, bool any_type, struct failure *failure)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failure_say(failure, errno, "fstat: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failure_say(failure, ENOEXEC, "not a regular file");
	image->fd = fd;
	image->file_size = (uint64_t)st.st_size;
	image->on_disk = (uint64_t)st.st_blocks * 512;
	if (image->file_size == 0)
		return failure_say(
		    failure, ENOEXEC, "the file is empty: build it again");
	image->budget = image->file_size * 4;
	elf_version(EV_CURRENT);
	/* READ, not READ_MMAP: a file that is cut while it is mapped is a SIGBUS. */
	image->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (image->elf == NULL || elf_kind(image->elf) != ELF_K_ELF ||
	    gelf_getehdr(image->elf, &image->header) == NULL)
		return failure_say(failure, ENOEXEC,
		    "not an ELF executable (a script or a damaged file?): name the "
		    "linked "
		    "fuzz target itself");
	if (image->header.e_shoff > image->file_size ||
	    image->header.e_shnum * (uint64_t)image->header.e_shentsize >
		image->file_size - image->header.e_shoff)
		return failure_say(failure, ENOEXEC,
		    "its section headers at offset 0x%llx lie behind its end (%llu "
		    "bytes): "
		    "the file was cut; build it again",
		    (unsigned long long)image->header.e_shoff,
		    (unsigned long long)image->file_size);
	return check_header(image, any_type, failure);
}

static int
open_image(int fd, bool any_type, struct elf_image **ret_image, struct failure *failure)
{
	struct elf_image *image = calloc(1, sizeof(*image));
	int r;

	if (image == NULL)
		return failure_say(failure, ENOMEM, "out of memory");
	r = open_elf(image, fd, any_type, failure);
	if (r == 0)
		r = load_names(image, failure);
	if (r == 0)
		r = collect_code(image, failure);
	if (r < 0) {
		elf_image_free(image);
		return r;
	}
	*ret_image = image;
	return 0;
}

int
elf_image_open(int fd, struct elf_image **ret_image, struct failure *failure)
{
	return open_image(fd, false, ret_image, failure);
}

int
elf_image_open_debug(int fd, struct elf_image **ret_image, struct failure *failure)
{
	return open_image(fd, true, ret_image, failure);
}

void
elf_image_free(struct elf_image *image)
{
	struct loaded *loaded;

	if (image == NULL)
		return;
	while ((loaded = image->loaded) != NULL) {
		image->loaded = loaded->next;
		pages_free(loaded->data, loaded->size);
		free(loaded);
	}
	inflated_free(image->inflated);
	free(image->code);
	elf_end(image->elf);
	free(image);
}

unsigned
elf_image_machine(const struct elf_image *image)
{
	return image->header.e_machine;
}

bool
elf_image_is_position_independent(const struct elf_image *image)
{
	return image->header.e_type == ET_DYN;
}

static bool
has_name(const struct elf_image *image, const GElf_Shdr *header, const char *name)
{
	size_t size = strlen(name) + 1, left = byte_reader_left(&image->names);

	return header->sh_name < left && size <= left - header->sh_name &&
	    memcmp(image->names.at + header->sh_name, name, size) == 0;
}

/* For messages: cut where it is longer than any sound name. */
static void
copy_name(
    const struct elf_image *image, const GElf_Shdr *header, char *name, size_t size)
{
	size_t left = byte_reader_left(&image->names), len = 0;

	while (header->sh_name < left && len < size - 1 &&
	    len < left - header->sh_name &&
	    image->names.at[header->sh_name + len] != '\0') {
		name[len] = (char)image->names.at[header->sh_name + len];
		len++;
	}
	name[len] = '\0';
}

static Elf_Scn *
find(const struct elf_image *image, const char *name, GElf_Shdr *ret_header)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(image->elf, scn)) != NULL)
		if (gelf_getshdr(scn, ret_header) != NULL &&
		    has_name(image, ret_header, name))
			return scn;
	return NULL;
}

static int
read_bytes(int fd, unsigned char *data, size_t size, uint64_t offset)
{
	ssize_t n;

	while (size > 0) {
		n = pread(fd, data, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* By our own hands: libelf allocates with malloc(), whose pages come one by one. */
static int
read_section(struct elf_image *image, size_t index, const GElf_Shdr *header,
    struct loaded **ret_loaded)
{
	struct loaded *loaded;
	int r;

	for (loaded = image->loaded; loaded != NULL; loaded = loaded->next)
		if (loaded->index == index) {
			*ret_loaded = loaded;
			return 0;
		}
	if (header->sh_size > image->budget)
		return -ENOSPC;
	image->budget -= header->sh_size;
	loaded = calloc(1, sizeof(*loaded));
	if (loaded == NULL)
		return -ENOMEM;
	loaded->index = index;
	loaded->size = header->sh_size;
	loaded->data = pages_new(loaded->size);
	r = loaded->data == NULL && loaded->size > 0
	    ? -ENOMEM
	    : read_bytes(image->fd, loaded->data, loaded->size, header->sh_offset);
	if (r < 0) {
		pages_free(loaded->data, loaded->size);
		free(loaded);
		return r;
	}
	loaded->next = image->loaded;
	image->loaded = loaded;
	*ret_loaded = loaded;
	return 0;
}

/* Loads a section that lies within the file. */
static int
take_section(struct elf_image *image, size_t index, const char *name,
    const GElf_Shdr *header, struct loaded **ret_loaded, struct failure *failure)
{
	int r = read_section(image, index, header, ret_loaded);

	if (r == -ENOSPC)
		return failure_say(failure, ENOEXEC,
		    "its sections overlap (%s at offset 0x%llx is one of them): build "
		    "it again",
		    name, (unsigned long long)header->sh_offset);
	if (r < 0)
		return failure_say(failure, -r, "section %s at offset 0x%llx: %s", name,
		    (unsigned long long)header->sh_offset,
		    r == -ENODATA ? "the file was cut; build it again" : strerror(-r));
	return 0;
}

/* Its bytes were never written, which costs its maker nothing, and everybody else the time to
 * read them. A file system that packs files has fewer blocks, too, but no holes. */
static bool
is_sparse(const struct elf_image *image, const GElf_Shdr *header)
{
	off_t hole;

	if (header->sh_size < SPARSE_MIN ||
	    header->sh_size / SPARSE_SHARE < image->on_disk)
		return false;
	hole = lseek(image->fd, (off_t)header->sh_offset, SEEK_HOLE);
	return hole >= 0 && (uint64_t)hole - header->sh_offset < header->sh_size;
}

/* Whether all bytes of a section lie in the file; they may be a hole. */
static int
check_bounds(
    const struct elf_image *image, const GElf_Shdr *header, struct failure *failure)
{
	char name[64];

	if (header->sh_type == SHT_NOBITS)
		return -ENOENT;
	copy_name(image, header, name, sizeof(name));
	if (header->sh_offset > image->file_size ||
	    header->sh_size > image->file_size - header->sh_offset)
		return failure_say(failure, ENOEXEC,
		    "section %s (offset 0x%llx, %llu bytes) reaches past the end of "
		    "the file: it is cut or still being written; build it again",
		    name, (unsigned long long)header->sh_offset,
		    (unsigned long long)header->sh_size);
	return 0;
}

/* The same for one that all is read of. */
static int
check_place(
    const struct elf_image *image, const GElf_Shdr *header, struct failure *failure)
{
	char name[64];
	int r = check_bounds(image, header, failure);

	if (r < 0)
		return r;
	copy_name(image, header, name, sizeof(name));
	if (is_sparse(image, header))
		return failure_say(failure, ENOEXEC,
		    "section %s says %llu MB, but the file has %llu MB on the disk: "
		    "the rest was never written; build it again",
		    name, (unsigned long long)header->sh_size >> 20,
		    (unsigned long long)image->on_disk >> 20);
	return 0;
}

static int
load(struct elf_image *image, Elf_Scn *scn, const GElf_Shdr *header,
    struct elf_section *ret_section, struct failure *failure)
{
	struct loaded *loaded = NULL;
	struct elf_section section;
	char name[64];
	int r = check_place(image, header, failure);

	if (r < 0)
		return r;
	copy_name(image, header, name, sizeof(name));
	r = take_section(image, elf_ndxscn(scn), name, header, &loaded, failure);
	if (r < 0)
		return r;
	section.header = *header;
	section.data = loaded->data;
	section.size = loaded->size;
	if ((header->sh_flags & SHF_COMPRESSED) != 0) {
		if (loaded->inflated == NULL)
			r = inflate_section(name, section.data, section.size,
			    &image->inflated, &loaded->inflated, &loaded->inflated_size,
			    failure);
		if (r < 0)
			return r;
		section.data = loaded->inflated;
		section.size = loaded->inflated_size;
	}
	*ret_section = section;
	return 0;
}

int
elf_image_section(struct elf_image *image, const char *name,
    struct elf_section *ret_section, struct failure *failure)
{
	GElf_Shdr header;
	Elf_Scn *scn;

	scn = find(image, name, &header);
	if (scn == NULL)
		return -ENOENT;
	return load(image, scn, &header, ret_section, failure);
}

struct byte_reader
elf_image_bytes(struct elf_image *image, const char *name)
{
	struct elf_section section;
	struct failure ignored;

	if (elf_image_section(image, name, &section, &ignored) < 0)
		return (struct byte_reader){ 0 };
	return byte_reader_over(section.data, section.size);
}

int
elf_image_section_at(struct elf_image *image, size_t index,
    struct elf_section *ret_section, struct failure *failure)
{
	Elf_Scn *scn = elf_getscn(image->elf, index);
	GElf_Shdr header;

	if (scn == NULL || gelf_getshdr(scn, &header) == NULL)
		return -ENOENT;
	return load(image, scn, &header, ret_section, failure);
}

/* The first section of @type behind @index, which moves there. */
static Elf_Scn *
next_of_type(
    const struct elf_image *image, uint32_t type, size_t *index, GElf_Shdr *ret_header)
{
	Elf_Scn *scn = *index > 0 ? elf_getscn(image->elf, *index) : NULL;

	while ((scn = elf_nextscn(image->elf, scn)) != NULL) {
		if (gelf_getshdr(scn, ret_header) == NULL ||
		    ret_header->sh_type != type)
			continue;
		*index = elf_ndxscn(scn);
		return scn;
	}
	return NULL;
}

int
elf_image_next(struct elf_image *image, uint32_t type, size_t *index,
    struct elf_section *ret_section, struct failure *failure)
{
	GElf_Shdr header;
	Elf_Scn *scn = next_of_type(image, type, index, &header);

	if (scn == NULL)
		return -ENOENT;
	return load(image, scn, &header, ret_section, failure);
}

static int
take_header(const struct elf_image *image, const GElf_Shdr *header,
    struct elf_section *ret_section, struct failure *failure)
{
	int r = check_place(image, header, failure);

	if (r == 0)
		*ret_section =
		    (struct elf_section){ .header = *header, .size = header->sh_size };
	return r;
}

int
elf_image_find(struct elf_image *image, const char *name,
    struct elf_section *ret_section, struct failure *failure)
{
	GElf_Shdr header;

	if (find(image, name, &header) == NULL)
		return -ENOENT;
	return take_header(image, &header, ret_section, failure);
}

int
elf_image_find_any(struct elf_image *image, const char *name,
    struct elf_section *ret_section, struct failure *failure)
{
	GElf_Shdr header;
	int r;

	if (find(image, name, &header) == NULL)
		return -ENOENT;
	r = check_bounds(image, &header, failure);
	if (r == 0)
		*ret_section =
		    (struct elf_section){ .header = header, .size = header.sh_size };
	return r;
}

int
elf_image_find_next(struct elf_image *image, uint32_t type, size_t *index,
    struct elf_section *ret_section, struct failure *failure)
{
	GElf_Shdr header;

	if (next_of_type(image, type, index, &header) == NULL)
		return -ENOENT;
	return take_header(image, &header, ret_section, failure);
}

int
elf_image_read(struct elf_image *image, const struct elf_section *section,
    uint64_t offset, void *buffer, size_t len, struct failure *failure)
{
	int r;

	/* As in read_section(): thousands of headers may name the same bytes. */
	if (len > image->budget)
		return failure_say(failure, ENOEXEC,
		    "its sections overlap (one at offset 0x%llx is one of them): build "
		    "it again",
		    (unsigned long long)section->header.sh_offset);
	image->budget -= len;
	r = read_bytes(image->fd, buffer, len, section->header.sh_offset + offset);
	if (r < 0)
		return failure_say(failure, -r, "bytes at offset 0x%llx: %s",
		    (unsigned long long)(section->header.sh_offset + offset),
		    r == -ENODATA ? "the file was cut; build it again" : strerror(-r));
	return 0;
}

bool
elf_image_has(const struct elf_image *image, const char *name, uint64_t *ret_size)
{
	GElf_Shdr header;

	if (find(image, name, &header) == NULL)
		return false;
	*ret_size = header.sh_size;
	return true;
}

bool
elf_image_is_zdebug(const struct elf_image *image)
{
	uint64_t size;

	return elf_image_has(image, ".zdebug_info", &size) ||
	    elf_image_has(image, ".zdebug_line", &size);
}

bool
elf_image_is_code(const struct elf_image *image, uint64_t address)
{
	size_t low = 0, high = image->code_len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (image->code[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && address < image->code[low - 1].end;
}

void
elf_image_code_bounds(
    const struct elf_image *image, uint64_t *ret_start, uint64_t *ret_end)
{
	*ret_start = image->code_len > 0 ? image->code[0].start : 0;
	*ret_end = image->code_len > 0 ? image->code[image->code_len - 1].end : 0;
}

bool
elf_image_is_loaded(const struct elf_image *image, size_t index)
{
	Elf_Scn *scn = elf_getscn(image->elf, index);
	GElf_Shdr header;

	return scn != NULL && gelf_getshdr(scn, &header) != NULL &&
	    (header.sh_flags & SHF_ALLOC) != 0;
}

struct byte_reader
elf_image_build_id(struct elf_image *image)
{
	struct byte_reader notes, none = { 0 }, name, id;
	struct failure ignored;
	struct elf_section section;
	size_t index = 0;
	uint32_t name_len, id_len, type;

	while (elf_image_next(image, SHT_NOTE, &index, &section, &ignored) == 0) {
		notes = byte_reader_over(section.data, section.size);
		while (byte_reader_left(&notes) > 0) {
			name_len = byte_reader_u32(&notes);
			id_len = byte_reader_u32(&notes);
			type = byte_reader_u32(&notes);
			name =
			    byte_reader_cut(&notes, ((uint64_t)name_len + 3) & ~3ULL);
			id = byte_reader_cut(&notes, ((uint64_t)id_len + 3) & ~3ULL);
			if (notes.bad)
				break;
			if (type != NT_GNU_BUILD_ID || name_len != 4 ||
			    memcmp(name.at, "GNU", 4) != 0)
				continue;
			id.end = id.at + (id_len < 64 ? id_len : 64);
			return id;
		}
	}
	return none;
}
