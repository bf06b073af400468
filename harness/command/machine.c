/* machine: the commands about the machine at hand: bench, how fast; verify, whether its device
 * equals its CPU. */
#include <jansson.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "command/bench.h"
#include "command/command.h"
#include "command/flags.h"
#include "command/growth.h"
#include "command/job.h"
#include "command/json_rows.h"
#include "command/own_run.h"
#include "command/print_speed.h"
#include "command/verify.h"
#include "command/verify_results.h"
#include "experiment/experiment.h"
#include "kernels/level.h"
#include "model/config.h"
#include "model/hub.h"
#include "model/synth.h"
#include "walk/texts.h"

static json_t *floors_json(const Floors *f) {
  return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "fma32_per_s", f->per_s[PEAK_FMA32],
                   "fma64_per_s", f->per_s[PEAK_FMA64], "i8_products_per_s", f->per_s[PEAK_I8],
                   "exps_per_s", f->per_s[PEAK_EXP], "copy_bytes_per_s", f->copy_bytes_per_s,
                   "write_bytes_per_s", f->write_bytes_per_s);
}

static const char *bench_where(Arena *arena, const Device *device) {
  return device->found ? device->cuda.name
                       : arena_printf(arena, "CPU, %s, %d thread%s", level_now(),
                                      omp_get_max_threads(), plural(omp_get_max_threads()));
}

/* What the operators and passes are timed at. */
static bool bench_config(Arena *arena, const Options *o, const SynthShape *shape, Config *config,
                         Status *st) {
  const char *folder;
  bool conv_bias;
  *config = synth_config(shape);
  return !o->bench_model || (hub_resolve(arena, ".", o->bench_model, &folder, st) &&
                             config_read(arena, arena_printf(arena, "%s/config.json", folder),
                                         config, &conv_bias, st));
}

