/* falcon_model: a small made checkpoint of model_type "falcon_mamba" over bytes, loaded as the
 * shipped one is, and one layer of it on a few tokens. */
#ifndef DS_TESTS_FALCON_MODEL_H
#define DS_TESTS_FALCON_MODEL_H
#include "model/synth.h"
#include "shipped_model.h"
#include "tests/model_files.h"

/* R is 4, fewer than the 16 lanes of a norm's sum; N is 16. */
static const SynthShape falcon_shape = {"falcon", 64, 3, 256, 1 << 30, "falcon_mamba", true};
enum { TOKENS = 37, LAYER = 1 };

static Shipped s;
static Tensor stream; /* what enters LAYER */

static inline int at(const char *name) { return tensors_find(&family_falcon_mamba.tensors, name); }

static inline void falcon_write(const SynthShape *shape, const char *name) {
  Status st = {0};
  Progress quiet = progress_start(true);
  cr_assert(synth_write(shape, WEIGHT_F32, 1, test_path(name), &quiet, test_arena, &st), "%s",
            st.text);
}

static inline void falcon_begin(void) {
  test_files_begin();
  falcon_write(&falcon_shape, "falcon");
  s = shipped_load_from(test_path("falcon"), REWRITE_QUAMBA, 0);
  shipped_calibrate(&s, 1, 64);
  Trace ends = {0}, trace;
  block_embed(&s.model, s.test + 4000, TOKENS, &s.arena, &ends);
  block_run(&s.model, 0, mode_preset("2-4"), &ends.t[at("embedding")], &s.arena, &trace);
  stream = trace.t[at("block_out")];
}

static inline Trace falcon_block(const Model *model, const Mode *mode) {
  Trace trace;
  block_run(model, LAYER, mode, &stream, &s.arena, &trace);
  return trace;
}

/* dt, B and C in x_proj and dbc_norm. */
static inline void falcon_parts(int first[3], int width[3]) {
  const Config *c = &s.model.config;
  for (int part = 0; part < 3; part++) {
    width[part] = part ? c->N : c->R;
    first[part] = part == 0 ? 0 : c->R + (part - 1) * c->N;
  }
}
#endif
