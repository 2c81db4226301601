# SPDX-License-Identifier: MIT
# Large executables for symbolize.py, from pinned packages of the public registries:
#   make -j2 -f t/bench/targets.mk OUT=FOLDER [sqlite|rocksdb]
# Needs npm and cargo besides clang; RocksDB takes two cores some ten minutes.
CLANG ?= clang-19
CLANGXX ?= clang++-19
OUT ?= bench-targets
FLAGS = -g -O1 -w
COVERAGE = -fsanitize-coverage=inline-8bit-counters,pc-table
DRIVER = -fsanitize=fuzzer

all: sqlite rocksdb
sqlite: $(OUT)/sqlite
rocksdb: $(OUT)/rocksdb

# ---- SQLite, one large unit with ASan ----

SQLITE = $(OUT)/package/deps/sqlite3
$(SQLITE)/sqlite3.c:
	mkdir -p $(OUT)
	cd $(OUT) && npm pack --silent better-sqlite3@11.3.0 && \
	  echo '084d83c773b14073d4825c9daadfc9d241eca065037a01782517e92db24da104  better-sqlite3-11.3.0.tgz' | sha256sum -c && \
	  tar xzf better-sqlite3-11.3.0.tgz
$(OUT)/sqlite: $(SQLITE)/sqlite3.c
	printf '%s\n' '#include <stddef.h>' '#include "sqlite3.h"' \
	  'int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) { sqlite3 *base; (void)size;' \
	  'if (sqlite3_open(":memory:", &base) == SQLITE_OK) sqlite3_exec(base, (const char *)data, 0, 0, 0);' \
	  'return sqlite3_close(base) != SQLITE_OK ? -1 : 0; }' >$(OUT)/sqlite.c
	$(CLANG) $(FLAGS) -fsanitize=fuzzer,address -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
	  -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_PREUPDATE_HOOK -DSQLITE_ENABLE_JSON1 -I$(SQLITE) \
	  $(OUT)/sqlite.c $(SQLITE)/sqlite3.c -lm -o $@

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

# The list of objects is known when the package is there.
$(OUT)/rocksdb: $(LIST)
	$(MAKE) -f $(firstword $(MAKEFILE_LIST)) OUT=$(OUT) $(OUT)/rocksdb.linked
	ln -f $(OUT)/rocksdb.linked $@
$(OUT)/rocksdb.linked: $(OBJECTS)
	printf '%s\n' '#include "rocksdb/db.h"' \
	  'extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) { rocksdb::Options options;' \
	  'rocksdb::DB *base = nullptr; if (rocksdb::DB::Open(options, std::string((const char *)data, size), &base).ok())' \
	  'delete base; return 0; }' >$(OUT)/rocksdb.cc
	$(CLANGXX) $(ROCKSDB_FLAGS) $(DRIVER) -fuse-ld=lld-19 -Wl,--build-id $(OUT)/rocksdb.cc $(ROCKSDB)/build_version.cc \
	  $(OBJECTS) -lpthread -ldl -o $@
$(OUT)/objects/%.o:
	@mkdir -p $(@D)
	$(CLANGXX) $(ROCKSDB_FLAGS) -c $(ROCKSDB)/rocksdb/$*.cc -o $@.new
	@mv $@.new $@

.PHONY: all sqlite rocksdb
