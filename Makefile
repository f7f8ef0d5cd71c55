# Builds libmwnet and the program mwnet. `make help` lists the targets and the variables.

VERSION := $(shell awk '/define MWN_VERSION_/ {printf "%s%s", dot, $$3; dot = "."}' \
             include/mwnet.h)
SONAME  := libmwnet.so.$(firstword $(subst ., ,$(VERSION)))

ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
PKG_CONFIG ?= pkg-config
SAN        ?=
ifneq ($(FUZZ),)
CC     := clang
SAN    := address
NOSIMD := 1 # the vector kernels take minutes to compile with sanitizers
BUILD  ?= build-fuzz
CFLAGS ?= -O1 -g
else ifneq ($(SAN),)
BUILD ?= build-san
else ifneq ($(findstring clang,$(CC)),)
BUILD ?= build-clang
else
BUILD ?= build
endif

# ---- Flags ---------------------------------------------------------------------------
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wconversion -Wdouble-promotion -Wvla -Wwrite-strings -Wcast-qual -Wundef \
            -Wformat=2 -Wimplicit-fallthrough -fno-common
# clang 19 minds constants from enums in real numbers; gcc 14 sees overflow in unsigned loops.
WARNINGS += -Wno-$(if $(findstring clang,$(CC)),enum-float-conversion,aggressive-loop-optimizations)
PACKAGES := jansson yaml-0.1 zlib libturbojpeg spng zimg libcurl libarchive libcrypto libprotobuf-c lapacke
BASE     := -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -fPIC -fvisibility=hidden \
            -ftree-vectorize -fopenmp $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
LIBS     := $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lpthread -lm
ifeq ($(SAN),address)
BASE += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifneq ($(SAN),)
BASE += -fsanitize=$(SAN) -fno-omit-frame-pointer
endif
ifneq ($(FUZZ),)
BASE += -fsanitize=fuzzer-no-link -Wno-pass-failed
endif
ifneq ($(WERROR),)
STRICT := -Werror
endif

