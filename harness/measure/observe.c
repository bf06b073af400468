/* observe: what stands where: the results of all tensors first, there as here, and behind them what
 * the kernels need on the way. */
#include "measure/observe.h"

#include <assert.h>

#include "base/quantiles.h"
#include "kernels/math32.h"

static const uint32_t beyond_finite = 0x7f800000; /* the bits of an infinity */

/* Hands out words of memory that may be NULL: then they are only counted. In lines of 64 bytes. */
typedef struct Words {
  uint32_t *base;
  size_t used;
} Words;

static uint32_t *take(Words *words, size_t count) {
  uint32_t *at = words->base ? words->base + words->used : NULL;
  words->used += (count + 15) / 16 * 16;
  return at;
}

static bool has_quantiles(const ObserveList *list, int i) {
  return list->of[i].quantiles && list->fractions > 0;
}

static void take_results(const ObserveList *list, int i, Words *words, ObservePart *part) {
  const Tensor *t = &list->of[i].t;
  part->largest = take(words, 1);
  if (has_quantiles(list, i)) part->ordered = take(words, 2 * (size_t)list->fractions);
  if (!list->counts_and_channels) return;
  part->count = take(words, OBSERVE_UPPER);
  part->channel = take(words, (size_t)(list->of[i].by_row ? t->rows : t->cols));
}

static void take_work(const ObserveList *list, int i, Words *words, ObservePart *part) {
  const size_t ranks = 2 * (size_t)list->fractions;
  if (!has_quantiles(list, i)) return;
  if (!list->counts_and_channels) part->count = take(words, OBSERVE_UPPER);
  part->place = take(words, 2 * ranks);
  part->lower = take(words, ranks * OBSERVE_LOWER);
}

static size_t result_words(const ObserveList *list) {
  Words words = {0};
  ObservePart part;
  for (int i = 0; i < list->tensors; i++) take_results(list, i, &words, &part);
  return words.used;
}

size_t observe_pinned_bytes(const ObserveList *list) {
  return result_words(list) * sizeof(uint32_t);
}

size_t observe_bytes(const ObserveList *list) {
  Words words = {.used = result_words(list)};
  ObservePart part;
  for (int i = 0; i < list->tensors; i++) take_work(list, i, &words, &part);
  return words.used * sizeof(uint32_t);
}

void observe_queue(Cuda *cuda, const ObserveList *list, void *room, void *pinned) {
  ObserveParts parts = {.count = list->tensors, .ranks = 2 * list->fractions};
  Words words = {.base = room};
  assert(list->tensors <= SCALES_MOST && list->fractions <= OBSERVE_QUANTILES);
  for (int i = 0; i < list->tensors; i++) {
    const Tensor *t = &list->of[i].t;
    ObservePart *part = &parts.part[i];
    const size_t n = tensor_elements(t);
    assert(t->format == FORMAT_F32 && n > 0 && n <= INT32_MAX);
    *part = (ObservePart){
        .x = t->data, .n = (uint32_t)n, .cols = (uint32_t)t->cols, .by_row = list->of[i].by_row};
    for (int q = 0; q < list->fractions; q++) {
      const size_t rank = quantile_rank(n, list->fraction[q]);
      part->rank[2 * q] = (uint32_t)rank;
      part->rank[2 * q + 1] = (uint32_t)(rank + 1 < n ? rank + 1 : rank);
    }
    take_results(list, i, &words, part);
  }
  for (int i = 0; i < list->tensors; i++) take_work(list, i, &words, &parts.part[i]);
  cuda_zero(cuda, room, words.used * sizeof(uint32_t));
  observe_parts(cuda, &parts);
  cuda_to_host(cuda, pinned, room, observe_pinned_bytes(list));
}

Observed observe_take(const ObserveList *list, int tensor, const void *pinned) {
  Words words = {.base = (uint32_t *)(uintptr_t)pinned};
  ObservePart part = {0};
  for (int i = 0; i <= tensor; i++) {
    part = (ObservePart){0};
    take_results(list, i, &words, &part);
  }
  assert(part.largest);
  return (Observed){.finite = *part.largest < beyond_finite,
                    .largest = (double)f32_of_bits(*part.largest),
                    .ordered = part.ordered,
                    .count = part.count,
                    .channel = part.channel};
}

double observed_quantile(const ObserveList *list, int tensor, const Observed *of, int q) {
  const Tensor *t = &list->of[tensor].t;
  return quantile_between(tensor_elements(t), list->fraction[q],
                          (double)f32_of_bits(of->ordered[2 * q]),
                          (double)f32_of_bits(of->ordered[2 * q + 1]));
}
