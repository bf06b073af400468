/* The program killed before a writing call, whichever, or in the middle of a write: it goes on from
 * all that was finished and ends the same. Two prompts, three layers, three modes, every study
 * there is, the report. */
#include <dirent.h>
#include <math.h>

#include "base/file.h"
#include "store/store.h"
#include "tests/disturbed_calls.h"
#include "tests/every_study.h"
#include "tests/share.h"
#include "tests/shell.h"
#include "tests/small_run.h"

TestSuite(crash, .init = small_run_begin, .fini = made_shell_end);

static const char *exhaustive(void) { return getenv("DRIFTSCOPE_EXHAUSTIVE"); }

/* --- every writing call ----------------------------------------------------------------------- */

typedef struct Command {
  const char *word, *file, *folder; /* run SPEC -o FOLDER -q, report FILE -o FOLDER */
  bool draws;                       /* gnuplot may be found */
} Command;

static void start(void *context) {
  const Command *c = context;
  setenv("OMP_WAIT_POLICY", "passive", 1); /* so the program does not start itself again */
  if (!c->draws) setenv("PATH", "", 1);
  if (!freopen("/dev/null", "w", stdout)) _exit(9);
  execl(shell_program(), "driftscope", c->word, c->file, "-o", c->folder,
        c->draws ? (char *)NULL : "-q", (char *)NULL);
}

static Disturbed meet(const Command *command, int n, Disturbance how) {
  static const char *const ends[] = {".entry", ".note", NULL};
  return disturbed(&(Disturb){.calls = calls_that_write, .at = n, .how = how, .ends = ends}, start,
                   (void *)command);
}

typedef struct Kills {
  int kills, torn, gone_on, ended;
} Kills;

/* What was finished and is made again: at most what was being given its name as the kill came. A
 * walk that was killed at its very end leaves no list of the rows that were judged last. */
static void expect_nothing_again(const Disturbed *whole, const Disturbed *first,
                                 const Disturbed *second, int n) {
  const int again = first->named + second->named - whole->named;
  const bool naming = first->calls > 1 && (first->number[first->calls - 2] == SYS_renameat2 ||
#ifdef SYS_renameat
                                           first->number[first->calls - 2] == SYS_renameat ||
#endif
                                           false);
  cr_expect(again == 0 || again == -1 || (again == 1 && naming),
            "call %d: %d layers, prompts and windows stood, %d of %d were made again", n,
            first->named, second->named, whole->named);
}

static void kill_one(const Command *command, const Disturbed *whole, const char *want, int n,
                     Disturbance how, Kills *sum) {
  const char *results = arena_printf(&test_arena, "%s/results.h5", command->folder), *said;
  shell("rm -rf %s", command->folder);
  const Disturbed first = meet(command, n, how);
  cr_assert(WIFSIGNALED(first.status), "call %d: status %x", n, (unsigned)first.status);
  const bool named = file_exists(results);
  if (named)
    cr_expect(every_cell_equal(&test_arena, want, results, &said), "call %d: named, and %s", n,
              said);
  const Disturbed second = meet(command, 0, KILLED);
  cr_assert(second.status == 0, "call %d: going on ends with status %x", n,
            (unsigned)second.status);
  expect_nothing_again(whole, &first, &second, n);
  const bool same = went_on_the_same(&test_arena, want, results, &said);
  cr_expect(same, "call %d: %s", n, said);
  cr_expect_eq(shell("ls -A %s | grep -E 'parts|partial|tmp'", command->folder), 1,
               "call %d: left: %s", n, shell_output);
  sum->kills++, sum->torn += how == TORN, sum->ended += same;
  sum->gone_on += !named && first.named > 0;
}

/* Every call where DRIFTSCOPE_EXHAUSTIVE is set, else one in `step`. */
static void kill_everywhere(const char *spec, bool tears, int step) {
  Command command = {"run", spec, test_path("whole"), false};
  const char *want = test_path("whole/results.h5");
  const Disturbed whole = meet(&command, 0, KILLED);
  if (disturbed_unfiltered(&whole)) cr_skip_test("no seccomp filters here");
  cr_assert(whole.status == 0 && whole.calls < DISTURBED_MOST, "status %x, %d calls",
            (unsigned)whole.status, whole.calls);
  Kills sum = {0};
  command.folder = test_path("out");
  for (int n = 1; n <= whole.calls; n += exhaustive() ? 1 : step) {
    if (!share_has_next()) continue;
    const Arena kept = test_arena;
    kill_one(&command, &whole, want, n, KILLED, &sum);
    if (tears && whole.can_tear[n - 1]) kill_one(&command, &whole, want, n, TORN, &sum);
    test_arena = kept;
  }
  cr_expect(sum.gone_on >= sum.kills / 4, "%d kills, %d times gone on with something finished",
            sum.kills, sum.gone_on);
  cr_log_info("%d kills at %d writing calls, %d of them in the middle of a write, %d times gone on "
              "with something finished, %d ended the same",
              sum.kills, whole.calls, sum.torn, sum.gone_on, sum.ended);
}

