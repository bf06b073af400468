/* A study in parts: which prompts are whose, that parts together are the one run, and what is
 * refused of parts that are not all of one. */
#include "base/deal.h"
#include "tests/spread_run.h"

TestSuite(parts, .init = spread_begin, .fini = made_shell_end);

Test(deal, every_item_is_one_shards_and_each_shard_finds_its_own_again) {
  for (int shards = 1; shards < 9; shards++)
    for (int items = 0; items < 20; items++) {
      int taken[20] = {0};
      for (int s = 1; s <= shards; s++) {
        Shard shard = {.shard = s, .shards = shards};
        const Deal deal = deal_shard(&shard);
        Dealing dealing;
        Status st = {0};
        int item[3], count;
        for (int again = 0; again < 2; again++) {
          cr_assert(deal_begin(&deal, items, &dealing, &st));
          while (deal_take(&dealing, 3, item, &count, &st) && count)
            for (int i = 0; i < count; i++) {
              cr_expect(i == 0 || item[i] > item[i - 1]);
              cr_expect(shard_has(&shard, item[i]));
              taken[item[i]]++;
            }
        }
      }
      for (int i = 0; i < items; i++) cr_expect_eq(taken[i], 2, "item %d of %d", i, items);
    }
}

Test(deal, a_shard_knows_before_how_many_items_are_its_own) {
  for (int shards = 1; shards < 9; shards++)
    for (int items = 0; items < 20; items++)
      for (int s = 1; s <= shards; s++) {
        Shard shard = {.shard = s, .shards = shards};
        const Deal deal = deal_shard(&shard);
        int own = 0;
        for (int i = 0; i < items; i++) own += shard_has(&shard, i);
        cr_expect_eq(deal_share(&deal, items), own, "%d/%d of %d", s, shards, items);
      }
  cr_expect_eq(deal_share(NULL, 7), 7);
}

Test(deal, without_a_deal_all_items_come_in_their_order) {
  Dealing dealing;
  Status st = {0};
  int item[4], count, next = 0;
  cr_assert(deal_begin(NULL, 10, &dealing, &st));
  while (deal_take(&dealing, 4, item, &count, &st) && count)
    for (int i = 0; i < count; i++) cr_expect_eq(item[i], next++);
  cr_expect_eq(next, 10);
}

static void make_parts(const char *spec, const char *folder, int shards, const char *more) {
  for (int i = 1; i <= shards; i++)
    RUN(0, "run %s -q --shard %d/%d -o %s %s", spec, i, shards, test_path(folder), more);
}

Test(parts, together_are_the_one_run_to_the_byte, .timeout = 120) {
  for (int shards = 1; shards <= 6; shards += shards == 1 ? 1 : 4) {
    const char *folder = arena_printf(&test_arena, "p%d", shards),
               *out = arena_printf(&test_arena, "m%d", shards);
    make_parts(spread_spec, folder, shards, "");
    RUN(0, "merge %s -q -o %s", test_path(folder), test_path(out));
    spread_expect_whole(arena_printf(&test_arena, "%s/results.h5", test_path(out)), out);
  }
}

/* Of five prompts, and of seven windows. */
Test(parts, say_what_they_make_and_not_what_all_do, .timeout = 60) {
  RUN(0, "run %s --shard 2/3 -o %s", spread_spec, test_path("p"));
  SAYS("2 modes and the float64 reference, 3 layers, 2 prompts; writes",
       "2 prompts, 3 layers, 2 modes and the float64 reference", "2 windows of 6 tokens of ",
       "2-0 and 2-4: ");
}

/* One whose layers do not stay, so that several prompts are walked at once. */
Test(parts, of_little_memory_are_the_same, .timeout = 120) {
  Status st = {0};
  const long long least = every_least_memory(test_arena, spread_spec, &st);
  cr_assert(least > 0, "%s", st.text);
  make_parts(spread_spec, "p", 2, arena_printf(&test_arena, "--memory %lldB", least));
  RUN(0, "merge %s -q -o %s --memory %lldB", test_path("p"), test_path("m"), least);
  spread_expect_whole(test_path("m/results.h5"), "least memory");
}

Test(parts, are_refused_by_name_where_they_are_not_all_of_one_run, .timeout = 120) {
  make_parts(spread_spec, "p", 3, "");
  shell("cd %s && mkdir two gone half other && cp -r p/shard_1* p/shard_2* two && "
        "cp -r p/. gone && cp -r p/. half",
        test_path(""));
  RUN(2, "merge %s -q -o %s", test_path("gone/none"), test_path("m"));
  SAYS("gone/none: cannot be read");
  shell("mkdir -p %s/large/shard_1_of_99999999999999999999.h5.parts", test_path(""));
  RUN(2, "merge %s -q -o %s", test_path("large"), test_path("m"));
  SAYS("large: holds no part of a study");
  RUN(2, "merge %s -q -o %s", test_path("whole"), test_path("m"));
  SAYS("whole: holds no part of a study");
  RUN(2, "merge %s -q -o %s", test_path("two"), test_path("m"));
  SAYS("of 3 shards these are missing: 3");
  RUN(2, "merge %s %s -q -o %s", test_path("two"), test_path("p"), test_path("m"));
  SAYS("/shard_1_of_3.h5.parts: shard 1/3 is ", " too");
  shell("rm %s/shard_2_of_3.h5.parts/study.part.note", test_path("half"));
  RUN(2, "merge %s -q -o %s", test_path("half"), test_path("m"));
  SAYS("half/shard_2_of_3.h5.parts: is no part of a study, or one that was hardly begun (",
       "study.part.note: No such file or directory)");
  RUN(0, "run %s -q --shard 3/3 -o %s", spread_write("other.yaml", "other"), test_path("other"));
  RUN(2, "merge %s %s -q -o %s", test_path("two"), test_path("other"), test_path("m"));
  SAYS("is a part of another run than", "(spec differs)");
  RUN(0, "run %s -q --shard 4/4 -o %s", spread_spec, test_path("two"));
  RUN(2, "merge %s -q -o %s", test_path("two"), test_path("m"));
  SAYS("_of_4.h5.parts", "_of_3.h5.parts", "is one of ");
}

