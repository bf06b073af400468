#include "experiment/experiment.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/file.h"
#include "base/process.h"
#include "base/ranks.h"
#include "experiment/estimate.h"
#include "experiment/run.h"
#include "experiment/spread.h"
#include "report/markdown.h"
#include "report/retold.h"
#include "report/standing.h"
#include "report/words.h"
#include "study/calibrate_subject.h"
#include "study/micro/micro.h"
#include "study/undone.h"

/* Of the spec, all that decides a value: not threads, memory, durability or what is passed over. */
static Digest spec_digest(Arena scratch, const Spec *spec) {
  Spec what = *spec;
  what.threads = 0;
  what.memory = 0;
  what.durability = DURABILITY_KILL;
  what.ignore_unused = 0;
  const char *text = spec_print(&scratch, &what);
  return digest_of(text, strlen(text));
}

bool run_key(const Spec *spec, const Subject *subject, RunKey *key, Arena scratch, Status *st) {
  key->spec = spec_digest(scratch, spec);
  key->weights = subject->checkpoint.digest;
  key->text = subject->text;
  return run_program_digest(&key->program, st);
}

/* --- before it runs --------------------------------------------------------------------------- */

/* "2 modes and the float64 reference", "2 sources", or both. */
static const char *sides_words(Arena *arena, const Experiment *e) {
  const Language l = (Language)e->progress->language;
  const char *modes = arena_printf(arena, say(l, "%s and the float64 reference"),
                                   md_count(l, arena, e->spec->mode_count, "mode")),
             *sources = md_count(l, arena, e->foreign.sides, "source");
  if (!e->spec->model) return sources;
  return e->foreign.sides ? arena_printf(arena, say(l, "%s, %s"), modes, sources) : modes;
}

static void announce(const Experiment *e, const Estimate *sum, const char *folder, Arena scratch) {
  if (e->shard.shards) progress_say(e->progress, "shard %d/%d", e->shard.shard, e->shard.shards);
  if (ranks()->count > 1)
    progress_say(
        e->progress, "%d ranks on %s, this one with %s; each needs its memory", ranks()->count,
        progress_count(e->progress, ranks()->hosts, "host").text,
        progress_count(e->progress, ranks_threads(e->spec->threads, omp_get_num_procs()), "thread")
            .text);
  progress_say(e->progress, "%s, %s, %s; writes about %.0f MB to %s, needs about %.0f MB of memory",
               sides_words(&scratch, e),
               md_count((Language)e->progress->language, &scratch,
                        e->subject.checkpoint.config.layers, "layer"),
               md_count((Language)e->progress->language, &scratch, run_prompts(e), "prompt"),
               1e-6 * (double)sum->results_bytes, folder, 1e-6 * (double)sum->memory.needed);
  if (e->subject.repeated)
    progress_say(e->progress,
                 "not a text of its own: %s, the first %s, which has tokens of %s; intervals over "
                 "prompts are too narrow",
                 progress_count(e->progress, e->subject.repeated, "prompt").text,
                 e->subject.repeated_one, e->subject.repeated_other);
  if (!sum->memory.stays)
    progress_say(e->progress,
                 "of %.2f GB that it may have: not all layers stay in them, so each is made ready "
                 "for a batch of prompts and let go",
                 1e-9 * (double)sum->memory.allowed);
}

typedef struct KeyWork {
  const char *path;
  Arena scratch;
} KeyWork;

static bool tell_key(FILE *out, void *context, Status *st) {
  const KeyWork *work = context;
  RunKey key;
  child_limit(work->path);
  TRY(results_key_of(work->path, &key, work->scratch, st));
  return fwrite(&key, sizeof key, 1, out) == 1;
}

bool run_key_there(const char *results, RunKey *key, Arena scratch, Status *st) {
  KeyWork work = {results, scratch};
  const char *told;
  size_t count;
  TRY(child_work(&scratch, results, tell_key, &work, &told, &count, st));
  if (count != sizeof *key) return FAIL(st, "%s: no memory left to read it", results);
  memcpy(key, told, sizeof *key);
  return true;
}

bool run_may_replace(const char *results, Status *st) {
  Bytes file;
  if (!file_exists(results)) return true;
  TRY(file_map(results, &file, st));
  const bool ours = results_are_ours(file);
  file_unmap(&file);
  return ours || FAIL(st,
                      "%s: is no result that driftscope wrote: --fresh replaces those alone: move "
                      "it away, or name another folder",
                      results);
}

