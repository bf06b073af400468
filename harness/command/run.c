/* run: the commands that run an experiment or say what one would do: run, compare, micro, validate,
 * report. */
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/ranks.h"
#include "command/command.h"
#include "command/flags.h"
#include "command/plan.h"
#include "command/vectors.h"
#include "experiment/experiment.h"
#include "report/changes.h"
#include "report/report.h"

typedef struct ReportWork {
  Arena *arena;
  const char *results;
  const OwnTables *own; /* NULL: another process's file */
  const char *folder;
  const Options *o;
  bool begun;
  ChildBegun child;
} ReportWork;

/* The folder's lock is held: what a killed command left half written is nobody's any more. */
static bool report_and_summarise(FILE *out, void *context, Status *st) {
  static const char *const parts[] = {"", "/tables", "/plots"};
  const ReportWork *w = context;
  for (int i = 0; i < 3; i++) folder_tidy(arena_printf(w->arena, "%s%s", w->folder, parts[i]));
  Report report;
  if (!w->own) child_limit(w->results);
  TRY(report_write(w->arena, w->results, w->own, w->folder, w->o->language, &report, st));
  fprintf(out, "%s%s\n", report.summary, report.path);
  if (!report.broken && w->o->strict && report.nonfinite)
    return FAIL_CHECK(st, "%s: %s (--strict)", w->results, report.nonfinite);
  return !report.broken || FAIL_CHECK(st, "%s: %s", w->results, report.broken);
}

/* In a child: HDF5 ends the process that has no memory for it. */
static void report_begin(void *context, const OwnTables *own) {
  ReportWork *work = context;
  work->own = own;
  work->child = child_begin(report_and_summarise, work);
  work->begun = true;
}

static bool report_end(Arena *arena, ReportWork *work, Status *st) {
  const char *text, *what = arena_printf(arena, "%s/report.html", work->folder);
  size_t count;
  bool ok = child_end(arena, what, report_and_summarise, work, work->child, &text, &count, st);
  fwrite(text, 1, count, stdout);
  return ok;
}

/* Of a run whose file stands. Meanwhile what it has on a device is given back, and its journal
 * removed. */
static bool report_of_run(Arena *arena, ReportWork *work, const RunOutcome *outcome, Status *st) {
  if (!work->begun) report_begin(work, NULL);
  experiment_leave(outcome->device, outcome->subject);
  experiment_tidy(outcome, *arena);
  return report_end(arena, work, st);
}

static const char *translate(int language, const char *english) {
  return say((Language)language, english);
}

/* Its lines are in the language that was asked for; what is wrong is said in English. */
static Progress progress_in(const Options *o) {
  Progress progress = progress_start(o->quiet);
  progress.translate = translate;
  progress.language = (int)o->language;
  return progress;
}

static bool tell_part(Arena *arena, const Options *o, const char *folder) {
  printf(
      "%s\n",
      arena_printf(arena,
                   say(o->language,
                       "shard %d/%d is whole; when all %d are: driftscope merge %s OTHER_FOLDERS"),
                   o->shard.shard, o->shard.shards, o->shard.shards, folder));
  return true;
}

static bool run_spec(Arena *arena, const Spec *spec, const Options *o, const char *typed,
                     const char *name, Parts *parts, Status *st) {
  if (o->dry_run) return print_plan(arena, spec, st);
  const char *folder = o->folder ? o->folder : flags_folder(arena, name);
  const bool is_new = !file_exists(folder);
  RunOptions options = {.folder = folder,
                        .command = typed,
                        .fresh = o->fresh,
                        .shard = o->shard,
                        .share_device = o->share_device,
                        .parts = parts,
                        .tell = report_begin};
  ReportWork report = {.arena = arena, .folder = options.folder, .o = o};
  report.results = arena_printf(arena, "%s/results.h5", options.folder);
  options.context = &report;
  Progress progress = progress_in(o);
  RunOutcome outcome;
  bool ok = experiment_run(arena, spec, &options, &progress, &outcome, st);
  progress_clear(&progress);
  if (ok && outcome.already_done)
    progress_say(&progress, "%s: is there already, of this very run", outcome.results);
  if (ok && !o->quiet) {
    double megabytes = 1e-6 * (double)outcome.peak_bytes;
    progress_line(&progress, "altogether",
                  arena_printf(arena, say(o->language, "peak memory %.0f MB"), megabytes),
                  outcome.time_s);
  }
  if (ok && !o->shard.shards && !ranks()->rank) {
    ok = report_of_run(arena, &report, &outcome, st);
  } else {
    if (report.begun) child_leave(report.child);
    experiment_leave(outcome.device, outcome.subject);
  }
  if (ok && o->shard.shards) return tell_part(arena, o, options.folder);
  folder_unlock(&outcome.lock);
  if (!ok && is_new) rmdir(folder); /* where nothing has come into it */
  return ok;
}

bool command_run(Arena *arena, const Options *o, const char *typed, Status *st) {
  Spec spec;
  if (o->shard.shards)
    TRY(options_refuse(o, OPTION_KEYS(OPT_STRICT), "is for `merge`: a part makes no report", st));
  TRY(spec_read(arena, o->argument[0], &spec, st));
  TRY(flags_apply(o, &spec, st));
  return run_spec(arena, &spec, o, typed, o->argument[0], NULL, st);
}

bool command_validate(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Spec spec;
  TRY(spec_read(arena, o->argument[0], &spec, st));
  TRY(flags_apply(o, &spec, st));
  return print_plan(arena, &spec, st);
}

