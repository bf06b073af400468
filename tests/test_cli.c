/* The program as a user runs it: exit statuses, one clear line for bad input, resume, full disk,
 * readers in Python. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/small_model.h"

static void write_file(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", shell_folder, name);
  FILE *file = fopen(path, "w");
  cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A small experiment; `more`: what else the spec says. */
static void write_spec_of(const char *model, const char *name, const char *more) {
  char text[8192], here[1024];
  cr_assert(getcwd(here, sizeof here));
  snprintf(text, sizeof text,
           "title: small\nmodel: %s\n"
           "calibration: {text: %s/data/text/valid.txt, windows: 2, length: 64}\n"
           "prompts:\n  - {name: p0, text: %s/data/text/test.txt, offset: 4000, length: 9}\n"
           "  - {name: p1, text: %s/data/text/test.txt, offset: 9000, length: 5}\n%s",
           model, here, here, here, more);
  write_file(name, text);
}

static void write_spec(const char *name, const char *more) { write_spec_of("model", name, more); }

/* On layers as wide as the shipped model's, whose operators are large enough to be shared out among
 * threads, and which take long enough to be stopped between. */
enum { WIDE = 256, WIDE_LAYERS = 12 };
static void write_wide_spec(const char *name, const char *more) {
  shell("rm -r %s/model", shell_folder);
  small_model_of(WIDE, WIDE_LAYERS);
  write_spec(name, more);
}

#define TWO_PAIRS "pairs:\n  - [2-0, 2-4]\n  - [0, 2-0]\n"

/* Statistics, witnesses and digests of every tensor, and the statistics of every pair: all that may
 * not depend on how a run went. */
static void expect_same_tables(const char *a, const char *b) {
  cr_assert_eq(shell("cut -d, -f1-4 %s/%s/tables/tensor_stats.csv | wc -l", shell_folder, a), 0);
  cr_assert_gt(atoi(shell_output), 2 * SMALL_LAYERS * 3 * 16, "%s", shell_output);
  const char *const tables[] = {"tensor_stats", "pair_stats", "drift",
                                "drift_shape",  "verdict",    "scales"};
  for (int t = 0; t < 6; t++)
    cr_expect_eq(shell("cmp %s/%s/tables/%s.csv %s/%s/tables/%s.csv", shell_folder, a, tables[t],
                       shell_folder, b, tables[t]),
                 0, "%s", shell_output);
}

static void end(void) {
  char disk[96];
  snprintf(disk, sizeof disk, "%s/disk", shell_folder);
  umount2(disk, MNT_DETACH); /* where a test has mounted one */
  shell_end();
}

static void begin(void) {
  shell_begin();
  small_model(SMALL_LAYERS);
}

TestSuite(cli, .init = begin, .fini = end);

