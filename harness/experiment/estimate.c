#include "experiment/estimate.h"

#include <errno.h>
#include <omp.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/memory.h"
#include "base/ranks.h"
#include "family/block.h"
#include "family/family.h"
#include "measure/clipping.h"
#include "measure/judge.h"
#include "measure/judge_queue.h"
#include "measure/stats.h"
#include "store/store.h"
#include "study/calibrate.h"
#include "study/clipped.h"
#include "study/cost.h"
#include "study/evaluate.h"
#include "study/events.h"
#include "study/grid.h"
#include "study/mend.h"
#include "study/micro/micro.h"
#include "study/restore.h"
#include "study/swap.h"
#include "study/tasks.h"
#include "study/undone.h"
#include "walk/proof.h"

/* Program, libraries, HDF5's caches: what a run of nothing keeps resident; measured. The process
 * that makes the results file beside the run takes some 24 MB, measured too, and at most 2.6 kB a
 * tensor while the run holds little yet: the room for rows, which are taken together at the end, is
 * more than that. */
static const size_t fixed_bytes = (size_t)64 << 20;
/* Of each thread, on its stack: the panels of the reference's products (576 KiB) and transforms (2
 * MiB). */
static const size_t thread_bytes = (size_t)3 << 20;
enum { ROW_BYTES = 2 * sizeof(PairStats) };

static bool is_kept(const Spec *spec, const Tensors *tensors, int id, int layer) {
  bool tensor = spec->keep.all_tensors, in_layer = spec->keep.all_layers || id >= tensors->layer;
  for (int i = 0; i < spec->keep.tensor_count; i++)
    tensor |= !strcmp(spec->keep.tensors[i], tensors->info[id].name);
  for (int i = 0; i < spec->keep.layer_count; i++) in_layer |= spec->keep.layers[i] == layer;
  return tensor && in_layer;
}

/* mode NULL: the reference. */
static StoreMade made_by(const Family *family, const Mode *mode) {
  StoreMade made = {0};
  for (int id = 0; id < family->tensors.count; id++) {
    made.format[id] = FORMAT_F64;
    made.makes[id] =
        mode ? family->format(mode, id, &made.format[id]) : !family->tensors.info[id].modes_only;
  }
  return made;
}

static StoreSide side_of(Arena *arena, const Config *c, const Mode *mode) {
  StoreMade *layer = ARENA_NEW(arena, StoreMade, c->layers);
  for (int i = 0; i < c->layers; i++) layer[i] = made_by(c->family, mode ? mode_in(mode, i) : NULL);
  return (StoreSide){.name = mode ? mode->name : MODE_REFERENCE, .layer = layer};
}

static StoreSide side_of_foreign(Arena *arena, const Foreign *foreign, int side) {
  StoreMade *made = ARENA_NEW(arena, StoreMade, foreign->layers);
  for (int layer = 0; layer < foreign->layers; layer++)
    for (int id = 0; id < foreign->tensors->count; id++)
      made[layer].makes[id] = foreign_has(foreign, side, layer, id, &made[layer].format[id]);
  return (StoreSide){.name = foreign->side[side].plan->name, .layer = made};
}

