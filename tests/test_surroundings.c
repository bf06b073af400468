/* The program in surroundings that are not usual: few descriptors, little stack, no folder for
 * temporary files, no home, another locale, a clock that goes back, output that nobody takes. It
 * does its work as anywhere, or ends with 2 and one line; and of many runs at once each is whole.
 */
#include "store/store.h"
#include "tests/every_study.h"
#include "tests/shell.h"
#include "tests/small_run.h"

static void begin(void) {
  small_run_begin();
  setenv("OMP_WAIT_POLICY", "passive", 1); /* so the program does not start itself again */
}

TestSuite(surroundings, .init = begin, .fini = made_shell_end);

static const char *write_run(void) {
  small_model(2);
  return small_spec("s.yaml", "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\n");
}

/* Its standard error; the output is dropped. */
static int run_in(const char *before, const char *spec, const char *folder) {
  shell("rm -rf %s", folder);
  return shell("exec 2>&1 >/dev/null; %s; exec %s run %s -q -o %s", before, shell_program(), spec,
               folder);
}

static const char *undisturbed(const char *spec) {
  const char *folder = test_path("whole");
  cr_assert_eq(run_in("PATH=", spec, folder), 0, "%s", shell_output);
  return arena_printf(&test_arena, "%s/results.h5", folder);
}

/* Done all the same, with nothing to say; or one line that names what is too little. */
static bool done_or_one_line(const char *before, const char *spec, const char *want,
                             const char *names) {
  const char *said, *folder = test_path("out");
  const int status = run_in(before, spec, folder);
  const char *line_end = strchr(shell_output, '\n');
  if (status == 0) {
    cr_expect_str_empty(shell_output, "%s", before);
    cr_expect(every_cell_equal(&test_arena, want,
                               arena_printf(&test_arena, "%s/results.h5", folder), &said),
              "%s: %s", before, said);
    return true;
  }
  cr_expect(status == 2 && !strncmp(shell_output, "driftscope: ", 12) && line_end && !line_end[1] &&
                strstr(shell_output, names),
            "%s: status %d, %s", before, status, shell_output);
  return false;
}

Test(surroundings, few_descriptors_are_enough_or_named, .timeout = 300) {
  static const int most[] = {64, 32, 16, 11, 9, 8, 7, 6, 5};
  const char *spec = write_run(), *want = undisturbed(spec);
  int done = 0;
  for (size_t i = 0; i < sizeof most / sizeof *most; i++)
    done += done_or_one_line(arena_printf(&test_arena, "PATH=; ulimit -n %d", most[i]), spec, want,
                             "Too many open files");
  cr_expect(done >= 3, "16 are enough: %d done", done);
}

/* The soft limit is raised; where the hard one is as low there is nothing to be had. */
Test(surroundings, little_stack_is_enlarged_or_refused, .timeout = 300) {
  const char *spec = write_run(), *want = undisturbed(spec);
  for (int kilobytes = 64; kilobytes <= 1024; kilobytes *= 4) {
    cr_expect(done_or_one_line(arena_printf(&test_arena, "PATH=; ulimit -S -s %d", kilobytes), spec,
                               want, ""),
              "%d kB: %s", kilobytes, shell_output);
    cr_expect_not(done_or_one_line(arena_printf(&test_arena, "PATH=; ulimit -s %d", kilobytes),
                                   spec, want, "ulimit -s"),
                  "%d kB", kilobytes);
  }
  cr_expect(done_or_one_line("PATH=; ulimit -s 4096", spec, want, ""), "%s", shell_output);
}

Test(surroundings, no_temporary_folder_and_no_home_are_needed, .timeout = 300) {
  const char *spec = write_run(), *want = undisturbed(spec);
  static const char *const without[] = {"PATH=; export TMPDIR=/nowhere/at/all HOME=/nowhere",
                                        "PATH=; unset HOME TMPDIR USER LOGNAME PWD TERM",
                                        "PATH=; TMPDIR=; HOME="};
  for (size_t i = 0; i < sizeof without / sizeof *without; i++)
    cr_expect(done_or_one_line(without[i], spec, want, ""), "%s: %s", without[i], shell_output);
  cr_expect_eq(shell("TMPDIR=/nowhere/at/all %s bench --whole-job -q 2>&1", shell_program()), 2);
  cr_expect(!strncmp(shell_output, "driftscope: /nowhere/at/all/", 28) &&
                strstr(shell_output, "No such file or directory"),
            "%s", shell_output);
}

