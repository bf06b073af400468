#include "experiment.h"

#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "estimate.h"
#include "lockstep.h"
#include "provenance.h"
#include "report/markdown.h"
#include "study/calibrate.h"
#include "study/micro/micro.h"

/* --- what a run is --------------------------------------------------------------------------------------------------
 */

/* Of the spec, all that decides a value: not threads, durability, compression or what is passed over. */
static Digest spec_digest(Arena scratch, const Spec *spec) {
  Spec what = *spec;
  what.threads = 0;
  what.durability = DURABILITY_KILL;
  what.keep.deflate = 0;
  what.ignore_unused = 0;
  const char *text = spec_print(&scratch, &what);
  return digest_of(text, strlen(text));
}

static bool run_key(const Spec *spec, const Subject *subject, RunKey *key, Arena scratch, Status *st) {
  key->spec = spec_digest(scratch, spec);
  key->weights = subject->checkpoint.digest;
  key->text = subject->text;
  return run_program_digest(&key->program, st);
}

/* --- the walk --------------------------------------------------------------------------------------------------------
 */

/* Room for a side's stream of T tokens, so that the traces it came from can go. */
static void keep_stream(Side *side, void *room) {
  Tensor out = side->trace.t[T_BLOCK_OUT];
  memcpy(room, out.data, (size_t)out.rows * (size_t)out.cols * type_size(out.type));
  out.data = room;
  side->stream = out;
}

static void begin_on_device(Experiment *e, int prompt, int layer) {
  const PromptShape *shape = &e->subject.prompt[prompt];
  for (int s = 0; s < e->sides; s++) {
    if (!e->side[s].mode) continue;
    device_begin(&e->device, s, shape->token, shape->T);
    if (layer > 0) device_resume(&e->device, s, layer, &e->side[s].stream);
  }
  lockstep_queue(e, layer);
}

static bool run_prompt(Experiment *e, int prompt, Arena arena, Status *st) {
  int layers = e->subject.model.layers, done = journal_layers_done(&e->journal, prompt, arena);
  size_t stream_values = (size_t)e->subject.prompt[prompt].T * (size_t)e->subject.model.D;
  void **room = ARENA_NEW(&arena, void *, e->sides);
  for (int s = 0; s < e->sides; s++) {
    room[s] = ARENA_NEW(&arena, double, stream_values);
    if (done > 0 && done < layers)
      TRY(journal_read_stream(&arena, &e->journal, prompt, done - 1, e->side[s].name, &e->side[s].stream, st));
  }
  if (e->device.found && done < layers) begin_on_device(e, prompt, done);
  for (int layer = done; layer < layers; layer++) {
    TRY(lockstep_layer(e, prompt, layer, arena, st));
    for (int s = 0; s < e->sides; s++) keep_stream(&e->side[s], room[s]);
    progress_step(e->progress, prompt * layers + layer + 1);
  }
  return true;
}

/* --- the run ---------------------------------------------------------------------------------------------------------
 */

static void announce(const Experiment *e, const char *folder, Arena scratch) {
  const Spec *spec = e->spec;
  Estimate sum = estimate_of(spec, &e->subject);
  progress_say(e->progress, "%s", spec->title);
  progress_say(
      e->progress, "%s and the float64 reference, %s, %s; writes about %.0f MB to %s, needs about %.0f MB of memory",
      md_count(&scratch, spec->mode_count, "mode"), md_count(&scratch, e->subject.checkpoint.config.layers, "layer"),
      md_count(&scratch, spec->prompt_count, "prompt"), 1e-6 * (double)sum.results_bytes, folder,
      1e-6 * (double)sum.memory_bytes);
}

/* A finished result of the same run is reported again; of another run it is left alone. */
static bool look_for_finished(const char *path, const RunKey *key, bool *finished, Arena scratch, Status *st) {
  *finished = false;
  if (!file_exists(path)) return true;
  RunKey found;
  TRY(results_key_of(path, &found, scratch, st));
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
    if (e->subject.prompt[p].T > longest) longest = e->subject.prompt[p].T;
  return longest;
}

static JournalShape store_shape(Arena *arena, const Experiment *e) {
  const char **mode = ARENA_NEW(arena, const char *, e->sides);
  for (int s = 0; s < e->sides; s++) mode[s] = e->side[s].name;
  JournalShape shape = {.layers = e->subject.model.layers,
                        .prompt = e->subject.prompt,
                        .prompts = e->spec->prompt_count,
                        .mode = mode,
                        .modes = e->sides};
  const Config *config = &e->subject.model.config;
  for (int dim = 1; dim < config->family->tensors.dims; dim++) shape.dims[dim] = config->family->width(config, dim);
  return shape;
}

