#include "family/block.h"

#include <assert.h>

#include "reference/model64.h"

void block_run(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena,
               Trace *trace) {
  assert(!mode->parts); /* of a layer: mode_in */
  model->config.family->block(model, layer, mode, x, arena, trace);
}

/* [T, D]: what the prompt names of the embedding, in its order. */
static void take_rows(const EndRows *ends, const int32_t *token, int T, int D, double *rows) {
#pragma omp parallel for if (T > 8)
  for (int t = 0; t < T; t++)
    ends->take(ends->context, END_EMBEDDING, token[t], 1, rows + (size_t)t * (size_t)D);
}

void block_embedding_rows(const Model *model, const int32_t *token, int T, float *rows,
                          Arena scratch) {
  double *wide = arena_room(&scratch, (size_t)T * (size_t)model->D, sizeof *wide);
  take_rows(&model->ends, token, T, model->D, wide);
  for (size_t i = 0; i < (size_t)T * (size_t)model->D; i++) rows[i] = (float)wide[i];
}

void block_embed(const Model *model, const int32_t *token, int T, Arena *arena, Trace *trace) {
  float *rows = arena_room(arena, (size_t)T * (size_t)model->D, sizeof *rows);
  int32_t *row = arena_room(arena, (size_t)T, sizeof *row);
  block_embedding_rows(model, token, T, rows, *arena);
  for (int t = 0; t < T; t++) row[t] = t;
  block_embed_rows(model, rows, row, T, arena, trace);
}

void block_embed_rows(const Model *model, const float *rows, const int32_t *row, int T,
                      Arena *arena, Trace *trace) {
  model->config.family->embed(model, rows, row, T, arena, trace);
}

void block_embed64(const Weights64 *weights, const int32_t *token, int T, Arena *arena,
                   Trace *trace) {
  double *rows = arena_room(arena, (size_t)T * (size_t)weights->config.D, sizeof *rows);
  block_embedding_rows64(weights, token, T, rows);
  weights->config.family->embed64(weights, rows, T, arena, trace);
}

void block_embedding_rows64(const Weights64 *weights, const int32_t *token, int T, double *rows) {
  take_rows(&weights->ends, token, T, weights->config.D, rows);
}

/* Rows of the panel that begins at `first`: the last one takes what is left over. */
static int panel_rows(const Config *c, int first) {
  return c->vocab - first < 2 * HEAD_PANEL ? c->vocab - first : HEAD_PANEL;
}

size_t block_logits64_bytes(const Config *c) {
  const int most = c->vocab < 2 * HEAD_PANEL ? c->vocab : HEAD_PANEL + c->vocab % HEAD_PANEL;
  return (size_t)most * (size_t)c->D * sizeof(double) + 64;
}

void block_logits64(const Weights64 *w, const double *norm_f, int T, double *logits,
                    Arena scratch) {
  const int vocab = w->config.vocab, D = w->config.D;
  if (w->head) {
    logits64(w->ops, norm_f, T, D, w->head, vocab, logits, vocab);
    return;
  }
  double *panel = arena_room(&scratch, block_logits64_bytes(&w->config), 1);
  for (int first = 0, rows; first < vocab; first += rows) {
    rows = panel_rows(&w->config, first);
    w->ends.take(w->ends.context, END_HEAD, first, rows, panel);
    logits64(w->ops, norm_f, T, D, panel, rows, logits + first, vocab);
  }
}

void block_head(const Model *model, const Tensor *x, Arena *arena, Trace *trace) {
  model->config.family->head(model, x, arena, trace);
}

size_t block_bytes(const Config *config, int T) { return config->family->block_bytes(config, T); }

size_t block_layer_bytes(const Config *config, int T) {
  return block_bytes(config, T) - (size_t)T * (size_t)config->vocab * sizeof(float);
}
