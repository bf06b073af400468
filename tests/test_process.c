/* The program in surroundings that are not usual: output that nobody takes, little memory, two at
 * once in a folder, valgrind. Each ends with 0, or with 2 and one line. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/refused_calls.h"
#include "tests/small_model.h"

static void write_spec(const char *name, int T) {
  char path[128], here[1024];
  snprintf(path, sizeof path, "%s/%s", shell_folder, name);
  FILE *file = fopen(path, "w");
  cr_assert(file && getcwd(here, sizeof here));
  fprintf(file,
          "title: small\nmodel: model\nthreads: 1\n"
          "calibration: {text: %s/data/text/valid.txt, windows: 1, length: 32}\n"
          "prompts: [{name: p, text: %s/data/text/test.txt, length: %d}]\npairs: [[2-0, 2-4]]\n"
          "keep: {tensors: [scan]}\n",
          here, here, T);
  cr_assert(fclose(file) == 0);
}

static void begin(void) {
  shell_begin();
  small_model(SMALL_LAYERS);
  write_spec("a.yaml", 5);
}

TestSuite(process, .init = begin, .fini = shell_end);

/* Runs a command line whose standard error goes to the folder's "words"; what those are comes
 * back. */
static const char *words_of(int *status, const char *format, ...) {
  char line[4096];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  *status = shell("{ %s ; } 2>%s/words", line, shell_folder);
  int inner = *status;
  shell("cat %s/words", shell_folder);
  *status = inner;
  return shell_output;
}

static int lines_of(const char *text) {
  int lines = 0;
  for (; *text; text++) lines += *text == '\n';
  return lines;
}

static void expect_one_line(int status, const char *words, const char *what) {
  cr_expect_eq(status, 2, "%s: status %d, %s", what, status, words);
  cr_expect(lines_of(words) == 1 && !strncmp(words, "driftscope: ", 12), "%s: %s", what, words);
}

