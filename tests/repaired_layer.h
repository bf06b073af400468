/* repaired_layer: a layer of the shipped model on a few tokens, as it is and with elements
 * repaired. */
#ifndef DS_TESTS_REPAIRED_LAYER_H
#define DS_TESTS_REPAIRED_LAYER_H
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include "source/repaired.h"

enum { TOKENS = 21, LAYER = 3 };

static Shipped s;
static Tensor stream; /* what enters LAYER */

static inline void begin(void) {
  s = shipped_first(REWRITE_QUAMBA, LAYER + 1);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  block_embed(&s.model, s.test + 4000, TOKENS, &s.arena, &ends);
  stream = ends.t[T_EMBEDDING];
  for (int layer = 0; layer < LAYER; layer++) {
    block_run(&s.model, layer, mode_preset("2-4"), &stream, &s.arena, &trace);
    stream = trace.t[T_BLOCK_OUT];
  }
}

static inline Trace repaired(const Mode *mode, const Element *element, int count) {
  const Source cpu = source_cpu(&s.model);
  Source source = source_repaired(&s.arena, &s.model, &cpu, LAYER, element, count);
  Trace trace;
  Status st = {0};
  source.block(&source, mode, LAYER, &stream, &s.arena, &trace);
  cr_assert(source.check(&source, mode, LAYER, &trace, &st), "%s", st.text);
  return trace;
}

static inline Trace plain(const Mode *mode) {
  Trace trace;
  block_run(&s.model, LAYER, mode, &stream, &s.arena, &trace);
  return trace;
}

#endif
