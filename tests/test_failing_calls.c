/* The n-th system call of a kind fails, once or from then on, to the end of a command: what did not
 * matter costs nothing, the rest is exit status 2 and one line that says what failed; no signal, no
 * waiting, no results file that is not whole; and the next start ends as if nothing had been. */
#include <sys/stat.h>

#include "base/file.h"
#include "store/store.h"
#include "tests/disturbed_calls.h"
#include "tests/every_study.h"
#include "tests/share.h"
#include "tests/shell.h"
#include "tests/small_run.h"

TestSuite(failing_calls, .init = small_run_begin, .fini = made_shell_end);

typedef struct Kind {
  const char *name;
  int error;
  const int *calls;
  bool any_words; /* libraries, and who asks whether a file is there, have words of their own */
} Kind;

#define CALLS(...) ((const int[]){__VA_ARGS__, -1})
#ifdef SYS_open
#define OLD(...) , __VA_ARGS__ /* the calls that newer machines do not have */
#else
#define OLD(...)
#endif
static const Kind kinds[] = {
    {"open", EMFILE, CALLS(SYS_openat OLD(SYS_open)), false},
    {"read", EIO, CALLS(SYS_read, SYS_pread64, SYS_readv, SYS_preadv), false},
    {"map", ENOMEM, CALLS(SYS_mmap), true},
    {"memory", ENOMEM, CALLS(SYS_mmap, SYS_brk, SYS_mremap), true},
    {"write", ENOSPC, CALLS(SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev), false},
    {"close", EIO, CALLS(SYS_close), false},
    {"sync", EIO, CALLS(SYS_fsync, SYS_fdatasync), false},
    {"rename", EIO, CALLS(SYS_renameat2 OLD(SYS_rename, SYS_renameat)), false},
    {"size", ENOSPC, CALLS(SYS_ftruncate, SYS_fallocate), false},
    {"unlink", EIO, CALLS(SYS_unlinkat OLD(SYS_unlink, SYS_rmdir)), false},
    {"mkdir", ENOSPC, CALLS(SYS_mkdirat OLD(SYS_mkdir)), false},
    {"stat", EIO, CALLS(SYS_newfstatat, SYS_fstat, SYS_statfs OLD(SYS_stat, SYS_access)), true},
    {"lock", ENOLCK, CALLS(SYS_flock), false},
    {"process", EAGAIN, CALLS(SYS_clone, SYS_clone3 OLD(SYS_fork, SYS_vfork)), true},
};

typedef struct Command {
  const char *word[16];     /* ended by NULL */
  const char *said, *words; /* where standard output and error go */
  const char *folder;       /* of a run, else NULL */
  int step;                 /* one call in so many, of all */
  int turn;                 /* of which kinds one call is tried in any case */
  const char *want;         /* the results of an undisturbed one; of what is no run, what it says */
} Command;

static void start(void *context) {
  const Command *c = context;
  setenv("OMP_WAIT_POLICY", "passive", 1); /* so the program does not start itself again */
  setenv("PATH", "", 1);                   /* no gnuplot: its calls are not ours */
#ifdef DS_SANITIZE
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it opens files at the end, which fails too */
#endif
  if (!freopen(c->said, "w", stdout) || !freopen(c->words, "w", stderr)) _exit(9);
  execv(shell_program(), (char *const *)c->word);
}

typedef struct Outcomes {
  int calls, tried, done, refused;
} Outcomes;

static Disturbed meet(const Command *command, const Kind *kind, int n, Disturbance how) {
  return disturbed(&(Disturb){.calls = kind->calls,
                              .at = n,
                              .how = how,
                              .error = kind->error,
                              .from_main = true,
                              .limit_s = 120},
                   start, (void *)command);
}

static const char *text_of(const char *path) {
  Bytes text;
  Status st = {0};
  cr_assert(file_read(&test_arena, path, 1 << 20, &text, &st), "%s", st.text);
  return text.data;
}

