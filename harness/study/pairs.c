#include "study/pairs.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "measure/clipping.h"
#include "measure/stats.h"
#include "study/budget.h"

/* --- sides and pairs -------------------------------------------------------------------------- */

static int side_of(const Pairs *p, const char *name) {
  for (int i = 0; i < p->sides; i++)
    if (!strcmp(p->side[i].name, name)) return i;
  return -1;
}

static void add_pair(Pairs *p, const char *base, const char *other) {
  SidePair pair = {side_of(p, base), side_of(p, other)};
  for (int i = 0; i < p->pairs; i++)
    if (p->pair[i].base == pair.base && p->pair[i].other == pair.other) return;
  p->pair[p->pairs++] = pair;
}

Pairs pairs_of(Arena *arena, const Spec *spec, const Subject *subject, Source modes) {
  Pairs p = {
      .spec = spec, .subject = subject, .side = ARENA_NEW(arena, WalkSide, spec->mode_count + 1)};
  for (; p.sides < spec->mode_count; p.sides++)
    p.side[p.sides] = (WalkSide){
        .name = spec->modes[p.sides].name, .source = modes, .mode = &spec->modes[p.sides]};
  p.side[p.sides++] = (WalkSide){.name = MODE_REFERENCE, .source = source_ref64(&subject->weights)};
  p.pair = ARENA_NEW(arena, SidePair, spec->pair_count + spec->compare_all_count);
  for (int i = 0; i < spec->pair_count; i++)
    add_pair(&p, spec->pairs[i].base, spec->pairs[i].other);
  for (int i = 0; i < spec->compare_all_count; i++)
    add_pair(&p, MODE_REFERENCE, spec->compare_all[i]);
  return p;
}

/* --- statistics ------------------------------------------------------------------------------- */

static const Tensors *tensors_of(const Pairs *p) {
  return &p->subject->model.config.family->tensors;
}

static float static_scale(const Pairs *p, int id, int layer) {
  int scale = tensors_of(p)->info[id].scale;
  return scale == ABSENT ? 0 : p->subject->model.scales[layer].scale[scale];
}

/* A layer that is being measured. */
typedef struct Shown {
  const Pairs *of;
  const WalkPlace *at;
  const Trace *trace; /* [sides] */
} Shown;

/* One row to be filled: of a tensor (other == NULL), of a pair, or of what a grid clips (base: the
 * reference's). */
typedef struct Job {
  const TensorInfo *info;
  const Tensor *base, *other;
  float scale;
  TensorStats *tensor_row;
  PairStats *pair_row;
  Clipping *clipping_row;
  PartSquares token; /* of the stream of a pair; of others NULL */
} Job;

static Job tensor_job(const Shown *shown, int side, int id, TensorStats *row) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->mode, sizeof row->mode, p->side[side].name);
  table_text(row->tensor, sizeof row->tensor, tensors_of(p)->info[id].name);
  row->layer = tensors_filed(tensors_of(p), id, shown->at->layer, p->subject->model.layers);
  return (Job){.info = &tensors_of(p)->info[id],
               .base = &shown->trace[side].t[id],
               .scale = static_scale(p, id, shown->at->layer),
               .tensor_row = row};
}

static Job pair_job(const Shown *shown, const SidePair *pair, int id, PairStats *row,
                    Arena *arena) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->base, sizeof row->base, p->side[pair->base].name);
  table_text(row->other, sizeof row->other, p->side[pair->other].name);
  table_text(row->tensor, sizeof row->tensor, tensors_of(p)->info[id].name);
  row->layer = tensors_filed(tensors_of(p), id, shown->at->layer, p->subject->model.layers);
  const Tensor *base = &shown->trace[pair->base].t[id];
  Job job = {.info = &tensors_of(p)->info[id],
             .base = base,
             .other = &shown->trace[pair->other].t[id],
             .pair_row = row};
  if (job.info->role == ROLE_BLOCK_OUT) job.token = part_squares(arena, (size_t)base->rows);
  return job;
}

/* The reference, which stands last, and what it has in place of this tensor. */
static const Tensor *reference_of(const Shown *shown, int id) {
  const TensorInfo *info = &tensors_of(shown->of)->info[id];
  return &shown->trace[shown->of->sides - 1].t[info->modes_only ? info->of : id];
}

/* Whether this side's tensor stands on a static grid, and has a reference. */
static bool is_on_grid(const Shown *shown, int side, int id) {
  const Pairs *p = shown->of;
  const Mode *mode = walk_mode(&p->side[side], shown->at->layer);
  return mode && mode->family->grid(mode, id) && shown->trace[side].t[id].data &&
         reference_of(shown, id)->data && static_scale(p, id, shown->at->layer) > 0;
}

static Job clipping_job(const Shown *shown, int side, int id, Clipping *row) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->mode, sizeof row->mode, p->side[side].name);
  table_text(row->tensor, sizeof row->tensor, tensors_of(p)->info[id].name);
  row->layer = tensors_filed(tensors_of(p), id, shown->at->layer, p->subject->model.layers);
  return (Job){.info = &tensors_of(p)->info[id],
               .base = reference_of(shown, id),
               .other = &shown->trace[side].t[id],
               .scale = static_scale(p, id, shown->at->layer),
               .clipping_row = row};
}

