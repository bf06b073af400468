/* Operators alone as a user runs them: a spec's section alone, inside a run, and what a bound that
 * is exceeded does. */
#include "measure/tables/micro.h"
#include "store/store.h"
#include "tests/exhausted.h"
#include "tests/shell.h"

TestSuite(cli_micro, .init = shell_begin, .fini = shell_end);

static void write_spec(const char *micro) {
  char path[128], here[1024];
  snprintf(path, sizeof path, "%s/s.yaml", shell_folder);
  FILE *file = fopen(path, "w");
  cr_assert(file && getcwd(here, sizeof here));
  fprintf(file,
          "title: small\nmodel: %s/data/mamba-bytes-10m\n"
          "calibration: {text: %s/data/text/valid.txt, windows: 2, length: 64}\n"
          "prompts:\n  - {name: p, text: %s/data/text/test.txt, offset: 4000, length: 9}\npairs:\n "
          " - [2-0, 2-4]\n"
          "micro:\n%s",
          here, here, here, micro);
  fclose(file);
}

#define SECTION                                                                                    \
  "  - {operator: conv1d, inputs: [captured, outliers], layers: [1], shapes: [5x33]}\n"            \
  "  - {operator: scan, inputs: [captured, slow_decay], layers: [1], shapes: [40x9x4]}\n"

Test(cli_micro, section_runs_alone_and_inside_a_run_with_the_same_figures, .timeout = 120) {
  write_spec(SECTION);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q -o %s/alone 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect(strstr(shell_output, "conv1d alone") && strstr(shell_output, "scan alone") &&
                strstr(shell_output, "of bound"),
            "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/s.yaml -q -o %s/run 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_expect(strstr(shell_output, "scan alone") && strstr(shell_output, "2-0 against 2-4"), "%s",
            shell_output);
  static const char *const table[] = {"micro_histogram", "micro_worst", "state_drift",
                                      "state_error"};
  for (int t = 0; t < 4; t++) {
    cr_expect_eq(shell("cmp %s/alone/tables/%s.csv %s/run/tables/%s.csv", shell_folder, table[t],
                       shell_folder, table[t]),
                 0, "%s", shell_output);
    shell("wc -l < %s/run/tables/%s.csv", shell_folder, table[t]);
    cr_expect_gt(atoi(shell_output), 2, "%s: %s lines", table[t], shell_output);
  }
  cr_expect_eq(shell("grep -c 'Operators alone' %s/alone/report.md %s/run/report.md", shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("ls %s/alone | grep -c parts", shell_folder), 1, "%s", shell_output);
}

/* All do the same in the convolution, so that one row stands for all of them. */
Test(cli_micro, every_mode_of_a_setting_is_named_in_its_row) {
  enum { MODES = 64 };
  char section[8192], path[128];
  int at = snprintf(section, sizeof section,
                    "  - operator: exp\n    inputs: [normal]\n    shapes: [1x3]\n    modes: [");
  for (int i = 0; i < MODES; i++)
    at += snprintf(section + at, sizeof section - (size_t)at, "%smode-with-a-rather-long-name-%02d",
                   i ? ", " : "", i);
  snprintf(section + at, sizeof section - (size_t)at, "]\n");
  write_spec(section);
  snprintf(path, sizeof path, "%s/s.yaml", shell_folder);
  FILE *file = fopen(path, "a");
  cr_assert(file);
  fputs("modes:\n", file);
  for (int i = 0; i < MODES; i++)
    fprintf(file, "  mode-with-a-rather-long-name-%02d: {base: fp32}\n", i);
  fclose(file);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q -o %s/m 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  shell("grep -o 'mode-with-a-rather-long-name-[0-9][0-9]' %s/m/tables/micro.csv | sort -u | wc -l",
        shell_folder);
  cr_expect_eq(atoi(shell_output), MODES, "%s names", shell_output);
}

Test(cli_micro, another_runs_result_is_not_overwritten) {
  write_spec("  - {operator: exp, inputs: [normal], shapes: [5x33]}\n");
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q -o %s/a 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q -o %s/a 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "again: %s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q --seed 2 -o %s/a 2>&1", shell_program(),
                     shell_folder, shell_folder),
               2, "%s", shell_output);
  cr_expect(strstr(shell_output, "another run") && strstr(shell_output, "--fresh"), "%s",
            shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q --seed 2 --fresh -o %s/a 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  write_spec("  - {operator: conv1d, inputs: [slow_decay]}\n");
  cr_assert_eq(shell(NO_FIGURES "%s run %s/s.yaml -q -o %s/b 2>&1", shell_program(), shell_folder,
                     shell_folder),
               2, "%s", shell_output);
  cr_expect(strstr(shell_output, "slow_decay"), "%s", shell_output);
}

