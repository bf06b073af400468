/* spread_run: the small run of five prompts of unlike length with every study that is spread over
 * processes, and that its results are those of one. */
#ifndef DS_TESTS_SPREAD_RUN_H
#define DS_TESTS_SPREAD_RUN_H
#include "tests/every_study.h"
#include "tests/shell.h"
#include "tests/small_run.h"

static const char *spread_spec, *spread_whole;

static inline const char *spread_write(const char *name, const char *title) {
  const char *spec = arena_printf(
      &test_arena,
      "title: %s\nmodel: .\nbackend: cpu\nthreads: 1\n"
      "calibration: {tokens: text.txt, windows: 2, length: 8}\n"
      "prompts: [{name: a, tokens: a.txt}, {name: w, tokens: text.txt, length: 5, windows: 3}, "
      "{name: b, tokens: b.txt}]\n"
      "pairs: [[2-0, 2-4]]\ncompare_all: [2-0]\nswaps: [{pair: [2-0, 2-4]}]\nmend: [2-0]\n"
      "restore: [{mode: 2-0, to: fp32, limit: 0.0001, by: layer, most: 2}]\n"
      "grid: {alpha: [0.9, 1], length: [3, 5]}\n"
      "evaluation: {tokens: text.txt, windows: 7, length: 6, modes: [2-0, 2-4]}\n"
      "keep: {tensors: [scan, block_in, block_out, logits]}\n",
      title);
  return test_write(name, spec, strlen(spec));
}

/* The whole, by one process. */
static inline void spread_begin(void) {
  small_run_begin();
  small_model(3);
  setenv("OMP_WAIT_POLICY", "passive", 1);
  spread_spec = spread_write("spread.yaml", "spread");
  RUN(0, "run %s -q -o %s", spread_spec, test_path("whole"));
  spread_whole = test_path("whole/results.h5");
}

/* Every cell, and every byte of every tensor, by its digest. */
static inline void spread_expect_whole(const char *results, const char *what) {
  const char *said;
  cr_expect(every_cell_equal(&test_arena, spread_whole, results, &said), "%s: %s", what, said);
}

static inline void spread_expect_gone_on(const char *results, const char *what) {
  const char *said;
  cr_expect(went_on_the_same(&test_arena, spread_whole, results, &said), "%s: %s", what, said);
}
#endif
