/* Input: the run.json of an unfinished run. Of an accepted one the structure's digest is a text. */
#include <string.h>

#include "base/run_key.h"
#include "fuzz.h"
#include "store/state.h"

static RunKey some_key(void) {
  return (RunKey){digest_of("spec", 4), digest_of("weights", 7), digest_of("text", 4),
                  digest_of("program", 7)};
}

Bytes made_run(Arena *arena) {
  const RunKey key = some_key();
  const char *text = "{";
  for (int i = 0; i < RUN_KEYS; i++)
    text = arena_printf(arena, "%s\"%s\": \"%s\", ", text, run_key_names[i],
                        run_key_digest(&key, i)->hex);
  text = arena_printf(arena, "%s\"structure\": \"%s\"}", text, key.spec.hex);
  return (Bytes){text, strlen(text)};
}

bool fuzz_run(const uint8_t *data, size_t count) {
  const RunKey key = some_key();
  Digest structure;
  Status st = {0};
  char *text = fuzz_ended((Bytes){(const char *)data, count});
  memset(&structure, 'x', sizeof structure);
  const bool ok = part_run_of((Bytes){text, count}, "r.h5.parts", &key, &structure, &st);
  if (ok)
    FUZZ_CHECK(strlen(structure.hex) == 32, "no digest");
  else
    fuzz_refused(&st, "r.h5.parts");
  free(text);
  return ok;
}
