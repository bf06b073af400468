/* What a run will write is asked of the disk once, and what an earlier start has left counts. */
#include "experiment/estimate.h"
#include "family/family.h"
#include "family/mamba1.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "tests/exhausted.h"

enum { TOKENS = 64, VOCAB = 50280 };

/* A run of so many short prompts that it does not fit: memory stays what one of them takes. */
typedef struct Large {
  Arena arena;
  Spec spec;
  Subject subject;
  Estimate sum;
  uint64_t free_bytes;
} Large;

static Large larger_than_the_disk(void) {
  static Mode mode[2];
  for (int i = 0; i < 2; i++) mode[i] = family_mamba1.preset[i];
  struct statvfs disk;
  cr_assert(statvfs("/tmp", &disk) == 0);
  Large large = {.free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize};
  Status st = {0};
  cr_assert(arena_reserve(&large.arena, (size_t)1 << 26, exhausted, &st), "%s", st.text);
  large.spec = (Spec){.path = "large.yaml",
                      .modes = mode,
                      .mode_count = 2,
                      .prompt_count = 1,
                      .threads = 1,
                      .keep = {.all_tensors = true, .all_layers = true},
                      .memory = (int64_t)1 << 40};
  large.subject.checkpoint.config = (Config){.layers = 4,
                                             .D = 64,
                                             .E = 128,
                                             .N = 16,
                                             .R = 4,
                                             .K = 4,
                                             .vocab = 256,
                                             .family = &family_mamba1};
  PromptShape one = {"p", NULL, TOKENS};
  large.subject.prompt = &one;
  int64_t each = estimate_of(&large.spec, &large.subject, NULL, false, large.arena).results_bytes;
  large.spec.prompt_count = (int)(large.free_bytes / (uint64_t)each) + 2;
  large.subject.prompt = calloc((size_t)large.spec.prompt_count, sizeof one);
  cr_assert(large.subject.prompt);
  for (int p = 0; p < large.spec.prompt_count; p++) large.subject.prompt[p] = one;
  large.sum = estimate_of(&large.spec, &large.subject, NULL, false, large.arena);
  return large;
}

Test(estimate, result_and_journal_are_asked_for_once_less_what_stands) {
  Large large = larger_than_the_disk();
  Estimate sum = large.sum;
  const int64_t data =
      (int64_t)large.spec.prompt_count * 4 * TOKENS * 64 * (2 * 4 + 8); /* of block_out alone */
  cr_expect(sum.results_bytes > 10 * data, "%lld bytes", (long long)sum.results_bytes);
  cr_expect(sum.journal_bytes > 0 && 2 * sum.journal_bytes < sum.results_bytes,
            "the journal holds no tensors: %lld bytes beside %lld", (long long)sum.journal_bytes,
            (long long)sum.results_bytes);
  Status st = {0}, again = {0};
  const size_t memory = (size_t)1 << 40;
  cr_expect(!estimate_check(&large.spec, &large.subject, &sum, "/tmp", 0, memory, &st));
  cr_expect(strstr(st.text, "MB are free") && strstr(st.text, "0.0 MB are there"), "%s", st.text);
  uint64_t rest = large.free_bytes / 2,
           standing = (uint64_t)(sum.results_bytes + sum.journal_bytes) - rest;
  cr_expect(estimate_check(&large.spec, &large.subject, &sum, "/tmp", standing, memory, &again),
            "%s", again.text);
  free(large.subject.prompt);
}

enum { PAIRS_MOST = 21 };

/* Two modes, the reference, and so many pairs; a vocabulary beside which a layer is small. */
static Spec wide_spec(int threads, Statistics statistics, int pairs) {
  static Mode mode[2];
  static Pair pair[PAIRS_MOST];
  for (int i = 0; i < 2; i++) mode[i] = family_mamba1.preset[i];
  for (int i = 0; i < PAIRS_MOST; i++) pair[i] = (Pair){"2-0", "2-4"};
  return (Spec){.path = "wide.yaml",
                .model = "m",
                .modes = mode,
                .mode_count = 2,
                .pairs = pair,
                .pair_count = pairs,
                .prompt_count = 1,
                .threads = threads,
                .statistics = statistics,
                .memory = (int64_t)1 << 40};
}

