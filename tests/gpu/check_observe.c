/* What calibration observes of tensors on the device against a sort and a count of each here:
 * random values, such that are hard, sizes across the borders of blocks and warps, lists of several
 * tensors, with and without counts and channels. Every bit is compared. */
#include "check.h"
#include "kept.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "kernels/math32.h"
#include "measure/observe.h"
#include "tests/draws.h"

typedef enum Fill { NORMAL, ALL_SIZES, ZEROS, EQUAL, FEW, NOT_FINITE, FILLS } Fill;
static const char *const fill_name[FILLS] = {"normal",    "all sizes",    "zeros of both signs",
                                             "all equal", "three values", "one not finite"};

static const double fraction[] = {0.9999, 0.999, 0,    1,   0.5,  0.99, 0.9,  0.8,
                                  0.7,    0.6,   0.4,  0.3, 0.2,  0.1,  0.01, 0.001,
                                  0.9,    0.995, 0.75, 1,   0.25, 0.05, 0.55, 0.99999};
enum { FRACTIONS = sizeof fraction / sizeof *fraction };
_Static_assert((int)FRACTIONS == (int)OBSERVE_QUANTILES, "as many as there may be");

static float value_of(Fill fill) {
  const double x = ((double)random_bits() + (double)random_bits()) * 0x1p-31 - 2;
  const uint32_t dice = random_bits() % 64;
  switch (fill) {
    case ALL_SIZES: return f32_of_bits(random_bits() % 2 ? random_bits() & 0xbf7fffffu : dice);
    case ZEROS: return dice < 20 ? 0.0f : dice < 40 ? -0.0f : (float)x;
    case EQUAL: return -0.1f;
    case FEW: return dice < 60 ? 1.0f : dice < 63 ? -0x1.00001p0f : 0x1.00003p0f;
    default: return (float)x;
  }
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static long seen, differing;

static void expect(bool same, const char *what, const Tensor *t, Fill fill) {
  seen++;
  if (!same && differing++ < 20)
    printf("FAILED: observe: %s of %d x %d, %s\n", what, t->rows, t->cols, fill_name[fill]);
}

static void check_tensor(const ObserveList *list, int tensor, const float *x, Fill fill,
                         const void *pinned) {
  const ObserveTensor *of = &list->of[tensor];
  const Tensor *t = &of->t;
  const size_t n = (size_t)t->rows * (size_t)t->cols;
  const Observed got = observe_take(list, tensor, pinned);
  double *sorted = keep(malloc(n * sizeof *sorted), 0);
  const int channels = of->by_row ? t->rows : t->cols;
  uint32_t *count = keep(calloc(OBSERVE_UPPER, sizeof *count), 0),
           *channel = keep(calloc((size_t)channels, sizeof *channel), 0);
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of_f32(x[i]) & 0x7fffffffu;
    uint32_t *largest = &channel[of->by_row ? i / (size_t)t->cols : i % (size_t)t->cols];
    sorted[i] = fabs((double)x[i]);
    count[bits >> 16]++;
    *largest = bits > *largest ? bits : *largest;
  }
  expect(got.finite == (fill != NOT_FINITE), "finite", t, fill);
  if (list->counts_and_channels) {
    expect(!memcmp(got.count, count, OBSERVE_UPPER * sizeof *count), "counts", t, fill);
    expect(!memcmp(got.channel, channel, (size_t)channels * sizeof *channel), "channels", t, fill);
  }
  if (!got.finite) return;
  qsort(sorted, n, sizeof *sorted, rising);
  expect(got.largest == sorted[n - 1], "largest", t, fill);
  for (int q = 0; of->quantiles && q < list->fractions; q++)
    expect(observed_quantile(list, tensor, &got, q) ==
               gsl_stats_quantile_from_sorted_data(sorted, 1, n, list->fraction[q]),
           "quantile", t, fill);
}

static void check_list(const int shape[][2], int tensors, Fill fill, int fractions, bool counts) {
  ObserveTensor of[SCALES_MOST];
  float *x[SCALES_MOST];
  ObserveList list = {.of = of,
                      .tensors = tensors,
                      .fraction = fraction,
                      .fractions = fractions,
                      .counts_and_channels = counts};
  for (int i = 0; i < tensors; i++) {
    const size_t n = (size_t)shape[i][0] * (size_t)shape[i][1], bytes = n * sizeof(float);
    x[i] = keep(malloc(bytes), 0);
    for (size_t k = 0; k < n; k++) x[i][k] = value_of(fill);
    if (fill == NOT_FINITE) x[i][random_bits() % n] = random_bits() % 2 ? NAN : -INFINITY;
    of[i] = (ObserveTensor){
        tensor_of(keep(cuda_reserve(&cuda, bytes), 1), FORMAT_F32, shape[i][0], shape[i][1], 0),
        .quantiles = i % 2 == 0, .by_row = i % 3 == 1};
    cuda_to_device(&cuda, of[i].t.data, x[i], bytes);
  }
  void *room = keep(cuda_reserve(&cuda, observe_bytes(&list)), 1),
       *pinned = cuda_pinned(&cuda, observe_pinned_bytes(&list));
  if (!pinned) printf("no memory\n"), exit(2);
  memset(pinned, 0xa5, observe_pinned_bytes(&list));
  observe_queue(&cuda, &list, room, pinned);
  wait_or_exit();
  for (int i = 0; i < tensors; i++) check_tensor(&list, i, x[i], fill, pinned);
  cuda_unpin(&cuda, pinned);
  kept_free();
}

bool check_observe(bool small) {
  static const int shape[][2] = {{1, 1},    {1, 2},    {3, 11},   {1, 1024},  {5, 205},
                                 {512, 16}, {33, 129}, {171, 80}, {171, 768}, {512, 3072}};
  const int shapes = (int)(sizeof shape / sizeof *shape) - (small ? 2 : 0);
  for (Fill fill = 0; fill < FILLS; fill++)
    for (int at = 0; at < shapes; at++) {
      const int tensors = 1 + at % (shapes - at < 3 ? shapes - at : 3);
      check_list(&shape[at], tensors, fill, 1 + at % FRACTIONS, at % 2 == 0);
      check_list(&shape[at], tensors, fill, FRACTIONS, at % 2 == 1);
    }
  printf("calibration: %ld findings of %d shapes: %s\n", seen, shapes,
         differing ? "THEY DIFFER" : "every bit equal");
  return differing == 0;
}