static const char *spec_with(const char *keys) {
  return small_spec("s.yaml", arena_printf(&test_arena, "%s%s", every_study, keys));
}

Test(crash, killed_before_or_in_a_writing_call_the_program_loses_nothing_and_ends_the_same,
     .timeout = 7200) {
  small_model(3);
  kill_everywhere(spec_with(every_cost), true, 79);
}

Test(crash, killed_before_a_writing_call_while_syncing_the_program_loses_nothing_and_ends_the_same,
     .timeout = 7200) {
  small_model(3);
  kill_everywhere(spec_with(arena_printf(&test_arena, "%sdurability: power\n", every_cost)), false,
                  331);
}

Test(crash, killed_before_a_writing_call_where_no_layer_stays_it_loses_nothing_and_ends_the_same,
     .timeout = 7200) {
  small_model(3);
  Status st = {0};
  const long long least = every_least_memory(test_arena, spec_with(""), &st);
  cr_assert(least, "%s", st.text);
  kill_everywhere(spec_with(arena_printf(&test_arena, "memory: %lld\n", least + 4096)), false, 167);
}

/* Two passes of three layers, two tensors each; another dump where `more` is another. */
static void write_dump(const char *name, float more) {
  enum { PASSES = 2, LAYERS = 3, TENSORS = 2, VALUES = 12 };
  static float value[PASSES * LAYERS * TENSORS * VALUES];
  char *header = arena_alloc(&test_arena, 4096, 1), *at = header;
  for (int i = 0; i < PASSES * LAYERS * TENSORS; i++) {
    for (int k = 0; k < VALUES; k++)
      value[i * VALUES + k] = (float)((i * 5 + k * 3) % 17 - 8) + more * (float)(i % 3 + k);
    at += sprintf(at, "%s\"step%d/layers.%d.%c\":{\"dtype\":\"F32\",\"shape\":[4,3],",
                  i ? "," : "{", i / (LAYERS * TENSORS), i / TENSORS % LAYERS, "xy"[i % TENSORS]);
    at += sprintf(at, "\"data_offsets\":[%zu,%zu]}", i * sizeof(float[VALUES]),
                  (i + 1) * sizeof(float[VALUES]));
  }
  strcpy(at, "}");
  test_write_safetensors(name, header, value, sizeof value);
}

Test(crash, killed_before_or_in_a_writing_call_while_dumps_are_compared_it_ends_the_same,
     .timeout = 7200) {
  write_dump("a.safetensors", 0);
  write_dump("b.safetensors", 0.0625f);
  static const char spec[] =
      "title: Disturbed\nsources:\n"
      "  a: {dump: a.safetensors, names: \"step{pass}/layers.{layer}.{tensor}\"}\n"
      "  b: {dump: b.safetensors, names: \"step{pass}/layers.{layer}.{tensor}\"}\n"
      "pairs: [[a, b]]\n";
  kill_everywhere(test_write("s.yaml", spec, strlen(spec)), true, 23);
}

/* --- what a report starts --------------------------------------------------------------------- */

/* Its child, and gnuplot: a report that was killed is made again whole. Every call where
 * DRIFTSCOPE_EXHAUSTIVE is set, else one in 67. */
Test(crash, killed_before_a_writing_call_a_report_with_its_figures_is_made_again_whole,
     .timeout = 7200) {
  small_model(2);
  const char *spec = small_spec("s.yaml", "pairs: [[2-0, 2-4]]\nkeep: {tensors: [scan]}\n"),
             *results = test_path("r/results.h5");
  cr_assert_eq(
      shell("PATH= %s run %s -q -o %s 2>&1 >/dev/null", shell_program(), spec, test_path("r")), 0,
      "%s", shell_output);
  Command command = {"report", results, test_path("whole"), true};
  const Disturbed whole = meet(&command, 0, KILLED);
  if (disturbed_unfiltered(&whole)) cr_skip_test("no seccomp filters here");
  cr_assert(whole.status == 0, "status %x", (unsigned)whole.status);
  command.folder = test_path("out");
  int kills = 0;
  for (int n = 1; n <= whole.calls; n += exhaustive() ? 1 : 67) {
    if (!share_has_next()) continue;
    shell("rm -rf %s", command.folder);
    const Disturbed first = meet(&command, n, KILLED);
    cr_assert(WIFSIGNALED(first.status), "call %d: status %x", n, (unsigned)first.status);
    const Disturbed second = meet(&command, 0, KILLED);
    cr_expect(second.status == 0, "call %d: then status %x", n, (unsigned)second.status);
    cr_expect_eq(shell("diff -r %s %s", test_path("whole"), command.folder), 0, "call %d: %s", n,
                 shell_output);
    kills++;
  }
  cr_log_info("%d kills at %d writing calls of a report and what it starts", kills, whole.calls);
}

