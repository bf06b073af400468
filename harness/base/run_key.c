#include "base/run_key.h"

#include <string.h>

#include "base/file.h"

_Static_assert(sizeof(RunKey) == RUN_KEYS * sizeof(Digest),
               "a RunKey is its digests, in the order of run_key_names");
const char *const run_key_names[RUN_KEYS] = {"spec", "weights", "text", "program"};
const Digest *run_key_digest(const RunKey *key, int i) { return (const Digest *)key + i; }

const char *run_key_difference(const RunKey *a, const RunKey *b) {
  for (int i = 0; i < RUN_KEYS; i++)
    if (strcmp(run_key_digest(a, i)->hex, run_key_digest(b, i)->hex)) return run_key_names[i];
  return NULL;
}

bool run_program_digest(Digest *digest, Status *st) {
  Bytes program;
  TRY(file_map("/proc/self/exe", &program, st));
  *digest = digest_of(program.data, program.count);
  file_unmap(&program);
  return true;
}