Test(process, closed_descriptors_are_never_taken_for_a_file, .timeout = 120) {
  const char *program = shell_program();
  cr_assert_eq(shell("%s run %s/a.yaml -q -o %s/a 2>&1", program, shell_folder, shell_folder), 0,
               "%s", shell_output);
  shell("%s run %s/a.yaml -o %s/b <&- >&- 2>&-", program, shell_folder, shell_folder);
  cr_expect_eq(shell("cmp %s/a/tables/tensor_stats.csv %s/b/tables/tensor_stats.csv 2>&1",
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("%s report %s/b/results.h5 2>&1", program, shell_folder), 0, "%s",
               shell_output);
}

/* Libraries meet a limit in ways of their own: endless loops, signals. */
Test(process, little_address_space_ends_well_or_with_one_line, .timeout = 300) {
#ifdef DS_SANITIZE
  cr_skip_test("the sanitizers reserve terabytes");
#endif
  const int mega[] = {100, 130, 160, 200, 250, 300,  350,  400,
                      450, 500, 600, 700, 800, 1000, 2000, 4000};
  int refused = 0, done = 0;
  for (size_t i = 0; i < sizeof mega / sizeof *mega; i++) {
    int status;
    const char *words = words_of(
        &status, "ulimit -v %d; timeout -s KILL 60 %s run %s/a.yaml -q --fresh -o %s/m >/dev/null",
        1000 * mega[i], shell_program(), shell_folder, shell_folder);
    if (status == 0) {
      cr_expect_str_empty(words);
      done++;
    } else {
      refused++;
      expect_one_line(status, words, shell_output);
      cr_expect(strstr(words, "ulimit -v") || strstr(words, "Cannot allocate memory"), "%d MB: %s",
                mega[i], words);
    }
  }
  cr_expect(refused >= 3 && done >= 3, "%d refused, %d done: too few", refused, done);
}

Test(process, runs_itself_under_valgrind) {
#ifdef DS_SANITIZE
  cr_skip_test("the sanitizer does not start under valgrind");
#endif
  if (shell("command -v valgrind")) cr_skip_test("no valgrind here");
  cr_expect_eq(shell("valgrind -q %s --version 2>&1", shell_program()), 0, "%s", shell_output);
  cr_expect(!strncmp(shell_output, "driftscope ", 11), "%s", shell_output);
}

/* Two commands started at once in one folder, or one a little later, many times: one does its work,
 * the other says that it cannot, and what stands there afterwards is whole. Both may do it, one
 * after the other. */
static void race(const char *first, const char *second) {
  const int races = getenv("DRIFTSCOPE_EXHAUSTIVE") ? 100 : 4;
  int refused = 0;
  for (int i = 0; i < races; i++) {
    int status = shell("{ %s >%s/1 2>&1; echo $? >>%s/1; } & "
                       "{ sleep %s; %s >%s/2 2>&1; echo $? >>%s/2; } & wait; tail -qn1 %s/1 "
                       "%s/2 | tr -d '\\n'",
                       first, shell_folder, shell_folder, i % 2 ? "0.05" : "0", second,
                       shell_folder, shell_folder, shell_folder, shell_folder);
    cr_assert_eq(status, 0);
    const bool one = !strcmp(shell_output, "02") || !strcmp(shell_output, "20"),
               both = !strcmp(shell_output, "00");
    refused += one;
    cr_expect(one || both, "race %d: statuses %s", i, shell_output);
    shell("cat %s/1 %s/2", shell_folder, shell_folder);
    cr_expect(!one || strstr(shell_output, "is in use by another run"), "race %d: %s", i,
              shell_output);
    cr_expect_eq(shell("cd %s/r && test -s report.html -a -s report.md -a -s tables.tex -a -s "
                       "calibration.json && ! ls -R | grep -E 'parts|partial|tmp'",
                       shell_folder),
                 0, "race %d: %s", i, shell_output);
  }
  cr_expect(refused >= races / 4, "of %d races only %d met: too few to say something", races,
            refused);
}

/* Tokens of a run that takes longer than the quarter of a second for which who comes second looks
 * whether the folder gets free (base/folder.c), on a fast machine too: 500 did not. */
enum { LONG = 3000 };

Test(process, of_two_runs_in_one_folder_one_does_its_work_and_one_is_refused, .timeout = 7200) {
  write_spec("long.yaml", LONG);
  char run[8192];
  snprintf(run, sizeof run, "%s run %s/long.yaml -q --fresh -o %s/r", shell_program(), shell_folder,
           shell_folder);
  race(run, run);
}

Test(process, of_a_run_and_a_report_in_one_folder_one_is_refused, .timeout = 7200) {
  write_spec("long.yaml", LONG);
  char run[8192], report[8192];
  snprintf(run, sizeof run, "%s run %s/long.yaml -q --fresh -o %s/r", shell_program(), shell_folder,
           shell_folder);
  snprintf(report, sizeof report, "%s report %s/r/results.h5", shell_program(), shell_folder);
  cr_assert_eq(shell("%s 2>&1", run), 0, "%s", shell_output);
  race(run, report);
}

Test(process, damaged_run_json_says_how_to_begin_anew) {
  shell("mkdir -p %s/d/results.h5.parts", shell_folder);
  const char *const texts[] = {"{", "{}", "{\"spec\": \"12\"}", ""};
  for (int i = 0; i < 4; i++) {
    int status;
    cr_assert_eq(
        shell("printf '%%s' '%s' > %s/d/results.h5.parts/run.json", texts[i], shell_folder), 0);
    const char *words = words_of(&status, "%s run %s/a.yaml -q -o %s/d", shell_program(),
                                 shell_folder, shell_folder);
    expect_one_line(status, words, texts[i]);
    cr_expect(strstr(words, "run.json: ") && strstr(words, "--fresh"), "%s", words);
  }
  cr_expect_eq(shell("%s run %s/a.yaml -q --fresh -o %s/d 2>&1", shell_program(), shell_folder,
                     shell_folder),
               0, "%s", shell_output);
}

Test(process, parts_that_are_a_link_are_refused_and_what_they_point_to_is_left_alone) {
  int status;
  cr_assert_eq(
      shell("mkdir -p %s/l %s/mine && touch %s/mine/p.layer_00.h5 %s/mine/x.tmp && ln -s ../mine "
            "%s/l/results.h5.parts",
            shell_folder, shell_folder, shell_folder, shell_folder, shell_folder),
      0);
  for (int fresh = 0; fresh < 2; fresh++) {
    const char *words = words_of(&status, "%s run %s/a.yaml -q %s -o %s/l", shell_program(),
                                 shell_folder, fresh ? "--fresh" : "", shell_folder);
    expect_one_line(status, words, "link");
    cr_expect(strstr(words, "results.h5.parts: is a symbolic link"), "%s", words);
  }
  cr_expect_eq(shell("cd %s/mine && test -e p.layer_00.h5 -a -e x.tmp", shell_folder), 0);
}

Test(process, changed_value_of_the_calibration_is_said_and_made_again, .timeout = 120) {
  const char *program = shell_program();
  char again[8192];
  snprintf(again, sizeof again, "%s run %s/a.yaml --fresh -o %s/c 2>&1", program, shell_folder,
           shell_folder);
  cr_assert_eq(shell("%s", again), 0, "%s", shell_output);
  cr_assert_eq(
      shell("cp %s/c/calibration.json %s/kept.json; cp %s/c/tables/tensor_stats.csv %s/kept.csv",
            shell_folder, shell_folder, shell_folder, shell_folder),
      0);
  cr_assert_eq(shell("%s", again), 0);
  cr_expect(strstr(shell_output, "scales of ") && !strstr(shell_output, "damaged"), "%s",
            shell_output);
  /* one digit of one value */
  cr_assert_eq(
      shell("cd %s && awk '/s_u/ && !n {n = 1; k = match($0, /[0-9],?$/) - 3; d = substr($0, k, "
            "1); $0 = substr($0, 1, k - 1) (d + 1) %% 10 substr($0, k + 1)} {print}' kept.json > "
            "c/calibration.json && ! cmp -s kept.json c/calibration.json",
            shell_folder),
      0);
  cr_assert_eq(shell("%s", again), 0, "%s", shell_output);
  cr_expect(strstr(shell_output, "calibration.json: is damaged"), "%s", shell_output);
  cr_expect_eq(shell("cd %s && cmp kept.json c/calibration.json && cmp kept.csv "
                     "c/tables/tensor_stats.csv 2>&1",
                     shell_folder),
               0, "%s", shell_output);
}

Test(process, gnuplot_that_fails_costs_the_figures_and_never_the_report, .timeout = 120) {
  const char *program = shell_program();
  cr_assert_eq(shell("%s run %s/a.yaml -q -o %s/g 2>&1", program, shell_folder, shell_folder), 0,
               "%s", shell_output);
  cr_assert_eq(shell("mkdir %s/bin && ln -s /bin/sh %s/bin/sh", shell_folder, shell_folder), 0);
  static const char *const fakes[][2] = {
      {"exit 3", "gnuplot ended with status 3"},
      {"kill -9 $$", "gnuplot was killed, as the system does where memory runs out"},
      {"kill -XCPU $$", "gnuplot used up its processor time (ulimit -t)"},
      {"kill -SEGV $$", "gnuplot was ended by signal 11"},
      {"echo '\"figures.gp\" line 7: no room <b>here</b>' >&2; exit 1", "gnuplot: no room"},
      {"exit 0", "gnuplot wrote no whole file"},
  };
  for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/bin/gnuplot", shell_folder);
    FILE *file = fopen(path, "w");
    cr_assert(file && fprintf(file, "#!/bin/sh\n%s\n", fakes[i][0]) > 0 && fclose(file) == 0);
    cr_assert_eq(shell("chmod +x %s", path), 0);
    cr_assert_eq(
        shell("PATH=%s/bin %s report %s/g/results.h5 2>&1", shell_folder, program, shell_folder), 0,
        "%s", shell_output);
    cr_expect_eq(
        shell("grep -c '^> \\*\\*Not drawn\\*\\* (%s' %s/g/report.md", fakes[i][1], shell_folder),
        0);
    cr_expect_geq(atoi(shell_output), 3, "%s: %s", fakes[i][1], shell_output);
    cr_expect_neq(shell("grep -e 'plots/.*svg' -e '<b>here' %s/g/report.md %s/g/report.html",
                        shell_folder, shell_folder),
                  0, "%s", shell_output);
  }
}