/* --- at any moment ---------------------------------------------------------------------------- */

static int entries_in(const char *folder) {
  DIR *list = opendir(arena_printf(&test_arena, "%s/results.h5.parts", folder));
  int count = 0;
  for (struct dirent *entry; list && (entry = readdir(list));) {
    const char *end = strrchr(entry->d_name, '.');
    count += end && !strcmp(end, ".entry");
  }
  if (list) closedir(list);
  return count;
}

/* Runs it and sends it a signal (0: none) after so many seconds: its own process alone, or all that
 * it started with it, as a terminal does. False where it had ended before; the status of waitpid.
 */
static bool stopped_after(const Command *command, double seconds, int number, int *status) {
  fflush(NULL);
  pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    setpgid(0, 0);
    start((void *)command);
    _exit(9);
  }
  setpgid(child, child);
  const struct timespec pause = {.tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
  nanosleep(&pause, NULL);
  const bool alive = waitpid(child, status, number ? WNOHANG : 0) == 0;
  if (!alive) return false;
  kill(number == SIGKILL ? child : -child, number);
  cr_assert(waitpid(child, status, 0) == child);
  return WIFSIGNALED(*status);
}

/* Again and again, and in what goes on from there: SIGKILL, now and then SIGINT or SIGTERM; 1,000
 * where DRIFTSCOPE_EXHAUSTIVE is set, else a few. */
Test(crash, stopped_at_random_moments_again_and_again_it_goes_on_and_ends_the_same,
     .timeout = 7200) {
  static const int numbers[] = {SIGKILL, SIGKILL, SIGKILL, SIGINT, SIGTERM};
  small_model(3);
  Command command = {"run", spec_with(every_cost), test_path("whole"), false};
  const char *want = test_path("whole/results.h5"), *said;
  const int most = exhaustive() ? share_of(1000) : 8;
  int status, stops = 0, resumed = 0, by[NSIG] = {0};
  uint64_t state = 11 + (unsigned)share_here().index;
  const double began = clock_s();
  cr_assert(!stopped_after(&command, 0, 0, &status) && status == 0, "status %x", (unsigned)status);
  const double whole_s = clock_s() - began;
  command.folder = test_path("out");
  while (stops < most) {
    const Arena kept = test_arena;
    shell("rm -rf %s", command.folder);
    for (int attempt = 0, stood = 0; attempt < 4; attempt++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const double share = (double)(state >> 40) / 0x1p24;
      const int number = numbers[(state >> 20) % 5];
      if (!stopped_after(&command, 1.05 * whole_s * share, number, &status)) break;
      cr_expect_eq(WTERMSIG(status), number);
      stops++, by[number]++, resumed += stood > 0;
      const int stand = entries_in(command.folder);
      const char *results = arena_printf(&test_arena, "%s/results.h5", command.folder);
      cr_expect(stand >= stood || file_exists(results), "of %d finished layers %d stand", stood,
                stand);
      stood = stand;
    }
    cr_expect(WIFSIGNALED(status) || status == 0, "status %x", (unsigned)status);
    stopped_after(&command, 0, 0, &status);
    cr_expect(status == 0, "going on ends with status %x", (unsigned)status);
    cr_expect(went_on_the_same(&test_arena, want,
                               arena_printf(&test_arena, "%s/results.h5", command.folder), &said),
              "%s", said);
    cr_expect_eq(shell("ls -A %s | grep -E 'parts|partial|tmp'", command.folder), 1, "left: %s",
                 shell_output);
    test_arena = kept;
  }
  cr_log_info(
      "%d stops (%d SIGKILL, %d SIGINT, %d SIGTERM), %d of them where finished layers stood", stops,
      by[SIGKILL], by[SIGINT], by[SIGTERM], resumed);
}