Test(parts, that_were_damaged_on_their_way_are_named, .timeout = 120) {
  make_parts(spread_spec, "p", 2, "");
  shell("cd %s && cp -r p entry && cp -r p tensor && cp -r p note", test_path(""));
  shell("printf x | dd of=%s/shard_1_of_2.h5.parts/a.layer_01.entry bs=1 seek=99 conv=notrunc 2>&1",
        test_path("entry"));
  RUN(2, "merge %s -q -o %s", test_path("entry"), test_path("m1"));
  SAYS("shard_1_of_2.h5.parts/a.layer_01.entry: its digest differs");
  shell("f=%s/shard_2_of_2.h5.partial; n=$(stat -c %%s $f); yes 2>/dev/null | head -c $n >$f",
        test_path("tensor"));
  RUN(2, "merge %s -q -o %s", test_path("tensor"), test_path("m2"));
  SAYS("shard_2_of_2.h5.partial: prompt ", "its digest differs");
  shell("printf x | dd of=%s/shard_1_of_2.h5.parts/study.evaluation.0.prompt_0002.note bs=1 seek=9 "
        "conv=notrunc 2>&1",
        test_path("note"));
  RUN(2, "merge %s -q -o %s", test_path("note"), test_path("m3"));
  SAYS("study.evaluation.0.prompt_0002.note: its digest differs");
  shell("cd %s/note/shard_1_of_2.h5.parts && printf x | dd of=study.part.note bs=1 seek=9 "
        "conv=notrunc 2>&1",
        test_path(""));
  RUN(2, "merge %s -q -o %s", test_path("note"), test_path("m4"));
  SAYS("hardly begun (", "study.part.note: its digest differs");
  shell("cd %s/p && rm shard_1_of_2.h5.partial && mkfifo shard_1_of_2.h5.partial", test_path(""));
  RUN(2, "merge %s -q -o %s", test_path("p"), test_path("m5"));
  SAYS("shard_1_of_2.h5.partial: is not a regular file");
}

Test(parts, of_another_program_are_refused_before_anything_is_written, .timeout = 120) {
  make_parts(spread_spec, "p", 2, "");
  shell("cp %s %s && echo >>%s", shell_program(), test_path("program"), test_path("program"));
  const int status =
      shell("%s merge %s -q -o %s 2>&1", test_path("program"), test_path("p"), test_path("m"));
  cr_expect_eq(status, 2, "%d", status);
  SAYS("shard_1_of_2.h5.parts: was made with other program: parts are put together by the very ");
  cr_expect_neq(shell("ls %s 2>&1", test_path("m")), 0, "%s", shell_output);
}

Test(parts, go_on_where_they_were_stopped, .timeout = 120) {
  make_parts(spread_spec, "p", 2, "");
  shell("cd %s/shard_1_of_2.h5.parts && rm a.layer_02.entry study.swap_0.0.prompt_0000.note "
        "study.part.note",
        test_path("p"));
  RUN(0, "run %s -q --shard 1/2 -o %s", spread_spec, test_path("p"));
  RUN(0, "merge %s -q -o %s", test_path("p"), test_path("m"));
  spread_expect_gone_on(test_path("m/results.h5"), "gone on with");
}

Test(parts, tell_their_number_by_what_schedulers_say, .timeout = 60) {
  static const struct {
    const char *environment, *shard;
    int status;
    const char *says;
  } cases[] = {
      {"SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_STEP=2 "
       "SLURM_ARRAY_TASK_COUNT=4",
       "auto", 0, "shard 2/4 is whole"},
      {"JOB_COMPLETION_INDEX=0", "auto/5", 0, "shard 1/5 is whole"},
      {"A=1", "auto", 2, "this is no task of a SLURM array"},
      {"A=1", "auto/5", 2, "this is no indexed job"},
      {"A=1", "0/5", 2, "expected I/N with 1 <= I <= N"},
      {"A=1", "6/5", 2, "found '6/5'"},
      {"A=1", "1/5x", 2, "found '1/5x'"},
      {"A=1", "1/99999999999999999999", 2, "found '1/99999999999999999999'"},
      {"A=1", "auto/99999999999999999999", 2, "found 'auto/99999999999999999999'"},
      {"JOB_COMPLETION_INDEX=99999999999999999999", "auto/5", 2, "this is no indexed job"},
      {"JOB_COMPLETION_INDEX=5", "auto/5", 2, "found 'auto/5'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int status =
        shell("env -u SLURM_ARRAY_TASK_ID %s %s run %s -q --shard %s -o %s 2>&1",
              cases[i].environment, shell_program(), spread_spec, cases[i].shard, test_path("p"));
    cr_expect_eq(status, cases[i].status, "%s: %d: %s", cases[i].shard, status, shell_output);
    SAYS(cases[i].says);
  }
}
