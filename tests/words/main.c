/* words population FILE [LENGTH] | check FILE [DRAWS] | curves FILE OUT: see words.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static const int sizes[] = {2, 4, 8, 16, 32};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void exhausted(size_t wanted, size_t reserved) {
  fprintf(stderr, "words: %zu bytes wanted, %zu reserved\n", wanted, reserved);
  exit(2);
}

/* 93 to 97 %, at 2 and 4 prompts 90 to 99; of a single pair three standard errors of `draws`
 * wider. */
static bool covers(int covered, int asked, int n, int draws) {
  double share = (double)covered / asked, low = n <= 4 ? 0.90 : 0.93, high = n <= 4 ? 0.99 : 0.97;
  double error = draws ? 3 * sqrt(0.95 * 0.05 / draws) : 0;
  return share >= low - error && share <= high + error;
}

/* Promised of every quantity but those of whole tensors, where single tokens rule. */
static bool promised(Quantity q) { return q <= Q_POOLED_GROWTH; }

static int check_coverage(const Population *p, int draws, const DriftLimits *limits,
                          Arena scratch) {
  Coverage *all = ARENA_NEW(&scratch, Coverage, SIZES * p->pairs);
  int failed = 0;
#pragma omp parallel
  {
    Arena own;
    Status st = {0};
    if (!arena_reserve(&own, (size_t)1 << 28, exhausted, &st)) abort();
#pragma omp for schedule(dynamic)
    for (int i = 0; i < SIZES * p->pairs; i++)
      all[i] = words_coverage(p, i / SIZES, sizes[i % SIZES], draws, limits, 1, own);
    arena_release(&own);
  }
  printf("\ncoverage of 95 %% intervals over prompts, %d windows, %d draws: mean of the pairs "
         "(least … most)\n",
         p->windows, draws);
  printf("%-26s", "");
  for (int s = 0; s < SIZES; s++) printf("  %14d prompts", sizes[s]);
  puts("");
  for (Quantity q = 0; q < QUANTITIES; q++) {
    printf("%-26s", quantity_names[q]);
    for (int s = 0; s < SIZES; s++) {
      double sum = 0, asked = 0, least = 1, most = 0;
      for (int i = 0; i < p->pairs; i++) {
        const Coverage *c = &all[i * SIZES + s];
        if (c->asked[q] < draws) continue; /* curves that start apart have no more than a level */
        double share = (double)c->covered[q] / c->asked[q];
        sum += c->covered[q], asked += c->asked[q];
        least = fmin(least, share), most = fmax(most, share);
        if (promised(q) && !covers(c->covered[q], c->asked[q], sizes[s], draws)) {
          printf("\n  !! %s: %.1f %%\n", p->name[i], 100 * share);
          failed++;
        }
      }
      if (asked == 0) {
        printf("  %-21s", "none given");
        continue;
      }
      printf("  %5.1f (%5.1f … %5.1f)", 100 * sum / asked, 100 * least, 100 * most);
      if (promised(q) && !covers((int)sum, (int)asked, sizes[s], 0)) failed++, printf("!");
    }
    puts("");
  }
  printf("\nshapes of those draws: told as the population's, cannot tell, wrong, in %%\n");
  for (int i = 0; i < p->pairs; i++) {
    DriftShape truth = words_truth(p, i, limits, scratch);
    printf("%-12s %-12s", p->name[i], *truth.shape ? truth.shape : truth.reason);
    for (int s = 0; s < SIZES; s++) {
      const Coverage *c = &all[i * SIZES + s];
      printf("   %5.1f %5.1f %4.1f", 100.0 * c->told / draws, 100.0 * c->cannot / draws,
             100.0 * c->wrong / draws);
      if (c->wrong > 0.05 * draws) failed++, printf("!");
    }
    puts("");
  }
  return failed;
}

/* Fewer than one token a window: the interval is then the exact one of single trials, which covers
 * more than it says. */
static bool rare(const Population *p, int side) {
  double misses = 0;
  for (int w = 0; w < p->windows; w++)
    misses += 1 - p->end[w * POPULATION_SIDES + side].top1_agreement;
  return misses * p->tokens < p->windows;
}