Test(process, file_that_is_no_calibration_is_refused_by_name_and_left_as_it_is, .timeout = 120) {
  static const char *const made[] = {"echo '{\"camera\": [1, 2]}' > %s/f/calibration.json",
                                     "printf '{\\n \"key\": 1}' > %s/f/calibration.json",
                                     "truncate -s 20G %s/f/calibration.json",
                                     "mkdir %s/f/calibration.json",
                                     "mkfifo %s/f/calibration.json",
                                     "ln -s /dev/zero %s/f/calibration.json"};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    for (int fresh = 0; fresh < 2; fresh++) {
      int status;
      cr_assert_eq(shell("rm -rf %s/f && mkdir %s/f", shell_folder, shell_folder), 0);
      cr_assert_eq(shell(made[i], shell_folder), 0);
      cr_assert_eq(
          shell("cd %s/f && stat -c '%%F %%s %%Z' calibration.json > ../was", shell_folder), 0);
      const char *words = words_of(&status, "%s run %s/a.yaml -q %s -o %s/f", shell_program(),
                                   shell_folder, fresh ? "--fresh" : "", shell_folder);
      expect_one_line(status, words, made[i]);
      cr_expect(strstr(words, "f/calibration.json: is no calibration that driftscope wrote"), "%s",
                words);
      cr_expect_eq(shell("cd %s/f && stat -c '%%F %%s %%Z' calibration.json | cmp - ../was && ls | "
                         "wc -l | grep -qx 1",
                         shell_folder),
                   0, "%s: %s", made[i], shell_output);
    }
}