/* What stands there is whole: the tables of a run, the lines of what is none. */
static void expect_whole(const Command *c, const char *case_name) {
  if (!c->folder) {
    cr_expect_str_eq(text_of(c->said), c->want, "%s", case_name);
    return;
  }
  const char *results = arena_printf(&test_arena, "%s/results.h5", c->folder), *said;
  if (!file_exists(results))
    cr_expect_fail("%s: there are no results", case_name);
  else
    cr_expect(went_on_the_same(&test_arena, c->want, results, &said), "%s: %s", case_name, said);
}

static void expect_nothing_left(const Command *c, const char *case_name) {
  if (!c->folder) return;
  cr_expect(shell("cd %s && find . | grep -E 'parts|partial|tmp'", c->folder) != 0, "%s: left: %s",
            case_name, shell_output);
}

/* OpenMP's library says a line of its own before it leaves. */
static void expect_one_line(const char *words, const Kind *kind, const char *case_name) {
  static const char openmp[] = "\nlibgomp: ";
  const char *reason = strerror(kind->error);
  if (kind->any_words && !strncmp(words, openmp, strlen(openmp)))
    words = strchr(words + 1, '\n') + 1;
  const char *end = strchr(words, '\n');
  cr_expect(!strncmp(words, "driftscope: ", 12) && end && !end[1], "%s: %s", case_name, words);
  cr_expect(kind->any_words || strstr(words, reason), "%s: no word of '%s': %s", case_name, reason,
            words);
}

static void fail_one(const Command *c, const Kind *kind, int n, bool on, Outcomes *sum) {
  if (c->folder) shell("rm -rf %s", c->folder);
  const Disturbed one = meet(c, kind, n, on ? FAILING_ON : FAILING);
  const char *case_name = arena_printf(&test_arena, "%s: %s %d%s, call %d", c->word[1], kind->name,
                                       n, on ? " and all that follow" : "", one.number[n - 1]),
             *words = text_of(c->words);
  const int status = WIFEXITED(one.status) ? WEXITSTATUS(one.status) : -1;
  cr_expect(!one.late, "%s: has not ended", case_name);
  cr_expect(status == 0 || status == 2, "%s: status %x, %s", case_name, (unsigned)one.status,
            words);
  sum->tried++, sum->done += status == 0, sum->refused += status == 2;
  if (status == 0) {
    cr_expect_str_empty(words, "%s", case_name);
    expect_whole(c, case_name);
    return;
  }
  expect_one_line(words, kind, case_name);
  if (c->folder && file_exists(arena_printf(&test_arena, "%s/results.h5", c->folder)))
    expect_whole(c, case_name);
  const Disturbed again = meet(c, kind, 0, FAILING);
  cr_expect(again.status == 0, "%s: then %s", case_name, text_of(c->words));
  expect_whole(c, case_name);
  expect_nothing_left(c, case_name);
}

/* Every call of every kind (of a comparison, which is a run, every third), once and from then on,
 * where DRIFTSCOPE_EXHAUSTIVE is set; else one of every fifth kind. */
