#include "lockstep.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "estimate.h"
#include "family/block.h"
#include "family/witness.h"
#include "measure/stats.h"
#include "source/ref64.h"
#include "study/budget.h"

/* --- sides and pairs ------------------------------------------------------------------------------------------------
 */

static int side_of(const Experiment *e, const char *name) {
  for (int i = 0; i < e->sides; i++)
    if (!strcmp(e->side[i].name, name)) return i;
  return -1;
}

static void add_pair(Experiment *e, const char *base, const char *other) {
  SidePair pair = {side_of(e, base), side_of(e, other)};
  for (int i = 0; i < e->pairs; i++)
    if (e->pair[i].base == pair.base && e->pair[i].other == pair.other) return;
  e->pair[e->pairs++] = pair;
}

void lockstep_sides(Arena *arena, Experiment *e) {
  const Spec *spec = e->spec;
  e->side = ARENA_NEW(arena, Side, spec->mode_count + 1);
  for (; e->sides < spec->mode_count; e->sides++)
    e->side[e->sides] = (Side){.name = spec->modes[e->sides].name, .mode = &spec->modes[e->sides]};
  e->side[e->sides++] = (Side){.name = MODE_REFERENCE};
  e->pair = ARENA_NEW(arena, SidePair, spec->pair_count + spec->compare_all_count);
  for (int i = 0; i < spec->pair_count; i++) add_pair(e, spec->pairs[i].base, spec->pairs[i].other);
  for (int i = 0; i < spec->compare_all_count; i++) add_pair(e, MODE_REFERENCE, spec->compare_all[i]);
}

/* --- running one layer ----------------------------------------------------------------------------------------------
 */

/* Where a tensor is filed: see tables.h. */
static int table_layer(const Experiment *e, TensorId id, int layer) {
  return id < T_LAYER_COUNT ? layer : id == T_EMBEDDING ? LAYER_EMBEDDING : e->subject.model.layers;
}

static bool run_side(Experiment *e, Side *side, int prompt, int layer, Arena *arena, Status *st) {
  const PromptShape *shape = &e->subject.prompt[prompt];
  const Weights64 *weights = &e->subject.weights;
  const Model *model = &e->subject.model;
  bool last = layer == model->layers - 1;
  Trace ends = {0};
  double start = clock_s();
  if (layer == 0) {
    if (side->mode)
      block_embed(model, shape->token, shape->T, arena, &ends);
    else
      trace64_embed(weights, shape->token, shape->T, arena, &ends);
    side->stream = ends.t[T_EMBEDDING];
  }
  if (side->mode)
    block_run(model, layer, side->mode, &side->stream, arena, &side->trace);
  else
    trace64_block(weights, layer, &side->stream, arena, &side->trace);
  if (last && side->mode)
    block_head(model, &side->trace.t[T_BLOCK_OUT], arena, &ends);
  else if (last)
    trace64_head(weights, &side->trace.t[T_BLOCK_OUT], arena, &ends);
  side->time_s += clock_s() - start;
  memcpy(&side->trace.t[T_LAYER_COUNT], &ends.t[T_LAYER_COUNT], (T_COUNT - T_LAYER_COUNT) * sizeof(Tensor));
  return !side->mode || witness_check(side->mode, layer, &side->trace, st);
}

void lockstep_queue(Experiment *e, int layer) {
  for (int s = 0; s < e->sides; s++)
    if (e->side[s].mode) device_queue(&e->device, s, e->side[s].mode, layer, true);
}

/* Traces of the layer that the device was given, and the next one given to it, to be computed while this one is
 * measured. */
static bool take_layer(Experiment *e, int layer, Status *st) {
  TRY(device_wait(&e->device, st));
  for (int s = 0; s < e->sides; s++) {
    Side *side = &e->side[s];
    if (!side->mode) continue;
    side->time_s += device_take(&e->device, s, layer, &side->trace);
    TRY(witness_check(side->mode, layer, &side->trace, st));
  }
  if (layer + 1 < e->subject.model.layers) lockstep_queue(e, layer + 1);
  return true;
}

/* --- measuring it ---------------------------------------------------------------------------------------------------
 */

static float static_scale(const Experiment *e, TensorId id, int layer) {
  ScaleId scale = tensor_info[id].scale;
  return scale == S_NONE ? 0 : e->subject.model.layer[layer].scale[scale];
}

