#include "study/pairs_rows.h"

#include <math.h>

#include "study/undone.h"

static float static_scale(const Pairs *p, int id, int layer) {
  int scale = pairs_tensors(p)->info[id].scale;
  return scale == ABSENT ? 0 : p->subject->model.scales[layer].scale[scale];
}

/* The model's, or what stands beside int8 values that were made elsewhere. */
static float grid_scale(const Pairs *p, int side, int id, int layer, const Tensor *t) {
  const bool own = side >= p->walked && pairs_tensors(p)->info[id].scale == ABSENT;
  return own && t->format == FORMAT_I8 ? t->scale.value : static_scale(p, id, layer);
}

static bool rows_are_tokens(const Pairs *p, int id) {
  return pairs_tensors(p)->info[id].rows == DIM_TOKEN;
}

static StatsJob tensor_job(const Shown *shown, int side, int id, TensorStats *row) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->mode, sizeof row->mode, p->side[side].name);
  table_text(row->tensor, sizeof row->tensor, pairs_tensors(p)->info[id].name);
  row->layer = tensors_filed(pairs_tensors(p), id, shown->at->layer, p->subject->model.layers);
  const Tensor *t = &shown->trace[side].t[id];
  return (StatsJob){
      .base = t, .scale = grid_scale(p, side, id, shown->at->layer, t), .tensor_row = row};
}

static const Tensor *shown_of(const Shown *shown, const SidePair *pair, int side, int id) {
  return undone_tensor(shown->of, pair, side, id, shown->trace, shown->back);
}

static StatsJob pair_job(const Shown *shown, const SidePair *pair, int id, PairStats *row,
                         Arena *arena) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->base, sizeof row->base, p->side[pair->base].name);
  table_text(row->other, sizeof row->other, p->side[pair->other].name);
  table_text(row->tensor, sizeof row->tensor, pairs_tensors(p)->info[id].name);
  row->layer = tensors_filed(pairs_tensors(p), id, shown->at->layer, p->subject->model.layers);
  const Tensor *base = shown_of(shown, pair, pair->base, id);
  StatsJob job = {.base = base,
                  .other = shown_of(shown, pair, pair->other, id),
                  .rows_are_tokens = rows_are_tokens(p, id),
                  .logits = pairs_tensors(p)->info[id].role == ROLE_LOGITS,
                  .pair_row = row};
  if (pairs_tensors(p)->info[id].role == ROLE_BLOCK_OUT)
    job.token = part_squares(arena, (size_t)base->rows);
  return job;
}

/* The reference, which is computed last, and what it has in place of this tensor. */
static const Tensor *reference_of(const Shown *shown, int id) {
  const TensorInfo *info = &pairs_tensors(shown->of)->info[id];
  return &shown->trace[shown->of->walked - 1].t[info->modes_only ? info->of : id];
}

/* Whether this side's tensor stands on a static grid, and has a reference. */
static bool on_static_grid(const Shown *shown, int side, int id) {
  const Pairs *p = shown->of;
  const Mode *mode = walk_mode(&p->side[side], shown->at->layer);
  return mode && p->subject->model.config.family->grid(mode, id) &&
         tensor_is_made(&shown->trace[side].t[id]) && tensor_is_made(reference_of(shown, id)) &&
         static_scale(p, id, shown->at->layer) > 0;
}

static StatsJob clipping_job(const Shown *shown, int side, int id, Clipping *row) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->mode, sizeof row->mode, p->side[side].name);
  table_text(row->tensor, sizeof row->tensor, pairs_tensors(p)->info[id].name);
  row->layer = tensors_filed(pairs_tensors(p), id, shown->at->layer, p->subject->model.layers);
  return (StatsJob){.base = reference_of(shown, id),
                    .other = &shown->trace[side].t[id],
                    .scale = static_scale(p, id, shown->at->layer),
                    .rows_are_tokens = rows_are_tokens(p, id),
                    .clipping_row = row};
}

StatsJob *pairs_jobs(const Shown *shown, LayerRows *rows, int *jobs, Arena *arena) {
  const Pairs *p = shown->of;
  const int count = pairs_tensors(p)->count;
  *rows = (LayerRows){.tensor = ARENA_NEW(arena, TensorStats, p->sides * count),
                      .pair = ARENA_NEW(arena, PairStats, p->pairs * count),
                      .clipping = ARENA_NEW(arena, Clipping, p->sides * count)};
  StatsJob *job = ARENA_NEW(arena, StatsJob, (2 * p->sides + p->pairs) * count);
  *jobs = 0;
  for (int s = 0; s < p->sides; s++)
    for (int id = 0; id < count; id++)
      if (tensor_is_made(&shown->trace[s].t[id]))
        job[(*jobs)++] = tensor_job(shown, s, id, &rows->tensor[rows->tensors++]);
  for (int i = 0; i < p->pairs; i++)
    for (int id = 0; id < count; id++)
      if (shown_of(shown, &p->pair[i], p->pair[i].base, id) &&
          shown_of(shown, &p->pair[i], p->pair[i].other, id))
        job[(*jobs)++] = pair_job(shown, &p->pair[i], id, &rows->pair[rows->pairs++], arena);
  for (int s = 0; s < p->sides; s++)
    for (int id = 0; id < count; id++)
      if (on_static_grid(shown, s, id))
        job[(*jobs)++] = clipping_job(shown, s, id, &rows->clipping[rows->clippings++]);
  return job;
}

void pairs_token_rows(const StatsJob *job, int jobs, LayerRows *rows, Arena *arena) {
  int count = 0;
  for (int i = 0; i < jobs; i++)
    if (job[i].token.error2) count += (job[i].base->rows + TOKENS_A_ROW - 1) / TOKENS_A_ROW;
  rows->token = ARENA_NEW(arena, TokenErrors, count);
  for (int i = 0; i < jobs; i++) {
    if (!job[i].token.error2) continue;
    const PairStats *of = job[i].pair_row;
    for (int first = 0; first < job[i].base->rows; first += TOKENS_A_ROW) {
      TokenErrors *row = &rows->token[rows->tokens++];
      *row = (TokenErrors){.layer = of->layer, .first = first};
      table_text(row->prompt, sizeof row->prompt, of->prompt);
      table_text(row->base, sizeof row->base, of->base);
      table_text(row->other, sizeof row->other, of->other);
      for (int t = 0; t < TOKENS_A_ROW; t++) {
        const bool is_token = first + t < job[i].base->rows;
        row->error2[t] = is_token ? job[i].token.error2[first + t] : NAN;
        row->base2[t] = is_token ? job[i].token.base2[first + t] : NAN;
      }
    }
  }
}

void pairs_scale_rows(const Shown *shown, LayerRows *rows, Arena *arena) {
  const Pairs *p = shown->of;
  const Tensors *tensors = pairs_tensors(p);
  rows->scale = ARENA_NEW(arena, ScaleRow, p->sides * (tensors->all - tensors->count));
  for (int s = 0; s < p->sides; s++)
    for (int id = tensors->count; id < tensors->all; id++) {
      const TensorInfo *info = &tensors->info[id];
      const Tensor *t = &shown->trace[s].t[id];
      if (!tensor_is_made(t)) continue;
      Tensor x = tensor_columns(&shown->trace[s].t[info->of], 0, t->cols);
      ScaleRow *row = &rows->scale[rows->scales++];
      *row = (ScaleRow){.layer = shown->at->layer,
                        .statistic = (double)absmax(&x),
                        .scale = (double)t->scale.value};
      table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
      table_text(row->mode, sizeof row->mode, p->side[s].name);
      table_text(row->name, sizeof row->name, info->name);
    }
}