# oneDNN is for x86-64; elsewhere, or with NODNNL=1, the vector kernels do without. Where there are
# none for the processor, or with NOSIMD=1, the reference backend does the work.
MACHINE := $(shell $(CC) -dumpmachine)
ifneq ($(NOSIMD),)
BASE    += -DMWN_NO_SIMD
MACHINE := none
endif
ifneq ($(filter x86_64%,$(MACHINE)),)
ifeq ($(NODNNL),)
HAVE_DNNL := $(shell echo '\#include <dnnl.h>' | $(CC) -E - >/dev/null 2>&1 && echo 1)
endif
endif
ifneq ($(HAVE_DNNL),)
BASE += -DMWN_HAVE_DNNL
LIBS += -ldnnl
else
LEFT_OUT := $(wildcard src/nn/*dnnl*.c)
endif
ifeq ($(filter x86_64%,$(MACHINE)),)
LEFT_OUT += $(wildcard src/nn/simd_avx*.c)
endif
ifeq ($(filter aarch64%,$(MACHINE)),)
LEFT_OUT += src/nn/simd_neon.c
endif

COMPILE = $(CC) $(BASE) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(FILE_FLAGS)
LINK    = $(CC) -fopenmp $(filter -fsanitize%,$(BASE)) $(CFLAGS) $(LDFLAGS)

# ---- What is built: found by wildcard --------------------------------------------------
OBJ       := $(BUILD)/obj
SOURCES   := $(filter-out $(LEFT_OUT),$(wildcard src/*/*.c))
# C made from the file format of ONNX.
PROTOC_C  ?= $(if $(shell command -v protoc-c),protoc-c,protoc)
MADE      := $(BUILD)/made/onnx.pb-c
CLI_OBJ   := $(patsubst %.c,$(OBJ)/%.o,$(filter src/cli/%,$(SOURCES)))
LIB_OBJ   := $(patsubst %.c,$(OBJ)/%.o,$(filter-out src/cli/%,$(SOURCES))) $(MADE).o
STATIC    := $(BUILD)/libmwnet.a
SHARED    := $(BUILD)/libmwnet.so.$(VERSION)
programs   = $(patsubst %.c,$(BUILD)/%,$(wildcard $(1)/*.c))
TESTS     := $(call programs,tests)
EXAMPLES  := $(call programs,examples)
BENCHES   := $(call programs,bench)
FUZZERS   := $(call programs,fuzz)
MANUAL    := $(if $(shell command -v scdoc 2>/dev/null),$(BUILD)/mwnet.1)

all: $(STATIC) $(SHARED) $(BUILD)/mwnet $(MANUAL)
made: $(MADE).h
tests: $(TESTS)
examples: $(EXAMPLES)
bench: $(BENCHES)
fuzzers: $(FUZZERS)

# ---- Rules -----------------------------------------------------------------------------
# Objects depend on the flags they were compiled with (but not on WERROR).
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' > $@

$(OBJ)/src/nn/simd_neon.o:    FILE_FLAGS = -O3
$(OBJ)/src/nn/simd_avx2.o:    FILE_FLAGS = -mavx2 -mfma -O3
AVX512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mavx2 \
          -mprefer-vector-width=512 -O3
$(OBJ)/src/nn/simd_avx512.o:      FILE_FLAGS = $(AVX512)
$(OBJ)/src/nn/simd_avx512_bf16.o: FILE_FLAGS = $(AVX512) -mavx512bf16
$(OBJ)/tests/%.o: BASE += -Itests

$(OBJ)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(STRICT) -MMD -MP -c $< -o $@

$(MADE).c $(MADE).h: $(MADE).stamp ;
$(MADE).stamp: src/train/onnx.proto
	@mkdir -p $(@D)
	$(PROTOC_C) --proto_path=$(<D) --c_out=$(@D) $<
	@touch $@

$(MADE).o: private FILE_FLAGS = -w
$(MADE).o: $(MADE).c $(BUILD)/flags
	$(COMPILE) -c $< -o $@
$(OBJ)/src/train/onnx_file.o: private FILE_FLAGS = -isystem $(BUILD)/made
$(OBJ)/src/train/onnx_file.o: $(MADE).h

$(STATIC): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(SHARED): $(LIB_OBJ)
	$(LINK) -shared -Wl,-soname,$(SONAME) -o $@ $^ $(LIBS)
	@ln -sf $(@F) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libmwnet.so

$(BUILD)/mwnet: $(CLI_OBJ) $(STATIC)
	$(LINK) -o $@ $^ $(LIBS)

$(TESTS): LIBS += -lcmocka
$(TESTS) $(EXAMPLES) $(BENCHES): $(BUILD)/%: $(OBJ)/%.o $(STATIC)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS)

# With FUZZ=1 only: libFuzzer brings main().
$(FUZZERS): $(BUILD)/%: $(OBJ)/%.o $(STATIC)
	@mkdir -p $(@D)
	$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(BUILD)/mwnet.1: docs/man/mwnet.1.scd
	@mkdir -p $(@D)
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-0} scdoc < $< > $@

check: all tests examples
	BUILD=$(BUILD) tools/run_tests.sh fast

check-full: all tests examples
	BUILD=$(BUILD) tools/run_tests.sh full

# ---- Install, clean, help --------------------------------------------------------------
install: all
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/include $(LIBDIR)/pkgconfig \
	    $(PREFIX)/share/bash-completion/completions $(PREFIX)/share/zsh/site-functions)
	install -m 755 $(BUILD)/mwnet $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/mwnet.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libmwnet.so
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
	    -e 's|@PRIVATE@|-fopenmp $(filter -lpthread -lm -ldnnl,$(LIBS))|' mwnet.pc.in \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/mwnet.pc
	install -m 644 completions/mwnet.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mwnet
	install -m 644 completions/_mwnet $(DESTDIR)$(PREFIX)/share/zsh/site-functions/
	$(if $(MANUAL),install -D -m 644 $(MANUAL) $(DESTDIR)$(PREFIX)/share/man/man1/mwnet.1)

clean:
	rm -rf $(BUILD)

help:
	@echo 'targets:   all (default) tests examples bench fuzzers check check-full install clean'
	@echo 'variables: CC=clang  SAN=address|thread  FUZZ=1  WERROR=1  NODNNL=1  NOSIMD=1'
	@echo '           BUILD=dir  PREFIX=/usr/local  DESTDIR=  CFLAGS="-O2 -g"'

FORCE:
.PHONY: all made tests examples bench fuzzers check check-full install clean help FORCE
.SECONDARY:
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
