# SPDX-License-Identifier: MIT
# Large executables for symbolize.py, from pinned packages of the public registries:
#   make -j2 -f t/bench/targets.mk OUT=FOLDER [RUNTIME=BUILD] [sqlite|zlib|rocksdb|sources|rust]
# "sources" only lays out what line_truth.py compiles: SQLite, zlib and json, which is nlohmann's
# (Debian's nlohmann-json3-dev) under a harness that throws and catches. "rust" (with RUNTIME) builds
# for it what llvm-cov 19 can read: with rustc 1.95 it does.
# Needs npm and cargo besides clang; RocksDB takes two cores some ten minutes. With RUNTIME they
# are linked with the runtime of that build folder, for collector.py.
CLANG ?= clang-19
CLANGXX ?= clang++-19
OUT ?= bench-targets
FLAGS = -g -O1 -w
COVERAGE = -fsanitize-coverage=inline-8bit-counters,pc-table
DRIVER = -fsanitize=fuzzer
# The response file names the installed archive.
LINKED = $(if $(RUNTIME),$(strip $(subst /usr/local/lib/,$(abspath $(RUNTIME))/,$(file <$(RUNTIME)/fuzzsup.rsp))))

all: sqlite zlib rocksdb
sqlite: $(OUT)/sqlite
zlib: $(OUT)/zlib
rocksdb: $(OUT)/rocksdb

# ---- SQLite, one large unit with ASan ----

SQLITE = $(OUT)/package/deps/sqlite3
$(SQLITE)/sqlite3.c:
	mkdir -p $(OUT)
	cd $(OUT) && npm pack --silent better-sqlite3@11.3.0 && \
	  echo '084d83c773b14073d4825c9daadfc9d241eca065037a01782517e92db24da104  better-sqlite3-11.3.0.tgz' | sha256sum -c && \
	  tar xzf better-sqlite3-11.3.0.tgz
define SQLITE_HARNESS
#include <stdlib.h>
#include <string.h>
#include "sqlite3.h"
/* A statement that runs for ever is ended, as the project's own fuzz target does it. */
static int enough(void *left) { return --*(int *)left < 0; }
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	sqlite3 *base;
	int left = 200;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (sqlite3_open(":memory:", &base) == SQLITE_OK) {
		sqlite3_progress_handler(base, 100, enough, &left);
		sqlite3_limit(base, SQLITE_LIMIT_LENGTH, 50000);
		sqlite3_exec(base, text, 0, 0, 0);
	}
	sqlite3_close(base);
	free(text);
	return 0;
}
endef
$(OUT)/sqlite: $(SQLITE)/sqlite3.c
	$(file >$(OUT)/sqlite.c,$(SQLITE_HARNESS))
	$(CLANG) $(FLAGS) -fsanitize=fuzzer,address -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
	  -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_PREUPDATE_HOOK -DSQLITE_ENABLE_JSON1 -I$(SQLITE) \
	  $(OUT)/sqlite.c $(SQLITE)/sqlite3.c $(LINKED) -lm -o $@

# ---- RocksDB, some 320 units of C++ ----

ROCKSDB = $(OUT)/vendor/librocksdb-sys
LIST = $(ROCKSDB)/rocksdb_lib_sources.txt
SOURCES = $(filter %.cc,$(file <$(LIST)))
OBJECTS = $(patsubst %.cc,$(OUT)/objects/%.o,$(filter-out util/build_version.cc,$(SOURCES)))
ROCKSDB_FLAGS = -std=c++17 $(FLAGS) $(COVERAGE) -fno-rtti -DNDEBUG -DOS_LINUX -DROCKSDB_PLATFORM_POSIX \
	-DROCKSDB_LIB_IO_POSIX -I$(ROCKSDB)/rocksdb -I$(ROCKSDB)/rocksdb/include

$(LIST):
	mkdir -p $(OUT)/src
	printf '%s\n' '[package]' 'name = "targets"' 'version = "0.0.0"' 'edition = "2021"' '[dependencies]' \
	  'librocksdb-sys = "=0.17.1"' >$(OUT)/Cargo.toml
	: >$(OUT)/src/lib.rs
	cd $(OUT) && cargo vendor --quiet vendor >/dev/null
	test -f $@

