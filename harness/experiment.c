#include "experiment.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "study/budget.h"
#include "study/cost.h"
#include "device/device.h"
#include "estimate.h"
#include "study/evaluate.h"
#include "study/gates.h"
#include "measure/drift.h"
#include "measure/law.h"
#include "measure/stats.h"
#include "measure/verdict.h"
#include "microtest.h"
#include "model/block.h"
#include "model/witness.h"
#include "provenance.h"
#include "study/restore.h"
#include "setup.h"
#include "study/swap.h"
#include "trace64.h"

/* One mode, or the reference, on its way through the layers. */
typedef struct Side {
  const char *name;
  const Mode *mode; /* NULL: the reference */
  Tensor stream;    /* [T, D]: what the next layer takes */
  Trace trace;
  double time_s;
} Side;

typedef struct SidePair {
  int base, other;
} SidePair;

typedef struct Experiment {
  const Spec *spec;
  Setup setup;
  Side *side; /* modes as in the spec, then the reference */
  int sides;
  SidePair *pair; /* the spec's pairs, then fp64 against each of compare_all, none twice */
  int pairs;
  Device device; /* where one was found, the modes run there; the lane of side s is lane s */
  EvaluationRows evaluation;
  SwapRows swaps;
  RestoreRows restored;
  CostRows cost;
  Journal journal;
  Progress *progress;
  double stats_s, budget_s, store_s;
} Experiment;

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

static void make_sides(Arena *arena, Experiment *e) {
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
  return id < T_LAYER_COUNT ? layer : id == T_EMBEDDING ? LAYER_EMBEDDING : e->setup.model.layers;
}

static bool run_side(Experiment *e, Side *side, int prompt, int layer, Arena *arena, Status *st) {
  const PromptShape *shape = &e->setup.prompt[prompt];
  const Model64 *weights = &e->setup.weights;
  const Model *model = &e->setup.model;
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

static void queue_layer(Experiment *e, int layer) {
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
  if (layer + 1 < e->setup.model.layers) queue_layer(e, layer + 1);
  return true;
}

/* --- measuring it ---------------------------------------------------------------------------------------------------
 */

static float static_scale(const Experiment *e, TensorId id, int layer) {
  ScaleId scale = tensor_info[id].scale;
  return scale == S_NONE ? 0 : e->setup.model.layer[layer].scale[scale];
}

/* One row to be filled: of a tensor (other == NULL) or of a pair. */
typedef struct Job {
  TensorId id;
  const Tensor *base, *other;
  float scale;
  TensorStats *tensor_row;
  PairStats *pair_row;
} Job;

static void put_text(char *to, size_t size, const char *from) { snprintf(to, size, "%s", from); }

static Job tensor_job(const Experiment *e, const Side *side, TensorId id, int prompt, int layer, TensorStats *row) {
  put_text(row->prompt, sizeof row->prompt, e->setup.prompt[prompt].name);
  put_text(row->mode, sizeof row->mode, side->name);
  put_text(row->tensor, sizeof row->tensor, tensor_info[id].name);
  row->layer = table_layer(e, id, layer);
  return (Job){.id = id, .base = &side->trace.t[id], .scale = static_scale(e, id, layer), .tensor_row = row};
}

static Job pair_job(const Experiment *e, const SidePair *pair, TensorId id, int prompt, int layer, PairStats *row) {
  const Side *base = &e->side[pair->base], *other = &e->side[pair->other];
  put_text(row->prompt, sizeof row->prompt, e->setup.prompt[prompt].name);
  put_text(row->base, sizeof row->base, base->name);
  put_text(row->other, sizeof row->other, other->name);
  put_text(row->tensor, sizeof row->tensor, tensor_info[id].name);
  row->layer = table_layer(e, id, layer);
  return (Job){.id = id, .base = &base->trace.t[id], .other = &other->trace.t[id], .pair_row = row};
}

/* Rows are independent: each by one thread, in an arena of its own. */
static void measure_jobs(const Job *job, int jobs, Arena scratch) {
  size_t largest = 0;
  for (int i = 0; i < jobs; i++) {
    size_t n = (size_t)job[i].base->rows * (size_t)job[i].base->cols;
    largest = n > largest ? n : largest;
  }
  int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) {
    own[i] = scratch;
    own[i].next = arena_alloc(&scratch, stats_scratch_bytes(largest), 1);
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
    job[i].pair_row->top1_agreement = job[i].id == T_LOGITS ? stats_top1(job[i].base, job[i].other) : NAN;
  }
}

