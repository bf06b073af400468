/* population: the curves of all windows of a text, for the calibration of the words that are said
 * of a few of them.
 *
 * The shipped model reads every disjoint window of 513 bytes of the shipped text, or the first
 * LENGTH of them, under each mode that computes anything of its own (0 is 2-0 and 2-2 is 2-1, bit
 * by bit: tests/test_same_computation.c) and in float64. For each window, pair and layer it writes
 * the error of block_out (struct Point), for each window and mode what it predicts (struct End).
 * Windows run side by side, a thread each; the file does not depend on how many. What is stopped
 * goes on where it was when it is given the same file. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/experiment.h"
#include "family/block.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "measure/evaluation.h"
#include "measure/row_error.h"
#include "source/source.h"
#include "words.h"

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
  const PartSquares squares = part_squares(&scratch, rows);
  double *room = ARENA_NEW(&scratch, double, rows);
  row_squares(base, other, squares);
  PartErrors e = part_errors_of(squares, rows, room);
  double error = 0, size = 0;
  for (size_t r = 0; r < rows; r++) error += squares.error2[r], size += squares.base2[r];
  *point = (Point){e.median, e.p90, e.p99, error, size, e.worst_share};
}

static void run_window(const Subject *subject, const int32_t *token, int length,
                       PopulationWindow *w, Arena arena) {
  const int layers = subject->model.layers;
  Tensor stream[POPULATION_SIDES];
  Source reference = source_ref64(&subject->weights);
  Trace trace, ends;
  for (int s = 0; s < POPULATION_SIDES; s++) {
    if (s == POPULATION_REFERENCE)
      reference.embed(&reference, token, length, &arena, &ends);
    else
      block_embed(&subject->model, token, length, &arena, &ends);
    stream[s] = ends.t[T_EMBEDDING];
  }
  for (int layer = 0; layer < layers; layer++) {
    for (int s = 0; s < POPULATION_SIDES; s++) {
      Arena scratch = arena;
      if (s == POPULATION_REFERENCE)
        reference.block(&reference, NULL, layer, &stream[s], &scratch, &trace);
      else
        block_run(&subject->model, layer, mode_preset(population_side[s]), &stream[s], &scratch,
                  &trace);
      const Tensor *out = &trace.t[T_BLOCK_OUT];
      memcpy(stream[s].data, out->data,
             (size_t)out->rows * (size_t)out->cols * format_size(out->format));
    }
    for (int p = 0; p < POPULATION_PAIRS; p++) {
      PopulationPair pair = population_pair(p);
      point_of(&stream[pair.base], &stream[pair.other], &w->point[p * layers + layer], arena);
    }
  }
  Tensor logits[POPULATION_SIDES];
  for (int s = POPULATION_SIDES - 1; s >= 0; s--) {
    if (s == POPULATION_REFERENCE)
      reference.head(&reference, &stream[s], &arena, &ends);
    else
      block_head(&subject->model, &stream[s], &arena, &ends);
    logits[s] = ends.t[T_LOGITS];
    logits[s].rows--;
  }
  for (int s = 0; s < POPULATION_SIDES; s++) {
    EvaluationWindow row;
    evaluation_window(&logits[POPULATION_REFERENCE], &logits[s], token + 1, NULL, &row, arena);
    w->end[s] = (End){row.bits, row.kl_mean, row.top1_agreement, row.top1_accuracy};
  }
}

/* Opens a file of the same head to go on with, or makes a new one. */
static FILE *open_population(const char *path, const PopulationHead *head) {
  PopulationHead found = {0};
  FILE *file = fopen(path, "r+b");
  if (file && fread(&found, sizeof found, 1, file) == 1 && !memcmp(&found, head, sizeof found))
    return file;
  if (file) fclose(file);
  file = fopen(path, "w+b");
  if (!file || fwrite(head, sizeof *head, 1, file) != 1 ||
      ftruncate(fileno(file), population_bytes(head)))
    return NULL;
  return file;
}

static bool put_window(FILE *file, const PopulationHead *head, int window,
                       const PopulationWindow *w) {
  const char done = 1;
  off_t at = population_window(head, window);
  size_t points = (size_t)POPULATION_PAIRS * (size_t)head->layers;
  return pwrite(fileno(file), w->point, points * sizeof(Point), at + 8) ==
             (ssize_t)(points * sizeof(Point)) &&
         pwrite(fileno(file), w->end, sizeof w->end, at + 8 + (off_t)(points * sizeof(Point))) ==
             sizeof w->end &&
         pwrite(fileno(file), &done, 1, at) == 1;
}

static bool window_done(FILE *file, const PopulationHead *head, int window) {
  char done = 0;
  return pread(fileno(file), &done, 1, population_window(head, window)) == 1 && done;
}

int population_run(const char *path, int length) {
  Status st = {0};
  Arena arena;
  Spec spec;
  Subject subject = {0};
  Progress progress = progress_start(false);
  if (!arena_reserve(&arena, 0, exhausted, &st) ||
      !spec_parse(&arena, "population", spec_text, strlen(spec_text), &spec, &st) ||
      !subject_check(&arena, &spec, &subject, &st) ||
      !experiment_load(&arena, &spec, NULL, &progress, &subject, &st))
    return fprintf(stderr, "population: %s\n", st.text), 2;
  const PromptShape *text = &subject.prompt[0];
  if (length < 2 || length > POPULATION_STRIDE)
    return fprintf(stderr, "population: a length is 2 to 513\n"), 2;
  const int layers = subject.model.layers, windows = text->T / POPULATION_STRIDE;
  PopulationHead head = {POPULATION_MAGIC, windows,          layers,
                         POPULATION_PAIRS, POPULATION_SIDES, length};
  FILE *file = open_population(path, &head);
  if (!file) return fprintf(stderr, "population: %s cannot be written\n", path), 2;

  int threads = omp_get_max_threads() < THREADS_MOST ? omp_get_max_threads() : THREADS_MOST;
  const size_t room =
      (size_t)length * 48 * 1024 + ((size_t)8 << 20); /* streams and one layer's trace in float64 */
  Arena own[THREADS_MOST];
  PopulationWindow window[THREADS_MOST];
  for (int i = 0; i < threads; i++) {
    window[i].point = ARENA_NEW(&arena, Point, POPULATION_PAIRS * layers);
    own[i] = arena;
    own[i].next = arena_room(&arena, room, 1);
    own[i].end = arena.next;
  }
  bool ok = true;
  progress_phase(&progress, "windows", windows);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int i = 0; i < windows; i++) {
    const int w = (int)((int64_t)i * 197 % windows),
              thread = omp_get_thread_num(); /* spread, so that a part serves */
    if (!window_done(file, &head, w)) {
      run_window(&subject, text->token + (size_t)w * POPULATION_STRIDE, length, &window[thread],
                 own[thread]);
      bool put = put_window(file, &head, w, &window[thread]);
#pragma omp atomic
      ok &= put;
    }
#pragma omp critical
    progress_step(&progress, progress.done + 1);
  }
  progress_done(&progress, "%d windows of %d bytes", windows, length);
  if (fclose(file) || !ok) return fprintf(stderr, "population: %s cannot be written\n", path), 2;
  return 0;
}