# In memory: what an input names shall not come to be in somebody's file system.
define ROCKSDB_HARNESS
#include <memory>
#include "rocksdb/db.h"
#include "rocksdb/env.h"
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	std::unique_ptr<rocksdb::Env> env(rocksdb::NewMemEnv(rocksdb::Env::Default()));
	rocksdb::Options options;
	rocksdb::DB *base = nullptr;
	std::string value;

	options.env = env.get();
	options.create_if_missing = true;
	if (!rocksdb::DB::Open(options, "/base", &base).ok())
		return -1;
	for (size_t i = 0; i + 4 <= size; i += 4) {
		rocksdb::Slice key((const char *)data + i, 2), content((const char *)data + i + 2, 2);
		if (data[i] % 4 == 0)
			base->Get({}, key, &value);
		else if (data[i] % 4 == 1)
			base->Delete({}, key);
		else
			base->Put({}, key, content);
	}
	base->Flush({});
	delete base;
	return 0;
}
endef

# The list of objects is known when the package is there.
$(OUT)/rocksdb: $(LIST)
	$(MAKE) -f $(firstword $(MAKEFILE_LIST)) OUT=$(OUT) $(OUT)/rocksdb.linked
	ln -f $(OUT)/rocksdb.linked $@
$(OUT)/rocksdb.linked: $(OBJECTS)
	$(file >$(OUT)/rocksdb.cc,$(ROCKSDB_HARNESS))
	$(CLANGXX) $(ROCKSDB_FLAGS) $(DRIVER) -fuse-ld=lld-19 -Wl,--build-id $(OUT)/rocksdb.cc $(ROCKSDB)/build_version.cc \
	  $(OBJECTS) $(LINKED) -lpthread -ldl -o $@
$(OUT)/objects/%.o:
	@mkdir -p $(@D)
	$(CLANGXX) $(ROCKSDB_FLAGS) -c $(ROCKSDB)/rocksdb/$*.cc -o $@.new
	@mv $@.new $@

# ---- zlib, which RocksDB's package brings along ----

ZLIB = $(OUT)/vendor/libz-sys/src/zlib
ZLIB_SOURCES = $(addprefix $(ZLIB)/,adler32.c compress.c crc32.c deflate.c infback.c inffast.c inflate.c \
	inftrees.c trees.c uncompr.c zutil.c)
define ZLIB_HARNESS
#include "zlib.h"
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static unsigned char packed[1 << 17], unpacked[1 << 16];
	uLongf packed_len = sizeof(packed), unpacked_len = sizeof(unpacked);

	uncompress(unpacked, &unpacked_len, data, size);
	return compress2(packed, &packed_len, data, size < sizeof(unpacked) ? size : sizeof(unpacked), size % 10) == Z_OK ? 0 : -1;
}
endef
$(OUT)/zlib: $(LIST)
	$(file >$(OUT)/zlib.c,$(ZLIB_HARNESS))
	$(CLANG) $(FLAGS) -fsanitize=fuzzer -I$(ZLIB) $(OUT)/zlib.c $(ZLIB_SOURCES) $(LINKED) -o $@

# ---- for line_truth.py, which compiles them itself ----

define JSON_HARNESS
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include <nlohmann/json.hpp>
using nlohmann::json;

/* Whatever it says of itself, it is to come back from each of its binary forms. */
static void
round_trips(const json &value)
{
	const auto cbor = json::to_cbor(value);
	const auto msgpack = json::to_msgpack(value);
	if (json::from_cbor(cbor) != value || json::from_msgpack(msgpack) != value)
		throw std::runtime_error("another value");
	try {
		const auto ubjson = json::to_ubjson(value, true, true);
		(void)json::from_ubjson(ubjson);
		const auto bson = json::to_bson(value);
		(void)json::from_bson(bson);
	} catch (const json::exception &) {
		/* not every value has these */
	}
}

static void
edits(json value)
{
	const json before = value;
	if (value.is_array()) {
		value.push_back(1);
		value.erase(value.begin());
	} else if (value.is_object()) {
		value["new"] = {1, 2.5, "three", nullptr, true};
		value.erase("a");
	}
	const json patch = json::diff(before, value);
	if (before.patch(patch) != value)
		throw std::runtime_error("another patch");
	const json flat = value.flatten();
	for (const auto &item : flat.items())
		(void)value.at(json::json_pointer(item.key()));
	(void)flat.unflatten();
	(void)value.dump(2).size();
}

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const std::string text(reinterpret_cast<const char *>(data), size);
	const std::vector<uint8_t> bytes(data, data + size);
	try {
		const json value = json::parse(text);
		round_trips(value);
		edits(value);
	} catch (const json::parse_error &) {
	} catch (const json::exception &error) {
		(void)error.id;
	} catch (const std::exception &) {
	}
	try {
		(void)json::from_cbor(bytes);
	} catch (const json::exception &) {
	}
	try {
		(void)json::from_msgpack(bytes);
	} catch (const json::exception &) {
	}
	(void)json::accept(text);
	return 0;
}
endef
# A system's header would be no source of ours.
sources: $(SQLITE)/sqlite3.c $(LIST)
	mkdir -p $(OUT)/json
	cp -r /usr/include/nlohmann $(OUT)/json/
	$(file >$(OUT)/json.cc,$(JSON_HARNESS))
	$(file >$(OUT)/sqlite.c,$(SQLITE_HARNESS))
	$(file >$(OUT)/zlib.c,$(ZLIB_HARNESS))