typedef struct LayerRows {
  TensorStats *tensor;
  int tensors;
  PairStats *pair;
  int pairs;
  Budget *budget;
  int budgets;
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

/* The error budgets that the spec asks for. */
static bool budget_rows(Experiment *e, int prompt, int layer, LayerRows *rows, Arena *arena, Status *st) {
  rows->budget = ARENA_NEW(arena, Budget, e->pairs);
  for (int p = 0; p < e->pairs; p++) {
    const Side *base = &e->side[e->pair[p].base], *other = &e->side[e->pair[p].other];
    if (!spec_budget(e->spec, base->name, other->name)) continue;
    Budget *row = &rows->budget[rows->budgets++];
    put_text(row->prompt, sizeof row->prompt, e->setup.prompt[prompt].name);
    put_text(row->base, sizeof row->base, base->name);
    put_text(row->other, sizeof row->other, other->name);
    row->layer = layer;
    BudgetSide sides[] = {{base->mode, &base->trace}, {other->mode, &other->trace}};
    double start = clock_s();
    TRY(budget_layer(&e->setup, layer, &sides[0], &sides[1], row, *arena, st));
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
      put_text(row->digest, sizeof row->digest, digest.hex);
      row++;
    }
    TRY(segment_put_stream(segment, side->name, &side->trace.t[T_BLOCK_OUT], scratch, st));
  }
  TRY(segment_put_rows(segment, &table_tensor_stats, rows->tensor, (size_t)rows->tensors, st));
  TRY(segment_put_rows(segment, &table_pair_stats, rows->pair, (size_t)rows->pairs, st));
  return segment_put_rows(segment, &table_budget, rows->budget, (size_t)rows->budgets, st);
}

static bool store_layer(Experiment *e, int prompt, int layer, LayerRows *rows, Arena scratch, Status *st) {
  double start = clock_s();
  Segment segment;
  TRY(segment_create(&e->journal, prompt, layer, &segment, st));
  bool ok = put_layer(e, &segment, rows, scratch, st) && segment_commit(&segment, st);
  if (!ok) segment_abandon(&segment);
  e->store_s += clock_s() - start;
  return ok;
}

/* --- the walk -------------------------------------------------------------------------------------------------------
 */

static bool run_layer(Experiment *e, int prompt, int layer, Arena scratch, Status *st) {
  if (e->device.found) TRY(take_layer(e, layer, st));
  for (int s = 0; s < e->sides; s++)
    if (!e->device.found || !e->side[s].mode) TRY(run_side(e, &e->side[s], prompt, layer, &scratch, st));
  LayerRows rows = measure_layer(e, prompt, layer, &scratch);
  TRY(budget_rows(e, prompt, layer, &rows, &scratch, st));
  return store_layer(e, prompt, layer, &rows, scratch, st);
}

/* Room for a side's stream of T tokens, so that the traces it came from can go. */
static void keep_stream(Side *side, void *room) {
  Tensor out = side->trace.t[T_BLOCK_OUT];
  memcpy(room, out.data, (size_t)out.rows * (size_t)out.cols * type_size(out.type));
  out.data = room;
  side->stream = out;
}

static void begin_on_device(Experiment *e, int prompt, int layer) {
  const PromptShape *shape = &e->setup.prompt[prompt];
  for (int s = 0; s < e->sides; s++) {
    if (!e->side[s].mode) continue;
    device_begin(&e->device, s, shape->token, shape->T);
    if (layer > 0) device_resume(&e->device, s, layer, &e->side[s].stream);
  }
  queue_layer(e, layer);
}

static bool run_prompt(Experiment *e, int prompt, Arena arena, Status *st) {
  int layers = e->setup.model.layers, done = journal_layers_done(&e->journal, prompt, arena);
  size_t stream_values = (size_t)e->setup.prompt[prompt].T * (size_t)e->setup.model.D;
  void **room = ARENA_NEW(&arena, void *, e->sides);
  for (int s = 0; s < e->sides; s++) {
    room[s] = ARENA_NEW(&arena, double, stream_values);
    if (done > 0 && done < layers)
      TRY(journal_read_stream(&arena, &e->journal, prompt, done - 1, e->side[s].name, &e->side[s].stream, st));
  }
  if (e->device.found && done < layers) begin_on_device(e, prompt, done);
  for (int layer = done; layer < layers; layer++) {
    TRY(run_layer(e, prompt, layer, arena, st));
    for (int s = 0; s < e->sides; s++) keep_stream(&e->side[s], room[s]);
    progress_step(e->progress, prompt * layers + layer + 1);
  }
  return true;
}

