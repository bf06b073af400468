#include "source/ref64.h"

void trace64_block(const Weights64 *weights, int layer, const Tensor *x, Arena *arena, Trace *trace) {
  weights->config.family->block64(weights, layer, x, arena, trace);
}

void trace64_embed(const Weights64 *weights, const int32_t *token, int T, Arena *arena, Trace *trace) {
  weights->config.family->embed64(weights, token, T, arena, trace);
}

void trace64_head(const Weights64 *weights, const Tensor *x, Arena *arena, Trace *trace) {
  weights->config.family->head64(weights, x, arena, trace);
}
