#include "family/block.h"

void block_run(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena, Trace *trace) {
  model->config.family->block(model, layer, mode, x, arena, trace);
}

void block_embed(const Model *model, const int32_t *token, int T, Arena *arena, Trace *trace) {
  model->config.family->embed(model, token, T, arena, trace);
}

void block_head(const Model *model, const Tensor *x, Arena *arena, Trace *trace) {
  model->config.family->head(model, x, arena, trace);
}

size_t block_bytes(const Config *config, int T) { return config->family->block_bytes(config, T); }