/* --- the end --------------------------------------------------------------------------------------------------------
 */

static int64_t peak_bytes(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss * 1024;
}

static TableRows mode_rows(Arena *arena, const Experiment *e) {
  ModeRow *row = ARENA_NEW(arena, ModeRow, e->spec->mode_count);
  for (int i = 0; i < e->spec->mode_count; i++) {
    const Mode *mode = &e->spec->modes[i];
    put_text(row[i].mode, sizeof row[i].mode, mode->name);
    for (int s = 0; s < mode_stage_count; s++) { /* behind the mode's name, a column a stage */
      const Column *column = &table_modes.column[1 + s];
      put_text((char *)&row[i] + column->offset, column->size, mode_setting_name(mode, &mode_stages[s]));
    }
  }
  return (TableRows){&table_modes, row, (size_t)e->spec->mode_count};
}

static TableRows scale_rows(Arena *arena, const Experiment *e) {
  const Model *model = &e->setup.model;
  size_t count = 0;
  ScaleRow *row = ARENA_NEW(arena, ScaleRow, model->layers * S_COUNT);
  if (e->setup.calibration_token)
    for (int layer = 0; layer < model->layers; layer++)
      for (int s = 0; s < S_COUNT; s++) {
        row[count] = (ScaleRow){.layer = layer,
                                .statistic = model->layer[layer].statistic[s],
                                .scale = (double)model->layer[layer].scale[s]};
        put_text(row[count++].name, sizeof row->name, scale_names[s]);
      }
  return (TableRows){&table_scales, row, count};
}

static TableRows performance_rows(Arena *arena, const Experiment *e, double start_s) {
  Performance *row = ARENA_NEW(arena, Performance, e->sides + 6);
  size_t count = 0;
#define ADD(time, bytes_used, ...)                                                                                     \
  (row[count] = (Performance){.time_s = (time), .bytes = (bytes_used)},                                                \
   snprintf(row[count++].what, sizeof row->what, __VA_ARGS__))
  ADD(e->setup.load_s, 0, "load");
  ADD(e->setup.calibrate_s, 0, "calibrate");
  for (int s = 0; s < e->sides; s++) ADD(e->side[s].time_s, 0, "%s", e->side[s].name);
  ADD(e->stats_s, 0, "statistics");
  if (e->spec->budget_all || e->spec->budget_count) ADD(e->budget_s, 0, "error budget");
  ADD(e->store_s, 0, "store");
  ADD(clock_s() - start_s, peak_bytes(), "total");
#undef ADD
  return (TableRows){&table_performance, row, count};
}

static TableRows verdict_rows(Arena *arena, const Experiment *e, const PairStats *pair, size_t pairs,
                              const Drift *drift, size_t drifts) {
  Verdict *row = ARENA_NEW(arena, Verdict, e->pairs);
  for (int p = 0; p < e->pairs; p++) {
    const Side *base = &e->side[e->pair[p].base], *other = &e->side[e->pair[p].other];
    row[p] = verdict_of(base->mode, other->mode, pair, pairs, drift, drifts, e->setup.model.layers);
  }
  return (TableRows){&table_verdict, row, (size_t)e->pairs};
}