/* The words of a report, its tables and its figures, in every locale that this machine has of those
 * where letters and numbers are written otherwise. */
Test(surroundings, locales_change_no_byte_of_a_report, .timeout = 300) {
  static const char *const names[] = {"tr_TR.utf8", "de_DE.utf8", "ja_JP.utf8", "ja_JP.eucjp"};
  const char *spec = write_run();
  int tried = 0;
  cr_assert_eq(shell("%s run %s -q -o %s/c >/dev/null && %s report %s/c/results.h5 -o %s/plain "
                     "2>&1 >/dev/null",
                     shell_program(), spec, test_folder, shell_program(), test_folder, test_folder),
               0, "%s", shell_output);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (shell("locale -a 2>/dev/null | grep -qix '%s'", names[i]) != 0) continue;
    tried++;
    cr_expect_eq(shell("export LC_ALL=%s LANG=%s; %s report %s/c/results.h5 -o %s/other 2>&1 "
                       ">/dev/null && diff -rq %s/plain %s/other",
                       names[i], names[i], shell_program(), test_folder, test_folder, test_folder,
                       test_folder),
                 0, "%s: %s", names[i], shell_output);
    shell("rm -rf %s/again; LC_ALL=%s %s run %s -q -o %s/again 2>&1 >/dev/null", test_folder,
          names[i], shell_program(), spec, test_folder);
    cr_expect_str_empty(shell_output, "%s", names[i]);
    cr_expect_eq(shell("cd %s && diff c/tables/pair_stats.csv again/tables/pair_stats.csv && "
                       "diff c/calibration.json again/calibration.json",
                       test_folder),
                 0, "%s: %s", names[i], shell_output);
  }
  if (!tried) cr_skip_test("none of these locales here");
}

/* Every time in the tables: how long something took, of which none is negative. */
static void expect_no_negative_time(const char *folder) {
  cr_expect_eq(shell("cd %s/tables && grep -c . performance.csv && awk -F, 'NR == 1 {for (i = 1; i "
                     "<= NF; i++) t[i] = $i ~ /_s$|_us$/; next} {for (i = 1; i <= NF; i++) if "
                     "(t[i] && $i < 0) {print FILENAME, $0; bad = 1}} END {exit bad}' "
                     "performance.csv cost.csv micro.csv",
                     folder),
               0, "%s", shell_output);
}

/* Durations are taken of a clock that nobody sets. It goes back all the time, or from where a run
 * that was killed goes on: to before all that it finds was written. */
Test(surroundings, clock_that_goes_back_makes_no_time_negative_and_changes_no_result,
     .timeout = 300) {
  const char *spec =
                 small_spec("s.yaml", arena_printf(&test_arena, "%s%s", every_study, every_cost)),
             *said;
  small_model(3);
  const char *want = undisturbed(spec);
#ifdef DS_SANITIZE
  setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1); /* what is preloaded comes first */
#endif
  for (int resumed = 0; resumed < 2; resumed++) {
    const char *out = test_path(resumed ? "resumed" : "back");
    if (resumed) {
      const pid_t child = shell_run(spec, out, "/dev/null");
      cr_assert(shell_wait_for(child, out, 2), "it has ended before");
      kill(child, SIGKILL), waitpid(child, NULL, 0);
    }
    cr_assert_eq(shell("PATH= LD_PRELOAD=%s %s run %s -q -o %s 2>&1 >/dev/null",
                       shell_beside("preload/clock_back.so"), shell_program(), spec, out),
                 0, "%s", shell_output);
    cr_expect_str_empty(shell_output);
    expect_no_negative_time(out);
    cr_expect(
        went_on_the_same(&test_arena, want, arena_printf(&test_arena, "%s/results.h5", out), &said),
        "%s: %s", out, said);
  }
}