Test(cli, run_ends_with_three_lines_and_the_path_of_the_report) {
  write_spec("a.yaml", TWO_PAIRS);
  cr_assert_eq(
      shell("%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), shell_folder, shell_folder), 0,
      "%s", shell_output);
  char path[256];
  snprintf(path, sizeof path, "%s/a/report.html\n", shell_folder);
  size_t length = strlen(shell_output), tail = strlen(path);
  cr_assert(length > tail && !strcmp(shell_output + length - tail, path), "%s", shell_output);
  cr_assert(strstr(shell_output, "layer 0") && strstr(shell_output, "conv1d"), "%s", shell_output);
  cr_assert_eq(
      shell("test -s %s/a/report.md && test -s %s/a/results.h5 && test -s %s/a/tables/drift.csv",
            shell_folder, shell_folder, shell_folder),
      0);
  cr_assert_eq(shell("ls %s/a", shell_folder), 0);
  cr_assert_not(strstr(shell_output, "parts") || strstr(shell_output, "tmp") ||
                    strstr(shell_output, "partial"),
                "%s", shell_output);
}

Test(cli, same_digests_on_any_thread_count_and_from_run_to_run) {
  write_wide_spec("a.yaml", TWO_PAIRS "keep: {tensors: none}\n");
  for (int threads = 1; threads <= 3; threads++) {
    cr_assert_eq(shell("OMP_NUM_THREADS=%d %s run %s/a.yaml --threads %d -q -o %s/t%d 2>&1",
                       threads, shell_program(), shell_folder, threads, shell_folder, threads),
                 0, "%s", shell_output);
    char name[8];
    snprintf(name, sizeof name, "t%d", threads);
    if (threads > 1) expect_same_tables("t1", name);
  }
  cr_expect_eq(shell(NO_FIGURES "%s run %s/a.yaml --threads 2 --memory 3GB -q -o %s/t1 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "threads and memory make no other run: %s", shell_output);
}

Test(cli, gates_decide_the_exit_status_and_name_the_limit_that_would_pass) {
  write_spec("a.yaml", TWO_PAIRS
             "keep: {tensors: none}\ngate:\n  - {pair: [0, 2-0], layer: all, differing: 0}\n"
             "  - {pair: [2-0, 2-4], rel_l2: 1e-9}\n");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), shell_folder,
                     shell_folder),
               1, "%s", shell_output);
  cr_assert(strstr(shell_output, "gate 1: pass: 0 against 2-0, block_out of every layer: share of "
                                 "differing elements 0, limit at most 0; at most 0 would pass\n"),
            "%s", shell_output);
  cr_assert(
      strstr(shell_output, "gate 2: FAIL: 2-0 against 2-4, block_out of layer 5: relative L2 "),
      "%s", shell_output);
  cr_assert(strstr(shell_output, "1 of 2 gates failed, first gate 2"), "%s", shell_output);
  cr_assert_eq(shell("grep -c '^## 2. Gates$' %s/a/report.md", shell_folder), 0, "%s",
               shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s report %s/a/results.h5 2>&1", shell_program(), shell_folder), 1,
               "%s", shell_output);
  const char *would = strstr(shell_output, "limit at most 1e-09; at most ");
  cr_assert(would, "%s", shell_output);
  char more[256], limit[32];
  cr_assert_eq(sscanf(would, "limit at most 1e-09; at most %31[0-9.e+-]", limit), 1, "%s",
               shell_output);
  snprintf(more, sizeof more,
           TWO_PAIRS "keep: {tensors: none}\ngate: {pair: [2-0, 2-4], rel_l2: %s}\n", limit);
  write_spec("a.yaml", more);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q --fresh -o %s/a 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  write_spec("a.yaml", TWO_PAIRS "gate: {pair: [2-0, 2-4], layer: 6, rel_l2: 1}\n");
  cr_assert_eq(shell("%s validate %s/a.yaml 2>&1", shell_program(), shell_folder), 2, "%s",
               shell_output);
  cr_assert(strstr(shell_output, "a.yaml:10:7: key 'gate': layer 6: the model has layers 0 to 5"),
            "%s", shell_output);
}

Test(cli, finished_result_is_reported_again_and_another_run_is_refused) {
  write_spec("a.yaml", TWO_PAIRS);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -o %s/a 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_assert(strstr(shell_output, "already"), "%s", shell_output);
  cr_assert_eq(shell("cp %s/a/results.h5 %s/before.h5", shell_folder, shell_folder), 0);
  write_spec("a.yaml", "pairs:\n  - [2-0, 2-3]\n");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), shell_folder,
                     shell_folder),
               2, "%s", shell_output);
  cr_assert(strstr(shell_output, "results.h5") && strstr(shell_output, "spec differs") &&
                strstr(shell_output, "--fresh"),
            "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q --fresh -o %s/a 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s report %s/before.h5 %s/before.h5 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_assert(strstr(shell_output, "nothing changed"), "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s report %s/before.h5 --lang zh -o %s/zh 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_assert(strstr(shell_output, "两种模式均已生效"), "the terminal's lines are not Chinese: %s",
            shell_output);
  cr_assert_eq(
      shell(
          "grep -q '问题与结论' %s/zh/report.md && grep -q '<html lang=\"zh\">' %s/zh/report.html",
          shell_folder, shell_folder),
      0);
  cr_assert_eq(shell(NO_FIGURES "%s report %s/before.h5 %s/a/results.h5 2>&1", shell_program(),
                     shell_folder, shell_folder),
               1, "%s", shell_output);
  cr_assert(strstr(shell_output, " only before"), "%s", shell_output);
}

/* Every limit on the size of a file: exit 2, one line, no signal, and whatever was finished serves
 * the run that follows. The largest is beyond the file as it is made, and short of it with its
 * tables. */