static void fail_everywhere(Command *c) {
  const bool all = getenv("DRIFTSCOPE_EXHAUSTIVE");
  const int step = all ? c->step : DISTURBED_MOST;
  c->said = test_path("said"), c->words = test_path("words");
  const Disturbed first = meet(c, &kinds[0], 0, FAILING);
  if (disturbed_unfiltered(&first)) cr_skip_test("no seccomp filters here");
  c->want = text_of(c->said);
  if (c->folder) {
    c->want = test_path("want.h5");
    cr_assert(rename(test_path("out/results.h5"), c->want) == 0, "%s", text_of(c->words));
  }
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    if (!all && k % 5 != (size_t)c->turn) continue;
#ifdef DS_SANITIZE
    if (kinds[k].error == ENOMEM)
      continue; /* the sanitizer itself asks for it, and ends the process where it gets none */
#endif
    Outcomes sum = {0};
    if (c->folder) shell("rm -rf %s", c->folder);
    const Disturbed whole = meet(c, &kinds[k], 0, FAILING);
    cr_assert(whole.status == 0 && whole.calls < DISTURBED_MOST, "status %x: %s",
              (unsigned)whole.status, text_of(c->words));
    for (int n = all ? 1 : whole.calls * 2 / 3; n && n <= whole.calls; n += step) {
      if (!share_has_next()) continue;
      const Arena kept = test_arena;
      if (all || k % 2) fail_one(c, &kinds[k], n, false, &sum);
      if (all || !(k % 2)) fail_one(c, &kinds[k], n, true, &sum);
      test_arena = kept;
    }
    cr_log_info("%s, %s: %d calls, %d cases, %d of them done all the same, %d refused", c->word[1],
                kinds[k].name, whole.calls, sum.tried, sum.done, sum.refused);
  }
}

Test(failing_calls, of_a_run_end_it_with_one_line_and_the_next_start_ends_the_same,
     .timeout = 7200) {
  small_model(2);
  const char *spec =
      small_spec("s.yaml", "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\ndurability: power\n"
                           "evaluation: {tokens: text.txt, windows: 1, length: 6, modes: [2-0]}\n");
  fail_everywhere(&(Command){.step = 1,
                             .word = {"driftscope", "run", spec, "-o", test_path("out"), "-q"},
                             .folder = test_path("out")});
}

Test(failing_calls, of_a_comparison_end_it_with_one_line, .timeout = 7200) {
  small_model(2);
  fail_everywhere(&(Command){
      .step = 3,
      .turn = 1,
      .word = {"driftscope", "compare", "--length=6", "-o", test_path("out"), "-q", "2-0", "2-4",
               "--threads=1", arena_printf(&test_arena, "--model=%s", test_folder),
               arena_printf(&test_arena, "--tokens=%s", test_path("a.txt")),
               arena_printf(&test_arena, "--calibration=%s", small_long_text())},
      .folder = test_path("out")});
}

Test(failing_calls, of_an_evaluation_end_it_with_one_line, .timeout = 7200) {
  small_model(2);
  fail_everywhere(
      &(Command){.step = 1,
                 .turn = 2,
                 .word = {"driftscope", "eval", "-q", "--mode=2-0", "--threads=1", "--windows=2",
                          "--window-length=8", arena_printf(&test_arena, "--model=%s", test_folder),
                          arena_printf(&test_arena, "--tokens=%s", test_path("text.txt")),
                          arena_printf(&test_arena, "--calibration=%s", small_long_text())}});
}

Test(failing_calls, of_a_plan_end_it_with_one_line, .timeout = 7200) {
  small_model(2);
  const char *spec = small_spec("s.yaml", "pairs: [[2-0, 2-4]]\nmemory: 1 GB\n");
  fail_everywhere(&(Command){.step = 1, .turn = 3, .word = {"driftscope", "validate", spec}});
}

Test(failing_calls, of_a_report_end_it_with_one_line, .timeout = 7200) {
  small_model(2);
  const char *spec = small_spec("s.yaml", "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\n");
  cr_assert_eq(shell("%s run %s -q -o %s 2>&1 >/dev/null", shell_program(), spec, test_path("r")),
               0, "%s", shell_output);
  fail_everywhere(&(Command){
      .step = 1, .turn = 4, .word = {"driftscope", "report", test_path("r/results.h5")}});
}

Test(failing_calls, of_a_dumps_listing_end_it_with_one_line, .timeout = 7200) {
  fail_everywhere(&(Command){
      .step = 1,
      .turn = 4,
      .word = {"driftscope", "dump", "list", "tests/dumps/kinds_2.pt", "--names={tensor}"}});
}
