/* tables: the end of a run: what follows from the rows of all layers, the rows of the run itself,
 * and the results file. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "base/workers.h"
#include "experiment/provenance.h"
#include "experiment/run.h"
#include "measure/budget.h"
#include "measure/drift.h"
#include "measure/shape.h"
#include "measure/tensors.h"
#include "measure/three_way.h"
#include "measure/verdict.h"
#include "study/choices.h"
#include "study/clipped.h"
#include "study/gates.h"
#include "study/scales.h"
#include "study/undone.h"

/* A row a part of a mode. */
static TableRows mode_rows(Arena *arena, const Experiment *e) {
  const int layers = e->subject.model.layers;
  size_t most = 0, rows = 0;
  for (int i = 0; i < e->spec->mode_count; i++) most += 1 + (size_t)e->spec->modes[i].parts;
  ModeRow *row = ARENA_NEW(arena, ModeRow, most);
  for (int i = 0; i < e->spec->mode_count; i++) {
    const Mode *mode = &e->spec->modes[i];
    for (int at = 0, next; at != ABSENT && at < layers; at = next) {
      next = mode_next(mode, at);
      row[rows++] = mode_row(mode, at, next == ABSENT || next > layers ? layers - 1 : next - 1);
    }
  }
  return (TableRows){&table_modes, row, rows};
}

static TableRows performance_rows(Arena *arena, const Experiment *e, double start_s) {
  Performance *row = ARENA_NEW(arena, Performance, e->pairs.sides + 8);
  size_t count = 0;
#define ADD(time, bytes_used, ...)                                                                 \
  (row[count] = (Performance){.time_s = (time), .bytes = (bytes_used)},                            \
   snprintf(row[count++].what, sizeof row->what, __VA_ARGS__))
  if (e->spec->model) {
    ADD(e->subject.load_s, 0, "load");
    ADD(e->subject.layers->prepare_s, 0, "prepare");
    ADD(e->subject.proof_s, 0, "rewrite proof");
    ADD(e->subject.calibrate_s, 0, "calibrate");
  }
  for (int s = 0; s < e->pairs.walked; s++)
    ADD(e->pairs.side[s].time_s, 0, "%s", e->pairs.side[s].name);
  ADD(e->pairs.stats_s, 0, "statistics");
  if (e->foreign.sides) ADD(e->read_s, 0, "read sources");
  if (e->spec->budget_all || e->spec->budget_count) ADD(e->pairs.budget_s, 0, "error budget");
  const StoreWritten written = store_written(e->store);
  ADD(written.time_s, written.bytes, "store");
  ADD(clock_s() - start_s, process_peak(), "total");
#undef ADD
  return (TableRows){&table_performance, row, count};
}

static TableRows verdict_rows(Arena *arena, const Experiment *e, const PairStats *pair,
                              size_t pairs, const Drift *drift, size_t drifts) {
  const Pairs *of = &e->pairs;
  Verdict *row = ARENA_NEW(arena, Verdict, of->pairs);
  int threads = omp_get_max_threads(), next = 0;
  Arena *own = arena_split(*arena, &threads);
#pragma omp parallel for schedule(static, 1)
  for (int worker = 0; worker < threads; worker++)
    for (int p; (p = workers_next(&next, of->pairs)) >= 0;) {
      const WalkSide *base = &of->side[of->pair[p].base], *other = &of->side[of->pair[p].other];
      row[p] =
          verdict_of(&e->subject.model.config.family->tensors,
                     (VerdictSide){base->name, base->mode}, (VerdictSide){other->name, other->mode},
                     pair, pairs, drift, drifts, e->subject.model.layers, own[worker]);
    }
  return (TableRows){&table_verdict, row, (size_t)of->pairs};
}

static TableRows third_rows(Arena *arena, const Experiment *e, const PairStats *pair,
                            size_t pairs) {
  const Tensors *traced = &e->subject.model.config.family->tensors;
  ThreeWay *row = ARENA_NEW(arena, ThreeWay, (size_t)e->spec->third_count * pairs);
  size_t rows = 0;
  for (int i = 0; i < e->spec->third_count; i++) {
    const ThirdPlan *plan = &e->spec->thirds[i];
    Arena scratch = *arena;
    size_t made;
    const ThreeWay *own = three_way_of(&scratch, traced, plan->pair.base, plan->pair.other,
                                       plan->against, pair, pairs, &made);
    if (made) memcpy(row + rows, own, made * sizeof *own);
    rows += made;
  }
  return (TableRows){&table_three_way, row, rows};
}