Test(cli, file_size_limit_costs_no_finished_layer, .timeout = 120) {
  char out[80];
  write_spec("a.yaml", TWO_PAIRS);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/whole 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell("stat -c %%s %s/whole/results.h5", shell_folder), 0);
  const int blocks[] = {2, 80, 600, 1400,
                        atoi(shell_output) / 512 - 200}; /* of 512 bytes, as sh counts */
  for (int i = 0; i < 5; i++) {
    int status = shell("ulimit -f %d; %s run %s/a.yaml -q -o %s/f%d 2>&1", blocks[i],
                       shell_program(), shell_folder, shell_folder, i);
    cr_assert_eq(status, 2, "limit %d blocks: status %d: %s", blocks[i], status, shell_output);
    cr_assert_eq(strchr(shell_output, '\n'), shell_output + strlen(shell_output) - 1,
                 "more than one line: %s", shell_output);
    cr_assert(strstr(shell_output, shell_folder), "%s", shell_output);
  }
  snprintf(out, sizeof out, "%s/f4", shell_folder);
  cr_assert_eq(shell_layers(out), 2 * SMALL_LAYERS,
               "all layers fit under the largest limit, only their tables do not");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/f4 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s report %s/whole/results.h5 %s/f4/results.h5 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
}

/* A disk of the test's own, in a name space of its own. */
static void mount_disk(const char *size) {
  char disk[96];
  snprintf(disk, sizeof disk, "%s/disk", shell_folder);
  cr_assert(mkdir(disk, 0777) == 0);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", disk, "tmpfs", 0, size) != 0)
    cr_skip_test("no small tmpfs can be mounted here: %s", strerror(errno));
}

Test(cli, disk_without_room_is_refused_before_any_layer) {
  write_spec("a.yaml", TWO_PAIRS);
  mount_disk("size=6m");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/disk/out 2>&1", shell_program(),
                     shell_folder, shell_folder),
               2, "%s", shell_output);
  cr_expect(strstr(shell_output, shell_folder) && strstr(shell_output, "free"), "%s", shell_output);
  cr_expect_neq(shell("find %s/disk -name '*layer_*' | grep .", shell_folder), 0, "%s",
                shell_output);
}

/* The finished layers as a list of inodes and names. */
static int list_layers(const char *out, const char *list) {
  cr_assert_eq(shell("ls -i %s/results.h5.parts/*layer_*.entry > %s/%s && wc -l < %s/%s", out,
                     shell_folder, list, shell_folder, list),
               0, "%s", shell_output);
  return atoi(shell_output);
}

/* Somebody else's file takes the rest of the disk while the run, which was told that there is room,
 * stands still. */
Test(cli, disk_that_fills_in_the_middle_costs_no_finished_layer, .timeout = 120) {
  write_wide_spec("a.yaml", TWO_PAIRS "keep: {tensors: [scan]}\nevents: {repair: 0}\n");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/whole 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  mount_disk("size=200m");
  char spec[96], out[96], said[96];
  snprintf(spec, sizeof spec, "%s/a.yaml", shell_folder);
  snprintf(out, sizeof out, "%s/disk/out", shell_folder);
  snprintf(said, sizeof said, "%s/said", shell_folder);
  int status;
  pid_t run = shell_run(spec, out, said);
  cr_assert(shell_wait_for(run, out, 7), "the run ended before seven layers stood");
  kill(run, SIGSTOP);
  cr_assert_neq(shell("cat /dev/zero 2>&1 > %s/disk/filler", shell_folder), 0);
  cr_assert(strstr(shell_output, "No space left"), "%s", shell_output);
  kill(run, SIGCONT);
  cr_assert(waitpid(run, &status, 0) == run);
  shell("cat %s", said);
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %x: %s", (unsigned)status,
            shell_output);
  cr_expect(strstr(shell_output, "No space left on device") && strstr(shell_output, out), "%s",
            shell_output);
  cr_expect_neq(shell("find %s -name '*.tmp*' | grep .", out), 0, "a temporary file stays: %s",
                shell_output);
  int before = list_layers(out, "before");
  cr_assert(before >= 7 && before < 2 * WIDE_LAYERS, "%d of %d layers stand", before,
            2 * WIDE_LAYERS);
  cr_assert_eq(shell("rm %s/disk/filler", shell_folder), 0);

  run = shell_run(spec, out, said);
  cr_assert(shell_wait_for(run, out, before + 1), "no layer is made after the disk has room");
  kill(run, SIGSTOP);
  list_layers(out, "after");
  kill(run, SIGCONT);
  cr_expect_neq(shell("cd %s && grep -vxFf after before", shell_folder), 0, "made again: %s",
                shell_output);
  cr_assert(waitpid(run, &status, 0) == run && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  cr_assert_eq(shell("cp -r %s %s/filled", out, shell_folder), 0);
  small_expect_gone_on("whole", "filled");
}