Test(cli_micro, another_runs_unfinished_work_is_not_removed) {
  write_spec("  - {operator: exp, inputs: [normal], shapes: [5x33]}\n");
  cr_assert_eq(
      shell("mkdir -p %s/u/results.h5.parts && n=00000000000000000000000000000000 && printf "
            "'{\"spec\": \"%%s\", \"weights\": \"%%s\", \"text\": \"%%s\", \"program\": \"%%s\"}' "
            "$n $n $n $n > %s/u/results.h5.parts/run.json && echo half > %s/u/results.h5.partial",
            shell_folder, shell_folder, shell_folder),
      0);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q -o %s/u 2>&1", shell_program(), shell_folder,
                     shell_folder),
               2, "%s", shell_output);
  cr_expect(strstr(shell_output, "unfinished run with other spec") &&
                strstr(shell_output, "--fresh"),
            "%s", shell_output);
  cr_expect_eq(
      shell("cat %s/u/results.h5.parts/run.json %s/u/results.h5.partial | tail -1 | grep -c half",
            shell_folder, shell_folder),
      0, "it is gone: %s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s micro %s/s.yaml -q --fresh -o %s/u 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
}

/* A results file whose rows say that two values of a scan are beyond their bound. */
Test(cli_micro, bound_that_is_exceeded_ends_with_status_1) {
  Arena arena;
  Status st = {0};
  store_start();
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
  MicroRow row = {
      .layer = -1, .n = 10, .over_bound = 2, .used_max = 1.5, .used_index = 3, .as_in_run = -1};
  strcpy(row.operator_name, "scan");
  strcpy(row.setting, "u:i8 rest:i8 blocked->f16");
  strcpy(row.input, "normal");
  strcpy(row.output, "gated");
  for (int over = 2; over >= 0; over -= 2) {
    row.over_bound = over;
    const char *path = arena_printf(&arena, "%s/results%d.h5", shell_folder, over);
    RunKey key = {digest_of("a", 1), digest_of("b", 1), digest_of("c", 1), digest_of("d", 1)};
    StoreShape shape = {.layers = 1};
    Store *store;
    TableRows rows = {&table_micro, &row, 1};
    cr_assert(store_open(&arena, path, &key, &shape, true, false, &store, &st), "%s", st.text);
    static const Attribute about[] = {{.name = "title", .text = "t"},
                                      {.name = "program", .text = "driftscope"},
                                      {.name = "spec_effective", .text = "title: t"}};
    cr_assert(store_finish(store, about, 3, &rows, 1, arena, &st), "%s", st.text);
    store_close(store);
    int status = shell("%s report %s -o %s/out 2>&1", shell_program(), path, shell_folder);
    cr_expect_eq(status, over ? 1 : 0, "%d over: %s", over, shell_output);
    if (over)
      cr_expect(strstr(shell_output, "2 values lie beyond") && strstr(shell_output, "element 3"),
                "%s", shell_output);
    cr_expect_eq(shell("grep -c 'Warning' %s/out/report.md", shell_folder), over ? 0 : 1, "%s",
                 shell_output);
  }
}

/* A folder that was named may hold a run of hours: it is not replaced in passing. */
Test(cli_micro, operator_alone_does_not_replace_the_result_of_another_run) {
  write_spec(SECTION);
  cr_assert_eq(shell(NO_FIGURES "%s run %s/s.yaml -q -o %s/o 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell("cp %s/o/results.h5 %s/kept.h5", shell_folder, shell_folder), 0);
  cr_expect_eq(shell(NO_FIGURES "%s micro exp -q -o %s/o 2>&1", shell_program(), shell_folder), 2,
               "%s", shell_output);
  cr_expect(strstr(shell_output, "another run") && strstr(shell_output, "--fresh"), "%s",
            shell_output);
  cr_expect_eq(shell("cmp %s/o/results.h5 %s/kept.h5", shell_folder, shell_folder), 0, "%s",
               shell_output);
}