StoreShape estimate_shape(Arena *arena, const Spec *spec, const Subject *subject,
                          const Foreign *foreign) {
  const Config *c = &subject->checkpoint.config;
  const Tensors *tensors = &c->family->tensors;
  StoreSide *side = ARENA_NEW(arena, StoreSide, spec->mode_count + 1 + spec->source_count);
  int sides = 0;
  bool *kept = ARENA_NEW(arena, bool, c->layers * tensors->count);
  for (int i = 0; i < spec->mode_count; i++) side[sides++] = side_of(arena, c, &spec->modes[i]);
  if (spec->model) side[sides++] = side_of(arena, c, NULL);
  const int streams = sides;
  for (int s = 0; foreign && s < foreign->sides; s++)
    side[sides++] = side_of_foreign(arena, foreign, s);
  for (int layer = 0; layer < c->layers; layer++)
    for (int id = 0; id < tensors->count; id++)
      kept[layer * tensors->count + id] = is_kept(spec, tensors, id, layer);
  StoreShape shape = {.tensors = tensors,
                      .layers = c->layers,
                      .prompt = subject->prompt,
                      .prompts = spec->prompt_count,
                      .here = subject->here,
                      .side = side,
                      .sides = sides,
                      .streams = streams,
                      .kept = kept,
                      .f16_as_f32 = spec->keep.f16_as == F16_AS_F32,
                      .later = subject->device};
  for (int dim = DIM_TOKEN + 1; dim < tensors->dims; dim++)
    shape.dims[dim] = c->family->width(c, dim);
  return shape;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t sides_of(const Spec *spec) {
  return (size_t)(spec->mode_count + 1 + spec->source_count);
}

static size_t pairs_at_most(const Spec *spec) {
  return (size_t)(spec->pair_count + 3 * spec->third_count + spec->compare_all_count);
}

/* Of one thread that computes a row of so many columns. */
static size_t row_scratch(const Spec *spec, int longest, size_t cols) {
  const size_t n = (size_t)longest * cols, parts = (size_t)longest + cols,
               lanes = larger(stats_scratch_bytes(n, parts),
                              clipping_scratch_bytes(n, (size_t)longest, parts));
  return spec->statistics == STATISTICS_GSL ? larger(lanes, judge_scratch_bytes(n, parts)) : lanes;
}

/* What the statistics of a layer take (measure/jobs.c): of logits, which are larger than all else,
 * as many rows at a time as there are sides, or pairs. A row that GSL computes again is computed
 * when all are done. On a device nothing but that is computed here. */
static size_t rows_scratch(const Spec *spec, const Config *c, int longest, size_t threads,
                           bool device) {
  const size_t cols = (size_t)family_widest(c), most = larger(cols, (size_t)c->vocab),
               once = judge_scratch_bytes((size_t)longest * most, (size_t)longest + most),
               rows = larger(sides_of(spec), pairs_at_most(spec)),
               meet = most > 2 * cols ? smaller(threads, rows) : threads;
  if (device && spec->statistics != STATISTICS_GSL && !spec->source_count) return once;
  return larger(
      meet * row_scratch(spec, longest, most) + threads * row_scratch(spec, longest, cols), once);
}

/* The rows of a layer as its entry in the journal has them: on their way there, and where a study
 * reads what stands beside them. */
static size_t entry_bytes(const Spec *spec, const Config *c, int longest) {
  const size_t tensors = (size_t)c->family->tensors.count, pairs = pairs_at_most(spec),
               tokens = ((size_t)longest + TOKENS_A_ROW - 1) / TOKENS_A_ROW,
               side = tensors * (sizeof(TensorStats) + sizeof(Clipping) + sizeof(ScaleRow)),
               pair = tensors * (sizeof(PairStats) + sizeof(Undone)) + sizeof(Budget) +
                      tokens * sizeof(TokenErrors);
  return sides_of(spec) * side + pairs * pair;
}

/* What is asked for beside the layers, at the most: the walk of all sides with what rides along, or
 * a study. */
static size_t beside_layers(const Spec *spec, const Subject *subject, int longest, size_t store,
                            bool device, Arena scratch) {
  const Config *c = &subject->checkpoint.config;
  const int threads = ranks_threads(spec->threads, omp_get_num_procs());
  const size_t calibration = subject->calibration_token
                                 ? calibrate_bytes(c, &spec->calibration, spec->mend_count > 0,
                                                   spec->grid.alpha_count, device ? 0 : threads)
                                 : 0;
  size_t riders = calibration + proof_bytes(spec, c) + clipped_bytes(c, threads);
  /* What the rewrite's proof takes of the head it has given back before the reference takes it. */
  if (proof_bytes(spec, c)) riders -= block_logits64_bytes(c);
  size_t side = block_bytes(c, longest),
         reference = 2 * side + block_logits64_bytes(c); /* float64 */
  size_t budget = spec->budget_all || spec->budget_count ? side + reference
                                                         : 0; /* each block on the other's input */
  const size_t judges = judge_queue_bytes((size_t)longest, (size_t)family_widest(c), threads);
  size_t walk = (size_t)spec->mode_count * side + reference + budget + store + riders +
                rows_scratch(spec, c, longest, (size_t)threads, device) + judges;
  size_t most = larger(evaluate_bytes(spec, c), cost_bytes(spec, c));
  most = larger(most, tasks_bytes(spec, subject));
  most = larger(most, larger(swap_bytes(spec, c, longest), restore_bytes(spec, c, longest)));
  most =
      larger(most, larger(mend_bytes(spec, c, longest), events_bytes(spec, c, longest) + judges));
  most = larger(most, grid_bytes(spec, c, longest));
  most = larger(most, micro_bytes(spec, subject, scratch));
  const size_t entry = entry_bytes(spec, c, longest);
  return fixed_bytes + (size_t)threads * thread_bytes + entry + larger(walk, most + entry + store);
}

/* Of the machine's what is free, with a tenth left for others, as far as it can be had. `room`:
 * what is reserved. */
static size_t memory_allowed(const Spec *spec, size_t room) {
  const size_t allowed = memory_free("/", room) / 10 * 9 / (size_t)ranks()->locals;
  if (spec->memory > 0) return (size_t)spec->memory;
  return allowed < fixed_bytes + room ? allowed : fixed_bytes + room;
}

/* Pinned memory of a device's lanes: those of the run stay. */
static size_t device_bytes(const Spec *spec, const Config *c, int longest) {
  const size_t lane = block_bytes(c, longest) + 4 * (size_t)longest * (size_t)c->D * sizeof(float);
  return 2 * (size_t)(spec->mode_count + 2) * lane + events_pinned_bytes(spec, c, longest);
}

/* Of further prompts of a batch, in memory and on their way to the journal. */
static size_t batch_bytes(const Spec *spec, const Config *c) {
  enum { TOKENS = 2 * SUBJECT_BATCH_TOKENS };
  return 2 * walk_stream_bytes(TOKENS, c->D, 1) * (size_t)(spec->prompt_count > 1);
}

/* Of the notes by which windows of the calibration and prompts of a batch go on where layers do not
 * stay. */
static int64_t notes_bytes(const Spec *spec, const Subject *subject, const MemoryPlan *memory) {
  const Config *c = &subject->checkpoint.config;
  if (memory->stays) return 0;
  const size_t windows = subject->calibration_token ? (size_t)spec->calibration.windows : 0;
  return (int64_t)(windows * walk_stream_bytes(spec->calibration.length, c->D, 1) / 2 +
                   batch_bytes(spec, c) / 2);
}

/* Rows of tensors and pairs in a run's tables. */
static size_t rows_bytes(const Spec *spec, const Config *c) {
  const size_t sides = sides_of(spec) + pairs_at_most(spec);
  return (size_t)spec->prompt_count * (size_t)c->layers * (size_t)c->family->tensors.layer * sides *
         ROW_BYTES;
}

/* Of sources: a layer of each, and what computes their rows; nothing stays. */
static size_t foreign_memory(const Spec *spec, const Subject *subject, const Foreign *foreign,
                             Arena scratch) {
  if (!foreign || !foreign->sides) return 0;
  const ForeignSize size = foreign_size(foreign);
  const Pairs pairs = pairs_of(&scratch, spec, subject, foreign);
  const size_t threads = (size_t)ranks_threads(spec->threads, omp_get_num_procs());
  return size.bytes + undone_bytes(&pairs) +
         threads * larger(stats_scratch_bytes(size.elements, size.parts),
                          judge_scratch_bytes(size.elements, size.parts));
}

/* Of a run in which nothing is computed. */
static MemoryPlan read_plan(const Spec *spec, const Subject *subject, const Foreign *foreign,
                            Arena scratch) {
  const Config *c = &subject->checkpoint.config;
  const StoreShape shape = estimate_shape(&scratch, spec, subject, foreign);
  const int threads = ranks_threads(spec->threads, omp_get_num_procs());
  MemoryPlan plan = {.allowed = memory_allowed(spec, (size_t)(scratch.end - scratch.next)),
                     .stays = true};
  plan.needed = plan.least =
      fixed_bytes + (size_t)threads * thread_bytes + store_size(&shape).memory_bytes +
      foreign_memory(spec, subject, foreign, scratch) +
      judge_queue_bytes((size_t)subject_longest(spec, subject), (size_t)family_widest(c), threads) +
      2 * rows_bytes(spec, c);
  return plan;
}

/* Who begins in the middle of the model, at what a side of the run left there. */
static bool any_begins_there(const Spec *spec) {
  return spec->events.repair || spec->repair_count || spec->swap_count || spec->restore_count ||
         spec->mend_count || spec->grid.alpha_count;
}

/* Whether a layer is asked for behind the walk of all sides, or by several prompts in it. */
static bool asks_again(const Spec *spec) {
  return spec->prompt_count > 1 || ranks()->count > 1 || any_begins_there(spec) ||
         spec_evaluates(spec) || spec->evaluation.task_count || spec_grids(spec) ||
         spec->cost.length_count || spec->micro_count;
}

static MemoryPlan memory_plan(const Spec *spec, const Subject *subject, const Foreign *foreign,
                              bool device, Arena scratch) {
  const Config *c = &subject->checkpoint.config;
  const StoreShape shape = estimate_shape(&scratch, spec, subject, foreign);
  const Forms forms = subject_forms(spec, c);
  const size_t room = (size_t)(scratch.end - scratch.next);
  MemoryPlan plan = {.allowed = memory_allowed(spec, room)};
  const size_t beside = beside_layers(spec, subject, subject_longest(spec, subject),
                                      store_size(&shape).memory_bytes, device, scratch) +
                        foreign_memory(spec, subject, foreign, scratch),
               stay = layers_stay_bytes(c, &forms);
  /* Calibration takes a layer in float, whatever the modes take it in. */
  const Forms ridden =
      subject->calibration_token ? forms_of_both(forms, forms_of_mode(c->family->plain)) : forms;
  const int together = device ? 2 : 1;
  plan.least = beside + layers_least_bytes(c, &ridden, together) + batch_bytes(spec, c);
  if (device) plan.least += device_bytes(spec, c, subject_longest(spec, subject));
  plan.least += 2 * rows_bytes(spec, c); /* all of them at the end, and again for the report */
  const size_t left = plan.allowed > plan.least ? plan.allowed - plan.least : 0;
  const bool once = !asks_again(spec);
  plan.stays = once || stay <= left;
  plan.needed = plan.least + (plan.stays && !once ? stay : 0);
  plan.layers = (LayersPlan){.forms = forms, .memory = left, .once = once, .together = together};
  plan.streams = left;
  return plan;
}

/* Of the rows that stand in the journal alone. */
static int64_t token_bytes(const Spec *spec, const Subject *subject) {
  int64_t rows = 0;
  for (int p = 0; p < spec->prompt_count; p++)
    rows += (subject->prompt[p].T + TOKENS_A_ROW - 1) / TOKENS_A_ROW;
  return rows * subject->checkpoint.config.layers *
         (int64_t)(pairs_at_most(spec) * sizeof(TokenErrors));
}

/* Of the journal's streams where they stay: no more than this, which is soon written. */
static const uint64_t streams_most = (uint64_t)2 << 30;

/* Whether the file holds what leaves each layer of every side. */
static bool holds_streams(const StoreShape *shape) {
  const int id = tensors_role(shape->tensors, ROLE_BLOCK_OUT);
  bool holds = true;
  for (int layer = 0; layer < shape->layers; layer++)
    holds &= shape->kept[layer * shape->tensors->count + id];
  return holds;
}

static int64_t streams_that_stay(const Spec *spec, const StoreShape *shape, const StoreSize *size) {
  const bool stay = spec->model && any_begins_there(spec) && !holds_streams(shape) &&
                    size->streams_bytes <= streams_most;
  return stay ? (int64_t)size->streams_bytes : 0;
}

Estimate estimate_of(const Spec *spec, const Subject *subject, const Foreign *foreign, bool device,
                     Arena scratch) {
  const StoreShape shape = estimate_shape(&scratch, spec, subject, foreign);
  const StoreSize size = store_size(&shape);
  const int64_t rows = (int64_t)rows_bytes(spec, &subject->checkpoint.config);
  const MemoryPlan memory = spec->model ? memory_plan(spec, subject, foreign, device, scratch)
                                        : read_plan(spec, subject, foreign, scratch);
  return (Estimate){.results_bytes = (int64_t)size.file_bytes + rows,
                    .journal_bytes = (int64_t)size.journal_bytes +
                                     rows / 2 + /* which come without room for other tables */
                                     token_bytes(spec, subject) +
                                     notes_bytes(spec, subject, &memory),
                    .streams_bytes = streams_that_stay(spec, &shape, &size),
                    .tensors = size.tensors,
                    .memory = memory};
}

static int64_t disk_free(const struct statvfs *disk) {
  return (int64_t)disk->f_bavail * (int64_t)disk->f_frsize;
}

bool estimate_streams_fit(const Estimate *sum, const char *folder, uint64_t standing) {
  struct statvfs disk;
  return statvfs(folder, &disk) == 0 &&
         sum->results_bytes + sum->journal_bytes + sum->streams_bytes <=
             disk_free(&disk) + (int64_t)standing;
}

bool estimate_check(const Spec *spec, const Subject *subject, const Estimate *sum,
                    const char *folder, uint64_t standing, size_t room, Status *st) {
  const MemoryPlan *memory = &sum->memory;
  struct statvfs disk;
  if (statvfs(folder, &disk) != 0) return FAIL(st, "%s: %s", folder, strerror(errno));
  int64_t free_bytes = disk_free(&disk), there = (int64_t)standing;
  if (sum->results_bytes + sum->journal_bytes - there > free_bytes)
    return FAIL(
        st,
        "%s: the run writes %.1f MB, needs %.1f MB beside them until it ends, of which %.1f MB are "
        "there, and %.1f MB are free (keep fewer tensors or layers, or give another folder with "
        "-o)",
        folder, 1e-6 * (double)sum->results_bytes, 1e-6 * (double)sum->journal_bytes,
        1e-6 * (double)there, 1e-6 * (double)free_bytes);
  if (memory->least > memory->allowed)
    return FAIL(
        st, "%s: the run needs at least %.0f MB of memory, and %s %.0f MB%s", spec->memory_place,
        1e-6 * (double)memory->least, spec->memory > 0 ? "'memory' gives it" : "it can have",
        1e-6 * (double)memory->allowed,
        spec->memory > 0 ? "" : " (most of what is free, of control groups and of ulimit -v)");
  if (spec->cost.length_count && !memory->stays)
    return FAIL(st,
                "%s: key 'cost' times layers that stay in memory: they take %.2f GB with all else, "
                "and %s %.2f GB",
                spec->path,
                1e-9 * (double)(memory->least + layers_stay_bytes(&subject->checkpoint.config,
                                                                  &memory->layers.forms)),
                spec->memory > 0 ? "'memory' gives it" : "it can have",
                1e-9 * (double)memory->allowed);
  if (memory->needed > room + fixed_bytes)
    return FAIL(st,
                "%s: the run needs about %.0f MB of memory, and %.0f MB can be had under this "
                "process's limit (ulimit -v)",
                spec->path, 1e-6 * (double)(memory->needed - fixed_bytes), 1e-6 * (double)room);
  return true;
}
