/* journal: a run of one prompt, two layers and two sides, whose journal the targets make up: bytes
 * behind a seal that holds. */
#ifndef DS_TESTS_FUZZ_JOURNAL_H
#define DS_TESTS_FUZZ_JOURNAL_H
#include <string.h>

#include "base/poison.h"
#include "family/family.h"
#include "store/state.h"

enum { JOURNAL_T = 3, JOURNAL_LAYERS = 2, JOURNAL_SIDES = 2 };

static inline const StoreShape *journal_shape(void) {
  enum { MOST = JOURNAL_LAYERS * TENSORS_MOST };
  static const int32_t token[JOURNAL_T] = {1, 2, 3};
  static const PromptShape prompt = {.name = "p", .token = token, .T = JOURNAL_T};
  static StoreMade made[JOURNAL_LAYERS];
  static StoreSide side[JOURNAL_SIDES] = {{"2-0", made}, {"fp64", made}};
  static bool kept[MOST];
  static StoreShape shape;
  if (shape.tensors) return &shape;
  shape = (StoreShape){.tensors = &families[0]->tensors,
                       .layers = JOURNAL_LAYERS,
                       .prompt = &prompt,
                       .prompts = 1,
                       .side = side,
                       .sides = JOURNAL_SIDES,
                       .streams = JOURNAL_SIDES,
                       .kept = kept};
  for (int dim = 0; dim < DIMS_MOST; dim++) shape.dims[dim] = 2;
  for (int i = 0; i < JOURNAL_LAYERS * shape.tensors->count; i++) {
    const int layer = i / shape.tensors->count, id = i % shape.tensors->count;
    kept[i] = id % 5 == 0 && id < shape.tensors->layer;
    made[layer].makes[id] = true;
    made[layer].format[id] = FORMAT_F32;
  }
  return &shape;
}

/* Of a body that must lie where its numbers can be read, as an arena's pieces do. */
static inline char *journal_aligned(const uint8_t *data, size_t count) {
  char *body = aligned_alloc(64, (count + 64) / 64 * 64);
  memcpy(body, data, count);
  poison(body + count, (count + 64) / 64 * 64 - count);
  return body;
}

static inline void journal_free(char *body, size_t count) {
  unpoison(body + count, (count + 64) / 64 * 64 - count);
  free(body);
}
#endif
