/* A figure over prompts as it can be said: against figures worked out by hand, and what it leaves
 * out. */
#include <math.h>

#include "measure/sample.h"
#include "tests/measure_rows.h"

#define CLOSE(got, want)                                                                           \
  cr_expect(fabs((got) - (want)) <= 1e-9 * fabs(want), #got ": %.17g, want %.17g", got, want)

/* Of four, t(0.975, 3) is 3.182446305284263; sd of 1 2 3 6 is sqrt(14 / 3). */
Test(sample, of_values_logs_and_shares_is_students_t) {
  Arena arena = new_arena();
  const double value[] = {1, 2, 3, 6};
  double logs[4], se = sqrt(14.0 / 3) / 2, t = 3.182446305284263;
  for (int i = 0; i < 4; i++) logs[i] = exp(value[i]);
  Sample s = sample_of(value, 4, SAMPLE_VALUES, arena), g = sample_of(logs, 4, SAMPLE_LOGS, arena);
  cr_expect(s.prompts == 4 && s.left_out == 0 && s.block == 1);
  CLOSE(s.value, 3.0);
  CLOSE(s.se, se);
  CLOSE(s.low, 3 - t * se);
  CLOSE(s.high, 3 + t * se);
  CLOSE(g.value, exp(3));
  CLOSE(g.low, exp(3 - t * se));
  CLOSE(g.high, exp(3 + t * se));
  CLOSE(g.p, s.p);
  cr_expect(!sample_tells(&s, SAMPLE_VALUES) && !sample_tells(&g, SAMPLE_LOGS));
  const double share[] = {0.9, 1, 1, 0.98};
  Sample p = sample_of(share, 4, SAMPLE_SHARES, arena);
  cr_expect(p.high == 1 && p.low < p.value);
  arena_release(&arena);
}

Test(sample, one_prompt_has_no_interval_and_none_no_figure) {
  Arena arena = new_arena();
  const double one[] = {NAN, 3, INFINITY};
  Sample s = sample_of(one, 3, SAMPLE_VALUES, arena);
  cr_expect(s.value == 3 && isnan(s.low) && isnan(s.p) && s.prompts == 1 && s.left_out == 2);
  s = sample_of(one, 1, SAMPLE_VALUES, arena);
  cr_expect(isnan(s.value) && s.prompts == 0 && s.left_out == 1 &&
            !sample_tells(&s, SAMPLE_VALUES));
  const double zero[] = {0, 3, 2};
  s = sample_of(zero, 3, SAMPLE_LOGS, arena);
  cr_expect(s.value == 0 && isnan(s.low) && s.prompts == 3);
  arena_release(&arena);
}

Test(sample, what_differs_by_the_same_everywhere_is_told_for_sure) {
  Arena arena = new_arena();
  const double same[] = {2, 2, 2, 2}, none[] = {1, 1, 1};
  Sample s = sample_of(same, 4, SAMPLE_LOGS, arena);
  cr_expect(sample_tells(&s, SAMPLE_LOGS) && s.p == 0 && s.needed == 2, "%g, %g", s.p, s.needed);
  CLOSE(s.low, 2.0);
  s = sample_of(none, 3, SAMPLE_LOGS, arena);
  cr_expect(!sample_tells(&s, SAMPLE_LOGS) && s.p == 1 && s.value == 1 && isnan(s.needed));
  arena_release(&arena);
}