static MemoryPlan plan_for(const Spec *spec, bool device, int tokens) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 26, exhausted, &st), "%s", st.text);
  PromptShape prompt[] = {{"p", NULL, tokens}, {"q", NULL, tokens}};
  const Subject subject = {.checkpoint.config = {.layers = 4,
                                                 .D = 64,
                                                 .E = 128,
                                                 .N = 16,
                                                 .R = 4,
                                                 .K = 4,
                                                 .vocab = VOCAB,
                                                 .family = &family_mamba1},
                           .prompt = prompt};
  const MemoryPlan plan = estimate_of(spec, &subject, NULL, device, arena).memory;
  arena_release(&arena);
  return plan;
}

static MemoryPlan plan_of(int threads, Statistics statistics, bool device, int tokens, int pairs) {
  const Spec spec = wide_spec(threads, statistics, pairs);
  return plan_for(&spec, device, tokens);
}

Test(estimate, logits_are_counted_for_as_many_threads_as_meet_them) {
  const size_t logits = (size_t)TOKENS * VOCAB * sizeof(double), more = 60;
  const MemoryPlan few = plan_of(4, STATISTICS_LANES, false, TOKENS, 1),
                   many = plan_of(64, STATISTICS_LANES, false, TOKENS, 1);
  cr_expect_lt(many.needed - few.needed, more * logits / 2);
  const MemoryPlan gsl_few = plan_of(4, STATISTICS_GSL, true, TOKENS, 1),
                   gsl_many = plan_of(64, STATISTICS_GSL, true, TOKENS, 1);
  cr_expect_lt(gsl_many.needed - gsl_few.needed, more * logits / 2);
  const MemoryPlan gsl = plan_of(2, STATISTICS_GSL, false, TOKENS, 1),
                   one = plan_of(1, STATISTICS_GSL, false, TOKENS, 1);
  cr_expect_gt(gsl.needed - one.needed, 3 * logits, "by GSL's functions a side's take as much");
}

/* An entry has a row of sixteen tokens for each pair. */
Test(estimate, rows_of_a_layer_are_counted_where_its_entry_is_read) {
  enum { LONG = 1 << 14, MORE = PAIRS_MOST - 1 };
  const MemoryPlan one = plan_of(1, STATISTICS_LANES, false, LONG, 1),
                   all = plan_of(1, STATISTICS_LANES, false, LONG, PAIRS_MOST);
  cr_expect_gt(all.needed - one.needed, MORE * (LONG / TOKENS_A_ROW) * sizeof(TokenErrors));
}

/* Layers stay for whoever asks for them behind the walk, or for a second prompt in it. */
Test(estimate, layers_that_nobody_asks_for_again_take_no_memory) {
  Prompt prompt[2] = {{0}, {0}};
  int length = 16;
  const Spec once = wide_spec(1, STATISTICS_LANES, 1);
  Spec again[] = {once, once, once, once, once};
  again[0].events.repair = 1;
  again[1].evaluation.tokens = "t.npy";
  again[2].prompts = prompt, again[2].prompt_count = 2;
  again[3].grid.lengths = &length, again[3].grid.length_count = 1;
  again[4].cost.lengths = &length, again[4].cost.length_count = 1;
  const MemoryPlan plan = plan_for(&once, false, TOKENS);
  cr_expect(plan.stays && plan.layers.once && plan.needed == plan.least);
  for (size_t i = 0; i < sizeof again / sizeof *again; i++) {
    const MemoryPlan other = plan_for(&again[i], false, TOKENS);
    cr_expect(other.stays && !other.layers.once && other.needed > other.least, "%zu", i);
  }
}

Test(estimate, memory_under_a_limit_is_what_can_be_had) {
  Large large = larger_than_the_disk();
  Status st = {0};
  uint64_t all = (uint64_t)(large.sum.results_bytes + large.sum.journal_bytes);
  cr_expect(
      !estimate_check(&large.spec, &large.subject, &large.sum, "/tmp", all, (size_t)1 << 20, &st));
  cr_expect(strstr(st.text, "1 MB can be had") && strstr(st.text, "ulimit -v"), "%s", st.text);
  free(large.subject.prompt);
}