static void fill_pair(const Job *job, Arena scratch) {
  if (job->token.error2)
    stats_pair_rows(job->base, job->other, job->pair_row, job->token, scratch);
  else
    stats_pair(job->base, job->other, job->pair_row, scratch);
  if (job->info->rows != DIM_TOKEN) stats_no_tokens(job->pair_row);
  job->pair_row->top1_agreement = NAN;
  if (job->info->role == ROLE_LOGITS) stats_top1(job->base, job->other, job->pair_row);
}

static void fill_row(const Job *job, Arena scratch) {
  if (job->tensor_row) stats_tensor(job->base, job->scale, job->tensor_row, scratch);
  if (job->pair_row) fill_pair(job, scratch);
  if (job->clipping_row)
    clipping_of(job->base, job->other, job->scale, job->info->rows == DIM_TOKEN, job->clipping_row,
                scratch);
}

/* Rows are independent: each by one thread, in an arena of its own. */
static void measure_jobs(const Job *job, int jobs, Arena scratch) {
  size_t largest = 0, parts = 0;
  for (int i = 0; i < jobs; i++) {
    size_t rows = (size_t)job[i].base->rows, cols = (size_t)job[i].base->cols, n = rows * cols;
    largest = n > largest ? n : largest;
    parts = rows + cols > parts ? rows + cols : parts;
  }
  int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) {
    own[i] = scratch;
    own[i].next = arena_alloc(
        &scratch, stats_scratch_bytes(largest, parts) + clipping_scratch_bytes(parts), 1);
    own[i].end = scratch.next;
  }
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < jobs; i++) fill_row(&job[i], own[omp_get_thread_num()]);
}

/* The squares of the stream's tokens, as the pairs' rows were made from them. */
static void token_rows(const Job *job, int jobs, LayerRows *rows, Arena *arena) {
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

static void measure_layer(Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena) {
  const int count = tensors_of(p)->count;
  *rows = (LayerRows){.tensor = ARENA_NEW(arena, TensorStats, p->sides * count),
                      .pair = ARENA_NEW(arena, PairStats, p->pairs * count),
                      .clipping = ARENA_NEW(arena, Clipping, p->sides * count)};
  Job *job = ARENA_NEW(arena, Job, (2 * p->sides + p->pairs) * count);
  int jobs = 0;
  for (int s = 0; s < p->sides; s++)
    for (int id = 0; id < count; id++)
      if (shown->trace[s].t[id].data)
        job[jobs++] = tensor_job(shown, s, id, &rows->tensor[rows->tensors++]);
  for (int i = 0; i < p->pairs; i++)
    for (int id = 0; id < count; id++)
      if (shown->trace[p->pair[i].base].t[id].data && shown->trace[p->pair[i].other].t[id].data)
        job[jobs++] = pair_job(shown, &p->pair[i], id, &rows->pair[rows->pairs++], arena);
  for (int s = 0; s < p->sides; s++)
    for (int id = 0; id < count; id++)
      if (is_on_grid(shown, s, id))
        job[jobs++] = clipping_job(shown, s, id, &rows->clipping[rows->clippings++]);
  double start = clock_s();
  measure_jobs(job, jobs, *arena);
  token_rows(job, jobs, rows, arena);
  p->stats_s += clock_s() - start;
}

/* --- scales and budgets ----------------------------------------------------------------------- */

/* The scales that a mode took from this prompt by itself. */
static void scale_rows(const Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena) {
  const Tensors *tensors = tensors_of(p);
  rows->scale = ARENA_NEW(arena, ScaleRow, p->sides * (tensors->all - tensors->count));
  for (int s = 0; s < p->sides; s++)
    for (int id = tensors->count; id < tensors->all; id++) {
      const TensorInfo *info = &tensors->info[id];
      const Tensor *t = &shown->trace[s].t[id];
      if (!t->data) continue;
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

/* The error budgets that the spec asks for. */
static bool budget_rows(Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena, Status *st) {
  rows->budget = ARENA_NEW(arena, Budget, p->pairs);
  for (int i = 0; i < p->pairs; i++) {
    int base = p->pair[i].base, other = p->pair[i].other;
    if (!spec_budget(p->spec, p->side[base].name, p->side[other].name)) continue;
    Budget *row = &rows->budget[rows->budgets++];
    table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
    table_text(row->base, sizeof row->base, p->side[base].name);
    table_text(row->other, sizeof row->other, p->side[other].name);
    row->layer = shown->at->layer;
    double start = clock_s();
    TRY(budget_layer(shown->at, base, other, shown->trace, row, *arena, st));
    p->budget_s += clock_s() - start;
  }
  return true;
}

bool pairs_measure(Pairs *pairs, const WalkPlace *at, const Trace *trace, LayerRows *rows,
                   Arena *arena, Status *st) {
  Shown shown = {pairs, at, trace};
  measure_layer(pairs, &shown, rows, arena);
  scale_rows(pairs, &shown, rows, arena);
  return budget_rows(pairs, &shown, rows, arena, st);
}