Test(process, page_that_is_no_report_is_refused_by_name_and_left_as_it_is, .timeout = 120) {
  static const char *const page[] = {"report.md", "report.html", "tables.tex"},
                           *const made[] = {"echo '# notes on driftscope' > %s/f/%s",
                                            "mkdir %s/f/%s", "ln -s /dev/zero %s/f/%s",
                                            "mkfifo %s/f/%s"},
                           *const why[] = {"is no report that driftscope wrote",
                                           "is not a regular file", "is not a regular file",
                                           "is not a regular file"},
                           *const command[] = {"run $F/a.yaml -q", "report $F/o/results.h5"};
  setenv("F", shell_folder, 1);
  cr_assert_eq(shell(NO_FIGURES "%s run $F/a.yaml -q -o $F/o 2>&1", shell_program()), 0, "%s",
               shell_output);
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    for (size_t c = 0; c < sizeof command / sizeof *command; c++) {
      int status;
      char said[96];
      const char *name = page[(i + c) % 3];
      cr_assert_eq(shell("rm -rf $F/f && mkdir $F/f"), 0);
      cr_assert_eq(shell(made[i], shell_folder, name), 0);
      snprintf(said, sizeof said, "f/%s: %s", name, why[i]);
      const char *words = words_of(&status, "%s %s -o $F/f", shell_program(), command[c]);
      expect_one_line(status, words, command[c]);
      cr_expect(strstr(words, said), "%s", words);
      cr_expect_eq(shell("ls -A $F/f | wc -l | grep -qx 1"), 0, "%s: %s", made[i], command[c]);
    }
}