static bool finish(Arena *arena, Experiment *e, const RunOptions *options, double start_s, Status *st) {
  void *tensor, *pair, *budget;
  size_t tensors, pairs, drifts, budgets, laws;
  TRY(journal_read_rows(arena, &e->journal, &table_tensor_stats, &tensor, &tensors, st));
  TRY(journal_read_rows(arena, &e->journal, &table_pair_stats, &pair, &pairs, st));
  TRY(journal_read_rows(arena, &e->journal, &table_budget, &budget, &budgets, st));
  double measure_s = clock_s();
  int layers = e->setup.model.layers;
  Resampling draws = resampling_of(arena, e->spec->prompt_count, layers - 1, e->spec->seed);
  Drift *drift = drift_of(arena, pair, pairs, &draws, &drifts);
  DriftLaw *law = law_of(arena, pair, pairs, layers, &draws, &laws);
  e->stats_s += clock_s() - measure_s;
  TableRows verdict = verdict_rows(arena, e, pair, pairs, drift, drifts);
  const Measured measured = {.tensor = tensor,
                             .tensors = tensors,
                             .pair = pair,
                             .pairs = pairs,
                             .drift = drift,
                             .drifts = drifts,
                             .verdict = verdict.rows,
                             .verdicts = verdict.count,
                             .evaluation = e->evaluation.mode,
                             .evaluations = (size_t)e->evaluation.modes,
                             .layers = layers};
  MicroRows micro;
  TableRows alone[MICRO_TABLES];
  TRY(micro_run(arena, e->spec, &e->setup, e->progress, &micro, st));
  micro_rows_tables(&micro, alone);
  TableRows rows[] = {
      {&table_tensor_stats, tensor, tensors},
      {&table_pair_stats, pair, pairs},
      {&table_drift, drift, drifts},
      {&table_drift_law, law, laws},
      {&table_budget, budget, budgets},
      {&table_swap, e->swaps.swap, e->swaps.swaps},
      {&table_swap_effect, e->swaps.effect, e->swaps.effects},
      {&table_restore, e->restored.row, e->restored.rows},
      {&table_gates, gates_of(arena, e->spec, &measured), (size_t)e->spec->gate_count},
      verdict,
      mode_rows(arena, e),
      scale_rows(arena, e),
      performance_rows(arena, e, start_s),
      {&table_evaluation, e->evaluation.mode, (size_t)e->evaluation.modes},
      {&table_evaluation_windows, e->evaluation.window, (size_t)(e->evaluation.modes * e->evaluation.windows)},
      {&table_evaluation_pairs, e->evaluation.pair, (size_t)e->evaluation.pairs},
      {&table_cost, e->cost.time, (size_t)e->cost.times},
      {&table_cost_bytes, e->cost.bytes, (size_t)e->cost.modes},
      alone[0],
      alone[1],
      alone[2],
      alone[3],
      alone[4]};
  _Static_assert(MICRO_TABLES == 5, "each of them stands above");
  int attributes;
  const Attribute *attribute =
      provenance_attributes(arena, e->spec, &e->setup, &e->device, options->command, &attributes);
  return journal_join(&e->journal, attribute, attributes, rows, (int)(sizeof rows / sizeof *rows), *arena, st);
}

/* "1 prompt", "8 prompts" */
static const char *counted(Arena *arena, int count, const char *thing) {
  return arena_printf(arena, "%d %s%s", count, thing, count == 1 ? "" : "s");
}

static void announce(const Experiment *e, const char *folder, Arena scratch) {
  const Spec *spec = e->spec;
  Estimate sum = estimate_of(spec, &e->setup);
  progress_say(e->progress, "%s", spec->title);
  progress_say(
      e->progress, "%s and the float64 reference, %s, %s; writes about %.0f MB to %s, needs about %.0f MB of memory",
      counted(&scratch, spec->mode_count, "mode"), counted(&scratch, e->setup.checkpoint.config.layers, "layer"),
      counted(&scratch, spec->prompt_count, "prompt"), 1e-6 * (double)sum.results_bytes, folder,
      1e-6 * (double)sum.memory_bytes);
}

/* A finished result of the same run is reported again; of another run it is left alone. */
static bool look_for_finished(const char *path, const RunKey *key, bool *finished, Arena scratch, Status *st) {
  *finished = false;
  if (!file_exists(path)) return true;
  Results results;
  RunKey found;
  TRY(results_open(path, &results, scratch, st));
  bool ok = results_key(&results, &found, st);
  results_close(&results);
  TRY(ok);
  const char *differs = run_key_difference(&found, key);
  if (differs)
    return FAIL(st, "%s: is the result of another run (%s differs); --fresh replaces it, -o names another folder", path,
                differs);
  *finished = true;
  return true;
}

static int longest_prompt(const Experiment *e) {
  int longest = 0;
  for (int p = 0; p < e->spec->prompt_count; p++)
    if (e->setup.prompt[p].T > longest) longest = e->setup.prompt[p].T;
  return longest;
}