static int check_ends(const Population *p, int draws, Arena scratch) {
  int failed = 0;
  printf("\nthe same of what the modes predict\n");
  for (EndQuantity q = 0; q < END_QUANTITIES; q++) {
    printf("%-26s", end_quantity_names[q]);
    for (int s = 0; s < SIZES; s++) {
      int sum = 0, sides = 0, least = draws, most = 0;
      for (int side = 0; side < POPULATION_REFERENCE; side++) {
        if (q == END_AGREEMENT && rare(p, side)) continue;
        sides++;
        int covered = words_end_coverage(p, side, q, sizes[s], draws, 1, scratch);
        sum += covered, least = covered < least ? covered : least,
                        most = covered > most ? covered : most;
      }
      printf("  %5.1f (%5.1f … %5.1f)", 100.0 * sum / sides / draws, 100.0 * least / draws,
             100.0 * most / draws);
      if (q != END_KL_VALUES && !covers(sum, sides * draws, sizes[s], 0)) printf("!"), failed++;
    }
    puts("");
  }
  return failed;
}

static int check_made(int draws, const DriftLimits *limits, Arena scratch) {
  static const int few[] = {2, 4, 8, 16};
  static const double noises[] = {0.04, 0.12};
  int failed = 0;
  printf("\nmade curves: named right, cannot tell, wrong, in %%, by prompts\n%-24s %-30s %5s", "",
         "", "noise");
  for (int s = 0; s < 4; s++) printf("   %8d prompts", few[s]);
  puts("");
  for (int m = 0; m < made_count; m++)
    for (Noise noise = 0; noise < NOISES; noise++)
      for (int z = 0; z < 2; z++) {
        printf("%-24s %-30s %4.0f %%", made_curves[m].name, noise_names[noise], 100 * noises[z]);
        for (int s = 0; s < 4; s++) {
          Named named =
              words_named(&made_curves[m], noise, noises[z], 0, few[s], draws, limits, 7, scratch);
          printf("   %5.1f %5.1f %4.1f", 100.0 * named.right / draws, 100.0 * named.cannot / draws,
                 100.0 * named.wrong / draws);
          if (named.wrong > 0.05 * draws) failed++, printf("!");
        }
        puts("");
      }
  printf("\nthe model's own layers off the made curve, the same in every prompt (2 %% from prompt "
         "to prompt, 8 prompts):\nwhat is told, in %%\n%-30s",
         "");
  for (int k = 0; k < SHAPE_KINDS; k++) printf(" %11s", shape_names[k]);
  printf(" %11s %11s\n", "cannot tell", "wrong");
  for (int m = 0; m < made_count; m++)
    for (int z = 0; z < 2; z++) {
      Named named =
          words_named(&made_curves[m], NOISE_WHITE, 0.02, noises[z], 8, draws, limits, 7, scratch);
      printf("%-24s %3.0f %%", made_curves[m].name, 100 * noises[z]);
      for (int k = 0; k < SHAPE_KINDS; k++) printf(" %11.1f", 100.0 * named.said[k] / draws);
      printf(" %11.1f %11.1f\n", 100.0 * named.cannot / draws, 100.0 * named.wrong / draws);
      if (named.wrong > 0.05 * draws) failed++, printf("!");
    }
  return failed;
}

int main(int argc, char **argv) {
  Arena arena;
  Status st = {0};
  Population p;
  if (argc < 3)
    return fprintf(stderr,
                   "words population FILE [LENGTH] | check FILE [DRAWS] | curves FILE OUT\n"),
           2;
  if (!strcmp(argv[1], "population"))
    return population_run(argv[2], argc > 3 ? atoi(argv[3]) : POPULATION_STRIDE);
  if (!arena_reserve(&arena, (size_t)2 << 30, exhausted, &st) ||
      !population_read(&arena, argv[2], &p, &st))
    return fprintf(stderr, "words: %s\n", st.text), 2;
  if (!strcmp(argv[1], "curves")) {
    const int pair[] = {3, 25, 22, 1, 18}; /* 2-0 2-4, fp64 2-4, fp64 1, 2-0 2-1, 2-4 3 */
    if (argc < 4 || !curves_write(&p, pair, 5, argv[3], arena, &st))
      return fprintf(stderr, "words: %s\n", st.text), 2;
    return 0;
  }
  const DriftLimits limits = words_limits(arena);
  const int draws = argc > 3 ? atoi(argv[3]) : 1000;
  int failed = check_coverage(&p, draws, &limits, arena) + check_ends(&p, draws, arena) +
               check_made((draws + 3) / 4, &limits, arena);
  printf("\n%s\n", failed ? "some of this is not as promised (!)" : "all as promised");
  return failed != 0;
}