/* Leaves the first mode, in the first layer, of which a stage is finer than the presets'. */
static void find_finer(void *context, const Mode *mode) {
  const Mode **finer = context;
  for (int layer = 0; !*finer && layer != ABSENT; layer = mode_next(mode, layer))
    if (mode_finer_stage(mode_in(mode, layer)) != ABSENT) *finer = mode_in(mode, layer);
}

static const Mode *finer_mode(const Spec *spec) {
  const Mode *mode = NULL;
  spec_each_there(spec, find_finer, &mode);
  return mode;
}

bool experiment_finds_device(const Spec *spec) {
  Device device;
  Status none = {0};
  if (!spec->model || finer_mode(spec)) return false;
  return spec->backend == BACKEND_CUDA ||
         (device_find(spec->backend, spec->path, &device, &none) && device.found);
}

/* A stage finer than the presets' has operators on the CPU alone. */
static bool find_device(const Spec *spec, Progress *progress, Device *device, Subject *subject,
                        Status *st) {
  const Mode *mode = finer_mode(spec);
  TRY(device_find(spec->backend, spec->backend_place, device, st));
  if (device->found && mode) {
    const int finer = mode_finer_stage(mode);
    const char *setting = mode_setting_name(mode, finer);
    if (spec->backend == BACKEND_CUDA)
      return FAIL(st, "%s: backend cuda: mode '%s' sets %s %s, which only the CPU's operators have",
                  spec->backend_place, mode->name, mode->family->stage[finer].key, setting);
    progress_say(progress,
                 "the modes run on the CPU: mode '%s' sets %s %s, which only its operators have",
                 mode->name, mode->family->stage[finer].key, setting);
    device->found = false;
  }
  if (!device->found) return true;
  progress_say(progress, "modes and reference run on %s", device->cuda.name);
  subject->device = device;
  return true;
}

/* --- the run ---------------------------------------------------------------------------------- */

/* What a study's prompts left stands in the journal. */
static bool find_left(void *context, Arena *arena, const char *name, const void **bytes,
                      size_t *size, Status *st) {
  (void)st; /* what is damaged is made again */
  store_noted(arena, context, name, bytes, size);
  return true;
}

static bool keep_left(void *context, const char *name, const void *bytes, size_t size, Status *st) {
  return store_note(context, name, bytes, size, st);
}

static void drop_left(void *context, const char *name) { store_note_drop(context, name); }

static bool run_events(Arena *arena, Experiment *e, const Study *study, Status *st) {
  StoredRows stored[] = {{.table = &table_token_errors}, {.table = &table_undone}};
  StoredRows *token = &stored[0], *undone = &stored[1];
  size_t none = 0;
  if (ranks()->rank) return true;
  TRY(store_rows(arena, e->store, stored, 2, st));
  (void)undone_settle(undone->rows, undone->count, NULL, &none, *arena);
  undone_leave_tokens(undone->rows, undone->count,
                      tensors_role_name(&e->subject.model.config.family->tensors, ROLE_BLOCK_OUT),
                      token->rows, &token->count);
  return events_run(arena, study, token->rows, token->count, &e->events, st);
}

/* GSL's judges have still rows to do. What they find is noted before other ranks look for it. */
static bool beside_judges(Arena *arena, Experiment *e, const Study *alone, Status *st) {
  if (ranks()->count > 1) TRY(run_judged(e, *arena, st));
  const bool ridden = !e->spec->model || layers_ride_all(e->subject.layers, st); /* of prompts that
                                                                                   were all done */
  const bool ok = ridden && run_events(arena, e, alone, st);
  if (ranks()->count > 1) return ok;
  if (ok) return run_judged(e, *arena, st);
  pairs_leave(&e->pairs);
  return false;
}

/* What a model must run for; by one rank what `alone` is given. Where walks follow from what all
 * prompts of an earlier one came to, every rank finds that out; else rank 0. */
static bool run_model_studies(Arena *arena, Experiment *e, const Study *study, const Study *alone,
                              Status *st) {
  const Deal once = spread_deal_once(e);
  Study ended = *study;
  if (e->deal) ended.deal = &once;
  TRY(swap_run(arena, &ended, &e->swaps, st));
  TRY(restore_run(arena, study, &e->restored, st));
  TRY(mend_run(arena, study, &e->mended, st));
  TRY(grid_run(arena, &ended, &e->grid, st));
  TRY(evaluate(arena, &ended, &e->evaluation, st));
  TRY(tasks_run(arena, &ended, &e->tasks, st));
  return ranks()->rank > 0 ||
         (cost_measure(arena, alone, &e->cost, st) && micro_run(arena, alone, &e->micro, st));
}

