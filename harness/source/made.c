#include "source/made.h"

#include <string.h>

#include "model/model.h"
#include "model/weight.h"

enum { HEAD_ROWS = 2048 /* that are made at a time: whole panels of every operator */ };

static const Stored stored_as[] = {[WEIGHT_F16] = STORED_F16,
                                   [WEIGHT_BF16] = STORED_BF16,
                                   [WEIGHT_F32] = STORED_F32,
                                   [WEIGHT_F64] = STORED_F64};

static size_t stored_bytes(const Weight *w) {
  return w->data ? arena_lines(w->count * weight_size(w->type)) : 0;
}

/* --- room ------------------------------------------------------------------------------------- */

static size_t raw_bytes(const Checkpoint *checkpoint) {
  const Config *c = &checkpoint->config;
  const Weight *head = &checkpoint->end[END_HEAD];
  size_t most = arena_lines((size_t)HEAD_ROWS * (size_t)c->D * weight_size(head->type));
  for (int layer = 0; layer < c->layers; layer++) {
    size_t bytes = 0;
    for (int w = 0; w < c->family->weights; w++)
      bytes += stored_bytes(&checkpoint->layer[layer][w]);
    most = bytes > most ? bytes : most;
  }
  return most;
}

static size_t rows_bytes(const Config *c, size_t rows) {
  return arena_lines(rows * (size_t)c->D * sizeof(double));
}

size_t maker_bytes(const Checkpoint *checkpoint) {
  const Config *c = &checkpoint->config;
  return raw_bytes(checkpoint) + rows_bytes(c, HEAD_ROWS) + rows_bytes(c, 1) +
         arena_lines(WEIGHTS_MOST * sizeof(PreparedRange));
}

bool maker_open(Cuda *cuda, Layers *layers, Maker *m, Status *st) {
  const Checkpoint *checkpoint = layers->checkpoint;
  const Config *c = &checkpoint->config;
  const size_t bytes = maker_bytes(checkpoint);
  *m = (Maker){.cuda = cuda, .layers = layers, .raw_layer = ABSENT};
  m->cuda64 = cuda64_on(cuda->ahead);
  m->ops = ops64_cuda(&m->cuda64);
  if (!(m->memory = cuda_reserve(cuda, bytes)))
    return FAIL(st, "%s: %.2f GB to make weights in cannot be had there (backend cpu needs none)",
                cuda->name, 1e-9 * (double)bytes);
  m->raw = m->memory;
  m->rows = (double *)(void *)(m->raw + raw_bytes(checkpoint));
  m->gain = (double *)(void *)((char *)m->rows + rows_bytes(c, HEAD_ROWS));
  m->range = (PreparedRange *)(void *)((char *)m->gain + rows_bytes(c, 1));
  m->done = cuda_mark(cuda);
  if (layers->gain)
    cuda_to_device_ahead(cuda, m->gain, layers->gain, (size_t)c->D * sizeof(double));
  return maker_wait(m, st);
}

void maker_free(Maker *m) {
  if (m->memory) cuda_unmark(m->cuda, m->done), cuda_release(m->cuda, m->memory);
  *m = (Maker){0};
}

bool maker_wait(Maker *m, Status *st) {
  cuda_mark_ahead(m->cuda, m->done);
  cuda_wait_mark(m->cuda, m->done);
  return !m->cuda64.first_error[0] || FAIL(st, "%s: %s", m->cuda->name, m->cuda64.first_error);
}

/* --- a layer in float64 ----------------------------------------------------------------------- */

size_t made_bytes(const Config *c, int places) { return (size_t)places * family_layer64_bytes(c); }

bool made_open(Arena *arena, Maker *m, Rewrite rewrite, int places, MadeLayers *made, Status *st) {
  const Config *c = &m->layers->checkpoint->config;
  const size_t bytes = made_bytes(c, places);
  *made = (MadeLayers){
      .maker = m, .rewrite = rewrite, .places = places, .bytes = family_layer64_bytes(c)};
  made->held = ARENA_NEW(arena, int, places);
  for (int i = 0; i < places; i++) made->held[i] = ABSENT;
  made->layer = arena_alloc(arena, (size_t)c->layers, sizeof *made->layer);
  made->memory = cuda_reserve(m->cuda, bytes);
  return made->memory ||
         FAIL(st, "%s: %.2f GB for layers in float64 cannot be had there (backend cpu needs none)",
              m->cuda->name, 1e-9 * (double)bytes);
}

void made_free(MadeLayers *made) {
  if (made->memory) cuda_release(made->maker->cuda, made->memory);
  *made = (MadeLayers){0};
}

bool made_has(const MadeLayers *made, int layer) {
  return made->held[layer % made->places] == layer;
}

/* As they stand in the checkpoint; the next layer's are read meanwhile. */
static void send(Maker *m, int layer) {
  const Checkpoint *checkpoint = m->layers->checkpoint;
  const Config *c = &checkpoint->config;
  char *at = m->raw;
  if (m->raw_layer == layer) return;
  for (int w = 0; w < c->family->weights; w++) {
    const Weight *weight = &checkpoint->layer[layer][w];
    if (!weight->data) continue;
    cuda_to_device_ahead(m->cuda, at, weight->data, weight->count * weight_size(weight->type));
    weight_forget(weight, 0, weight->count);
    at += stored_bytes(weight);
  }
  for (int w = 0; layer + 1 < c->layers && w < c->family->weights; w++) {
    const Weight *next = &checkpoint->layer[layer + 1][w];
    if (next->data) weight_ahead(next, 0, next->count);
  }
  m->raw_layer = layer;
}

