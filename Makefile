# driftscope: `make run` answers the main question, `make check` tests. Nothing is written outside build/ and results/ but packages, and what tests remove again.
PACKAGES := gcc make pkg-config git libhdf5-dev libgsl-dev libyaml-dev libjansson-dev libxxhash-dev libpcre2-dev libutf8proc-dev zlib1g-dev \
            libcriterion-dev libcmark-gfm-dev libcmark-gfm-extensions-dev gnuplot-nox
CHECK_PACKAGES := python3 python3-h5py python3-numpy python3-pandas python3-tables python3-xarray python3-netcdf4 python3-h5netcdf \
                  valgrind texlive-latex-base
MPI_PACKAGES   := mpich libmpich-dev
LINTERS  := clang-tidy cppcheck clang-format

, := ,
BUILD    := build$(if $(DEBUG),/debug)
CPPFLAGS := -D_GNU_SOURCE -I. -Iharness -I$(BUILD) $(shell pkg-config --silence-errors --cflags hdf5)
CPPFLAGS += -DH5_USE_110_API                     # HDF5 1.12 gave H5Oget_info and H5Literate other types
CFLAGS   := -std=c17 -O3 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wwrite-strings -fopenmp
CFLAGS   += -ffp-contract=off                   # an fma is written, never made by the compiler
CFLAGS   += -fno-math-errno -fno-trapping-math  # no value changes: sqrtf and selects become one instruction each
CFLAGS   += -Wno-psabi                           # vectors are passed to inlined functions alone
CFLAGS   += $(if $(DEBUG),-O1 -fsanitize=address -fsanitize=undefined -fno-omit-frame-pointer -DDS_SANITIZE)
LDFLAGS  := -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/lib'  # where a bundle keeps its libraries
LDLIBS   := -lgsl -lgslcblas -lyaml -ljansson -lxxhash -lz -lpcre2-8 -lutf8proc -lcmark-gfm -lcmark-gfm-extensions

# HDF5's archive, where it stands and says what it wants: its shared library brings curl, Kerberos and LDAP, four fifths of
# the time that the program takes to start, for files in somebody's cloud.
HDF5DIR  := $(patsubst -L%,%,$(shell pkg-config --silence-errors --libs-only-L hdf5))
HDF5WANT := $(if $(wildcard $(HDF5DIR)/libhdf5_hl.a),$(shell sed -n 's/^ *Extra libraries: *//p' $(HDF5DIR)/libhdf5.settings))
LDLIBS   += $(HDF5DIR:%=-L%) $(if $(HDF5WANT),-l:libhdf5_hl.a -l:libhdf5.a -Wl$(,)--as-needed $(HDF5WANT) -Wl$(,)--no-as-needed,-lhdf5_hl -lhdf5) -lm
BUNDLE   := $(BUILD)/driftscope-bundle