bool command_compare(Arena *arena, const Options *o, const char *typed, Status *st) {
  Spec spec;
  TRY(flags_compare(arena, o, &spec, st));
  TRY(flags_apply(o, &spec, st));
  return run_spec(
      arena, &spec, o, typed,
      arena_printf(arena, "compare_%s_vs_%s.yaml", spec.pairs[0].base, spec.pairs[0].other), NULL,
      st);
}

bool command_merge(Arena *arena, const Options *o, const char *typed, Status *st) {
  Spec spec;
  Parts parts;
  TRY(parts_find(arena, o->argument, o->arguments, &parts, &spec, st));
  TRY(flags_apply(o, &spec, st));
  return run_spec(arena, &spec, o, typed, spec.path, &parts, st);
}

#define OPERATORS "conv1d, scan, linear, rmsnorm, hadamard, exp, silu, softplus"

static bool command_vectors(Arena *arena, const Options *o, Status *st) {
  const int *others =
      OPTION_KEYS(OPT_OUTPUT, OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS,
                  OPT_TEXT, OPT_TOKENS, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION, OPT_WINDOWS,
                  OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_SEED, OPT_FRESH, OPT_MEMORY);
  const int op = micro_op_of(o->argument[0]);
  const Mode *mode = o->vectors_mode ? mode_preset(o->vectors_mode) : NULL;
  const char *text;
  if (op < 0) return FAIL(st, "--vectors: '%.100s' is no operator (" OPERATORS ")", o->argument[0]);
  if (o->vectors_mode && !mode)
    return FAIL(st, "--mode: '%.100s' is no preset; 'driftscope modes' lists them",
                o->vectors_mode);
  TRY(options_refuse(o, others,
                     "stands beside --vectors, which takes all from its file, and whose answer is "
                     "standard output",
                     st));
  if (o->threads > 0) omp_set_num_threads(o->threads);
  const VectorsAsked asked = {o->vectors,    (MicroOp)op,  mode,
                              o->token_axis, o->min_equal, o->language};
  bool ok = micro_vectors(arena, &asked, &text, st);
  if (text) fputs(text, stdout);
  return ok;
}

/* The name of an operator, or a spec's file. */
bool command_micro(Arena *arena, const Options *o, const char *typed, Status *st) {
  const char *name = o->argument[0], *results;
  const bool alone = micro_op_of(name) >= 0;
  Spec spec;
  if (o->vectors) return command_vectors(arena, o, st);
  TRY(options_refuse(o, OPTION_KEYS(OPT_VECTORS_MODE, OPT_AXES, OPT_MIN_EQUAL),
                     "is for --vectors alone", st));
  if (!alone && !strchr(name, '.') && !file_exists(name))
    return FAIL(st, "'%.100s' is neither an operator (" OPERATORS ") nor a file", name);
  if (!alone)
    TRY(options_refuse(o,
                       OPTION_KEYS(OPT_MODEL, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS, OPT_TEXT,
                                   OPT_TOKENS, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION, OPT_WINDOWS,
                                   OPT_WINDOW_LENGTH, OPT_ALPHA),
                       "is for an operator by its name: a spec says it itself", st));
  TRY(alone ? flags_micro(arena, o, &spec, st) : spec_read(arena, name, &spec, st));
  TRY(flags_apply(o, &spec, st));
  const char *folder = o->folder ? o->folder
                       : alone   ? arena_printf(arena, "results/micro_%s", name)
                                 : flags_folder(arena, name);
  Progress progress = progress_in(o);
  /* An operator's own default folder is made anew each time; a folder that was named may hold
   * another run. */
  bool fresh = o->fresh || (alone && !o->folder);
  int lock;
  bool ok = experiment_micro(arena, &spec, folder, typed, fresh, &progress, &results, &lock, st);
  progress_clear(&progress);
  const OwnTables none = {0}; /* they are few, and are read */
  ReportWork report = {.arena = arena, .results = results, .folder = folder, .o = o};
  if (ok) report_begin(&report, &none);
  ok = ok && report_end(arena, &report, st);
  folder_unlock(&lock);
  return ok;
}

bool command_spreads(const Command *command, Options *o, Status *st) {
  const bool runs = command->run == command_run || command->run == command_compare;
  if (ranks()->count == 1) return true;
  if (!runs)
    return FAIL(st, "%s is not for %d ranks: `run` and `compare` are", command->usage.name,
                ranks()->count);
  if (o->dry_run || o->shard.shards)
    return FAIL(st, "%s %s is for one process, not for %d ranks", command->usage.name,
                o->dry_run ? "--dry-run" : "--shard", ranks()->count);
  if (ranks()->rank) o->quiet = true;
  return true;
}

int command_foreign(const Command *command, const Options *o, const char *files[2]) {
  if (command->run != command_report && command->run != command_verify) return 0;
  for (int i = 0; i < o->arguments; i++) files[i] = o->argument[i];
  return o->arguments;
}

bool command_report(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  if (o->arguments == 2) {
    bool changed;
    TRY(options_refuse(o, OPTION_KEYS(OPT_OUTPUT, OPT_STRICT), "is for one file, not for two", st));
    TRY(changes_write(stdout, o->language, o->argument[0], o->argument[1], &changed, *arena, st));
    return !changed || FAIL_CHECK(st, "%s: differs from %s", o->argument[1], o->argument[0]);
  }
  const char *folder = o->folder ? o->folder : file_folder(arena, o->argument[0]);
  int lock;
  TRY(folder_lock(folder, false, &lock, st));
  bool ok = report_and_summarise(
      stdout, &(ReportWork){.arena = arena, .results = o->argument[0], .folder = folder, .o = o},
      st);
  folder_unlock(&lock);
  return ok;
}