static bool bench_speed(Arena *arena, const Options *o, const SynthShape *shape, BenchPlan *plan,
                        Device *device, Progress *progress, Status *st) {
  Layers layers;
  Speed *row;
  size_t rows;
  Floors floors;
  Config config;
  TRY(bench_config(arena, o, shape, &config, st));
  TRY(bench_model(arena, &config, &layers, progress, st));
  TRY(bench_run(arena, &layers, plan, device, progress, &row, &rows, &floors, st));
  const char *where = bench_where(arena, device);
  if (o->json) {
    json_t *root = json_pack("{s:s, s:s, s:o}", "device", where, "shape",
                             o->bench_model ? o->bench_model : shape->name, "speed",
                             json_rows(&table_speed, row, rows));
    if (!device->found) json_object_set_new(root, "floors", floors_json(&floors));
    json_dumpf(root, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(root);
  } else {
    print_speed(stdout, row, rows, where, device->found ? NULL : &floors);
  }
  return true;
}

/* What is timed says which shapes and modes there are. */
static bool check_together(const Options *o, Status *st) {
  if (o->bench_model)
    TRY(options_refuse(o, OPTION_KEYS(OPT_SHAPE, OPT_GROWTH, OPT_JOB, OPT_AGAINST),
                       "stands beside --model, which gives operators and passes their shape", st));
  if (o->growth)
    TRY(options_refuse(o, OPTION_KEYS(OPT_JOB, OPT_AGAINST, OPT_SHAPE, OPT_BENCH_LENGTH, OPT_MODE),
                       "stands beside --growth, which has shapes, lengths and modes of its own",
                       st));
  return !(o->job || o->against) ||
         options_refuse(o, OPTION_KEYS(OPT_MODE), "`run` itself is timed with modes 2-0 and 2-4",
                        st);
}

bool command_bench(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  static const int lengths[] = {171, 512, 2048, 8192};
  Spec spec = {.backend = BACKEND_AUTO};
  Device device;
  const char **name;
  TRY(flags_apply(o, &spec, st));
  const SynthShape *shape = synth_shape(o->shape ? o->shape : "mamba-130m");
  if (!shape) return FAIL(st, "--shape: '%.40s' is no published shape", o->shape);
  if (o->against && strcmp(o->against, "transformers") != 0)
    return FAIL(st, "--against: '%.40s' is not known; transformers is", o->against);
  TRY(check_together(o, st));
  TRY(device_find(spec.backend, "bench", &device, st));
  BenchPlan plan = {.T = o->bench_length ? &o->bench_length : lengths,
                    .lengths = o->bench_length ? 1
                               : device.found  ? 4
                                               : 2,
                    .operators = true,
                    .passes = true,
                    .folder = o->folder ? o->folder : own_temporary()};
  plan.modes = flags_modes(arena, o, &name);
  Mode *mode = ARENA_NEW(arena, Mode, plan.modes);
  for (int i = 0; i < plan.modes; i++) {
    if (!mode_preset(name[i])) return FAIL(st, "--mode: '%.40s' is no preset", name[i]);
    mode[i] = *mode_preset(name[i]);
  }
  plan.mode = mode;
  omp_set_num_threads(spec.threads > 0 ? spec.threads : omp_get_num_procs());
  Progress progress = progress_start(o->quiet);
  bool ok = o->growth ? growth_run(arena, o, bench_where(arena, &device), &progress, st)
            : o->job || o->against
                ? job_run(arena, o, shape, bench_where(arena, &device), device.found, &progress, st)
                : bench_speed(arena, o, shape, &plan, &device, &progress, st);
  device_free(&device);
  return ok;
}

static void say_proof(void *context, const VerifyLine *line) {
  json_t *lines = context;
  if (lines)
    json_array_append_new(lines, json_pack("{s:s, s:s, s:I}", "what", line->what, "over",
                                           line->over, "values_equal", (json_int_t)line->values));
  else
    printf("%-44s %-18s %12lld values equal\n", line->what, line->over, (long long)line->values),
        fflush(stdout);
}

static bool verify_file(const Options *o, Arena arena, Status *st) {
  VerifiedRows rows;
  TRY(options_refuse(
      o,
      OPTION_KEYS(OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS,
                  OPT_OWN_TEXT, OPT_OWN_TOKENS, OPT_OFFSET, OPT_LENGTH, OPT_OWN_CALIBRATION,
                  OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_SEED, OPT_REWRITE, OPT_THREADS),
      "is for the proof of a device: a results file is verified by what it holds", st));
  TRY(verify_results(o->argument[0], &rows, arena, st));
  if (!rows.tensors && !rows.pairs)
    return FAIL(st, "%s: keeps no tensor that its rows are of: there is nothing to verify",
                o->argument[0]);
  if (o->json)
    printf("{\"tensor_rows\": %zu, \"pair_rows\": %zu, \"tensor_rows_not_kept\": %zu, "
           "\"pair_rows_not_kept\": %zu}\n",
           rows.tensors, rows.pairs, rows.tensors_left_out, rows.pairs_left_out);
  else
    printf("%zu row%s of tensors and %zu of pairs are what GSL's own functions say; %zu and %zu "
           "are of tensors that the file does not keep\n",
           rows.tensors, plural((int64_t)rows.tensors), rows.pairs, rows.tensors_left_out,
           rows.pairs_left_out);
  return true;
}

bool command_verify(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  if (o->arguments) return verify_file(o, *arena, st);
  Spec spec;
  Subject subject;
  Progress progress = progress_start(o->quiet);
  TRY(flags_verify(arena, o, &spec, st));
  TRY(flags_apply(o, &spec, st));
  TRY(subject_check(arena, &spec, &subject, st));
  Verify proof = {.say = say_proof, .context = o->json ? json_array() : NULL};
  TRY(verify_open(&proof, st)); /* before anything that takes time */
  texts_make(arena, &spec, o->length, &subject);
  TRY(experiment_load(arena, &spec, NULL, &progress, &subject, st));
  if (!o->json) printf("%s\n", proof.device.cuda.name);
  bool same = verify_run(arena, &subject, &proof, st);
  if (o->json) {
    json_t *root = json_pack("{s:s, s:b, s:o}", "device", proof.device.cuda.name, "equal", same,
                             "lines", proof.context);
    json_dumpf(root, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(root);
  } else if (same) {
    printf("every value is equal, bit for bit\n");
  }
  return same;
}
