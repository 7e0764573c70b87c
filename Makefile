# SPDX-License-Identifier: Apache-2.0
# A thin front for Meson.  `make` builds to build/ (the command is build/hpo); everything else that people
# and CI do has one word here too.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD := build
CLANG := CC=clang
SANITISED := --buildtype=debug -Ddefault_library=static
# Headers are laid out by hand: tables and comments in columns.
C_FILES = $(shell git ls-files '*.c' | sort)

.PHONY: all python python-asan test demo install check-format format lint asan ubsan tsan msan fuzz coverage bench clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/install-deps.sh build
	meson setup $(BUILD) --buildtype=release -Dtests=false --prefix=$(abspath $(PREFIX))

# Everything, under several compilers and sanitisers; ends with "N passed, N failed".
test:
	@tools/install-deps.sh build test
	@tools/run_tests.sh

# The Python package for /usr/bin/python3 (PYTHON=...), in place: PYTHONPATH=python.  `pip install ./python` installs it.
PYTHON ?= /usr/bin/python3
python:
	@tools/install-deps.sh build python
	@$(PYTHON) python/build_backend.py

# The tests of the package over an instrumented library (in a folder of its own).
python-asan:
	@tools/run_python_tests.sh asan

demo: all
	@examples/digits/demo.sh $(BUILD) $(BUILD)/demo

install: all
	meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

check-format:
	clang-format --dry-run -Werror $(C_FILES)

format:
	clang-format -i $(C_FILES)

# clang-tidy, scripts and prose; the same checks as in `make test`, and nothing else.
lint: build-lint/build.ninja
	@ninja -C build-lint >/dev/null
	tools/lint.sh build-lint

# One sanitiser at a time.  gcc's address and thread sanitisers; memory needs clang.
asan: build-asan/build.ninja
	meson test -C $(<D) --print-errorlogs
ubsan: build-ubsan/build.ninja
	meson test -C $(<D) --print-errorlogs
tsan: build-tsan/build.ninja
	meson test -C $(<D) --print-errorlogs --suite api --suite study --suite storage --suite runner
# Libraries that are not instrumented fill memory unseen: theirs counts as initialised, ours does not
# (src/base/alloc.c).  SQLite and child processes stay out: what the system fills for them is not seen either.
MSAN := MSAN_OPTIONS=poison_in_malloc=0:poison_in_free=0 meson test -C build-msan --print-errorlogs -t 4
msan: build-msan/build.ninja
	$(MSAN) --suite math --suite space --suite sampler --suite scheduler --suite study
	$(MSAN) $(addprefix base/,alloc error json map number options registry str) api/contracts determinism/lag

build-asan/build.ninja:
	meson setup $(@D) $(SANITISED) -Db_sanitize=address,undefined
build-ubsan/build.ninja:
	meson setup $(@D) $(SANITISED) -Db_sanitize=undefined
build-tsan/build.ninja:
	meson setup $(@D) $(SANITISED) -Db_sanitize=thread
build-msan/build.ninja:
	$(CLANG) meson setup $(@D) $(SANITISED) -Db_sanitize=memory -Db_lundef=false
build-lint/build.ninja:
	$(CLANG) meson setup $(@D) $(SANITISED)
build-fuzz/build.ninja:
	$(CLANG) meson setup $(@D) $(SANITISED) -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false

# Each fuzz target for FUZZ_SECONDS, starting from its corpus; new inputs stay in build-fuzz/corpus.
FUZZ_SECONDS ?= 60
fuzz: build-fuzz/build.ninja
	@ninja -C build-fuzz
	@tools/run_fuzzers.sh build-fuzz $(FUZZ_SECONDS)

coverage:
	@test -f build-coverage/build.ninja || \
	    meson setup build-coverage $(SANITISED) -Db_coverage=true -Db_ndebug=true
	meson test -C build-coverage --no-suite stress --no-suite check
	gcovr -r . build-coverage --filter src/ --sort-uncovered --txt build-coverage/coverage.txt
	@cat build-coverage/coverage.txt

bench: all
	$(BUILD)/hpo bench overhead --json
	$(BUILD)/hpo bench storage --json

clean:
	rm -rf build build-*
