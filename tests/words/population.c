/* population: the curves of all windows of a text, for the calibration of the words that are said of a few of them.
 *
 *   population OUT [LENGTH [FIRST COUNT]]
 *
 * The shipped model reads every disjoint window of LENGTH bytes of the shipped text under each mode that computes
 * anything of its own (0 is 2-0 and 2-2 is 2-1, bit by bit: tests/test_same_computation.c) and in float64. For each
 * window, pair and layer it writes the error of block_out (struct Point), for each window and mode what it predicts
 * (struct End). Windows run side by side, a thread each; the file does not depend on how many. */
#include "population.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "measure/evaluation.h"
#include "measure/row_error.h"
#include "model/block.h"
#include "setup.h"
#include "trace64.h"

enum { THREADS_MOST = 64 };

static void exhausted(size_t wanted, size_t reserved) {
  fprintf(stderr, "population: %zu bytes wanted, %zu reserved\n", wanted, reserved);
  exit(2);
}

static const char *const spec_text =
    "title: population\n"
    "model: data/mamba-bytes-10m\n"
    "calibration: {text: data/text/valid.txt, windows: 16, length: 512, alpha: 0.9999}\n"
    "prompts: [{name: whole, text: data/text/test.txt}]\n"
    "compare_all: ['0', '1', 2-0, 2-1, 2-2, 2-3, 2-4, '3', fp32]\n";

static void point_of(const Tensor *base, const Tensor *other, Point *point, Arena scratch) {
  const size_t rows = (size_t)base->rows;
  double *error2 = ARENA_NEW(&scratch, double, rows), *base2 = ARENA_NEW(&scratch, double, rows);
  double *room = ARENA_NEW(&scratch, double, rows);
  row_squares(base, other, error2, base2, scratch);
  RowErrors e = row_errors_of(error2, base2, rows, room);
  double error = 0, size = 0;
  for (size_t r = 0; r < rows; r++) error += error2[r], size += base2[r];
  *point = (Point){e.median, e.p90, e.p99, error, size, e.worst_share};
}

static void run_window(const Setup *setup, const int32_t *token, int length, Point *point, End *end, Arena arena) {
  const int layers = setup->model.layers;
  Tensor stream[POPULATION_SIDES];
  Trace trace, ends;
  for (int s = 0; s < POPULATION_SIDES; s++) {
    if (s == POPULATION_REFERENCE)
      trace64_embed(&setup->weights, token, length, &arena, &ends);
    else
      block_embed(&setup->model, token, length, &arena, &ends);
    stream[s] = ends.t[T_EMBEDDING];
  }
  for (int layer = 0; layer < layers; layer++) {
    for (int s = 0; s < POPULATION_SIDES; s++) {
      Arena scratch = arena;
      if (s == POPULATION_REFERENCE)
        trace64_block(&setup->weights, layer, &stream[s], &scratch, &trace);
      else
        block_run(&setup->model, layer, mode_preset(population_side[s]), &stream[s], &scratch, &trace);
      const Tensor *out = &trace.t[T_BLOCK_OUT];
      memcpy(stream[s].data, out->data, (size_t)out->rows * (size_t)out->cols * type_size(out->type));
    }
    for (int p = 0; p < POPULATION_PAIRS; p++) {
      PopulationPair pair = population_pair(p);
      point_of(&stream[pair.base], &stream[pair.other], &point[p * layers + layer], arena);
    }
  }
  Tensor logits[POPULATION_SIDES];
  for (int s = POPULATION_SIDES - 1; s >= 0; s--) {
    if (s == POPULATION_REFERENCE)
      trace64_head(&setup->weights, &stream[s], &arena, &ends);
    else
      block_head(&setup->model, &stream[s], &arena, &ends);
    logits[s] = ends.t[T_LOGITS];
    logits[s].rows--;
  }
  for (int s = 0; s < POPULATION_SIDES; s++) {
    EvaluationWindow row;
    evaluation_window(&logits[POPULATION_REFERENCE], &logits[s], token + 1, &row, arena);
    end[s] = (End){row.bits, row.kl_mean, row.top1_agreement, row.top1_accuracy};
  }
}

int main(int argc, char **argv) {
  Status st = {0};
  Arena arena;
  Spec spec;
  Setup setup = {0};
  Progress progress = progress_start(false);
  if (argc < 2) return fprintf(stderr, "population OUT [LENGTH [FIRST COUNT]]\n"), 2;
  int length = argc > 2 ? atoi(argv[2]) : 513;
  if (!arena_reserve(&arena, 0, exhausted, &st) ||
      !spec_parse(&arena, "population", spec_text, strlen(spec_text), &spec, &st) ||
      !setup_check(&arena, &spec, &setup, &st) || !setup_load(&arena, &spec, NULL, &progress, &setup, &st))
    return fprintf(stderr, "population: %s\n", st.text), 2;
  const PromptShape *text = &setup.prompt[0];
  int first = argc > 4 ? atoi(argv[3]) : 0, windows = argc > 4 ? atoi(argv[4]) : text->T / length;
  if (length < 2 || first < 0 || windows < 1 || (int64_t)(first + windows) * length > text->T)
    return fprintf(stderr, "population: the text has no %d windows of %d bytes\n", first + windows, length), 2;

  const int layers = setup.model.layers;
  PopulationHead head = {POPULATION_MAGIC, windows, layers, POPULATION_PAIRS, POPULATION_SIDES, length};
  const size_t points = (size_t)POPULATION_PAIRS * (size_t)layers;
  Point *point = ARENA_NEW(&arena, Point, (size_t)windows * points);
  End *end = ARENA_NEW(&arena, End, windows * POPULATION_SIDES);
  int threads = omp_get_max_threads() < THREADS_MOST ? omp_get_max_threads() : THREADS_MOST;
  const size_t room = (size_t)length * 48 * 1024 + ((size_t)8 << 20); /* streams and one layer's trace in float64 */
  Arena own[THREADS_MOST];
  for (int i = 0; i < threads; i++) {
    own[i] = arena;
    own[i].next = arena_room(&arena, room, 1);
    own[i].end = arena.next;
  }
  progress_phase(&progress, "windows", windows);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int w = 0; w < windows; w++) {
    run_window(&setup, text->token + (size_t)(first + w) * (size_t)length, length, point + (size_t)w * points,
               end + w * POPULATION_SIDES, own[omp_get_thread_num()]);
#pragma omp critical
    progress_step(&progress, progress.done + 1);
  }
  progress_done(&progress, "%d windows of %d bytes", windows, length);
  FILE *file = fopen(argv[1], "wb");
  bool ok =
      file && fwrite(&head, sizeof head, 1, file) == 1 &&
      fwrite(point, sizeof *point, (size_t)windows * points, file) == (size_t)windows * points &&
      fwrite(end, sizeof *end, (size_t)(windows * POPULATION_SIDES), file) == (size_t)(windows * POPULATION_SIDES);
  if (!file || fclose(file) || !ok) return fprintf(stderr, "population: %s cannot be written\n", argv[1]), 2;
  return 0;
}