static bool run_journal(Arena *arena, Experiment *e, const RunOptions *options, double start_s, Status *st) {
  int layers = e->subject.model.layers, prompts = e->spec->prompt_count;
  progress_phase(e->progress, "run", layers * prompts);
  for (int prompt = 0; prompt < prompts; prompt++) TRY(run_prompt(e, prompt, *arena, st));
  Arena scratch = *arena;
  progress_done(e->progress, "%s, %s, %s and the float64 reference", md_count(&scratch, prompts, "prompt"),
                md_count(&scratch, layers, "layer"), md_count(&scratch, e->spec->mode_count, "mode"));
  TRY(swap_run(arena, e->spec, &e->subject, e->progress, &e->swaps, st));
  TRY(restore_run(arena, e->spec, &e->subject, e->progress, &e->restored, st));
  TRY(evaluate(arena, e->spec, &e->subject, e->progress, &e->evaluation, st));
  cost_measure(arena, e->spec, &e->subject, e->progress, &e->cost);
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
    const int finer = mode_finer_stage(mode);
    if (finer == ABSENT) continue;
    const char *setting = mode_setting_name(mode, finer);
    if (spec->backend == BACKEND_CUDA)
      return FAIL(st, "%s: backend cuda: mode '%s' sets %s %s, which only the CPU's operators have", spec->path,
                  mode->name, mode->family->stage[finer].key, setting);
    progress_say(e->progress, "the modes run on the CPU: mode '%s' sets %s %s, which only its operators have",
                 mode->name, mode->family->stage[finer].key, setting);
    e->device.found = false;
  }
  if (e->device.found) progress_say(e->progress, "the modes run on %s", e->device.cuda.name);
  return true;
}

bool experiment_load(Arena *arena, const Spec *spec, const char *cache, Progress *progress, Subject *subject,
                     Status *st) {
  return subject_load(arena, spec, progress, subject, st) &&
         calibrate_subject(spec, cache, progress, subject, *arena, st);
}

bool experiment_run(Arena *arena, const Spec *spec, const RunOptions *options, Progress *progress, RunOutcome *outcome,
                    Status *st) {
  double start_s = clock_s();
  Experiment e = {.spec = spec, .progress = progress};
  *outcome = (RunOutcome){.results = arena_printf(arena, "%s/results.h5", options->folder), .lock = -1};
  TRY(subject_check(arena, spec, &e.subject, st));
  TRY(run_key(spec, &e.subject, &e.key, *arena, st));
  TRY(micro_check(spec, &e.subject, *arena, st));
  TRY(folder_lock(options->folder, false, &outcome->lock, st)); /* before anything is written or believed */
  if (!options->fresh) TRY(look_for_finished(outcome->results, &e.key, &outcome->already_done, *arena, st));
  if (outcome->already_done) {
    journal_discard(*arena, outcome->results, &e.key);
  } else {
    announce(&e, options->folder, *arena);
    uint64_t standing;
    TRY(journal_standing(outcome->results, &e.key, options->fresh, &standing, *arena, st));
    TRY(estimate_check(spec, &e.subject, options->folder, standing, (size_t)(arena->end - arena->next), st));
    TRY(find_device(&e, st));
    TRY(experiment_load(arena, spec, options->folder, progress, &e.subject, st));
    lockstep_sides(arena, &e);
    if (e.device.found)
      TRY(device_load(arena, &e.subject.model, &e.subject.checkpoint.config, spec->mode_count, longest_prompt(&e), 0,
                      &e.device, st));
    JournalShape shape = store_shape(arena, &e);
    TRY(journal_open(arena, outcome->results, &e.key, &shape, options->fresh, spec->durability == DURABILITY_POWER,
                     spec->keep.deflate, &e.journal, st));
    bool ok = run_journal(arena, &e, options, start_s, st);
    journal_close(&e.journal);
    device_free(&e.device);
    TRY(ok);
  }
  outcome->time_s = clock_s() - start_s;
  outcome->peak_bytes = peak_bytes();
  return true;
}

/* --- without the full run -------------------------------------------------------------------------------------------
 */

/* What a run of the micro section alone is: not the run of the same spec. */
static void alone_key(RunKey *key, Arena scratch) {
  const char *text = arena_printf(&scratch, "micro %s", key->spec.hex);
  key->spec = digest_of(text, strlen(text));
}

static bool check_other(const char *path, const RunKey *key, Arena scratch, Status *st) {
  if (!file_exists(path)) return true;
  RunKey found;
  TRY(results_key_of(path, &found, scratch, st));
  if (!strcmp(found.spec.hex, key->spec.hex)) return true;
  return FAIL(st, "%s: is the result of another run; --fresh replaces it, -o names another folder", path);
}

bool experiment_micro(Arena *arena, const Spec *spec, const char *folder, const char *command, bool fresh,
                      Progress *progress, const char **path, int *lock, Status *st) {
  Subject subject;
  MicroRows rows;
  Journal journal;
  RunKey key;
  *path = arena_printf(arena, "%s/results.h5", folder);
  *lock = -1;
  if (spec->micro_count == 0) return FAIL(st, "%s: key 'micro' is missing: no operator is to run alone", spec->path);
  TRY(subject_check(arena, spec, &subject, st));
  TRY(micro_check(spec, &subject, *arena, st));
  TRY(run_key(spec, &subject, &key, *arena, st));
  alone_key(&key, *arena);
  TRY(folder_lock(folder, false, lock, st));
  if (!fresh) TRY(check_other(*path, &key, *arena, st));
  TRY(experiment_load(arena, spec, folder, progress, &subject, st));
  TRY(micro_run(arena, spec, &subject, progress, &rows, st));

  JournalShape shape = {.layers = subject.model.layers}; /* no prompts: tables alone */
  TRY(journal_open(arena, *path, &key, &shape, true, false, 0, &journal, st));
  TableRows table[MICRO_TABLES];
  micro_rows_tables(&rows, table);
  int attributes;
  const Device none = {0}; /* operators alone run on the CPU; a device gives the same bits (verify) */
  const Attribute *attribute = provenance_attributes(arena, spec, &subject, &none, command, &attributes);
  bool ok = journal_join(&journal, attribute, attributes, table, MICRO_TABLES, *arena, st);
  journal_close(&journal);
  return ok;
}
