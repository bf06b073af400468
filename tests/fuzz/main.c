/* libFuzzer's entry: the target that FUZZ_TARGET names. With FUZZ_SEED it writes the seed that it
 * makes, where it makes one, to that file and ends. */
#include <gsl/gsl_errno.h>
#include <omp.h>

#include "fuzz.h"

static const Fuzzed *target;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  const char *name = getenv("FUZZ_TARGET");
  target = name ? fuzz_find(name) : NULL;
  if (!target) {
    fprintf(stderr, "FUZZ_TARGET names one of:");
    for (const Fuzzed *f = fuzz_targets; f->name; f++) fprintf(stderr, " %s", f->name);
    fputc('\n', stderr);
    exit(2);
  }
  const char *seed = getenv("FUZZ_SEED");
  if (seed) {
    Arena arena = fuzz_arena(0, (size_t)1 << 24);
    Status st = {0};
    const Bytes made = target->made ? target->made(&arena) : (Bytes){0};
    if (target->made && !file_write(seed, made.data, made.count, false, &st))
      fprintf(stderr, "%s\n", st.text);
    exit(st.failed ? 2 : 0);
  }
  gsl_set_error_handler_off();
  omp_set_num_threads(1);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
  target->run(data, count);
  return 0;
}
