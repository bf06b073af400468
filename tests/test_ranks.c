/* A run over the ranks of an MPI launcher: its results are those of one process, whatever the
 * number of ranks; a rank that fails or dies ends it with a line that names it, and the same
 * command goes on. Where the program was built without MPI, or mpirun is of another, there is
 * nothing to test. */
#include "tests/spread_run.h"

/* As root, and more ranks than cores: Open MPI's of two generations. */
static const char *const launch =
    "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
    "OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe "
    "timeout 60 mpirun";

static void begin(void) {
  spread_begin();
  shell("%s -n 2 %s modes 2>&1", launch, shell_program());
  if (!strstr(shell_output, "modes is not for 2 ranks")) cr_skip_test("no MPI: %s", shell_output);
}

TestSuite(ranks, .init = begin, .fini = made_shell_end, .timeout = 180);

static int run_ranks(int count, const char *out) {
  return shell("%s -n %d %s run %s -q -o %s 2>&1", launch, count, shell_program(), spread_spec,
               test_path(out));
}

Test(ranks, give_the_bytes_of_one_process_whatever_their_number) {
  for (int count = 1; count <= 4; count++) {
    const char *out = arena_printf(&test_arena, "r%d", count);
    const int status = run_ranks(count, out);
    cr_assert_eq(status, 0, "%d ranks: %d: %s", count, status, shell_output);
    spread_expect_whole(test_path(arena_printf(&test_arena, "%s/results.h5", out)), out);
    cr_expect_eq(shell("ls -A %s | grep -E 'parts|partial|tmp'", test_path(out)), 1, "left: %s",
                 shell_output);
  }
}

Test(ranks, report_what_is_finished_again) {
  cr_assert_eq(run_ranks(2, "r"), 0, "%s", shell_output);
  const int status =
      shell("%s -n 3 %s run %s -o %s 2>&1", launch, shell_program(), spread_spec, test_path("r"));
  cr_expect_eq(status, 0, "%d: %s", status, shell_output);
  SAYS("is there already, of this very run");
}

/* What rank 1 does: $P the program, $OUT the folder. */
static int run_with_odd_rank(const char *odd, const char *out) {
  return shell("P=%s OUT=%s; export P OUT; %s -n 3 sh -c '[ \"${OMPI_COMM_WORLD_RANK:-$PMI_RANK}\" "
               "!= 1 ] || { %s; }; exec $P run %s -q -o $OUT' 2>&1",
               shell_program(), test_path(out), launch, odd, spread_spec);
}

/* Rank 1 ends by these signals once the run has begun. On a busy machine the run may be through
 * before they come: then it is begun again. */
static int run_with_ended_rank(const char *signals, const char *first, const char *out) {
  int status = 0;
  for (int tries = 0; tries < 10 && status == 0; tries++) {
    shell("rm -rf %s", test_path(out));
    status = run_with_odd_rank(
        arena_printf(&test_arena,
                     "(while [ ! -e $OUT/results.h5.parts/run.json ]; do sleep 0.01; done; "
                     "kill -STOP $$; sleep 0.3; %s) & %s",
                     signals, first),
        out);
  }
  return status;
}

Test(ranks, that_is_killed_is_named_and_its_run_gone_on_with) {
  const int status = run_with_ended_rank("kill -KILL $$", "true", "k");
  cr_expect_neq(status, 0);
  SAYS("driftscope: rank 1 of 3 on ", " has died; the same command goes on");
  const int again = run_ranks(3, "k");
  cr_assert_eq(again, 0, "%d: %s", again, shell_output);
  spread_expect_gone_on(test_path("k/results.h5"), "gone on with");
}

Test(ranks, that_is_stopped_is_told_as_that) {
  for (int i = 0; i < 2; i++) {
    const char *number = i ? "INT" : "TERM", *out = arena_printf(&test_arena, "s%d", i);
    const int status = run_with_ended_rank(
        arena_printf(&test_arena, "kill -%s $$; kill -CONT $$", number), "trap - INT", out);
    cr_expect_neq(status, 0);
    SAYS("driftscope: rank 1 of 3 on ",
         arena_printf(&test_arena, " was stopped by SIG%s; the same command goes on", number));
    cr_expect(!strstr(shell_output, "has died"), "%s", shell_output);
  }
  const int again = run_ranks(3, "s0");
  cr_assert_eq(again, 0, "%d: %s", again, shell_output);
  spread_expect_gone_on(test_path("s0/results.h5"), "gone on with");
}

Test(ranks, that_fails_is_named_with_what_failed) {
  shell("cp %s %s && echo >>%s", shell_program(), test_path("program"), test_path("program"));
  shell("cp %s %s", shell_beside("driftscope_mpi.so"), test_path(""));
  const int status =
      run_with_odd_rank(arena_printf(&test_arena, "P=%s", test_path("program")), "f");
  cr_expect_eq(status, 2, "%d", status);
  SAYS("driftscope: rank 1 of 3 on ", "holds an unfinished run with other program");
  cr_expect(!strstr(shell_output, "rank 2 of 3"), "%s", shell_output);
}

/* One that stands in another folder sees what another host would see. */
Test(ranks, that_do_not_see_one_folder_are_refused) {
  const int status = shell("cd %s && mkdir elsewhere && %s -n 3 sh -c '"
                           "[ \"${OMPI_COMM_WORLD_RANK:-$PMI_RANK}\" != 2 ] || cd elsewhere; "
                           "exec %s run %s -q -o out' 2>&1",
                           test_path(""), launch, shell_program(), spread_spec);
  cr_expect_eq(status, 2, "%d", status);
  SAYS("driftscope: rank 2 of 3 on ", "out/results.h5.parts/run.json: is not seen here",
       "`run --shard I/N` and `merge`");
}

Test(ranks, all_of_which_fail_say_it_once) {
  const int status =
      shell("%s -n 3 %s run %s/none.yaml -q 2>&1", launch, shell_program(), test_path(""));
  const char *first = strstr(shell_output, "driftscope: ");
  cr_expect_eq(status, 2, "%d", status);
  cr_expect(first && strstr(first, "none.yaml") && !strstr(first + 1, "driftscope: "), "%s",
            shell_output);
}

Test(ranks, are_refused_by_commands_that_know_of_none) {
  static const char *const commands[] = {"eval", "bench", "report x.h5", "run x.yaml --dry-run",
                                         "run x.yaml --shard 1/2"};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    const int status = shell("%s -n 2 %s %s 2>&1", launch, shell_program(), commands[i]);
    cr_expect_eq(status, 2, "%s: %d: %s", commands[i], status, shell_output);
    SAYS("not for 2 ranks");
  }
}