# ---- four builds of Rust for it: regex-syntax, which RocksDB's package brings along ----

REGEX = $(OUT)/vendor/regex-syntax/src/lib.rs
FEATURES = std default unicode unicode-age unicode-bool unicode-case unicode-gencat unicode-perl unicode-script unicode-segment
RUSTC ?= rustc
RUST_OPT ?= 1
# With a sanitizer: RUSTC_BOOTSTRAP=1 make … RUST_MORE=-Zsanitizer=address, whose library clang's is in the way of
RUST_MORE ?=
RUST_FUZZER = $(if $(RUST_MORE),-Clink-arg=$(shell $(CLANG) -print-file-name=libclang_rt.fuzzer-x86_64.a) -Clink-arg=-lstdc++,-Clink-arg=-fsanitize=fuzzer)
RUST_FLAGS = --edition=2021 -g -Ccodegen-units=1 -Awarnings
SANCOV = -Copt-level=$(RUST_OPT) $(RUST_MORE) -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table)
RUST_LINKED = $(if $(RUNTIME),-Clink-arg=@$(abspath $(RUNTIME))/t/fuzzsup-build.rsp)
define RUST_HARNESS
#![no_main]
use regex_syntax::{ast, hir, Parser};
use std::slice;

/// What prints of a pattern is a pattern of the same meaning.
fn prints_again(pattern: &str) -> Result<(), Box<regex_syntax::Error>> {
    let meant = Parser::new().parse(pattern).map_err(Box::new)?;
    let mut text = String::new();
    if hir::print::Printer::new().print(&meant, &mut text).is_err() {
        return Ok(());
    }
    let again = Parser::new().parse(&text).map_err(Box::new)?;
    if again.properties().minimum_len() != meant.properties().minimum_len() {
        panic!("{pattern:?} became {text:?}");
    }
    Ok(())
}

#[no_mangle]
pub extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
    let bytes = unsafe { slice::from_raw_parts(data, size) };
    let Ok(pattern) = std::str::from_utf8(bytes) else {
        return -1;
    };
    if let Ok(tree) = ast::parse::Parser::new().parse(pattern) {
        let _ = tree.span();
    }
    match prints_again(pattern) {
        Ok(()) => 0,
        Err(error) => (error.to_string().len() % 2) as i32 - 1,
    }
}
endef
$(OUT)/rust/judge: BUILD_FLAGS = -Cinstrument-coverage
$(OUT)/rust/as-built: BUILD_FLAGS = $(SANCOV) $(RUST_LINKED)
$(OUT)/rust/no-prune: BUILD_FLAGS = $(SANCOV) -Cllvm-args=-sanitizer-coverage-prune-blocks=0 $(RUST_LINKED)
$(OUT)/rust/advised: BUILD_FLAGS = $(SANCOV) -Cno-prepopulate-passes '-Cpasses=default<O$(RUST_OPT)>' -Cllvm-args=-sanitizer-coverage-prune-blocks=0 $(RUST_LINKED)
$(OUT)/rust/%: $(LIST)
	mkdir -p $@.parts
	$(file >$(OUT)/regex.rs,$(RUST_HARNESS))
	$(RUSTC) $(RUST_FLAGS) $(foreach feature,$(FEATURES),--cfg 'feature="$(feature)"') $(BUILD_FLAGS) --crate-type rlib --crate-name regex_syntax $(REGEX) --out-dir $@.parts
	$(RUSTC) $(RUST_FLAGS) $(BUILD_FLAGS) -Clinker=$(CLANG) $(RUST_FUZZER) --extern regex_syntax=$@.parts/libregex_syntax.rlib $(OUT)/regex.rs -o $@
rust: $(addprefix $(OUT)/rust/,judge as-built no-prune advised)

.PHONY: all sqlite zlib rocksdb sources rust
