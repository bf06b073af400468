#include "study/rescaled.h"

#include <string.h>

#include "family/block.h"
#include "measure/stats.h"

Model rescaled_model(const Model *model, Arena *arena) {
  Model own = *model;
  own.scales = ARENA_NEW(arena, LayerScales, model->layers);
  memcpy(own.scales, model->scales, (size_t)model->layers * sizeof *own.scales);
  return own;
}

static bool matters(const Subject *subject, const Mode *mode, int layer, int scale, Arena scratch) {
  enum { TOKENS = 16 };
  const Model *model = &subject->model;
  const PromptShape *prompt = &subject->prompt[0];
  Model other = rescaled_model(model, &scratch);
  Trace ends = {0}, as_is, changed;
  other.scales[layer].scale[scale] *= 3;
  block_embed(model, prompt->token, prompt->T < TOKENS ? prompt->T : TOKENS, &scratch, &ends);
  const Tensor *x = trace_role(&ends, ROLE_EMBEDDING);
  block_run(model, layer, mode, x, &scratch, &as_is);
  block_run(&other, layer, mode, x, &scratch, &changed);
  return !tensor_identical(trace_role(&as_is, ROLE_BLOCK_OUT),
                           trace_role(&changed, ROLE_BLOCK_OUT));
}

bool rescaled_used(const Subject *subject, const Mode *mode, bool used[SCALES_MOST], Arena scratch,
                   Status *st) {
  const int layers = subject->model.layers, scales = subject->model.config.family->tensors.scales;
  for (int layer = 0; layer != ABSENT && layer < layers; layer = mode_next(mode, layer)) {
    const Mode *in = mode_in(mode, layer);
    const Forms forms = forms_of_mode(in);
    TRY(layers_hold(subject->layers, layer, &forms, st));
    for (int s = 0; s < scales; s++) used[s] |= matters(subject, in, layer, s, scratch);
  }
  return true;
}