static bool check_budgets(const Budget *row, size_t count, Status *st) {
  const Budget *before, *broken = budget_broken_chain(row, count, &before);
  return !broken || FAIL_CHECK(st,
                               "error budget of %s against %s, prompt %s: layer %d was given a "
                               "difference of size %.17g, and layer %d had left one of %.17g",
                               broken->other, broken->base, broken->prompt, broken->layer,
                               broken->in_l2, before->layer, before->total_l2);
}

/* --- what the layers left --------------------------------------------------------------------- */

typedef struct Left {
  TensorStats *tensor;
  PairStats *pair;
  Clipping *clipping;
  Undone *undone;
  const Budget *budget;
  const void *scale, *value;
  size_t tensors, pairs, clippings, undones, budgets, scales, values;
} Left;

static bool read_left(Arena *arena, Experiment *e, Left *left, Status *st) {
  enum { TENSOR, PAIR, BUDGET, SCALE, CLIPPING, VALUE, UNDONE, JUDGED, STORED };
  StoredRows stored[STORED] = {
      [TENSOR] = {.table = &table_tensor_stats}, [PAIR] = {.table = &table_pair_stats},
      [BUDGET] = {.table = &table_budget},       [SCALE] = {.table = &table_scales},
      [CLIPPING] = {.table = &table_clipping},   [VALUE] = {.table = &table_source_values},
      [UNDONE] = {.table = &table_undone},       [JUDGED] = {.table = &table_judged}};
  TRY(store_rows(arena, e->store, stored, STORED, st));
  *left = (Left){.tensor = stored[TENSOR].rows,
                 .tensors = stored[TENSOR].count,
                 .pair = stored[PAIR].rows,
                 .pairs = stored[PAIR].count,
                 .clipping = stored[CLIPPING].rows,
                 .clippings = stored[CLIPPING].count,
                 .undone = stored[UNDONE].rows,
                 .undones = stored[UNDONE].count,
                 .budget = stored[BUDGET].rows,
                 .budgets = stored[BUDGET].count,
                 .scale = stored[SCALE].rows,
                 .scales = stored[SCALE].count,
                 .value = stored[VALUE].rows,
                 .values = stored[VALUE].count};
  run_settle_judged(e, &stored[JUDGED], left->tensor, left->tensors, left->pair, left->pairs,
                    *arena);
  return check_budgets(left->budget, left->budgets, st);
}

/* Whether two were not given the same. Pairs of two bases that were not proved are taken out. */
static OtherInputs settle_inputs(Arena *arena, const Experiment *e, Left *left) {
  const OtherInputs inputs = foreign_inputs(arena, &e->foreign, left->pair, left->pairs);
  const bool contradicted =
      undone_settle(left->undone, left->undones, left->pair, &left->pairs, *arena);
  return contradicted ? e->foreign.other_tokens : inputs;
}

/* --- what follows from it --------------------------------------------------------------------- */

/* Over all prompts. */
typedef struct Pooled {
  BudgetLayer *budget;
  Drift *drift;
  DriftShape *shape;
  size_t budgets, drifts, shapes;
  TableRows clipping, verdict;
} Pooled;

static Pooled pool_rows(Arena *arena, Experiment *e, const Left *left) {
  const Tensors *tensors = &e->subject.model.config.family->tensors;
  const int layers = e->subject.model.layers;
  double clipped_s = 0;
  Pooled p = {.clipping = {&table_clipping, left->clipping, left->clippings}};
  p.budget = budget_layers(arena, left->budget, left->budgets, &p.budgets);
  const double start = clock_s();
  p.drift = drift_of(arena, tensors, left->pair, left->pairs, &p.drifts);
  p.shape = shape_of(arena, tensors, left->pair, left->pairs, layers, &e->spec->drift,
                     e->spec->seed, &p.shapes);
  if (e->clipped)
    p.clipping = clipped_rows(arena, e->clipped, left->clipping, left->clippings, &clipped_s);
  e->pairs.stats_s += clipped_s + clock_s() - start;
  p.verdict = verdict_rows(arena, e, left->pair, left->pairs, p.drift, p.drifts);
  return p;
}

static TableRows gate_rows(Arena *arena, const Experiment *e, const Left *left,
                           const Pooled *pooled) {
  const Measured measured = {.tensor = left->tensor,
                             .tensors = left->tensors,
                             .pair = left->pair,
                             .pairs = left->pairs,
                             .drift = pooled->drift,
                             .drifts = pooled->drifts,
                             .shape = pooled->shape,
                             .shapes = pooled->shapes,
                             .verdict = pooled->verdict.rows,
                             .verdicts = pooled->verdict.count,
                             .evaluation = e->evaluation.mode,
                             .evaluations = (size_t)e->evaluation.modes,
                             .layers = e->subject.model.layers,
                             .traced = &e->subject.model.config.family->tensors};
  return (TableRows){&table_gates, gates_of(arena, e->spec, &measured),
                     (size_t)e->spec->gate_count};
}

