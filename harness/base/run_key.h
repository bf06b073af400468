/* run_key: what a run is. */
#ifndef DS_BASE_RUN_KEY_H
#define DS_BASE_RUN_KEY_H
#include "base/digest.h"
#include "base/status.h"

/* What a run is: a run is gone on with only where all of these agree. */
typedef struct RunKey {
  Digest spec, weights, text, program;
} RunKey;

/* What differs first: "spec", "weights", "text" or "program"; NULL where nothing does. */
const char *run_key_difference(const RunKey *a, const RunKey *b);

/* The digests one by one, with their names. */
enum { RUN_KEYS = 4 };
extern const char *const run_key_names[RUN_KEYS]; /* the order of RunKey */
const Digest *run_key_digest(const RunKey *key, int i);

/* The digest of this very program: another build is another run. */
bool run_program_digest(Digest *digest, Status *st);

#endif
