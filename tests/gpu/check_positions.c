/* What logits say of the next token, on the device against this host: vocabularies around the lanes
 * and a large one, modes near the reference and far from it, ties for the largest, values that are
 * not finite. Every bit is compared. */
#include "check.h"
#include "kept.h"

#include <math.h>
#include <string.h>

#include "measure/positions.h"
#include "tests/draws.h"

typedef enum Fill { NEAR, FAR, TIES, NOT_FINITE, FILLS } Fill;
static const char *const fill_name[FILLS] = {"near", "far apart", "ties", "one not finite"};

static double draw(void) { return ((double)random_bits() + (double)random_bits()) * 0x1p-31 - 2; }

static void fill_row(Fill fill, int vocab, double *p, float *q) {
  for (int i = 0; i < vocab; i++) {
    p[i] = fill == TIES ? random_bits() % 4 : 6 * draw();
    q[i] = (float)(fill == TIES  ? random_bits() % 4
                   : fill == FAR ? 6 * draw()
                                 : p[i]) +
           (fill == NEAR ? (float)(1e-3 * draw()) : 0);
  }
  if (fill != NOT_FINITE) return;
  if (random_bits() % 2)
    q[random_bits() % (unsigned)vocab] = random_bits() % 2 ? NAN : -INFINITY;
  else
    p[random_bits() % (unsigned)vocab] = INFINITY;
}

/* Of floats beside float64, and of the reference beside itself. */
static long compare(const Tensor *p, const Tensor *q, const Tensor *p_there, const Tensor *q_there,
                    const int32_t *target, const int32_t *target_there, const char *what) {
  const int rows = q->rows;
  const size_t bytes = (size_t)rows * sizeof(EvaluationPosition);
  EvaluationPosition *want = keep(malloc(bytes), 0), *got = keep(malloc(bytes), 0),
                     *there = keep(cuda_reserve(&cuda, bytes), 1);
  Arena arena = {0};
  const size_t room = evaluation_positions_bytes(q->cols) + 4096;
  arena.base = arena.next = keep(malloc(room), 0);
  arena.end = arena.base + room;
  evaluation_positions(p, q, target, want, arena);
  evaluation_positions_queue(&cuda, p_there, q_there, target_there, there);
  cuda_to_host(&cuda, got, there, bytes);
  wait_or_exit();
  long differing = 0;
  for (int t = 0; t < rows; t++) {
    const bool same = !memcmp(&want[t].nats, &got[t].nats, sizeof(double)) ||
                      (isnan(want[t].nats) && isnan(got[t].nats));
    const bool all = same &&
                     (isnan(want[t].kl) ? isnan(got[t].kl) != 0 : want[t].kl == got[t].kl) &&
                     want[t].agrees == got[t].agrees && want[t].right == got[t].right;
    if (!all && differing++ < 3)
      printf("FAILED: positions: %d x %d, %s, row %d: %.17g %.17g %d %d, here %.17g %.17g %d %d\n",
             rows, q->cols, what, t, got[t].nats, got[t].kl, got[t].agrees, got[t].right,
             want[t].nats, want[t].kl, want[t].agrees, want[t].right);
  }
  return differing;
}

static long check_shape(int rows, int vocab, Fill fill) {
  const size_t n = (size_t)rows * (size_t)vocab;
  double *p = keep(malloc(n * sizeof *p), 0);
  float *q = keep(malloc(n * sizeof *q), 0);
  int32_t *target = keep(malloc((size_t)rows * sizeof *target), 0);
  for (int t = 0; t < rows; t++) {
    fill_row(fill, vocab, p + (size_t)t * (size_t)vocab, q + (size_t)t * (size_t)vocab);
    target[t] = (int32_t)(random_bits() % (unsigned)vocab);
  }
  void *p_there = keep(cuda_reserve(&cuda, n * sizeof *p), 1),
       *q_there = keep(cuda_reserve(&cuda, n * sizeof *q), 1);
  int32_t *target_there = keep(cuda_reserve(&cuda, (size_t)rows * sizeof *target), 1);
  cuda_to_device(&cuda, p_there, p, n * sizeof *p);
  cuda_to_device(&cuda, q_there, q, n * sizeof *q);
  cuda_to_device(&cuda, target_there, target, (size_t)rows * sizeof *target);
  const Tensor here[] = {tensor_of(p, FORMAT_F64, rows, vocab, 0),
                         tensor_of(q, FORMAT_F32, rows, vocab, 0)},
               there[] = {tensor_of(p_there, FORMAT_F64, rows, vocab, 0),
                          tensor_of(q_there, FORMAT_F32, rows, vocab, 0)};
  long differing = 0;
  for (int side = 0; side < 2; side++)
    differing += compare(&here[0], &here[side], &there[0], &there[side], target, target_there,
                         fill_name[fill]);
  kept_free();
  return differing;
}

bool check_positions(bool small) {
  static const int shape[][2] = {{1, 1},  {3, 5},    {9, 15},   {8, 16},     {17, 17},
                                 {5, 31}, {64, 256}, {33, 999}, {100, 50280}};
  const int shapes = (int)(sizeof shape / sizeof *shape) - (small ? 1 : 0);
  long differing = 0, rows = 0;
  for (Fill fill = 0; fill < FILLS; fill++)
    for (int i = 0; i < shapes; i++) {
      differing += check_shape(shape[i][0], shape[i][1], fill);
      rows += 2 * shape[i][0];
    }
  printf("positions of logits: %ld rows: %s\n", rows,
         differing ? "THEY DIFFER" : "every bit equal");
  return differing == 0;
}