Test(process, calibration_of_another_setting_is_replaced_and_said_to_be, .timeout = 120) {
  cr_assert_eq(shell("sed 's/windows: 1/windows: 2/' %s/a.yaml > %s/two.yaml && ! cmp -s %s/a.yaml "
                     "%s/two.yaml",
                     shell_folder, shell_folder, shell_folder, shell_folder),
               0);
  cr_assert_eq(
      shell("%s run %s/two.yaml -q -o %s/o 2>&1", shell_program(), shell_folder, shell_folder), 0,
      "%s", shell_output);
  cr_assert_eq(
      shell("%s run %s/a.yaml --fresh -o %s/o 2>&1", shell_program(), shell_folder, shell_folder),
      0, "%s", shell_output);
  cr_expect(strstr(shell_output, "o/calibration.json: is of another model, text, setting or "
                                 "program: calibrated anew\n"),
            "%s", shell_output);
  cr_assert_eq(
      shell("%s run %s/a.yaml --fresh -o %s/o 2>&1", shell_program(), shell_folder, shell_folder),
      0, "%s", shell_output);
  cr_expect(strstr(shell_output, "scales of ") && !strstr(shell_output, "calibrated anew"), "%s",
            shell_output);
}

/* The report is made in a child that was forked while the journal was still locked. */
Test(process, journal_is_removed_also_where_the_report_takes_long, .timeout = 120) {
  cr_assert_eq(shell("mkdir %s/bin && printf '#!/bin/sh\nsleep 1\nexit 1\n' > %s/bin/gnuplot && "
                     "chmod +x %s/bin/gnuplot",
                     shell_folder, shell_folder, shell_folder),
               0);
  cr_assert_eq(shell("PATH=%s/bin:$PATH %s run %s/a.yaml -q -o %s/slow 2>&1", shell_folder,
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_neq(shell("cd %s/slow && find . | grep -E 'parts|partial|tmp'", shell_folder), 0, "%s",
                shell_output);
}

/* --- how threads wait ------------------------------------------------------------------------- */

enum { ENVIRONMENT = 1 << 16 };

/* What a process has in its environment under this name; NULL: nothing. */
static const char *variable_of(pid_t child, const char *name) {
  static char all[ENVIRONMENT];
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/environ", (long)child);
  FILE *file = fopen(path, "r");
  cr_assert(file, "%s: %s", path, strerror(errno));
  const size_t got = fread(all, 1, sizeof all - 1, file), length = strlen(name);
  fclose(file);
  cr_assert(got > 0 && got < sizeof all - 1);
  all[got] = 0;
  for (const char *at = all; at < all + got; at += strlen(at) + 1)
    if (!strncmp(at, name, length) && at[length] == '=') return at + length + 1;
  return NULL;
}

static void expect_variable(pid_t child, const char *name, const char *want) {
  const char *got = variable_of(child, name);
  cr_expect(want ? got && !strcmp(got, want) : !got, "%s: %s, not %s", name, got ? got : "unset",
            want ? want : "unset");
}

/* libgomp reads them before main: a program that sets them starts itself again. */
Test(process, threads_wait_a_moment_unless_somebody_said_how_they_wait, .timeout = 120) {
  static const struct {
    const char *policy, *spins, *policy_then, *spins_then;
  } cases[] = {{NULL, NULL, "passive", "1000"},
               {NULL, "7", "passive", "7"},
               {"active", NULL, "active", NULL},
               {"passive", NULL, "passive", NULL},
               {"active", "7", "active", "7"}};
  char spec[128], out[128], said[128];
  write_spec("long.yaml", LONG);
  snprintf(spec, sizeof spec, "%s/long.yaml", shell_folder);
  snprintf(said, sizeof said, "%s/said", shell_folder);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsetenv("OMP_WAIT_POLICY"), unsetenv("GOMP_SPINCOUNT");
    if (cases[i].policy) setenv("OMP_WAIT_POLICY", cases[i].policy, 1);
    if (cases[i].spins) setenv("GOMP_SPINCOUNT", cases[i].spins, 1);
    snprintf(out, sizeof out, "%s/waits%zu", shell_folder, i);
    const pid_t child = shell_run(spec, out, said);
    cr_assert(shell_wait_for(child, out, 1), "case %zu: it ended before it was looked at", i);
    expect_variable(child, "OMP_WAIT_POLICY", cases[i].policy_then);
    expect_variable(child, "GOMP_SPINCOUNT", cases[i].spins_then);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
  }
}
