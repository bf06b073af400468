/* The n-th piece of memory that is asked of an arena finds no room: the command ends with 2 and one
 * line, what stands on disk is whole, and the next start ends as if nothing had been. It is met
 * wherever it is asked for: in the command, in a thread of it or in a child. */
#include <fcntl.h>
#include <sys/mman.h>

#include "base/file.h"
#include "store/store.h"
#include "tests/every_study.h"
#include "tests/failing_arena.h"
#include "tests/share.h"
#include "tests/shell.h"
#include "tests/small_run.h"

static void begin(void) {
  small_run_begin();
  setenv("OMP_WAIT_POLICY", "passive", 1); /* so the program does not start itself again */
  setenv("PATH", "", 1);                   /* no gnuplot: it asks for nothing */
  failing_arena_count = mmap(NULL, sizeof *failing_arena_count, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* the children's too */
  cr_assert(failing_arena_count != MAP_FAILED);
}

TestSuite(failing_arena, .init = begin, .fini = made_shell_end);

typedef struct Command {
  const char *word[16];     /* ended by NULL */
  const char *folder;       /* that it writes; NULL: none */
  bool runs;                /* into results.h5 there */
  int step;                 /* one piece in so many, of all */
  int few;                  /* so many pieces are met where not all are */
  const char *said, *words; /* where standard output and error go */
  const char *want;         /* of a run its results, of others the folder, or what is said */
} Command;

/* Its exit status; -1: a signal. */
static int run_without(const Command *c, long piece) {
  int status, count = 0;
  while (c->word[count]) count++;
  atomic_store(failing_arena_count, 0);
  failing_arena_at = piece;
  fflush(NULL);
  pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    alarm(120);
    const int said = open(c->said, O_WRONLY | O_CREAT | O_TRUNC, 0666),
              words = open(c->words, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (dup2(said, 1) < 0 || dup2(words, 2) < 0) _exit(9);
    close_range(3, ~0u, 0);
    const int ends = program_main(count, (char **)(uintptr_t)c->word);
#ifdef DS_SANITIZE
    fflush(NULL),
        _exit(ends); /* what looks for leaks sees threads of the test runner, and says so */
#else
    exit(ends);
#endif
  }
  cr_assert(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *text_of(const char *path) {
  Bytes text;
  Status st = {0};
  cr_assert(file_read(&test_arena, path, 1 << 20, &text, &st), "%s", st.text);
  return text.data;
}

static void remove_folder(const Command *c) {
  if (c->folder) nftw(c->folder, shell_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void expect_whole(const Command *c, const char *case_name) {
  const char *said;
  if (c->runs)
    cr_expect(went_on_the_same(&test_arena, c->want,
                               arena_printf(&test_arena, "%s/results.h5", c->folder), &said),
              "%s: %s", case_name, said);
  else if (c->folder)
    cr_expect_eq(shell("/usr/bin/diff -r %s %s", c->want, c->folder), 0, "%s: %s", case_name,
                 shell_output);
  else
    cr_expect_str_eq(text_of(c->said), c->want, "%s", case_name);
}

static void meet(const Command *c, long piece) {
  const char *case_name = arena_printf(&test_arena, "%s, piece %ld", c->word[1], piece);
  remove_folder(c);
  const int status = run_without(c, piece);
  const char *words = text_of(c->words), *end = strchr(words, '\n');
  cr_expect_eq(status, 2, "%s: status %d, %s", case_name, status, words);
  cr_expect(!strncmp(words, "driftscope: ", 12) && end && !end[1], "%s: %s", case_name, words);
  if (c->runs && file_exists(arena_printf(&test_arena, "%s/results.h5", c->folder)))
    expect_whole(c, case_name);
  const int then = run_without(c, 0);
  cr_expect_eq(then, 0, "%s: then status %d, %s", case_name, then, text_of(c->words));
  expect_whole(c, case_name);
  if (c->folder)
    cr_expect(shell("cd %s && /usr/bin/find . | /usr/bin/grep -E 'parts|partial|tmp'", c->folder),
              "%s: left: %s", case_name, shell_output);
}

/* Every one (of a comparison, which is a run, every third) where DRIFTSCOPE_EXHAUSTIVE is set, else
 * a few. */
static void meet_all(Command *c) {
  c->said = test_path("said"), c->words = test_path("words");
  cr_assert_eq(run_without(c, 0), 0, "%s", text_of(c->words));
  const long pieces = atomic_load(failing_arena_count),
             step = getenv("DRIFTSCOPE_EXHAUSTIVE") ? c->step : pieces / c->few;
  if (c->folder) {
    c->want = test_path("want");
    cr_assert(rename(c->folder, c->want) == 0);
    if (c->runs) c->want = test_path("want/results.h5");
  } else {
    c->want = text_of(c->said);
  }
  int met = 0;
  for (long piece = 1 + step / 2; piece <= pieces; piece += step) {
    if (!share_has_next()) continue;
    const Arena kept = test_arena;
    meet(c, piece);
    test_arena = kept, met++;
  }
  cr_log_info("%s: %ld calls for memory, %d of them found no room", c->word[1], pieces, met);
}

static const char *write_spec(void) {
  small_model(2);
  return small_spec("s.yaml",
                    "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\n"
                    "evaluation: {tokens: text.txt, windows: 1, length: 6, modes: [2-0]}\n");
}

Test(failing_arena, ends_a_run_with_one_line_and_the_next_start_ends_the_same, .timeout = 7200) {
  const char *spec = write_spec(), *out = test_path("out");
  meet_all(&(Command){.word = {"driftscope", "run", spec, "-q", "-o", out},
                      .folder = out,
                      .runs = true,
                      .step = 1,
                      .few = 3});
}

Test(failing_arena, ends_a_comparison_with_one_line, .timeout = 7200) {
  const char *out = test_path("out");
  small_model(2);
  meet_all(&(Command){.word = {"driftscope", "compare", "--length=6", "-o", out, "-q", "2-0", "2-4",
                               "--threads=1", arena_printf(&test_arena, "--model=%s", test_folder),
                               arena_printf(&test_arena, "--tokens=%s", test_path("a.txt")),
                               arena_printf(&test_arena, "--calibration=%s", small_long_text())},
                      .folder = out,
                      .runs = true,
                      .step = 3,
                      .few = 1});
}

Test(failing_arena, ends_a_plan_with_one_line, .timeout = 7200) {
  meet_all(&(Command){.word = {"driftscope", "validate", write_spec()}, .step = 1, .few = 5});
}

Test(failing_arena, ends_a_report_with_one_line, .timeout = 7200) {
  const char *spec = write_spec(), *out = test_path("out");
  cr_assert_eq(shell("%s run %s -q -o %s 2>&1 >/dev/null", shell_program(), spec, test_path("r")),
               0, "%s", shell_output);
  meet_all(&(Command){.word = {"driftscope", "report", test_path("r/results.h5"), "-o", out, NULL},
                      .folder = out,
                      .step = 1,
                      .few = 2});
}