/* rewrite_layer, there. */
static void rewrite_there(MadeLayers *made, int layer, const double **value) {
  Maker *m = made->maker;
  const Config *c = &m->layers->checkpoint->config;
  const Family *family = c->family;
  double *room[WEIGHTS_MOST];
  char *at = (char *)made->memory + (size_t)(layer % made->places) * made->bytes;
  const char *raw = m->raw;
  for (int w = 0; w < family->weights; w++) {
    const Weight *weight = &m->layers->checkpoint->layer[layer][w];
    value[w] = room[w] = (double *)(void *)at;
    at += arena_lines(weight_values(c, &family->weight[w]) * sizeof(double));
    if (!weight->data) value[w] = NULL;
    if (value[w]) prepare_widen(m->cuda, raw, stored_as[weight->type], weight->count, room[w]);
    raw += stored_bytes(weight);
  }
  if (made->rewrite == REWRITE_NONE) return;
  for (int w = 0; w < family->weights; w++) {
    const WeightInfo *info = &family->weight[w];
    const int rows = weight_rows(c, info), cols = weight_cols(c, info);
    void *ops = m->ops.context;
    if (!value[w]) continue;
    if (info->gain != ABSENT) m->ops.scale_columns(ops, room[w], rows, cols, room[info->gain]);
    if (info->rotate_in) m->ops.hadamard(ops, room[w], rows, cols, room[w]);
    if (info->rotate_out) m->ops.hadamard_columns(ops, room[w], rows, cols);
  }
  for (int w = 0; w < family->weights; w++) /* a gain that was folded is gone */
    if (family->weight[w].gain != ABSENT) value[family->weight[w].gain] = NULL;
}

/* The grids of the weights, of those that the checkpoint lacks too. */
static bool take_ranges(const MadeLayers *made, int layer, Status *st) {
  Maker *m = made->maker;
  const Config *c = &m->layers->checkpoint->config;
  const int weights = c->family->weights;
  PreparedRange range[WEIGHTS_MOST];
  for (int w = 0; w < weights; w++) {
    const double *value = made->layer[layer][w];
    prepare_range(m->cuda, value, value ? weight_values(c, &c->family->weight[w]) : 0,
                  &m->range[w]);
  }
  prepare_ranges_back(m->cuda, range, m->range, weights);
  TRY(maker_wait(m, st));
  for (int w = 0; w < weights; w++) {
    const double most = (double)f32_of_bits(range[w].most);
    if (range[w].beyond != UINT64_MAX) return layers_refuse(m->layers, layer, st);
    if (c->family->weight[w].form != FORM_GAIN)
      m->layers->grid[layer][w] = (WeightGrid){.most = most, .scale = scale_of(most)};
  }
  return true;
}

bool made_hold(MadeLayers *made, int layer, Status *st) {
  Maker *m = made->maker;
  int *held = &made->held[layer % made->places];
  if (*held == layer) return true;
  TRY(checkpoint_check(m->layers->checkpoint, st));
  if (*held != ABSENT) memset(made->layer[*held], 0, sizeof *made->layer);
  *held = ABSENT;
  cuda_ahead_after_operators(m->cuda); /* which may read what is replaced */
  send(m, layer);
  rewrite_there(made, layer, made->layer[layer]);
  if (made->rewrite == m->layers->rewrite) TRY(take_ranges(made, layer, st));
  TRY(maker_wait(m, st));
  *held = layer;
  return true;
}

/* --- the head --------------------------------------------------------------------------------- */

static void make_rows(Maker *m, int first, int rows, double *values) {
  const Layers *l = m->layers;
  const Config *c = &l->checkpoint->config;
  const WeightInfo *info = &c->family->end[END_HEAD];
  const Weight *head = &l->checkpoint->end[END_HEAD];
  const size_t size = weight_size(head->type), at = (size_t)first * (size_t)c->D,
               count = (size_t)rows * (size_t)c->D;
  cuda_to_device_ahead(m->cuda, m->raw, (const char *)head->data + at * size, count * size);
  weight_forget(head, at, count);
  prepare_widen(m->cuda, m->raw, stored_as[head->type], count, values);
  if (l->rewrite == REWRITE_NONE) return;
  if (info->gain != ABSENT) m->ops.scale_columns(m->ops.context, values, rows, c->D, m->gain);
  if (info->rotate_in) m->ops.hadamard(m->ops.context, values, rows, c->D, values);
}

bool maker_head(Maker *m, double *f64, float *panels, Status *st) {
  const Config *c = &m->layers->checkpoint->config;
  TRY(checkpoint_check(m->layers->checkpoint, st));
  m->raw_layer = ABSENT;
  for (int first = 0; first < c->vocab; first += HEAD_ROWS) {
    const int rows = c->vocab - first < HEAD_ROWS ? c->vocab - first : HEAD_ROWS;
    double *values = f64 ? f64 + (size_t)first * (size_t)c->D : m->rows;
    make_rows(m, first, rows, values);
    if (panels)
      prepare_linear(m->cuda, values, rows, c->D, 0,
                     panels + linear_cuda_packed_bytes(first, c->D, FORMAT_F32) / sizeof *panels,
                     NULL);
  }
  return maker_wait(m, st);
}
