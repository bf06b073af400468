# driftscope: make run, make check. Nothing is written outside build/ and results/.
PACKAGES := gcc make pkg-config libc6-dev libhdf5-dev libgsl-dev libopenblas-dev libyaml-dev libjansson-dev \
            libxxhash-dev libcriterion-dev
LINTERS  := clang-tidy cppcheck clang-format
MODULES  := hdf5 gsl openblas yaml-0.1 jansson libxxhash

BUILD    := build$(if $(DEBUG),/debug)
CPPFLAGS := -D_GNU_SOURCE -I. -Iharness
CFLAGS   := -std=c17 -O3 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wwrite-strings -fopenmp
CFLAGS   += -ffp-contract=off                     # an fma is written, never made by the compiler
CFLAGS   += -fno-math-errno -fno-trapping-math    # no value changes; sqrtf and selects become one instruction each
CFLAGS   += $(if $(DEBUG),-O1 -fsanitize=address,-fsanitize=undefined -fno-omit-frame-pointer -DDS_SANITIZE)
LDFLAGS  := -Wl,--no-as-needed                    # libgsl asks for any CBLAS: OpenBLAS stays, and comes first
LDLIBS    = $(shell pkg-config --libs openblas) $(shell pkg-config --libs gsl | sed 's/-lgslcblas//') \
            $(shell pkg-config --libs yaml-0.1 jansson libxxhash) $(shell pkg-config --libs hdf5 | sed 's/-lhdf5/-lhdf5_hl &/') -lm