# With nvcc the kernels for a device are built in, CUDA's runtime statically; without it no_cuda.c and no_cuda64.c say so.
NVCC     := $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
KERNELS  := $(if $(NVCC),$(wildcard kernels/*.cu reference/*.cu harness/measure/*.cu))
NVFLAGS  := -std=c++17 -O3 -lineinfo -gencode arch=compute_90,code=sm_90 -gencode arch=compute_75,code=compute_75
NVFLAGS  += -fmad=false -ftz=false -prec-div=true -prec-sqrt=true  # IEEE float32, as the CPU: the same bits
NVFLAGS  += -Xcompiler=-fopenmp                                    # weights are packed by all threads of the host
CUDALIBS := $(if $(KERNELS),-L$(dir $(NVCC))../lib64 -lcudart_static -lstdc++ -ldl -lrt -lpthread)

# Where mpicc is on the path a study spreads over MPI ranks; MPI=0: not; `make deps MPI=1` installs it.
MPICC    := $(if $(filter 0,$(MPI)),,$(firstword $(shell command -v mpicc)))
MPISHOW  := $(if $(MPICC),$(shell $(MPICC) -show))

# The CPU's operators, once more for each instruction level (kernels/level.h), where that is an x86-64.
LEVELLED := $(addprefix kernels/,conv1d hadamard linear narrow peak q8 residual rmsnorm scan)
LEVELS   := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),v3 v4 vnni)
v3       := -march=x86-64-v3
v4       := -march=x86-64-v4
vnni     := -march=x86-64-v4 -mavx512vnni

SOURCES  := $(filter-out $(if $(KERNELS),kernels/no_cuda.c reference/no_cuda64.c harness/measure/no_cuda.c) \
              harness/base/ranks_mpi.c,$(wildcard harness/*.c harness/*/*.c harness/*/*/*.c kernels/*.c reference/*.c))
HEADERS  := $(wildcard harness/*.h harness/*/*.h harness/*/*/*.h kernels/*.h reference/*.h)
TESTS    := $(wildcard tests/*.c) $(filter-out %/main.c,$(wildcard tests/words/*.c tests/fuzz/*.c tests/mutants/*.c))
WORDS    := $(wildcard tests/words/*.c)
MUTANTS  := $(wildcard tests/mutants/*.c)
GPUTESTS := $(wildcard tests/gpu/*.c $(if $(KERNELS),tests/gpu/*.cu))
OBJECTS  := $(patsubst %,$(BUILD)/%.o,$(basename $(SOURCES)) $(KERNELS) $(foreach level,$(LEVELS),$(LEVELLED:=.$(level))))
PROGRAM  := $(BUILD)/driftscope
RANKS    := $(if $(MPICC),$(BUILD)/driftscope_mpi.so)  # loaded where a launcher started the program

# What pkg-config says is read when make starts: after `deps` it must be asked again.
AGAIN    := $(MAKE) --no-print-directory -j$(shell nproc)

define install
@missing="$$(for p in $(1); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done)"; \
[ -z "$$missing" ] || if ! command -v apt-get >/dev/null; then \
  echo "driftscope needs these Debian packages, or what they are called here:" $$missing; exit 1; \
else sudo=$$([ $$(id -u) -eq 0 ] || echo sudo); $$sudo apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing; fi
endef

all: $(PROGRAM) $(RANKS)                 ## build the program (DEBUG=1: with address and undefined-behaviour sanitizers)

run: deps                       ## the main experiment on the shipped model; its last line is the report's path
	@$(AGAIN) all
	$(PROGRAM) run experiments/mode_2-0_vs_2-4.yaml

bench: deps                     ## speed of operators and modes at the 130M shape (of your model: the spec's key cost)
	@$(AGAIN) all
	$(PROGRAM) bench

check: deps-check               ## build and run every test
	@$(AGAIN) all $(BUILD)/check
	@$(AGAIN) $(BUILD)/to_add.passed $(if $(KERNELS),$(BUILD)/ptx.passed)
	tests/check_includes.sh
	OMP_WAIT_POLICY=passive tests/in_scratch.sh $(BUILD)/check -j$$(($$(nproc) + 1)) $(CHECK)   # one more than processors: some wait; spinning threads make small operators ten times slower

check-exhaustive: deps-check    ## the float32 functions over every float32 there is, the float64 ones over 2.5 billion points, more planted events and numbers that are traps: ten minutes
	@$(AGAIN) all $(BUILD)/check
	DRIFTSCOPE_EXHAUSTIVE=1 $(BUILD)/check --filter '@(math32|math64|planted|tasks|traps)/*'

check-crash: deps-check         ## killed at every writing call and at 1,000 moments, every call and allocation failing, and gone on (JOBS=): two hours of a core
	@$(AGAIN) all $(BUILD)/check
	tests/check_crash.sh $(BUILD)/check $(or $(JOBS),$(shell nproc))

check-fuzz: deps                ## bytes of any kind to all that reads somebody else's files, under sanitizers: two minutes (SECONDS=, JOBS=)
	$(call install,clang libclang-rt-dev)
	@$(AGAIN) all $(FUZZ)/targets
	tests/fuzz/campaign.sh $(FUZZ) $(or $(SECONDS),120) $(or $(JOBS),$(shell nproc))

check-mutants: deps-check       ## 50,000 changed results files: what a user sees of report, verify and --vectors (COUNT=, JOBS=): two hours a core
	@$(AGAIN) all $(BUILD)/mutants
	tests/mutants/campaign.sh $(PROGRAM) $(BUILD)/mutants $(or $(COUNT),50000) $(or $(JOBS),$(shell nproc))

check-fresh:                    ## `make run` and `make check` in a new Debian: SUITE=bookworm or trixie, perhaps ARCH=arm64 (root, debootstrap)
	tests/check_fresh.sh $(or $(SUITE),$(error SUITE=bookworm or SUITE=trixie)) $(ARCH)

WHEELS   := $(BUILD)/wheels
check-wheels: deps-check        ## the tests that read results in Python, with the newest h5py, netCDF4, pandas and xarray of PyPI
	$(call install,python3-venv)
	@$(AGAIN) all $(BUILD)/check
	python3 -m venv $(WHEELS) && $(WHEELS)/bin/pip install -qU h5py numpy pandas tables xarray netCDF4 h5netcdf
	DRIFTSCOPE_PYTHON=$(abspath $(WHEELS))/bin/python $(BUILD)/check --filter '@(cli|readme)/@(tables_equal*|float16*|python_snippets*)'

check-words: deps-check         ## how often intervals and shapes said of a few prompts are right: half an hour the first time
	@$(AGAIN) all $(BUILD)/words
	OMP_WAIT_POLICY=passive $(BUILD)/words population $(BUILD)/population.bin
	OMP_WAIT_POLICY=passive $(BUILD)/words check $(BUILD)/population.bin

check-gpu: deps                 ## run the tests that need a CUDA device: every kernel against the CPU, bit for bit
	@$(AGAIN) all $(BUILD)/check-gpu
	$(PROGRAM) verify && $(BUILD)/check-gpu $(CHECK)

bundle: deps                    ## a folder, and its .tar.xz, that runs on your own GPU nodes with nothing but the driver there
	$(call install,xz-utils)
	@$(AGAIN) all $(BUILD)/check $(BUILD)/check-gpu
	rm -rf $(BUNDLE) && mkdir -p $(BUNDLE)/lib $(BUNDLE)/tests
	cp -r $(PROGRAM) $(BUILD)/check $(BUILD)/check-gpu experiments data LICENSE NOTICE README.md $(BUNDLE)
	cp -r tests/*.py tests/dumps tests/hostile tests/vectors $(BUNDLE)/tests && cp -r $(BUILD)/preload $(BUNDLE) && cp --parents tests/words/curves.bin $(BUNDLE)
	ldd $(PROGRAM) $(BUILD)/check $(BUILD)/check-gpu | sed -n 's|.* => \(/[^ ]*\).*|\1|p' | sort -u | \
	  grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libstdc\+\+|libgcc_s|ld-linux[^/]*)\.so' | xargs cp -Lt $(BUNDLE)/lib
	tar -C $(BUILD) -cJf $(BUNDLE).tar.xz $(notdir $(BUNDLE))

PREFIX   := /usr/local
install: deps                   ## program, man page, shell completion and the specs' schema under PREFIX (/usr/local)
	$(call install,help2man)
	@$(AGAIN) all $(BUILD)/driftscope.1
	install -D -t $(DESTDIR)$(PREFIX)/bin $(PROGRAM)
	$(if $(RANKS),install -D -t $(DESTDIR)$(PREFIX)/lib/driftscope $(RANKS))
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(BUILD)/driftscope.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/driftscope experiments/spec.schema.json
	$(PROGRAM) completion bash | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/driftscope
	$(PROGRAM) completion zsh | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_driftscope

# Every command's --help is a section.
$(BUILD)/driftscope.1: $(PROGRAM)
	for command in $$($(PROGRAM) --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do \
	  printf '[driftscope %s]\n.nf\n' $$command; \
	  $(PROGRAM) $$command --help | sed 's/\\/\\e/g; s/-/\\-/g; s/^[.'"'"']/\\\&&/'; printf '.fi\n\n'; done > $@.sections
	help2man --no-info --name 'where two precision modes of a Mamba model differ' --include $@.sections --output $@ $(PROGRAM)

CHANGED  := $(if $(SINCE),$(patsubst %.h,%.c,$(shell git diff --name-only $(SINCE))),$(SOURCES))
TIDIED   := $(filter $(SOURCES) $(if $(MPICC),harness/base/ranks_mpi.c),$(sort $(CHANGED)))
CHECKED  := $(wildcard harness/*.c harness/*/*.c harness/*/*/*.c kernels/*.c reference/*.c)
AFFECTED  = $(if $(SINCE),$(shell tests/affected.sh $(BUILD) $(SINCE) $(CHECKED)),$(CHECKED))
lint: deps-lint                 ## clang-format, cppcheck, -Wconversion and clang-tidy must have nothing to say (SINCE=COMMIT: on what it may have changed)
	clang-format --dry-run -Werror $(SOURCES) $(TESTS) $(HEADERS) $(wildcard tests/*.h tests/*/*.h)
	printf '%s\n' $(AFFECTED) | cppcheck -j $(shell nproc) --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem --suppress=uninitvar --suppress=invalidFunctionArg -I. -Iharness --file-list=-
	@$(AGAIN) $(BUILD)/build_info.h
	printf '%s\n' $(filter $(SOURCES) $(if $(MPICC),harness/base/ranks_mpi.c),$(AFFECTED)) | xargs -r -P $(shell nproc) -n 16 $(CC) $(CPPFLAGS) $(CFLAGS) $(filter -I%,$(MPISHOW)) -fsyntax-only -Wconversion -Werror
	printf '%s\n' $(TIDIED) | xargs -r -P $(shell nproc) -I{} clang-tidy --quiet {} -- $(CPPFLAGS) $(filter -I%,$(MPISHOW)) $(CFLAGS)

deps:                           ## install what `make run` needs and is missing (apt)
	$(call install,$(PACKAGES) $(if $(filter 1,$(MPI)),$(MPI_PACKAGES)))
deps-check:                     ## the same, and what only tests run
	$(call install,$(PACKAGES) $(CHECK_PACKAGES) $(if $(filter 0,$(MPI))$(MPICC),,$(MPI_PACKAGES)))
deps-lint:
	$(call install,$(LINTERS))

clean:                          ## remove what was built; results stay
	rm -rf build

help:                           ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

$(PROGRAM): $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(CUDALIBS) -o $@

$(BUILD)/driftscope_mpi.so: harness/base/ranks_mpi.c harness/base/status.c harness/base/name.c harness/base/process.c $(wildcard harness/base/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter -I%,$(MPISHOW)) $(filter-out -fsanitize=%,$(CFLAGS)) -shared -fPIC $(filter %.c,$^) $(filter -L% -l%,$(MPISHOW)) -o $@

TESTED   := $(filter-out %/main.o,$(OBJECTS))
PRELOADS := $(patsubst tests/%.c,$(BUILD)/%.so,$(wildcard tests/preload/*.c))
$(BUILD)/check: $(TESTS:%.c=$(BUILD)/%.o) $(TESTED) | $(PRELOADS)
$(BUILD)/check: LDFLAGS += $(patsubst %,-Wl$(,)--wrap=arena_%,alloc room carve printf)  # tests/failing_arena.h
$(BUILD)/check: LDFLAGS += -Wl,--wrap=child_work  # tests/fuzz/hdf5.c
$(BUILD)/check-gpu: $(patsubst %,$(BUILD)/%.o,$(filter-out %.cu,$(GPUTESTS:.c=)) $(filter %.cu,$(GPUTESTS))) $(TESTED)
$(BUILD)/words: $(WORDS:%.c=$(BUILD)/%.o) $(TESTED)
$(BUILD)/mutants: $(MUTANTS:%.c=$(BUILD)/%.o) $(TESTED)
$(BUILD)/check $(BUILD)/check-gpu $(BUILD)/words $(BUILD)/mutants:
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(CUDALIBS) -lcriterion -o $@

# What parses, and the targets, with libFuzzer's counters and the sanitizers; all else as it is in the program.
CLANG    := clang
FUZZ     := $(BUILD)/fuzz
FUZZFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZED   := $(filter-out %/ranks_mpi.c,$(wildcard harness/base/*.c) $(wildcard harness/model/*.c harness/model/*/*.c harness/source/dump/*.c harness/spec/*.c harness/store/*.c harness/family/*.c tests/fuzz/*.c)) \
            $(addprefix harness/,walk/prompt.c study/calibration.c study/choices.c measure/tables.c measure/ranges.c) $(wildcard harness/measure/tables/*.c)
$(FUZZ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=c17 -O2 -g -fopenmp=libgomp -Wno-unknown-warning-option $(FUZZFLAGS) -fsanitize=fuzzer-no-link $(COVERAGE) \
	  -DDS_SANITIZE -DARENA_GAP=64 -MMD -MP -c $< -o $@
$(FUZZ)/targets: LDFLAGS += -Wl,--wrap=child_work
$(FUZZ)/targets: $(FUZZED:%.c=$(FUZZ)/%.o) $(filter-out $(FUZZED:%.c=$(BUILD)/%.o),$(TESTED))
	$(CLANG) $(FUZZFLAGS) -fsanitize=fuzzer $(COVERAGE) -fopenmp=libgomp $(LDFLAGS) $^ $(LDLIBS) $(CUDALIBS) -o $@

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# What is looked at are the program's objects; what tests do themselves takes less time than to compile it at -O3.
$(BUILD)/tests/%.o: tests/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -O1 -MMD -MP -c $< -o $@

# Half a minute each, of what seldom changes.
$(BUILD)/to_add.passed: tests/to_add.sh $(wildcard tests/toy/*) README.md Makefile $(SOURCES) $(HEADERS) | $(OBJECTS)
	tests/to_add.sh "$(BUILD)" "$(CFLAGS)" && touch $@
$(BUILD)/ptx.passed: tests/check_ptx.sh $(KERNELS:%=$(BUILD)/%.o)
	tests/check_ptx.sh "$(NVCC) $(filter -f% -p%,$(NVFLAGS))" $(KERNELS) && touch $@

$(BUILD)/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O1 -Wall -Wextra -shared -fPIC $< -o $@

define level_rule
$(BUILD)/%.$(1).o: %.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$($(1)) -DROOM_LEVEL_NAME=_$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach level,$(LEVELS),$(eval $(call level_rule,$(level))))

$(BUILD)/%.cu.o: %.cu Makefile
	@mkdir -p $(@D)
	$(NVCC) $(NVFLAGS) -I. -Iharness -MMD -MP -MF $(@:.o=.d) -c $< -o $@

# What the program says of its own making; rewritten only where it changed.
$(BUILD)/harness/experiment/provenance.o: $(BUILD)/build_info.h
$(BUILD)/build_info.h: always
	@mkdir -p $(@D)
	@printf '#define BUILD_COMMIT "%s"\n#define BUILD_FLAGS "%s"\n' "$$(git describe --always --dirty 2>/dev/null || echo unknown)" '$(strip $(CFLAGS)$(if $(KERNELS), nvcc $(NVFLAGS)))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: all run bench check check-exhaustive check-crash check-fuzz check-mutants check-fresh check-wheels check-words check-gpu bundle install lint deps deps-check deps-lint clean help always
-include $(OBJECTS:.o=.d) $(TESTS:%.c=$(BUILD)/%.d) $(BUILD)/tests/words/main.d $(BUILD)/tests/mutants/main.d $(FUZZED:%.c=$(FUZZ)/%.d) $(patsubst %,$(BUILD)/%.d,$(GPUTESTS:.c=))