/* Of a part what its prompts are walked for: all that follows from several is made of all parts. */
static bool run_part(Arena *arena, Experiment *e, const Study *study, const char *results,
                     Status *st) {
  const char *journal = arena_printf(arena, "%s.parts", results);
  TRY(part_note(e->store, e->spec, &e->shard, false, st));
  TRY(run_layers(e, *arena, st) && run_judged(e, *arena, st));
  if (e->spec->model) {
    TRY(layers_ride_all(e->subject.layers, st));
    TRY(swap_run(arena, study, &e->swaps, st));
    TRY(grid_run(arena, study, &e->grid, st));
    TRY(evaluate(arena, study, &e->evaluation, st));
    TRY(tasks_run(arena, study, &e->tasks, st));
  }
  TRY(checkpoint_check(&e->subject.checkpoint, st));
  TRY(store_settle(e->store, false, st));
  progress_phase(e->progress, "finish", 0);
  TRY(part_note(e->store, e->spec, &e->shard, true, st));
  progress_done(e->progress, "%s", journal);
  return true;
}

/* What no study asks for any more: the file and the report are made by children, and each would be
 * given a copy of the tables of all of it. */
static void leave_memory(const Arena *arena, const Experiment *e) {
  if (e->spec->model) layers_leave(e->subject.layers);
  arena_give_back(&(Arena){.base = arena->next, .end = arena->end});
}

/* Every study, one after the other, and what they found into the results file. */
static bool run_studies(Arena *arena, Experiment *e, const Keeper *keeper,
                        const RunOptions *options, const char *results, double start_s,
                        Status *st) {
  const StoredTensors stored = run_stored(e);
  Study study = {.spec = e->spec,
                 .subject = &e->subject,
                 .keeper = keeper,
                 .stored = &stored,
                 .deal = e->deal,
                 .progress = e->progress};
  if (e->shard.shards) return run_part(arena, e, &study, results, st);
  if (ranks()->count > 1 && e->spec->model && layers_stay(e->subject.layers))
    TRY(layers_ride_all(e->subject.layers, st)); /* also where no prompt falls to this rank */
  Study alone = study;
  alone.deal = NULL;
  TRY(run_layers(e, *arena, st));
  TRY(beside_judges(arena, e, &alone, st));
  if (e->spec->model) TRY(run_model_studies(arena, e, &study, &alone, st));
  TRY(spread_times(e, st));
  if (ranks()->rank) return true;
  progress_phase(e->progress, "finish", 0);
  leave_memory(arena, e);
  TRY(run_results(arena, e, options, start_s, st));
  progress_done(e->progress, "%s", results);
  return true;
}

static bool load(Arena *arena, const Spec *spec, const MemoryPlan *memory, Progress *progress,
                 Subject *subject, Status *st) {
  subject->streams = memory->streams;
  return subject_load(arena, spec, &memory->layers, progress, subject, st);
}

/* What its caller computes is not in the spec, and may go through the layers again and again. */
bool experiment_load(Arena *arena, const Spec *spec, const char *cache, Progress *progress,
                     Subject *subject, Status *st) {
  MemoryPlan memory = estimate_of(spec, subject, NULL, subject->device, *arena).memory;
  memory.layers.once = false;
  return load(arena, spec, &memory, progress, subject, st) &&
         calibrate_subject(arena, spec, cache, NULL, progress, subject, st);
}

bool experiment_load_there(Arena *arena, const Spec *spec, Progress *progress, Device *device,
                           Subject *subject, Status *st) {
  return find_device(spec, progress, device, subject, st) &&
         experiment_load(arena, spec, NULL, progress, subject, st);
}

void experiment_tidy(const RunOutcome *outcome, Arena scratch) {
  store_discard(scratch, outcome->results, outcome->key);
}

void experiment_leave(Device *device, Subject *subject) {
  if (subject->device64) device64_free(subject->device64);
  device_free(device);
}

/* Whoever holds the layers first takes along what must be made of each once. */
static bool load_and_run(Arena *arena, Experiment *e, const RunOptions *options,
                         const char *results, double start_s, Status *st) {
  const Keeper keeper = {
      .context = e->store, .find = find_left, .keep = keep_left, .drop = drop_left};
  if (e->spec->model) {
    TRY(calibrate_subject(arena, e->spec, options->folder, &keeper, e->progress, &e->subject, st));
    e->clipped = clipped_ride(arena, e->spec, &e->subject);
  }
  e->pairs = pairs_of(arena, e->spec, &e->subject, &e->foreign);
  return run_studies(arena, e, &keeper, options, results, start_s, st);
}

