/* Every command that reads a model, on one with as many tokens as the published Mambas have,
 * 50,280, and text that goes through a tokenizer (bench, which takes seconds on any model, apart).
 */
#include "tests/model_files.h"
#include "tests/shell.h"

enum { VOCAB = 50280, WIDTH = 8 };

/* One layer, E 16, N 2, R 1, K 4. */
static void write_wide(void) {
  static const struct {
    const char *name;
    int rank, shape[3];
  } tensors[] = {{"embeddings.weight", 2, {VOCAB, WIDTH}},
                 {"norm_f.weight", 1, {WIDTH}},
                 {"layers.0.norm.weight", 1, {WIDTH}},
                 {"layers.0.mixer.in_proj.weight", 2, {32, WIDTH}},
                 {"layers.0.mixer.conv1d.weight", 3, {16, 1, 4}},
                 {"layers.0.mixer.conv1d.bias", 1, {16}},
                 {"layers.0.mixer.x_proj.weight", 2, {5, 16}},
                 {"layers.0.mixer.dt_proj.weight", 2, {16, 1}},
                 {"layers.0.mixer.dt_proj.bias", 1, {16}},
                 {"layers.0.mixer.A_log", 2, {16, 2}},
                 {"layers.0.mixer.D", 1, {16}},
                 {"layers.0.mixer.out_proj.weight", 2, {WIDTH, 16}}};
  static float value[VOCAB * WIDTH + 2048];
  static const char config[] =
      "{\"model_type\": \"mamba\", \"hidden_size\": 8, \"expand\": 2, \"state_size\": 2, "
      "\"conv_kernel\": 4, \"time_step_rank\": 1, \"num_hidden_layers\": 1, \"vocab_size\": 50280}";
  const char *header = "";
  size_t at = 0;
  for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++) {
    const int *n = tensors[t].shape, rank = tensors[t].rank;
    const size_t count =
        (size_t)n[0] * (size_t)(rank > 1 ? n[1] : 1) * (size_t)(rank > 2 ? n[2] : 1);
    header = arena_printf(&test_arena,
                          "%s%s\"backbone.%s\": {\"dtype\": \"F32\", \"shape\": [%d%s%s], "
                          "\"data_offsets\": [%zu, %zu]}",
                          header, t ? ", " : "{", tensors[t].name, n[0],
                          rank > 1 ? arena_printf(&test_arena, ", %d", n[1]) : "",
                          rank > 2 ? arena_printf(&test_arena, ", %d", n[2]) : "", 4 * at,
                          4 * (at + count));
    for (size_t i = 0; i < count; i++, at++)
      value[at] = (float)((int)(at * 7919 % 2011) - 1005) / 1024.0f;
  }
  test_write_safetensors("model.safetensors", arena_printf(&test_arena, "%s}", header), value,
                         4 * at);
  test_write("config.json", config, sizeof config - 1);
}

static void write_experiment(const char *here) {
  static const char task[] = "{\"context\": \"We the people of the\", \"target\": \" Union\"}\n"
                             "{\"context\": \"In\", \"target\": \" God we trust\"}\n";
  const char *spec = arena_printf(
      &test_arena,
      "title: wide\nmodel: .\ntokenizer: %s/data/tokenizer/own_2048.json\n"
      "calibration: {text: %s/data/text/valid.txt, windows: 2, length: 16}\n"
      "prompts: [{name: p, text: %s/data/text/test.txt, length: 8}]\n"
      "pairs: [[2-0, 2-4]]\nbudget: all\nmend: [2-0]\nswaps: {pair: [2-0, 2-4]}\n"
      "restore: {mode: 2-0, limit: 0.001, most: 1}\n"
      "evaluation: {text: %s/data/text/test.txt, windows: 2, length: 8, tasks: [{file: t.jsonl}]}\n"
      "cost: {lengths: [8], repeats: 3}\n",
      here, here, here, here);
  test_write("t.jsonl", task, sizeof task - 1);
  test_write("s.yaml", spec, strlen(spec));
}

#define TEXT "--tokenizer data/tokenizer/own_2048.json --text data/text/test.txt"
#define SCALES "--calibration data/text/valid.txt --windows 2 --window-length 8"

