/* words: a part of what `make check-words` measures at length: on the curves of five pairs over 533
 * windows of the shipped text (tests/words/curves.bin, written by `words curves`), and on made
 * curves. Draws are seeded. */
#include "words/words.h"

#include "tests/measure_rows.h"
#include "words/resample.h"

/* APART: 2-0 against 2-1, whose difference comes in by single events. */
enum { DRAWS = 150, MADE_DRAWS = 20, APART = 3 };

static Population shipped_curves(Arena *arena) {
  Population p;
  Status st = {0};
  cr_assert(curves_read(arena, "tests/words/curves.bin", &p, &st), "%s", st.text);
  cr_assert_eq(p.windows, 533);
  cr_assert_str_eq(p.name[APART], "2-0 2-1");
  return p;
}

Test(words, intervals_over_few_prompts_hold_the_whole_texts_value) {
  Arena arena = new_arena();
  Population p = shipped_curves(&arena);
  DriftLimits limits = words_limits(arena);
  for (int n = 2; n <= 32; n *= 4) {
    Coverage all = {0};
    for (int pair = 0; pair < p.pairs; pair++) {
      if (pair == APART) continue;
      Coverage c = words_coverage(&p, pair, n, DRAWS, &limits, 1, arena);
      for (Quantity q = 0; q < QUANTITIES; q++)
        all.asked[q] += c.asked[q], all.covered[q] += c.covered[q];
    }
    for (Quantity q = 0; q <= Q_POOLED_GROWTH; q++) {
      if (q == Q_POOLED_GROWTH && n < SHAPE_POOLED_LEAST) {
        cr_expect_eq(all.asked[q], 0);
        continue;
      }
      double share = (double)all.covered[q] / all.asked[q];
      cr_expect(all.asked[q] == 4 * DRAWS && share > 0.92 && share < 0.98,
                "%d prompts, %s: %.1f %% of %d", n, quantity_names[q], 100 * share, all.asked[q]);
    }
  }
  arena_release(&arena);
}

Test(words, shapes_of_few_prompts_are_the_whole_texts_or_not_told) {
  Arena arena = new_arena();
  Population p = shipped_curves(&arena);
  DriftLimits limits = words_limits(arena);
  for (int pair = 0; pair < p.pairs; pair++)
    for (int n = 2; n <= 8; n *= 2) {
      Coverage c = words_coverage(&p, pair, n, DRAWS, &limits, 2, arena);
      cr_expect(c.wrong <= 0.05 * DRAWS, "%s, %d prompts: wrong in %d of %d", p.name[pair], n,
                c.wrong, DRAWS);
      if (pair != APART)
        cr_expect(c.told > 0.8 * DRAWS, "%s, %d prompts: told in %d", p.name[pair], n, c.told);
    }
  cr_expect_str_eq(words_truth(&p, 0, &limits, arena).shape, "rises_falls");
  cr_expect_str_eq(words_truth(&p, APART, &limits, arena).reason, "starts_apart");
  arena_release(&arena);
}

Test(words, made_curves_are_named_right_or_not_told) {
  Arena arena = new_arena();
  DriftLimits limits = words_limits(arena);
  for (int m = 0; m < made_count; m++)
    for (int n = 2; n <= 8; n *= 4) {
      int wrong = 0;
      for (Noise noise = 0; noise < NOISES; noise++)
        wrong +=
            words_named(&made_curves[m], noise, 0.12, 0, n, MADE_DRAWS, &limits, 3, arena).wrong;
      cr_expect(wrong <= 0.05 * MADE_DRAWS * NOISES, "%s, %d prompts: wrong in %d",
                made_curves[m].name, n, wrong);
    }
  arena_release(&arena);
}

Test(words, made_curves_are_told_where_prompts_suffice) {
  Arena arena = new_arena();
  DriftLimits limits = words_limits(arena);
  for (int m = 0; m < made_count; m++) {
    Named named =
        words_named(&made_curves[m], NOISE_WHITE, 0.04, 0, 16, MADE_DRAWS, &limits, 5, arena);
    cr_expect(named.right >= 0.95 * MADE_DRAWS, "%s: right in %d, cannot tell in %d, wrong in %d",
              made_curves[m].name, named.right, named.cannot, named.wrong);
  }
  arena_release(&arena);
}

Test(words, the_seed_decides_which_prompts_are_drawn_and_nothing_else_does) {
  Arena arena = new_arena();
  Resampling a = resampling_of(&arena, 16, 5), b = resampling_of(&arena, 16, 5),
             c = resampling_of(&arena, 16, 6);
  size_t prompts = RESAMPLES * 16 * sizeof *a.times;
  cr_assert(!memcmp(a.times, b.times, prompts));
  cr_assert(memcmp(a.times, c.times, prompts));
  for (int i = 0; i < RESAMPLES; i++) {
    int sum = 0;
    for (int p = 0; p < 16; p++) sum += a.times[i * 16 + p];
    cr_assert_eq(sum, 16, "draw %d takes %d prompts", i, sum);
  }
}