/* One row to be filled: of a tensor (other == NULL) or of a pair. */
typedef struct Job {
  TensorId id;
  const Tensor *base, *other;
  float scale;
  TensorStats *tensor_row;
  PairStats *pair_row;
} Job;

static Job tensor_job(const Experiment *e, const Side *side, TensorId id, int prompt, int layer, TensorStats *row) {
  table_text(row->prompt, sizeof row->prompt, e->subject.prompt[prompt].name);
  table_text(row->mode, sizeof row->mode, side->name);
  table_text(row->tensor, sizeof row->tensor, tensor_info[id].name);
  row->layer = table_layer(e, id, layer);
  return (Job){.id = id, .base = &side->trace.t[id], .scale = static_scale(e, id, layer), .tensor_row = row};
}

static Job pair_job(const Experiment *e, const SidePair *pair, TensorId id, int prompt, int layer, PairStats *row) {
  const Side *base = &e->side[pair->base], *other = &e->side[pair->other];
  table_text(row->prompt, sizeof row->prompt, e->subject.prompt[prompt].name);
  table_text(row->base, sizeof row->base, base->name);
  table_text(row->other, sizeof row->other, other->name);
  table_text(row->tensor, sizeof row->tensor, tensor_info[id].name);
  row->layer = table_layer(e, id, layer);
  return (Job){.id = id, .base = &base->trace.t[id], .other = &other->trace.t[id], .pair_row = row};
}

/* Rows are independent: each by one thread, in an arena of its own. */
static void measure_jobs(const Job *job, int jobs, Arena scratch) {
  size_t largest = 0, rows = 0;
  for (int i = 0; i < jobs; i++) {
    size_t r = (size_t)job[i].base->rows, n = r * (size_t)job[i].base->cols;
    largest = n > largest ? n : largest;
    rows = r > rows ? r : rows;
  }
  int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) {
    own[i] = scratch;
    own[i].next = arena_alloc(&scratch, stats_scratch_bytes(largest, rows), 1);
    own[i].end = scratch.next;
  }
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < jobs; i++) {
    Arena mine = own[omp_get_thread_num()];
    if (job[i].tensor_row) {
      stats_tensor(job[i].base, job[i].scale, job[i].tensor_row, mine);
      continue;
    }
    stats_pair(job[i].base, job[i].other, job[i].pair_row, mine);
    if (tensor_info[job[i].id].rows != DIM_TOKEN) stats_no_tokens(job[i].pair_row);
    job[i].pair_row->top1_agreement = NAN;
    if (job[i].id == T_LOGITS) stats_top1(job[i].base, job[i].other, job[i].pair_row);
  }
}

typedef struct LayerRows {
  TensorStats *tensor;
  int tensors;
  PairStats *pair;
  int pairs;
  Budget *budget;
  int budgets;
  ScaleRow *scale;
  int scales;
} LayerRows;

static LayerRows measure_layer(Experiment *e, int prompt, int layer, Arena *arena) {
  LayerRows rows = {.tensor = ARENA_NEW(arena, TensorStats, e->sides * T_COUNT),
                    .pair = ARENA_NEW(arena, PairStats, e->pairs * T_COUNT)};
  Job *job = ARENA_NEW(arena, Job, (e->sides + e->pairs) * T_COUNT);
  int jobs = 0;
  for (int s = 0; s < e->sides; s++)
    for (TensorId id = 0; id < T_COUNT; id++)
      if (e->side[s].trace.t[id].data)
        job[jobs++] = tensor_job(e, &e->side[s], id, prompt, layer, &rows.tensor[rows.tensors++]);
  for (int p = 0; p < e->pairs; p++)
    for (TensorId id = 0; id < T_COUNT; id++)
      if (e->side[e->pair[p].base].trace.t[id].data && e->side[e->pair[p].other].trace.t[id].data)
        job[jobs++] = pair_job(e, &e->pair[p], id, prompt, layer, &rows.pair[rows.pairs++]);
  double start = clock_s();
  measure_jobs(job, jobs, *arena);
  e->stats_s += clock_s() - start;
  return rows;
}