/* --- names ------------------------------------------------------------------------------------ */

Test(surroundings, a_file_that_is_called_as_a_folder_of_the_root_is_ones_own) {
  small_model(3);
  shell("cd %s && echo 1 2 3 >etc && printf 'title: t\nmodel: .\nprompts: [{name: p, tokens: "
        "etc}]\npairs: [[1, fp32]]\n' >etc.yaml",
        test_path(""));
  cr_expect_eq(shell("cd %s && %s validate etc.yaml 2>&1", test_path(""), shell_program()), 0, "%s",
               shell_output);
  SAYS("# prompt p: 3 tokens");
}

/* --- stops ------------------------------------------------------------------------------------ */

static int run_stopped(const char *spec, const char *more, int number, bool ignored) {
  char *const words[] = {
      (char *)shell_program(), (char[]){"run"},          (char *)spec, (char[]){"-q"},
      (char[]){"-o"},          (char *)test_path("out"), (char *)more, NULL};
  const pid_t child = fork();
  if (child == 0) {
    signal(number, ignored ? SIG_IGN : SIG_DFL);
    if (!freopen(test_path("said"), "w", stderr) || !freopen("/dev/null", "w", stdout)) _exit(126);
    execv(words[0], words);
    _exit(127);
  }
  int status = -1;
  cr_assert(shell_wait_for(child, test_path("out"), 2), "it has ended before");
  kill(child, number);
  waitpid(child, &status, 0);
  cr_assert_eq(shell("cat %s", test_path("said")), 0);
  return status;
}

Test(surroundings, a_run_that_is_stopped_says_so_ends_by_the_signal_and_goes_on, .timeout = 120) {
  const char *spec = small_spec("s.yaml", every_study), *said;
  static const struct {
    int number;
    const char *name;
  } stops[] = {{SIGINT, "SIGINT"},
               {SIGTERM, "SIGTERM"},
               {SIGXCPU, "SIGXCPU: its processor time is used up (ulimit -t)"}};
  small_model(3);
  const char *want = undisturbed(spec);
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
    const char *name = stops[i].name;
    shell("rm -rf %s", test_path("out"));
    int how = run_stopped(spec, NULL, stops[i].number, false);
    cr_expect(WIFSIGNALED(how) && WTERMSIG(how) == stops[i].number, "%s: %d", name, how);
    cr_expect_str_eq(
        shell_output,
        arena_printf(&test_arena,
                     "driftscope: stopped by %s; the same command goes on with what is finished\n",
                     name));
    RUN(0, "run %s -q -o %s", spec, test_path("out"));
    cr_expect(went_on_the_same(&test_arena, want, test_path("out/results.h5"), &said), "%s: %s",
              name, said);
    shell("rm -rf %s", test_path("out"));
    how = run_stopped(spec, "--fresh", stops[i].number, false);
    cr_expect(WIFSIGNALED(how), "%s: %d", name, how);
    cr_expect(strstr(shell_output, "; without --fresh the same command goes on"), "%s",
              shell_output);
    shell("rm -rf %s", test_path("out"));
    how =
        run_stopped(spec, NULL, stops[i].number, true); /* nohup, and what a script starts with & */
    cr_expect_eq(how, 0, "%s: %d", name, how);
    cr_expect_str_empty(shell_output);
  }
}

/* --- output ----------------------------------------------------------------------------------- */

/* What is asked of the program, with its standard output closed, full, or a pipe that nobody reads
 * any more by the time that something is said. */
static void expect_output_missed(const char *asked, int way) {
  static const char *const ways[] = {"exec %s %s 2>%s >&-", "exec %s %s 2>%s >/dev/full",
                                     "{ sleep 0.05; exec %s %s 2>%s; } | true"};
  char line[2048];
  const char *words = test_path("words");
  snprintf(line, sizeof line, ways[way], shell_program(), asked, words);
  const int status = shell("bash -c 'set -o pipefail; %s'", line);
  shell("cat %s", words);
  const char *end = strchr(shell_output, '\n');
  cr_expect(status == 2 &&
                !strncmp(shell_output, "driftscope: standard output: cannot be written", 46) &&
                end && !end[1],
            "%s: status %d, %s", line, status, shell_output);
}

