#include "family/block.h"
#include "source/source.h"

static const Weights64 *weights_of(const Source *source) { return source->context; }

static void embed(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace) {
  const Weights64 *weights = weights_of(source);
  block_embed64(weights, token, T, arena, trace);
}

static void block(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena,
                  Trace *trace) {
  (void)mode;
  const Weights64 *weights = weights_of(source);
  weights->config.family->block64(weights, layer, x, arena, trace);
}

static void head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  const Weights64 *weights = weights_of(source);
  weights->config.family->head64(weights, x, arena, trace);
}

static bool check(const Source *source, const Mode *mode, int layer, const Trace *trace,
                  Status *st) {
  (void)source, (void)mode, (void)layer, (void)trace, (void)st;
  return true;
}

static Forms forms(const Source *source, const Mode *mode, bool head) {
  (void)source, (void)mode;
  return (Forms){.f64 = true, .head64 = head};
}

Source source_ref64(const Weights64 *weights) {
  return (Source){.stream = FORMAT_F64,
                  .context = (void *)weights,
                  .embed = embed,
                  .block = block,
                  .head = head,
                  .check = check,
                  .forms = forms};
}