static StoreShape store_shape(Arena *arena, const Experiment *e) {
  const char **mode = ARENA_NEW(arena, const char *, e->sides);
  for (int s = 0; s < e->sides; s++) mode[s] = e->side[s].name;
  StoreShape shape = {.layers = e->setup.model.layers,
                      .prompt = e->setup.prompt,
                      .prompts = e->spec->prompt_count,
                      .mode = mode,
                      .modes = e->sides};
  for (Dim dim = 0; dim < DIM_COUNT; dim++) shape.dims[dim] = model_dim(&e->setup.model, dim);
  return shape;
}

static bool run_journal(Arena *arena, Experiment *e, const RunOptions *options, double start_s, Status *st) {
  int layers = e->setup.model.layers, prompts = e->spec->prompt_count;
  progress_phase(e->progress, "run", layers * prompts);
  for (int prompt = 0; prompt < prompts; prompt++) TRY(run_prompt(e, prompt, *arena, st));
  Arena scratch = *arena;
  progress_done(e->progress, "%s, %s, %s and the float64 reference", counted(&scratch, prompts, "prompt"),
                counted(&scratch, layers, "layer"), counted(&scratch, e->spec->mode_count, "mode"));
  Resampling draws = resampling_of(arena, prompts, 0, e->spec->seed);
  TRY(swap_run(arena, e->spec, &e->setup, &draws, e->progress, &e->swaps, st));
  TRY(restore_run(arena, e->spec, &e->setup, &draws, e->progress, &e->restored, st));
  TRY(evaluate(arena, e->spec, &e->setup, e->progress, &e->evaluation, st));
  cost_measure(arena, e->spec, &e->setup, e->progress, &e->cost);
  progress_phase(e->progress, "join", 0);
  TRY(finish(arena, e, options, start_s, st));
  progress_done(e->progress, "%s", e->journal.results);
  return true;
}

/* A stage finer than the presets' has operators on the CPU alone. */
static bool find_device(Experiment *e, Status *st) {
  const Spec *spec = e->spec;
  TRY(device_find(spec->backend, spec->path, &e->device, st));
  for (int i = 0; e->device.found && i < spec->mode_count; i++) {
    const Mode *mode = &spec->modes[i];
    const Stage *finer = mode_finer_stage(mode);
    if (!finer) continue;
    const char *setting = mode_setting_name(mode, finer);
    if (spec->backend == BACKEND_CUDA)
      return FAIL(st, "%s: backend cuda: mode '%s' sets %s %s, which only the CPU's operators have", spec->path,
                  mode->name, finer->key, setting);
    progress_say(e->progress, "the modes run on the CPU: mode '%s' sets %s %s, which only its operators have",
                 mode->name, finer->key, setting);
    e->device.found = false;
  }
  if (e->device.found) progress_say(e->progress, "the modes run on %s", e->device.cuda.name);
  return true;
}

bool experiment_run(Arena *arena, const Spec *spec, const RunOptions *options, Progress *progress, RunOutcome *outcome,
                    Status *st) {
  double start_s = clock_s();
  Experiment e = {.spec = spec, .progress = progress};
  *outcome = (RunOutcome){.results = arena_printf(arena, "%s/results.h5", options->folder)};
  TRY(setup_check(arena, spec, &e.setup, st));
  TRY(micro_check(spec, &e.setup, *arena, st));
  TRY(file_make_folder(options->folder, st));
  if (!options->fresh) TRY(look_for_finished(outcome->results, &e.setup.key, &outcome->already_done, *arena, st));
  if (outcome->already_done) {
    journal_discard(*arena, outcome->results, &e.setup.key);
  } else {
    announce(&e, options->folder, *arena);
    TRY(estimate_check(spec, &e.setup, options->folder, st));
    TRY(find_device(&e, st));
    TRY(setup_load(arena, spec, options->folder, progress, &e.setup, st));
    make_sides(arena, &e);
    if (e.device.found)
      TRY(device_load(arena, &e.setup.model, &e.setup.checkpoint.config, spec->mode_count, longest_prompt(&e), 0,
                      &e.device, st));
    StoreShape shape = store_shape(arena, &e);
    TRY(journal_open(arena, outcome->results, &e.setup.key, &shape, options->fresh,
                     spec->durability == DURABILITY_POWER, spec->keep.deflate, &e.journal, st));
    bool ok = run_journal(arena, &e, options, start_s, st);
    journal_close(&e.journal);
    device_free(&e.device);
    TRY(ok);
  }
  outcome->time_s = clock_s() - start_s;
  outcome->peak_bytes = peak_bytes();
  return true;
}