Test(cli_wide, every_command_runs_on_a_vocabulary_of_50280, .init = test_files_begin,
     .fini = test_files_end, .timeout = 120) {
  static const char *const lines[] = {
      "validate $F/s.yaml",
      "run $F/s.yaml -q -o $F/run",
      "report $F/run/results.h5",
      "verify $F/run/results.h5",
      "compare 2-0 2-4 --model $F " TEXT " " SCALES " --length 8 -q -o $F/compare",
      "micro exp --model $F " TEXT " --length 8 -q -o $F/exp",
      "eval --mode 0,2-4 --model $F " TEXT " " SCALES " -q",
      "eval --mode 2-4 --model $F --tokenizer data/tokenizer/own_2048.json "
      "--calibration data/text/valid.txt --task $F/t.jsonl -q",
      "calibrate --model $F " TEXT " --windows 2 --window-length 8 -q",
      "tokens --model $F " TEXT " -o $F/ids.npy",
      "compare 1 fp32 --model $F --tokens $F/ids.npy --length 8 -q -o $F/of_ids"};
  char here[1024];
  cr_assert(getcwd(here, sizeof here));
  write_wide();
  write_experiment(here);
  setenv("F", test_folder, 1);
  setenv("OMP_WAIT_POLICY", "passive", 1);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    cr_expect_eq(shell(NO_FIGURES "%s %s 2>&1", shell_program(), lines[i]), 0, "%s: %s", lines[i],
                 shell_output);
}

/* Megabytes that `validate` says, and that the run took. */
static double said_of(const char *spec) {
  cr_assert_eq(shell("%s validate %s 2>&1", shell_program(), spec), 0, "%s", shell_output);
  const char *about = strstr(shell_output, "# memory: about ");
  cr_assert(about, "%s", shell_output);
  return atof(about + strlen("# memory: about "));
}

static double taken_by(const char *spec) {
  const char *folder = test_path("taken");
  shell("rm -rf %s", folder);
  cr_assert_eq(shell(NO_FIGURES "%s run %s -q -o %s 2>&1", shell_program(), spec, folder), 0, "%s",
               shell_output);
  cr_assert_eq(shell("awk -F, '$1 == \"total\" {print $3}' %s/tables/performance.csv", folder), 0);
  return 1e-6 * atof(shell_output);
}

Test(cli_wide, memory_that_is_said_is_what_a_run_takes_on_any_number_of_threads,
     .init = test_files_begin, .fini = test_files_end, .timeout = 120) {
  enum { LENGTH = 64 };
  static const char *const more[] = {"", "statistics: gsl\n"};
  const double row = 1e-6 * 3 * LENGTH * VOCAB * sizeof(double); /* of logits, judged by GSL */
  char here[1024];
#ifdef DS_SANITIZE
  cr_skip_test("the sanitizers take as much again");
#endif
  cr_assert(getcwd(here, sizeof here));
  write_wide();
  setenv("OMP_WAIT_POLICY", "passive", 1);
  for (int threads = 1; threads <= 16; threads += 15)
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
      const char *text = arena_printf(
          &test_arena,
          "title: wide\nmodel: .\nbackend: cpu\ntokenizer: %s/data/tokenizer/own_2048.json\n"
          "calibration: {text: %s/data/text/valid.txt, windows: 2, length: 16}\n"
          "prompts: [{name: p, text: %s/data/text/test.txt, length: %d, windows: 2}]\n"
          "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\nthreads: %d\n%s",
          here, here, here, LENGTH, threads, more[i]);
      const char *spec = test_write("m.yaml", text, strlen(text));
      const double said = said_of(spec), taken = taken_by(spec);
      cr_expect(taken <= said && said <= taken + 2 * row,
                "%d threads, %s: said %.0f MB, taken %.0f MB", threads, more[i], said, taken);
    }
  const char *there = test_path("there.yaml"); /* a device that is asked for need not be here */
  cr_assert_eq(shell("sed 's/^backend: cpu/backend: cuda/' %s >%s", test_path("m.yaml"), there), 0);
  cr_expect_eq(shell("%s validate %s 2>&1", shell_program(), there), 0, "%s", shell_output);
  cr_expect(strstr(shell_output, "# memory beside a device: about "), "%s", shell_output);
}