/* --- all of the run --------------------------------------------------------------------------- */

static TableRows *all_tables(Arena *arena, Experiment *e, const Left *left, const Pooled *pooled,
                             double start_s, int *count) {
  TableRows alone[MICRO_TABLES];
  micro_rows_tables(&e->micro, alone);
  const TableRows rows[] = {
      {&table_tensor_stats, left->tensor, left->tensors},
      {&table_pair_stats, left->pair, left->pairs},
      pooled->clipping,
      {&table_drift, pooled->drift, pooled->drifts},
      {&table_drift_shape, pooled->shape, pooled->shapes},
      {&table_events, e->events.event, e->events.events},
      {&table_repairs, e->events.repair, e->events.repairs},
      {&table_repair_layers, e->events.layer, e->events.layers},
      {&table_event_strip, e->events.strip, e->events.strips},
      {&table_event_map, e->events.map, e->events.maps},
      {&table_budget, left->budget, left->budgets},
      {&table_budget_layers, pooled->budget, pooled->budgets},
      {&table_swap, e->swaps.swap, e->swaps.swaps},
      {&table_swap_effect, e->swaps.effect, e->swaps.effects},
      {&table_restore, e->restored.row, e->restored.rows},
      {&table_mend, e->mended.row, e->mended.rows},
      {&table_mend_layers, e->mended.layer, e->mended.layers},
      {&table_grid, e->grid.row, e->grid.rows},
      gate_rows(arena, e, left, pooled),
      pooled->verdict,
      mode_rows(arena, e),
      tensors_rows(arena, &e->subject.model.config.family->tensors),
      e->spec->model ? scales_of(arena, e->spec, &e->subject, left->scale, left->scales)
                     : (TableRows){&table_scales, left->scale, left->scales},
      {&table_scale_choices, e->subject.choice,
       e->subject.choice ? choices_count(&e->subject.model.config) : 0},
      performance_rows(arena, e, start_s),
      {&table_evaluation, e->evaluation.mode, (size_t)e->evaluation.modes},
      {&table_evaluation_windows, e->evaluation.window,
       (size_t)(e->evaluation.modes * e->evaluation.windows)},
      {&table_evaluation_pairs, e->evaluation.pair, (size_t)e->evaluation.pairs},
      {&table_evaluation_tokens, e->evaluation.token, (size_t)e->evaluation.tokens},
      {&table_tasks, e->tasks.score, (size_t)e->tasks.scores},
      {&table_task_pairs, e->tasks.pair, (size_t)e->tasks.pairs},
      {&table_task_samples, e->tasks.sample, (size_t)e->tasks.samples},
      {&table_cost, e->cost.time, (size_t)e->cost.times},
      {&table_cost_bytes, e->cost.bytes, (size_t)e->cost.modes},
      third_rows(arena, e, left->pair, left->pairs),
      foreign_sources(arena, &e->foreign),
      foreign_left(arena, &e->foreign),
      {&table_source_values, left->value, left->values},
      {&table_undone, left->undone, left->undones},
      alone[0],
      alone[1],
      alone[2],
      alone[3],
      alone[4]};
  _Static_assert(MICRO_TABLES == 5, "each of them stands above");
  *count = (int)(sizeof rows / sizeof *rows);
  return memcpy(ARENA_NEW(arena, TableRows, *count), rows, sizeof rows);
}

static Attribute *all_attributes(Arena *arena, const Experiment *e, const char *command,
                                 const OtherInputs *inputs, int *count) {
  Attribute *attribute =
      provenance_attributes(arena, e->spec, &e->subject, &e->device, command, count);
  if (inputs->sentence)
    attribute[(*count)++] = (Attribute){.name = "different_inputs", .text = inputs->sentence};
  if (inputs->sentence && inputs->meant)
    attribute[(*count)++] = (Attribute){.name = "different_inputs_allowed", .text = "true"};
  return attribute;
}

bool run_results(Arena *arena, Experiment *e, const RunOptions *options, double start_s,
                 Status *st) {
  TRY(checkpoint_check(&e->subject.checkpoint, st)); /* all of it was what its digest says */
  Left left;
  TRY(read_left(arena, e, &left, st));
  const OtherInputs inputs = settle_inputs(arena, e, &left);
  const Pooled pooled = pool_rows(arena, e, &left);
  OwnTables *own = ARENA_NEW(arena, OwnTables, 1);
  *own = (OwnTables){.key = &e->key};
  own->rows = all_tables(arena, e, &left, &pooled, start_s, &own->count);
  own->attribute = all_attributes(arena, e, options->command, &inputs, &own->attributes);
  options->tell(options->context, own);
  return store_finish(e->store, own->attribute, own->attributes, own->rows, own->count, *arena, st);
}
