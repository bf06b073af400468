/* The program killed before a writing call, whichever: it goes on from all that was finished and
 * ends the same. Two prompts, three layers, two modes, swaps, an evaluation of three windows,
 * operators alone, the report. */
#include "killed_calls.h"
#include "made_model.h"
#include "shell.h"

static void begin(void) {
  shell_begin();
  test_files_begin();
}

static void end(void) {
  test_files_end();
  shell_end();
}

TestSuite(crash, .init = begin, .fini = end);

static void write_run(void) {
  write_shard(model_of_layers("F32", 3), "model.safetensors", 0, false);
  CONFIG("num_hidden_layers", "3");
  static const char
      text[] = "0 3 5 1 1 4 2 0 5 5 3 1 0 2 4 4 1 3 0 5 2 2 1 4 3 0 1 5 4 2 3 3 0 1 2 5 4 1 0 3",
      a[] = "0 3 5 1 1 4 2", b[] = "5 5 3 1 0 2 4 4 1",
      spec[] =
          "title: Killed\n"
          "model: .\n"
          "calibration: {tokens: text.txt, windows: 2, length: 8}\n"
          "prompts: [{name: a, tokens: a.txt}, {name: b, tokens: b.txt}]\n"
          "pairs: [[2-0, 2-4]]\n"
          "swaps: [{pair: [2-0, 2-4]}]\n"
          "evaluation: {tokens: text.txt, windows: 3, length: 6, modes: [2-0, 2-4]}\n"
          "cost: {lengths: [4], repeats: 1, modes: [2-0]}\n"
          "micro: [{operator: conv1d, inputs: [captured, normal], layers: [0], shapes: [4x8]}]\n"
          "backend: cpu\n"
          "threads: 1\n";
  test_write("text.txt", text, strlen(text));
  test_write("a.txt", a, strlen(a));
  test_write("b.txt", b, strlen(b));
  test_write("s.yaml", spec, strlen(spec));
}

/* Runs it into a folder; killed before the n-th writing call of the program and what it starts; 0:
 * never. */
static Killed run(const char *folder, int n) {
  static const char *const ends[] = {".entry", ".note", NULL};
  const char *spec = test_path("s.yaml"), *program = shell_program();
  pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    setenv("OMP_WAIT_POLICY", "passive", 1); /* so the program does not start itself again */
    setenv("PATH", "", 1); /* no gnuplot: its plots are not what is looked at here */
    if (!freopen("/dev/null", "w", stdout) || !killable()) _exit(9);
    execl(program, "driftscope", "run", spec, "-q", "-o", folder, (char *)NULL);
    _exit(8);
  }
  return kill_at(child, n, ends);
}

/* Of entries and notes, how many stand. */
static int standing(const char *folder) {
  cr_assert_eq(
      shell("ls %s/results.h5.parts 2>/dev/null | grep -cE '[.](entry|note)$'", folder) > 1, 0);
  return atoi(shell_output);
}

/* Every call where DRIFTSCOPE_EXHAUSTIVE is set, else one in 79. */
Test(crash, killed_before_a_writing_call_the_program_loses_nothing_finished_and_ends_the_same,
     .timeout = 7200) {
  const int step = getenv("DRIFTSCOPE_EXHAUSTIVE") ? 1 : 79;
  write_run();
  const char *whole = test_path("whole"), *folder = test_path("out");
  const Killed undisturbed = run(whole, 0);
  if (WIFEXITED(undisturbed.status) && WEXITSTATUS(undisturbed.status) == 9)
    cr_skip_test("no seccomp filters here");
  cr_assert(undisturbed.status == 0, "status %x", (unsigned)undisturbed.status);
  int kills = 0, gone_on = 0, ended = 0;
  for (int n = 1; n <= undisturbed.calls; n += step, kills++) {
    shell("rm -rf %s", folder);
    Killed first = run(folder, n);
    cr_assert(WIFSIGNALED(first.status), "call %d: status %x", n, (unsigned)first.status);
    const bool named = shell("test -e %s/results.h5", folder) == 0;
    const int stood = standing(folder);
    Killed second = run(folder, 0);
    cr_assert(second.status == 0, "call %d: going on ends with status %x", n,
              (unsigned)second.status);
    if (!named)
      cr_expect(second.named == undisturbed.named - stood,
                "call %d: %d layers, prompts and windows stood, %d of %d were "
                "made again",
                n, stood, second.named, undisturbed.named);
    gone_on += !named && stood > 0;
    int status = shell("%s report %s/results.h5 %s/results.h5 -o %s 2>&1", shell_program(), whole,
                       folder, test_path("compared"));
    const bool same = status == 0 && strstr(shell_output, "nothing changed");
    cr_expect(same, "call %d: %s", n, shell_output);
    ended += same;
    cr_expect_neq(
        shell("test -e %s/results.h5.parts || test -e %s/results.h5.partial", folder, folder), 0,
        "call %d: something is left", n);
  }
  cr_expect(gone_on >= kills / 4, "%d kills, %d times gone on with something finished", kills,
            gone_on);
  cr_log_info(
      "%d of %d writing calls killed, %d times gone on with something finished, %d ended the same",
      kills, undisturbed.calls, gone_on, ended);
}
