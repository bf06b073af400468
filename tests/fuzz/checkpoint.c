/* Input: config.json, model.safetensors.index.json, a.safetensors and b.safetensors, each up to a
 * line "%%"; with an empty index, model.safetensors in place of a. Every value of an accepted
 * checkpoint can be read. */
#include "model/checkpoint.h"

#include <math.h>

#include "family/family.h"
#include "folder.h"

static Folder whole = {.name = {"config.json", "model.safetensors"}},
              shards = {.name = {"config.json", "model.safetensors.index.json", "a.safetensors",
                                 "b.safetensors"}};

static void leave(void) {
  folder_remove(&whole);
  folder_remove(&shards);
}

static void look(const Weight *w) {
  if (!w->data) return;
  double *value = malloc(w->count * sizeof *value), sum = 0;
  weight_to_f64(w, value);
  for (size_t i = 0; i < w->count; i++) sum += fabs(value[i]);
  FUZZ_CHECK(isfinite(sum) || w->count == 0 || w->most > 1e300, "%s: not finite", w->name);
  free(value);
}

bool fuzz_checkpoint(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, (size_t)16 << 20); /* a list of 1,024 layers' weights */
  Bytes rest = {(const char *)data, count};
  const Bytes config = fuzz_part(&rest), index = fuzz_part(&rest), first = fuzz_part(&rest);
  Folder *folder = index.count ? &shards : &whole;
  Checkpoint c;
  Status st = {0};
  if (!*folder->path && !*whole.path && !*shards.path) atexit(leave);
  folder_make(folder);
  folder_write(folder, 0, config);
  if (index.count) folder_write(folder, 1, index);
  folder_write(folder, index.count ? 2 : 1, first);
  if (index.count) folder_write(folder, 3, rest);
  if (!checkpoint_open(&arena, folder->path, &c, &st)) {
    fuzz_refused(&st, folder->path);
    return false;
  }
  for (int i = 0; i < END_COUNT; i++) look(&c.end[i]);
  for (int layer = 0; layer < c.config.layers; layer++)
    for (int w = 0; w < c.config.family->weights; w++) look(&c.layer[layer][w]);
  FUZZ_CHECK(checkpoint_check(&c, &st), "%s", st.text);
  checkpoint_close(&c);
  return true;
}