Test(cli, unwritable_folder_is_named) {
  write_spec("a.yaml", TWO_PAIRS);
  write_file("taken", "a file where the shell_folder should be");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/a.yaml -q -o %s/taken 2>&1", shell_program(),
                     shell_folder, shell_folder),
               2, "%s", shell_output);
  cr_assert(strstr(shell_output, "taken"), "%s", shell_output);
  cr_assert_eq(
      shell(NO_FIGURES "%s run %s/a.yaml -q -o /proc/nowhere 2>&1", shell_program(), shell_folder),
      2, "%s", shell_output);
  cr_assert(strstr(shell_output, "/proc/nowhere"), "%s", shell_output);
}

Test(cli, wrong_command_lines_end_with_status_2_and_say_what_was_expected) {
  static const struct {
    const char *line, *said;
  } wrong[] = {
      {"", "Usage"},
      {"runn x.yaml", "runn"},
      {"run", "EXPERIMENT.yaml"},
      {"run a b", "too many"},
      {"run /nowhere.yaml", "/nowhere.yaml"},
      {"run x.yaml --threads 4.5", "4.5"},
      {"run x.yaml --memory 4", "at least 1 MB"},
      {"eval --memory 4GiBs", "such as 8 GB"},
      {"compare 2-0", "MODE|DUMP MODE|DUMP"},
      {"compare 2-0 2-9", "2-9"},
      {"compare 2-0 2-0", "2-0"},
      {"compare 2-0 nowhere.npz", "nowhere.npz: cannot be opened"},
      {"compare 2-0 2-4 --model /nowhere", "/nowhere"},
      {"compare 2-0 2-4 --backend gpu", "gpu"},
      {"compare 2-0 2-4 --alpha 2", "alpha"},
      {"report /nowhere.h5", "/nowhere.h5"},
      {"report README.md", "README.md"},
      {"report README.md --lang de", "expected en or zh"},
      {"calibrate --text /nowhere", "/nowhere"},
      {"compare 2-0 2-4 --backend cuda", "cuda"},
      {"eval --mode 0 --backend cuda", "cuda"},
      {"calibrate --backend cuda", "cuda"},
      {"validate experiments/spec.schema.json", "spec.schema.json"},
      {"eval --mode 2-9", "2-9"},
      {"eval --mode 2-0,2-0", "twice"},
      {"eval --text /nowhere", "/nowhere"},
      {"eval --windows 0", "windows"},
      {"eval --window-length 300000", "test.txt"},
      {"eval x", "too many"},
      {"bench --backend cuda", "cuda"},
      {"bench --backend cpu --mode 2-9", "2-9"},
      {"bench --shape mamba-13b", "mamba-13b"},
      {"bench --against numpy", "numpy"},
      {"bench --model /nowhere", "/nowhere/config.json"},
      {"bench --model data/mamba-bytes-10m --whole-job", "--whole-job: stands beside --model"},
      {"bench --backend cpu --whole-job --length 5000", "3096"},
      {"verify", "nothing to hold against the CPU"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int status = shell("CUDA_VISIBLE_DEVICES= %s %s 2>&1", shell_program(),
                       wrong[i].line); /* no device, on any machine */
    cr_expect_eq(status, 2, "'%s': status %d: %s", wrong[i].line, status, shell_output);
    cr_expect(strstr(shell_output, wrong[i].said), "'%s': %s", wrong[i].line, shell_output);
  }
}

Test(cli, eval_prints_a_row_a_mode_and_an_answer_a_pair, .timeout = 120) {
  cr_assert_eq(shell("%s eval -q --model %s/model --windows 2 --window-length 40 --mode 2-0 "
                     "--mode 2-4,0 2>&1",
                     shell_program(), shell_folder),
               0, "%s", shell_output);
  cr_assert(strstr(shell_output, "bits per byte") && strstr(shell_output, "2 windows of 40 tokens"),
            "%s", shell_output);
  cr_assert(strstr(shell_output, "2-4 better than 2-0?") &&
                strstr(shell_output, "0 better than 2-0? no: the same in every window"),
            "%s", shell_output);
  cr_assert_eq(
      shell(
          "QUAMBA_MODE=fp32 %s eval -q --windows 1 --window-length 95 --json | python3 -c 'import "
          "json, sys; d = json.load(sys.stdin); e = d[\"evaluation\"]; print([r[\"mode\"] for r in "
          "e], round(e[0][\"bits\"], 12), e[0][\"bits_se\"], len(d[\"evaluation_pairs\"]))'",
          shell_program()),
      0, "%s", shell_output);
  cr_assert_str_eq(shell_output, "['fp64', 'fp32'] 0.573547027746 None 2\n", "%s", shell_output);
}

Test(cli, help_and_modes_and_validate_answer) {
  cr_assert_eq(shell("%s --help 2>&1", shell_program()), 0);
  cr_assert(strstr(shell_output, "compare") && strstr(shell_output, "validate"), "%s",
            shell_output);
  cr_assert_eq(shell("%s run --help 2>&1", shell_program()), 0);
  cr_assert(strstr(shell_output, "default") && strstr(shell_output, "Example"), "%s", shell_output);
  cr_assert_eq(shell("%s modes 2>&1", shell_program()), 0);
  cr_assert(strstr(shell_output, "scan_order") && strstr(shell_output, "i8_dynamic"), "%s",
            shell_output);
  cr_assert_eq(shell("%s modes --json | python3 -c 'import json,sys; "
                     "print(json.load(sys.stdin)[\"2-4\"][\"conv_out\"])'",
                     shell_program()),
               0);
  cr_assert(strstr(shell_output, "f32"), "%s", shell_output);
  cr_assert_eq(shell("%s validate experiments/all_modes.yaml 2>&1", shell_program()), 0);
  cr_assert(strstr(shell_output, "GB") && strstr(shell_output, "2-4"), "%s", shell_output);
}

/* What bash itself offers, from what the program printed. */
static void expect_offered(const char *words, const char *want) {
  cr_assert_eq(shell("bash -c 'compopt() { :; }; eval \"$(%s completion bash)\"; "
                     "COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _driftscope; "
                     "printf \"%%s\" \"${COMPREPLY[*]}\"' 2>&1",
                     shell_program(), words),
               0, "%s", shell_output);
  cr_expect_str_eq(shell_output, want, "%s: \"%s\", want \"%s\"", words, shell_output, want);
}

Test(cli, a_shell_completes_commands_options_and_files) {
  expect_offered("driftscope ev", "eval");
  expect_offered("driftscope run --dr", "--dry-run");
  expect_offered("driftscope run --mem", "--memory=");
  expect_offered("driftscope modes --mem", "");
  expect_offered("driftscope run experiments/spec.s", "experiments/spec.schema.json");
  cr_assert_eq(shell("%s completion fish 2>&1", shell_program()), 2);
  cr_expect(strstr(shell_output, "expected bash or zsh, found 'fish'"), "%s", shell_output);
  if (shell("command -v zsh >/dev/null") == 0)
    cr_expect_eq(shell("%s completion zsh | zsh -n 2>&1", shell_program()), 0, "%s", shell_output);
}

static bool python_reads(const char *script, const char *results) {
  int status = shell(SHELL_PYTHON "$P tests/%s %s 2>&1", script, results);
  if (status == 77) return false;
  cr_assert_eq(status, 0, "%s: %s", script, shell_output);
  printf("%s", shell_output);
  return true;
}

/* Of every width and type one; to open a group takes xarray as long as the file has tensors. */
#define ONE_OF_EACH                                                                                \
  "tensors: [in_proj, x_proj, scan_in, gated, out_proj, block_out, ssm_state, ssm_state_q8, "      \
  "logits]"

Test(cli, tables_equal_numpy_and_four_readers_read_the_file, .timeout = 120) {
#define STUDIES                                                                                    \
  TWO_PAIRS "budget: all\nswaps: {pair: [2-0, 2-4]}\n"                                             \
            "restore: {mode: 2-0, limit: 0.02, of: median_token, most: 1}\n"
  write_spec("all.yaml", STUDIES "keep: {layers: [0, 5]}\n");
  write_spec("each.yaml", STUDIES "keep: {layers: [0, 5], " ONE_OF_EACH "}\n");
  bool checked = true;
  for (int each = 0; each < 2; each++) {
    const char *name = each ? "each" : "all";
    char results[256];
    cr_assert_eq(shell(NO_FIGURES "%s run %s/%s.yaml -q -o %s/%s 2>&1", shell_program(),
                       shell_folder, name, shell_folder, name),
                 0, "%s", shell_output);
    snprintf(results, sizeof results, "%s/%s/results.h5", shell_folder, name);
    checked &= python_reads(each ? "read_results.py" : "check_tables.py", results);
  }
  if (!checked) cr_skip_test("the Python readers are not all installed");
}

/* Prompts that are the windows of the evaluation, so that its logits are kept. */
Test(cli, tokens_that_an_evaluation_names_equal_numpy, .timeout = 120) {
  enum { WINDOWS = 3, LENGTH = 64 };
  struct stat text;
  char spec[1024] = "", line[128], files[512];
  cr_assert_eq(stat("data/text/test.txt", &text), 0);
  for (int w = 0; w < WINDOWS; w++) {
    snprintf(line, sizeof line,
             "  - {name: w%d, text: data/text/test.txt, offset: %lld, length: %d}\n", w,
             (long long)w * (text.st_size - LENGTH - 1) / (WINDOWS - 1), LENGTH);
    strcat(spec, line);
  }
  strcat(spec, "pairs: [[2-0, 2-4], [fp32, 2-4]]\nkeep: {tensors: [block_out, logits]}\n"
               "evaluation: {text: data/text/test.txt, windows: 3, length: 64}\n");
  write_spec("tokens.yaml", spec);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/tokens.yaml -q -o %s/tokens 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  snprintf(files, sizeof files, "%s/tokens/results.h5 data/text/test.txt", shell_folder);
  if (!python_reads("check_evaluation.py", files)) cr_skip_test("h5py is not installed");
}

Test(cli, float16_kept_as_such_changes_no_table_and_is_readable) {
  write_spec("wide.yaml", TWO_PAIRS "keep: {layers: [5]}\n");
  write_spec("bytes.yaml", TWO_PAIRS "keep: {layers: [5], " ONE_OF_EACH ", f16_as: f16}\n");
  for (int i = 0; i < 2; i++)
    cr_assert_eq(shell(NO_FIGURES "%s run %s/%s.yaml -q -o %s/%s 2>&1", shell_program(),
                       shell_folder, i ? "bytes" : "wide", shell_folder, i ? "bytes" : "wide"),
                 0, "%s", shell_output);
  expect_same_tables("wide", "bytes");
  cr_expect_eq(shell("grep -c ',gated,.*,f16,' %s/bytes/tables/tensor_stats.csv", shell_folder), 0,
               "%s", shell_output);
  cr_expect_eq(shell(NO_FIGURES "%s report %s/wide/results.h5 %s/bytes/results.h5 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  char results[256];
  snprintf(results, sizeof results, "%s/bytes/results.h5", shell_folder);
  bool checked = python_reads("check_tables.py", results);
  if (!python_reads("read_results.py", results) || !checked)
    cr_skip_test("the Python readers are not all installed");
}

/* What only the machine can refuse. */
Test(cli, what_the_machine_has_not_is_refused_with_its_line_or_flag_and_leaves_no_folder) {
  static const struct {
    const char *key, *flag, *says;
  } asked[] = {{"memory: 1 MB", "", "s.yaml:6:9: the run needs at least "},
               {"seed: 3", "--memory 1MB", "driftscope: --memory: the run needs at least "},
               {"memory: 1 MB", "--memory 2MB", "and 'memory' gives it 2 MB"},
               {"backend: cuda", "", "s.yaml:6:10: backend cuda: "},
               {"backend: cpu", "--backend cuda", "driftscope: --backend: backend cuda: "}};
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    cr_assert_eq(shell("printf 'title: t\\nmodel: %s/data/mamba-bytes-10m\\n"
                       "calibration: {text: %s/data/text/valid.txt, windows: 1, length: 16}\\n"
                       "prompts: [{name: p, text: %s/data/text/test.txt, length: 9}]\\n"
                       "pairs: [[2-0, 2-4]]\\n%s\\n' > %s/s.yaml",
                       getenv("PWD"), getenv("PWD"), getenv("PWD"), asked[i].key, shell_folder),
                 0);
    cr_expect_eq(shell("CUDA_VISIBLE_DEVICES= %s run %s/s.yaml -q -o %s/out %s 2>&1",
                       shell_program(), shell_folder, shell_folder, asked[i].flag),
                 2);
    cr_expect(strstr(shell_output, asked[i].says), "%s", shell_output);
    cr_expect_neq(shell("test -e %s/out", shell_folder), 0);
  }
  cr_expect_eq(shell("mkdir %s/out && %s run %s/s.yaml -q -o %s/out --memory 1MB 2>&1",
                     shell_folder, shell_program(), shell_folder, shell_folder),
               2);
  cr_expect_eq(shell("test -d %s/out", shell_folder), 0, "a folder of the user's is the user's");
}