/* The scales that a mode took from this prompt by itself. */
static void scale_rows(const Experiment *e, int prompt, int layer, LayerRows *rows, Arena *arena) {
  rows->scale = ARENA_NEW(arena, ScaleRow, e->sides);
  for (int s = 0; s < e->sides; s++) {
    const Trace *trace = &e->side[s].trace;
    if (!trace->t[T_CONV_IN].data) continue;
    Tensor x = tensor_columns(&trace->t[T_IN_PROJ], 0, trace->t[T_CONV_IN].cols);
    ScaleRow *row = &rows->scale[rows->scales++];
    *row = (ScaleRow){.layer = layer, .statistic = (double)absmax(&x), .scale = (double)trace->t[T_CONV_IN].scale};
    table_text(row->prompt, sizeof row->prompt, e->subject.prompt[prompt].name);
    table_text(row->mode, sizeof row->mode, e->side[s].name);
    table_text(row->name, sizeof row->name, "conv_in");
  }
}

/* The error budgets that the spec asks for. */
static bool budget_rows(Experiment *e, int prompt, int layer, LayerRows *rows, Arena *arena, Status *st) {
  rows->budget = ARENA_NEW(arena, Budget, e->pairs);
  for (int p = 0; p < e->pairs; p++) {
    const Side *base = &e->side[e->pair[p].base], *other = &e->side[e->pair[p].other];
    if (!spec_budget(e->spec, base->name, other->name)) continue;
    Budget *row = &rows->budget[rows->budgets++];
    table_text(row->prompt, sizeof row->prompt, e->subject.prompt[prompt].name);
    table_text(row->base, sizeof row->base, base->name);
    table_text(row->other, sizeof row->other, other->name);
    row->layer = layer;
    BudgetSide sides[] = {{base->mode, &base->trace}, {other->mode, &other->trace}};
    double start = clock_s();
    TRY(budget_layer(&e->subject, layer, &sides[0], &sides[1], row, *arena, st));
    e->budget_s += clock_s() - start;
  }
  return true;
}

/* --- storing it -----------------------------------------------------------------------------------------------------
 */

static bool put_layer(Experiment *e, Segment *segment, LayerRows *rows, Arena scratch, Status *st) {
  const Spec *spec = e->spec;
  TensorStats *row = rows->tensor;
  for (int s = 0; s < e->sides; s++) {
    const Side *side = &e->side[s];
    for (TensorId id = 0; id < T_COUNT; id++) {
      if (!side->trace.t[id].data) continue;
      Digest digest;
      TRY(segment_put_tensor(segment, side->name, id, &side->trace.t[id], estimate_kept(spec, id, segment->layer),
                             spec->keep.f16_as == F16_AS_F32, &digest, scratch, st));
      table_text(row->digest, sizeof row->digest, digest.hex);
      row++;
    }
    TRY(segment_put_stream(segment, side->name, &side->trace.t[T_BLOCK_OUT], scratch, st));
  }
  TRY(segment_put_rows(segment, &table_tensor_stats, rows->tensor, (size_t)rows->tensors, st));
  TRY(segment_put_rows(segment, &table_pair_stats, rows->pair, (size_t)rows->pairs, st));
  TRY(segment_put_rows(segment, &table_scales, rows->scale, (size_t)rows->scales, st));
  return segment_put_rows(segment, &table_budget, rows->budget, (size_t)rows->budgets, st);
}

static bool store_layer(Experiment *e, int prompt, int layer, LayerRows *rows, Arena scratch, Status *st) {
  double start = clock_s();
  Segment segment;
  TRY(segment_create(&e->journal, prompt, layer, &segment, st));
  bool ok = put_layer(e, &segment, rows, scratch, st) && segment_commit(&segment, st);
  if (!ok) segment_abandon(&segment);
  e->store_bytes += segment.bytes;
  e->store_s += clock_s() - start;
  return ok;
}

/* --- the step --------------------------------------------------------------------------------------------------------
 */

bool lockstep_layer(Experiment *e, int prompt, int layer, Arena scratch, Status *st) {
  if (e->device.found) TRY(take_layer(e, layer, st));
  for (int s = 0; s < e->sides; s++)
    if (!e->device.found || !e->side[s].mode) TRY(run_side(e, &e->side[s], prompt, layer, &scratch, st));
  LayerRows rows = measure_layer(e, prompt, layer, &scratch);
  scale_rows(e, prompt, layer, &rows, &scratch);
  TRY(budget_rows(e, prompt, layer, &rows, &scratch, st));
  return store_layer(e, prompt, layer, &rows, scratch, st);
}