/* Every command of the program's help is here, but for bench, which takes long, and synth, which
 * says nothing. Each in every way where DRIFTSCOPE_EXHAUSTIVE is set, else in one. */
Test(surroundings, no_commands_output_is_lost_in_silence, .timeout = 600) {
  const char *spec = write_run();
  undisturbed(spec);
  cr_assert_eq(
      shell("%s run %s -q --shard 1/1 -o %s 2>&1", shell_program(), spec, test_path("part")), 0,
      "%s", shell_output);
#define SAY(...) arena_printf(&test_arena, __VA_ARGS__)
  const char *results = test_path("whole/results.h5"),
             *model =
                 SAY("--threads 1 --model %s --calibration %s", test_folder, small_long_text());
  const char *const asked[] = {
      SAY("run %s -q -o %s", spec, test_path("whole")),
      SAY("compare 2-0 2-4 %s -q --length 6 --tokens %s -o %s", model, test_path("a.txt"),
          test_path("compared")),
      SAY("micro exp %s -q --length 6 --tokens %s -o %s", model, test_path("a.txt"),
          test_path("micro")),
      SAY("merge %s -q -o %s", test_path("part"), test_path("merged")),
      SAY("validate %s", spec),
      SAY("calibrate --model %s -q --tokens %s --windows 2 --window-length 8", test_folder,
          test_path("text.txt")),
      SAY("eval %s -q --mode 2-0 --tokens %s --windows 2 --window-length 8", model,
          test_path("text.txt")),
      SAY("report %s", results),
      SAY("report %s %s", results, results),
      SAY("verify %s", results),
      SAY("dump list %s", test_path("model.safetensors")),
      "modes",
      "modes --json",
      "completion bash",
      "dump list tests/dumps/views.pt",
      "tokens -q --text README.md --tokenizer data/tokenizer/own_2048.json",
      "--help",
      "help",
      "--version",
      "run --help"};
  for (int i = 0; i < (int)(sizeof asked / sizeof *asked); i++)
    for (int way = 0; way < 3; way++)
      if (getenv("DRIFTSCOPE_EXHAUSTIVE") || way == i % 3) expect_output_missed(asked[i], way);
  shell("%s --help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p'", shell_program());
  for (char *rest, *name = strtok_r(shell_output, "\n", &rest); name;
       name = strtok_r(NULL, "\n", &rest)) {
    bool listed = !strcmp(name, "bench") || !strcmp(name, "synth");
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
      listed |= !strncmp(asked[i], name, strlen(name));
    cr_expect(listed, "%s is not asked", name);
  }
}

/* --- many at once ----------------------------------------------------------------------------- */

/* 200 in 200 folders where DRIFTSCOPE_EXHAUSTIVE is set, eight at a time; else eight. */
Test(surroundings, many_runs_at_once_in_folders_of_their_own_are_each_whole, .timeout = 7200) {
  const char *spec = write_run(), *want = undisturbed(spec), *said;
  const int runs = getenv("DRIFTSCOPE_EXHAUSTIVE") ? 200 : 8;
  cr_assert_eq(shell("seq %d | xargs -P 8 -I{} sh -c 'PATH= %s run %s -q -o %s/many{} 2>&1 "
                     ">/dev/null || exit 1'",
                     runs, shell_program(), spec, test_folder),
               0, "%s", shell_output);
  cr_expect_str_empty(shell_output);
  for (int i = 1; i <= runs; i++) {
    const Arena kept = test_arena;
    const char *folder = arena_printf(&test_arena, "%s/many%d", test_folder, i);
    cr_expect(every_cell_equal(&test_arena, want,
                               arena_printf(&test_arena, "%s/results.h5", folder), &said),
              "run %d: %s", i, said);
    cr_expect(shell("cd %s && find . | grep -E 'parts|partial|tmp'", folder) != 0, "run %d: %s", i,
              shell_output);
    test_arena = kept;
  }
}