/* Everything between what was asked and the results file. */
static bool run_new(Arena *arena, Experiment *e, const RunOptions *options,
                    const RunOutcome *outcome, double start_s, Status *st) {
  const Spec *spec = e->spec;
  uint64_t standing = 0;
  progress_say(
      e->progress, "%s",
      words_plain(arena, retold_title((Language)e->progress->language, arena, spec->title)));
  if (spec->model) TRY(find_device(spec, e->progress, &e->device, &e->subject, st));
  TRY(spread_device(e, options->share_device, st));
  if (e->shard.shards) e->subject.here = part_here(arena, &e->shard, spec->prompt_count);
  const Estimate sum = estimate_of(spec, &e->subject, &e->foreign, e->device.found, *arena);
  announce(e, &sum, options->folder, *arena);
  if (ranks()->rank == 0) /* before it makes the file, which then stands in the others' way */
    TRY(calibrate_may_leave(&e->subject, options->folder, *arena, st) &&
        (e->shard.shards || report_may_stand(options->folder, *arena, st)) &&
        store_standing(outcome->results, &e->key, options->fresh, &standing, *arena, st) &&
        estimate_check(spec, &e->subject, &sum, options->folder, standing,
                       (size_t)(arena->end - arena->next), st));
  if (spec->model)
    TRY(load(arena, spec, &sum.memory, e->progress, &e->subject, st));
  else
    omp_set_num_threads(ranks_threads(spec->threads, omp_get_num_procs()));
  StoreShape shape = estimate_shape(arena, spec, &e->subject, &e->foreign);
  shape.streams_stay = sum.streams_bytes > 0 && ranks()->hosts == 1 && !e->shard.shards &&
                       estimate_streams_fit(&sum, options->folder, standing);
  shape.stays_behind = true;
  shape.made_beside = ranks()->count == 1;
  TRY(spread_store(arena, e, options, outcome->results, &shape, st));
  process_stop_means(options->fresh
                         ? "; without --fresh the same command goes on with what is finished"
                         : "; the same command goes on with what is finished");
  const bool ok =
      (!options->parts || parts_take(e->store, options->parts, spec->prompt_count, *arena, st)) &&
      load_and_run(arena, e, options, outcome->results, start_s, st);
  store_close(e->store);
  return ok;
}

static bool run(Arena *arena, Experiment *e, const RunOptions *options, RunOutcome *outcome,
                double start_s, Status *st) {
  TRY(run_key(e->spec, &e->subject, &e->key, *arena, st));
  if (options->parts) TRY(parts_fit(options->parts, &e->key, st));
  TRY(micro_check(e->spec, &e->subject, *arena, st));
  TRY(events_check(e->spec, &e->subject, st));
  TRY(grid_check(e->spec, &e->subject, st));
  if (e->shard.shards) {
    TRY(file_make_folder(options->folder, st));
    return run_new(arena, e, options, outcome, start_s, st);
  }
  TRY(spread_begin(e, options, outcome, *arena, st));
  return outcome->already_done || run_new(arena, e, options, outcome, start_s, st);
}

bool experiment_run(Arena *arena, const Spec *given, const RunOptions *options, Progress *progress,
                    RunOutcome *outcome, Status *st) {
  const double start_s = clock_s();
  Spec *spec = ARENA_NEW(arena, Spec, 1);
  Experiment *e = ARENA_NEW(arena, Experiment, 1);
  *spec = *given;
  *e = (Experiment){.spec = spec, .progress = progress, .shard = options->shard};
  *outcome = (RunOutcome){.lock = -1, .key = &e->key, .device = &e->device, .subject = &e->subject};
  outcome->results = e->shard.shards ? part_results(arena, options->folder, &e->shard)
                                     : arena_printf(arena, "%s/results.h5", options->folder);
  e->parted = deal_shard(&e->shard);
  e->deal = e->shard.shards ? &e->parted : spread_deal(e);
  TRY(subject_check(arena, given, &e->subject, st));
  TRY(foreign_open(arena, spec, &e->subject, &e->foreign, st));
  TRY(run(arena, e, options, outcome, start_s, st));
  outcome->time_s = clock_s() - start_s;
  outcome->peak_bytes = process_peak();
  return true;
}
