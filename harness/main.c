/* main: the command line. One command, one function; the only place that prints errors and exits.
 * Exit status: 0 done, 1 a check or a gate failed, 2 usage or input error. */
#include <gsl/gsl_errno.h>
#include <jansson.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "bench.h"
#include "estimate.h"
#include "evaluate.h"
#include "experiment.h"
#include "json_rows.h"
#include "micro/inputs.h"
#include "micro/vectors.h"
#include "microtest.h"
#include "model/calibrate.h"
#include "model/rewrite.h"
#include "options.h"
#include "print_evaluation.h"
#include "provenance.h"
#include "report/changes.h"
#include "report/report.h"
#include "setup.h"
#include "verify.h"

enum { EXIT_CHECK = 1, EXIT_INPUT = 2 };

typedef struct Command {
  Usage usage;
  const char *summary; /* for the list of commands */
  bool (*run)(Arena *arena, const Options *options, const char *typed, Status *st);
} Command;

/* --- specs from flags ------------------------------------------------------------------------------------------------
 */

static const char *default_folder(Arena *arena, const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  return arena_printf(arena, "results/%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

static bool read_backend(const char *name, Spec *spec, Status *st) {
  static const char *const names[] = {[BACKEND_AUTO] = "auto", [BACKEND_CPU] = "cpu", [BACKEND_CUDA] = "cuda"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(name, names[i])) return spec->backend = (Backend)i, true;
  return FAIL(st, "--backend: expected auto, cpu or cuda, found '%.40s'", name);
}

static bool read_rewrite(const char *name, Spec *spec, Status *st) {
  if (strcmp(name, "quamba") != 0 && strcmp(name, "none") != 0)
    return FAIL(st, "--rewrite: expected quamba or none, found '%.40s'", name);
  spec->rewrite = strcmp(name, "none") ? REWRITE_QUAMBA : REWRITE_NONE;
  return true;
}

/* Flags override the spec. */
static bool apply_flags(const Options *o, Spec *spec, Status *st) {
  if (o->threads >= 0) spec->threads = o->threads;
  if (o->seed >= 0) spec->seed = o->seed;
  return !o->backend || read_backend(o->backend, spec, st);
}

/* The spec that `compare A B` stands for: written out and read again, so that it is checked like any other. */
static bool compare_spec(Arena *arena, const Options *o, Spec *spec, Status *st) {
  const char *a = o->argument[0], *b = o->argument[1];
  Prompt prompt = {.name = "text", .text = o->text, .offset = o->offset, .length = o->length};
  Pair pair = {a, b};
  Spec flags = {.path = "compare",
                .folder = ".",
                .title = arena_printf(arena, "Mode %s against mode %s", a, b),
                .question = "Do the two modes differ, where first, and how far does it grow?",
                .model = o->model,
                .calibration = {o->calibration, o->windows, o->window_length, o->alpha},
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .pairs = &pair,
                .pair_count = 1,
                .keep = {.all_tensors = true, .all_layers = true},
                .seed = 1};
  TRY(read_rewrite(o->rewrite, &flags, st));
  const char *text = spec_print(arena, &flags);
  return spec_parse(arena, "compare", text, strlen(text), spec, st);
}

/* The spec that `micro OPERATOR` stands for: every input that the operator has, and what a spec may leave out. */
static bool micro_spec(Arena *arena, const Options *o, Spec *spec, Status *st) {
  const char *op = o->argument[0], *mode = "fp32", *inputs[INPUT_COUNT];
  Prompt prompt = {.name = "text", .text = o->text, .offset = o->offset, .length = o->length};
  Micro micro = {.operator_name = op, .inputs = inputs};
  for (int i = 0; i < INPUT_COUNT; i++)
    if (i != INPUT_SLOW_DECAY || micro_op_of(op) == MICRO_SCAN) inputs[micro.input_count++] = micro_input_names[i];
  Spec flags = {.title = arena_printf(arena, "%s alone", op),
                .question = "How wrong is the operator, where, and is that allowed?",
                .model = o->model,
                .calibration = {o->calibration, o->windows, o->window_length, o->alpha},
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .compare_all = &mode,
                .compare_all_count = 1,
                .keep = {.all_layers = true}, /* and no tensors */
                .micro = &micro,
                .micro_count = 1,
                .seed = 1};
  const char *text = spec_print(arena, &flags);
  return spec_parse(arena, "micro", text, strlen(text), spec, st);
}

/* The names that --mode or QUAMBA_MODE give, apart at their commas; else every preset. */
static int modes_of_flags(Arena *arena, const Options *o, const char ***names) {
  int count = 0, room = mode_preset_count;
  for (int i = 0; i < o->modes; i++) room += 1 + (int)strlen(o->mode[i]);
  *names = ARENA_NEW(arena, const char *, room);
  for (int i = 0; i < o->modes; i++) {
    char *rest = NULL, *text = arena_printf(arena, "%s", o->mode[i]);
    for (char *name = strtok_r(text, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) (*names)[count++] = name;
  }
  for (int i = 0; count == 0 && i < mode_preset_count; i++) (*names)[i] = mode_presets[i].name;
  return count ? count : mode_preset_count;
}

/* The spec that `eval` stands for. Its prompt only serves to prove the rewrite. */
static bool eval_spec(Arena *arena, const Options *o, Spec *spec, Status *st) {
  Prompt prompt = {.name = "text", .text = o->text, .length = 1};
  Spec flags = {.title = "Evaluation",
                .question = "",
                .model = o->model,
                .calibration = {o->calibration, DEFAULT_WINDOWS, DEFAULT_WINDOW_LENGTH, DEFAULT_ALPHA},
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .evaluation = {.text = o->text, .windows = o->eval_windows, .length = o->eval_length},
                .keep = {.all_layers = true},
                .seed = 1};
  flags.compare_all_count = modes_of_flags(arena, o, &flags.compare_all);
  TRY(read_rewrite(o->rewrite, &flags, st));
  const char *text = spec_print(arena, &flags);
  return spec_parse(arena, "eval", text, strlen(text), spec, st);
}

/* --- what is said ----------------------------------------------------------------------------------------------------
 */

static void print_stage_table(const Mode *modes, int count) {
  printf("%-12s", "stage");
  for (int m = 0; m < count; m++) printf(" %-10s", modes[m].name);
  printf("\n");
  for (int s = 0; s < mode_stage_count; s++) {
    printf("%-12s", mode_stages[s].key);
    for (int m = 0; m < count; m++) printf(" %-10s", mode_setting_name(&modes[m], &mode_stages[s]));
    printf("\n");
  }
}

static bool print_plan(Arena *arena, const Spec *spec, Status *st) {
  Setup setup;
  TRY(setup_check(arena, spec, &setup, st));
  TRY(micro_check(spec, &setup, *arena, st));
  Estimate sum = estimate_of(spec, &setup);
  printf("# %s: the effective spec, with every default\n%s\n# modes by stage\n", spec->path, spec_print(arena, spec));
  print_stage_table(spec->modes, spec->mode_count);
  const Config *c = &setup.checkpoint.config;
  printf("\n# model: %d layers, D %d, E %d, N %d, R %d, K %d, vocabulary %d\n", c->layers, c->D, c->E, c->N, c->R, c->K,
         c->vocab);
  for (int i = 0; i < spec->prompt_count; i++)
    printf("# prompt %s: %d tokens\n", setup.prompt[i].name, setup.prompt[i].T);
  printf("# results file: %lld tensors, %.1f MB (twice that on disk until it is joined)\n# memory: about %.0f MB\n",
         (long long)sum.tensors, 1e-6 * (double)sum.results_bytes, 1e-6 * (double)sum.memory_bytes);
  if (spec->keep.tensor_count == 0 && !spec->keep.all_tensors) {
    Spec all = *spec;
    all.keep.all_tensors = all.keep.all_layers = true;
    sum = estimate_of(&all, &setup);
    printf("# with keep: {tensors: all} it would be %lld tensors, %.1f GB\n", (long long)sum.tensors,
           1e-9 * (double)sum.results_bytes);
  }
  return true;
}

/* --- the commands ----------------------------------------------------------------------------------------------------
 */

static bool report_and_summarise(Arena *arena, const char *results, const char *folder, Language language, Status *st) {
  Report report;
  TRY(report_write(arena, results, folder, language, &report, st));
  printf("%s%s\n", report.summary, report.path);
  return !report.broken || FAIL_CHECK(st, "%s: %s", results, report.broken);
}

static bool run_spec(Arena *arena, const Spec *spec, const Options *o, const char *typed, const char *name,
                     Status *st) {
  if (o->dry_run) return print_plan(arena, spec, st);
  RunOptions options = {
      .folder = o->folder ? o->folder : default_folder(arena, name), .command = typed, .fresh = o->fresh};
  Progress progress = progress_start(o->quiet);
  RunOutcome outcome;
  bool ok = experiment_run(arena, spec, &options, &progress, &outcome, st);
  progress_clear(&progress);
  TRY(ok);
  if (!o->quiet && outcome.already_done) fprintf(stderr, "%s: is there already, of this very run\n", outcome.results);
  if (!o->quiet)
    fprintf(stderr, "%-12s peak memory %.0f MB %50.2f s\n", "total", 1e-6 * (double)outcome.peak_bytes, outcome.time_s);
  return report_and_summarise(arena, outcome.results, options.folder, o->language, st);
}

static bool command_run(Arena *arena, const Options *o, const char *typed, Status *st) {
  Spec spec;
  TRY(spec_read(arena, o->argument[0], &spec, st));
  TRY(apply_flags(o, &spec, st));
  return run_spec(arena, &spec, o, typed, o->argument[0], st);
}

static bool command_validate(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Spec spec;
  TRY(spec_read(arena, o->argument[0], &spec, st));
  return print_plan(arena, &spec, st);
}

static bool command_compare(Arena *arena, const Options *o, const char *typed, Status *st) {
  Spec spec;
  TRY(compare_spec(arena, o, &spec, st));
  TRY(apply_flags(o, &spec, st));
  return run_spec(arena, &spec, o, typed, arena_printf(arena, "compare_%s_vs_%s.yaml", o->argument[0], o->argument[1]),
                  st);
}

static bool command_vectors(Arena *arena, const Options *o, Status *st) {
  const char *op = o->argument[0], *text;
  const bool conv = !strcmp(op, micro_op_names[MICRO_CONV1D]);
  if (!conv && strcmp(op, micro_op_names[MICRO_SCAN]) != 0)
    return FAIL(st, "--vectors: there are stored vectors of conv1d and scan, not of '%.40s'", op);
  double least = o->min_equal >= 0 ? o->min_equal : conv ? DEFAULT_EQUAL_CONV1D : DEFAULT_EQUAL_SCAN;
  bool ok = micro_vectors(arena, o->vectors, op, least, &text, st);
  if (text) fputs(text, stdout);
  return ok;
}

/* The name of an operator, or a spec's file. */
static bool command_micro(Arena *arena, const Options *o, const char *typed, Status *st) {
  const char *name = o->argument[0], *results;
  const bool alone = micro_op_of(name) >= 0;
  Spec spec;
  if (o->vectors) return command_vectors(arena, o, st);
  if (!alone && !strchr(name, '.') && !file_exists(name))
    return FAIL(st,
                "'%.100s' is neither an operator (conv1d, scan, linear, rmsnorm, hadamard, exp, silu, softplus) nor "
                "a file",
                name);
  TRY(alone ? micro_spec(arena, o, &spec, st) : spec_read(arena, name, &spec, st));
  TRY(apply_flags(o, &spec, st));
  const char *folder = o->folder ? o->folder
                       : alone   ? arena_printf(arena, "results/micro_%s", name)
                                 : default_folder(arena, name);
  Progress progress = progress_start(o->quiet);
  bool ok = micro_run_alone(arena, &spec, folder, typed, o->fresh || alone, &progress, &results, st);
  progress_clear(&progress);
  return ok && report_and_summarise(arena, results, folder, o->language, st);
}

static bool command_report(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  if (o->arguments == 2) {
    bool changed;
    TRY(changes_write(stdout, o->argument[0], o->argument[1], &changed, *arena, st));
    return !changed || FAIL_CHECK(st, "%s: differs from %s", o->argument[1], o->argument[0]);
  }
  const char *folder = o->folder ? o->folder : file_folder(arena, o->argument[0]);
  TRY(file_make_folder(folder, st));
  return report_and_summarise(arena, o->argument[0], folder, o->language, st);
}

static bool command_calibrate(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Options flags = *o;
  flags.argument[0] = "0";
  flags.argument[1] = "2-4";
  flags.calibration = o->text;
  flags.offset = 0;
  flags.length = 1;
  Spec spec;
  Setup setup;
  Progress progress = progress_start(o->quiet);
  TRY(compare_spec(arena, &flags, &spec, st));
  TRY(apply_flags(o, &spec, st));
  TRY(setup_check(arena, &spec, &setup, st));
  TRY(setup_load(arena, &spec, NULL, &progress, &setup, st));
  if (o->json) {
    char *text = calibration_json(&setup.model, &setup.key.weights);
    printf("%s\n", text);
    free(text);
    return true;
  }
  printf("%-5s", "layer");
  for (int s = 0; s < S_COUNT; s++) printf(" %-15s", scale_names[s]);
  for (int layer = 0; layer < setup.model.layers; layer++) {
    printf("\n%-5d", layer);
    for (int s = 0; s < S_COUNT; s++) printf(" %.9e", (double)setup.model.layer[layer].scale[s]);
  }
  printf("\n");
  return true;
}

static void print_speed(const Speed *row, size_t rows, const char *where) {
  printf("%s\n%-18s %-40s %-5s %5s %12s %9s %9s %8s %9s\n", where, "what", "kernel", "mode", "T", "median us", "MAD us",
         "MB", "to copy", "roofline");
  for (size_t i = 0; i < rows; i++)
    printf("%-18s %-40s %-5s %5d %12.2f %9.2f %9.2f %8.2f %9.2f\n", row[i].what, row[i].kernel, row[i].mode, row[i].T,
           1e6 * row[i].median_s, 1e6 * row[i].mad_s, 1e-6 * (double)row[i].bytes, row[i].ratio_copy,
           row[i].ratio_roofline);
}

static bool command_bench(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  static const int lengths[] = {171, 512, 2048, 8192};
  Spec spec = {.backend = BACKEND_AUTO};
  Device device;
  Model model;
  Speed *row;
  const char **name;
  size_t rows;
  TRY(apply_flags(o, &spec, st));
  TRY(device_find(spec.backend, "bench", &device, st));
  BenchPlan plan = {.T = lengths, .lengths = device.found ? 4 : 2, .operators = true, .passes = true};
  plan.modes = modes_of_flags(arena, o, &name);
  Mode *mode = ARENA_NEW(arena, Mode, plan.modes);
  for (int i = 0; i < plan.modes; i++) {
    if (!mode_preset(name[i])) return FAIL(st, "--mode: '%.40s' is no preset", name[i]);
    mode[i] = *mode_preset(name[i]);
  }
  plan.mode = mode;
  omp_set_num_threads(spec.threads > 0 ? spec.threads : omp_get_num_procs());
  Progress progress = progress_start(o->quiet);
  TRY(bench_model(arena, &bench_130m, &model, &progress, st));
  TRY(bench_run(arena, &model, &bench_130m, &plan, &device, &progress, &row, &rows, st));
  const char *where = device.found ? device.cuda.name : arena_printf(arena, "CPU, %d threads", omp_get_max_threads());
  if (o->json) {
    json_t *root = json_pack("{s:s, s:o}", "device", where, "speed", json_rows(&table_speed, row, rows));
    json_dumpf(root, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(root);
  } else {
    print_speed(row, rows, where);
  }
  device_free(&device);
  return true;
}

static void say_proof(void *context, const VerifyLine *line) {
  json_t *lines = context;
  if (lines)
    json_array_append_new(lines, json_pack("{s:s, s:s, s:I}", "what", line->what, "over", line->over, "values_equal",
                                           (json_int_t)line->values));
  else
    printf("%-44s %-18s %12lld values equal\n", line->what, line->over, (long long)line->values), fflush(stdout);
}

static bool command_verify(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Options flags = *o;
  flags.argument[0] = "0";
  flags.argument[1] = "2-4";
  Spec spec;
  Setup setup;
  Progress progress = progress_start(o->quiet);
  TRY(compare_spec(arena, &flags, &spec, st));
  TRY(apply_flags(o, &spec, st));
  TRY(setup_check(arena, &spec, &setup, st));
  Verify proof = {.say = say_proof, .context = o->json ? json_array() : NULL};
  TRY(verify_open(&proof, st)); /* before anything that takes time */
  TRY(setup_load(arena, &spec, NULL, &progress, &setup, st));
  if (!o->json) printf("%s\n", proof.device.cuda.name);
  bool same = verify_run(arena, &setup, &proof, st);
  if (o->json) {
    json_t *root =
        json_pack("{s:s, s:b, s:o}", "device", proof.device.cuda.name, "equal", same, "lines", proof.context);
    json_dumpf(root, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(root);
  } else if (same) {
    printf("every value is equal, bit for bit\n");
  }
  return same;
}

static bool command_eval(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Spec spec;
  Setup setup;
  EvaluationRows rows;
  Progress progress = progress_start(o->quiet);
  TRY(eval_spec(arena, o, &spec, st));
  TRY(apply_flags(o, &spec, st));
  TRY(setup_check(arena, &spec, &setup, st));
  bool ok =
      setup_load(arena, &spec, NULL, &progress, &setup, st) && evaluate(arena, &spec, &setup, &progress, &rows, st);
  progress_clear(&progress);
  TRY(ok);
  if (o->json) return print_evaluation_json(stdout, &rows, st);
  print_evaluation(stdout, &rows);
  return true;
}

static bool command_modes(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)arena, (void)typed, (void)st;
  if (!o->json) {
    print_stage_table(mode_presets, mode_preset_count);
    printf("\n");
    for (int s = 0; s < mode_stage_count; s++) {
      printf("%-12s ", mode_stages[s].key);
      for (int v = 0; mode_stages[s].values[v]; v++) printf("%s%s", v ? ", " : "", mode_stages[s].values[v]);
      printf(": %s\n", mode_stages[s].meaning);
    }
    return true;
  }
  json_t *root = json_object();
  for (int m = 0; m < mode_preset_count; m++) {
    json_t *mode = json_object();
    for (int s = 0; s < mode_stage_count; s++)
      json_object_set_new(mode, mode_stages[s].key, json_string(mode_setting_name(&mode_presets[m], &mode_stages[s])));
    json_object_set_new(root, mode_presets[m].name, mode);
  }
  json_dumpf(root, stdout, JSON_INDENT(2));
  printf("\n");
  json_decref(root);
  return true;
}

#define KEYS(...) ((const int[]){__VA_ARGS__, 0})

static const Command commands[] = {
    {{"run", "EXPERIMENT.yaml",
      "Runs an experiment: every mode and the float64 reference, layer by layer; stores, measures, reports. A run that "
      "was "
      "stopped goes on where it was.\v"
      "Example:\n  driftscope run experiments/mode_2-0_vs_2-4.yaml\n",
      1, KEYS(OPT_OUTPUT, OPT_LANGUAGE, OPT_FRESH, OPT_DRY_RUN, OPT_THREADS, OPT_BACKEND, OPT_QUIET)},
     "run an experiment: measure, store, report",
     command_run},
    {{"compare", "MODE MODE",
      "Compares two modes without a spec file.\v"
      "Examples:\n  driftscope compare 2-0 2-4\n  driftscope compare 0 fp64 --text my.txt --length 512 -o "
      "results/mine\n",
      2,
      KEYS(OPT_OUTPUT, OPT_MODEL, OPT_TEXT, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION, OPT_WINDOWS, OPT_WINDOW_LENGTH,
           OPT_ALPHA, OPT_REWRITE, OPT_LANGUAGE, OPT_FRESH, OPT_DRY_RUN, OPT_THREADS, OPT_BACKEND, OPT_QUIET)},
     "the same for two modes, without a spec file",
     command_compare},
    {{"micro", "EXPERIMENT.yaml | OPERATOR",
      "Runs operators alone, on captured and made inputs: how wrong each is against float64, where, how much of its "
      "provable bound it uses, and its time. OPERATOR is conv1d, scan, linear, rmsnorm, hadamard, exp, silu or "
      "softplus. "
      "With --vectors, conv1d or scan runs on stored INT8 inputs and is compared with stored outputs.\v"
      "Examples:\n  driftscope micro experiments/scan_micro.yaml\n  driftscope micro conv1d -o results/conv1d\n"
      "  driftscope micro scan --vectors data/golden/quamba_int8_kernels.h5\n\n"
      "Exit status 1: a bound is exceeded (a bug), or fewer outputs are equal than --min-equal says.\n",
      1,
      KEYS(OPT_OUTPUT, OPT_VECTORS, OPT_MIN_EQUAL, OPT_MODEL, OPT_TEXT, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION,
           OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_SEED, OPT_LANGUAGE, OPT_FRESH, OPT_THREADS, OPT_QUIET)},
     "operators alone: error, bound, time",
     command_micro},
    {{"validate", "EXPERIMENT.yaml",
      "Says what would run: the effective spec with every default, the modes by stage, the bytes written and needed.\v"
      "Example:\n  driftscope validate experiments/all_modes.yaml\n",
      1, KEYS(OPT_QUIET)},
     "what would run, with every default",
     command_validate},
    {{"calibrate", "",
      "Prints the static activation scales of every layer, taken from a text.\v"
      "Example:\n  driftscope calibrate --model data/mamba-bytes-10m --text data/text/valid.txt\n",
      0,
      KEYS(OPT_MODEL, OPT_TEXT, OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_REWRITE, OPT_THREADS, OPT_JSON,
           OPT_QUIET)},
     "activation scales from a text",
     command_calibrate},
    {{"eval", "",
      "Bits per byte (perplexity for other vocabularies), KL(fp64 || mode) and top-1 agreement on a text, with "
      "standard errors, and "
      "for every two modes whether one predicts better.\v"
      "Examples:\n  driftscope eval --mode 2-0,2-4\n  driftscope eval --mode 0 --text my.txt --windows 32 --json\n",
      0,
      KEYS(OPT_MODE, OPT_MODEL, OPT_TEXT, OPT_EVAL_WINDOWS, OPT_EVAL_LENGTH, OPT_CALIBRATION, OPT_REWRITE, OPT_THREADS,
           OPT_BACKEND, OPT_JSON, OPT_QUIET)},
     "how well modes predict a text",
     command_eval},
    {{"report", "RESULTS.h5 [AFTER.h5]",
      "Makes the report again from a results file alone. With a second file, says what changed from the first to the "
      "second: digests and verdicts; exit status 1 if anything did.\v"
      "Examples:\n  driftscope report results/mode_2-0_vs_2-4/results.h5\n  driftscope report before.h5 after.h5\n",
      1, KEYS(OPT_OUTPUT, OPT_LANGUAGE)},
     "make the report again, or compare two runs",
     command_report},
    {{"bench", "",
      "Times every operator and whole passes at the shape of the published 130M model, weights made: medians, against "
      "a "
      "copy of as many bytes and against the roofline.\v"
      "Examples:\n  driftscope bench --backend cuda\n  driftscope bench --mode 0,2-4 --backend cpu\n",
      0, KEYS(OPT_MODE, OPT_BACKEND, OPT_THREADS, OPT_JSON, OPT_QUIET)},
     "speed of operators and passes",
     command_bench},
    {{"verify", "",
      "Proves on this machine that its CUDA device computes what its CPU computes, bit for bit: every operator in "
      "every "
      "setting, then the whole model under every mode. Status 1 at the first bit that differs, with operator, index "
      "and "
      "both values; 2 where there is no device, so that nothing could be proved.\v"
      "Example:\n  driftscope verify\n",
      0,
      KEYS(OPT_MODEL, OPT_TEXT, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION, OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA,
           OPT_REWRITE, OPT_THREADS, OPT_JSON, OPT_QUIET)},
     "prove that the device equals the CPU here",
     command_verify},
    {{"modes", "", "Lists the modes with their stages.", 0, KEYS(OPT_JSON)},
     "the modes with their stages",
     command_modes},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_commands(FILE *out) {
  fprintf(out, "Usage: driftscope COMMAND [OPTION...] [ARGUMENT...]\n"
               "Where do two precision modes of a Mamba model differ, how does it travel, and does it matter?\n\n");
  for (int i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, "  %-10s %-22s %s\n", commands[i].usage.name, commands[i].usage.arguments, commands[i].summary);
  fprintf(out, "\n'driftscope COMMAND --help' shows a command's options, defaults and examples.\n"
               "Exit status: 0 done, 1 a check or a gate failed, 2 usage or input error.\n");
}

/* --- start and end ---------------------------------------------------------------------------------------------------
 */

/* Called in the middle of anything: finished segments are on disk, so leaving at once loses nothing. */
static void memory_exhausted(size_t wanted, size_t reserved) {
  fprintf(stderr, "driftscope: memory: %zu more bytes are wanted and the %zu reserved are used up\n", wanted, reserved);
  _exit(EXIT_INPUT);
}

static const char *as_typed(Arena *arena, int argc, char **argv) {
  const char *typed = "driftscope";
  for (int i = 1; i < argc; i++)
    typed = arena_printf(arena, strpbrk(argv[i], " '\"\\$`*?") ? "%s '%s'" : "%s %s", typed, argv[i]);
  return typed;
}

static const Command *find_command(const char *name) {
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (!strcmp(commands[i].usage.name, name)) return &commands[i];
  return NULL;
}

static int fail(const Status *st) {
  fprintf(stderr, "driftscope: %s\n", st->text);
  return st->check ? EXIT_CHECK : EXIT_INPUT;
}

/* Threads that wait for the next parallel loop must sleep, not spin: on a shared machine spinning halves the speed.
 * libgomp reads its policy before main, so the program starts itself once more with it set; where that fails it runs as
 * it is. */
static void wait_passively(char **argv) {
  if (getenv("OMP_WAIT_POLICY")) return;
  if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0) execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
  wait_passively(argv);
  if (argc < 2) return print_commands(stderr), EXIT_INPUT;
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
    return print_commands(stdout), EXIT_SUCCESS;
  if (!strcmp(argv[1], "--version")) return puts(DRIFTSCOPE_VERSION), EXIT_SUCCESS;
  const Command *command = find_command(argv[1]);
  Status st = {0};
  if (!command) {
    status_set(&st, "'%.100s' is no command; 'driftscope --help' lists them", argv[1]);
    return fail(&st);
  }
  store_start();
  gsl_set_error_handler_off();
  Arena arena;
  if (!arena_reserve(&arena, 0, memory_exhausted, &st)) return fail(&st);
  const char *typed = as_typed(&arena, argc, argv);
  Options options = options_parse(&command->usage, argc - 1, argv + 1);
  bool ok = command->run(&arena, &options, typed, &st);
  if (fflush(stdout) != 0 && ok) ok = FAIL(&st, "standard output: cannot be written");
  return ok ? EXIT_SUCCESS : fail(&st);
}
