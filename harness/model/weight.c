#include "model/weight.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "kernels/bf16.h"
#include "kernels/f16.h"
#include "kernels/room.h"

enum { TILE = 1 << 15 /* values that a thread takes at once */ };

static const struct {
  const char *name;
  size_t size;
} types[] = {[WEIGHT_F16] = {"F16", 2},
             [WEIGHT_BF16] = {"BF16", 2},
             [WEIGHT_F32] = {"F32", 4},
             [WEIGHT_F64] = {"F64", 8}};

bool weight_type_of(const char *dtype, WeightType *type) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(dtype, types[i].name) == 0) return *type = (WeightType)i, true;
  return false;
}

const char *weight_type_name(WeightType type) { return types[type].name; }

size_t weight_size(WeightType type) { return types[type].size; }

static double value_at(const Weight *w, size_t i) {
  switch (w->type) {
    case WEIGHT_F16: return f32_of_f16(((const uint16_t *)w->data)[i]);
    case WEIGHT_BF16: return f32_of_bf16(((const uint16_t *)w->data)[i]);
    case WEIGHT_F32: return ((const float *)w->data)[i];
    case WEIGHT_F64: break;
  }
  return ((const double *)w->data)[i];
}

/* One tile of values. */
ROOM_CLONES static void widen(const void *data, WeightType type, size_t first, size_t n,
                              double *out) {
  const uint16_t *h = (const uint16_t *)data + first;
  const float *f = (const float *)data + first;
  switch (type) {
    case WEIGHT_F16:
      for (size_t i = 0; i < n; i++) out[i] = f32_of_f16(h[i]);
      break;
    case WEIGHT_BF16:
      for (size_t i = 0; i < n; i++) out[i] = f32_of_bf16(h[i]);
      break;
    case WEIGHT_F32:
      for (size_t i = 0; i < n; i++) out[i] = f[i];
      break;
    case WEIGHT_F64: memcpy(out, (const double *)data + first, n * sizeof *out);
  }
}

void weight_range_to_f64(const Weight *w, size_t first, size_t count, double *out) {
  assert(first <= w->count && count <= w->count - first);
#pragma omp parallel for schedule(static) if (count > TILE)
  for (size_t at = 0; at < count; at += TILE)
    widen(w->data, w->type, first + at, count - at < TILE ? count - at : TILE, out + at);
}

void weight_to_f64(const Weight *w, double *out) { weight_range_to_f64(w, 0, w->count, out); }

void weight_ahead(const Weight *w, size_t first, size_t count) {
  const size_t size = weight_size(w->type);
  if (w->mapped) file_ahead((const char *)w->data + first * size, count * size);
}

void weight_forget(const Weight *w, size_t first, size_t count) {
  const size_t size = weight_size(w->type);
  if (w->mapped) file_forget((const char *)w->data + first * size, count * size);
}

/* Not finite is: all bits of the exponent set. */
static bool is_non_finite(const Weight *w, size_t i) {
  switch (w->type) {
    case WEIGHT_F16: return (((const uint16_t *)w->data)[i] & 0x7c00) == 0x7c00;
    case WEIGHT_BF16: return (((const uint16_t *)w->data)[i] & 0x7f80) == 0x7f80;
    case WEIGHT_F32: return (((const uint32_t *)w->data)[i] & 0x7f800000u) == 0x7f800000u;
    case WEIGHT_F64: break;
  }
  return (((const uint64_t *)w->data)[i] & 0x7ff0000000000000u) == 0x7ff0000000000000u;
}

/* Of numbers without their signs the larger has the larger bits; of what is not finite they are the
 * largest. */
ROOM_CLONES static uint16_t most_16(const uint16_t *x, size_t n) {
  uint16_t most = 0;
  for (size_t i = 0; i < n; i++) {
    const uint16_t bits = x[i] & 0x7fff;
    most = bits > most ? bits : most;
  }
  return most;
}

ROOM_CLONES static uint32_t most_32(const uint32_t *x, size_t n) {
  uint32_t most = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = x[i] & 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  return most;
}

ROOM_CLONES static uint64_t most_64(const uint64_t *x, size_t n) {
  const uint64_t mask = 0x7fffffffffffffffu;
  uint64_t most = 0;
  for (size_t i = 0; i < n; i++) {
    const uint64_t bits = x[i] & mask;
    most = bits > most ? bits : most;
  }
  return most;
}

double weight_largest(const Weight *w, size_t first, size_t count) {
  uint16_t half;
  uint64_t bits;
  double most;
  switch (w->type) {
    case WEIGHT_F16:
    case WEIGHT_BF16:
      half = most_16((const uint16_t *)w->data + first, count);
      return w->type == WEIGHT_F16 ? f32_of_f16(half) : f32_of_bf16(half);
    case WEIGHT_F32: return f32_of_bits(most_32((const uint32_t *)w->data + first, count));
    case WEIGHT_F64: break;
  }
  bits = most_64((const uint64_t *)w->data + first, count);
  return *(double *)memcpy(&most, &bits, sizeof most);
}

size_t weight_non_finite(const Weight *w, size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++)
    if (is_non_finite(w, i)) return i;
  return w->count;
}

size_t weight_too_large(const Weight *w, size_t first, size_t count) {
  const double *d = w->data;
  for (size_t i = first; w->type == WEIGHT_F64 && i < first + count; i++)
    if (isfinite(d[i]) && isinf((float)d[i])) return i;
  return w->count;
}

size_t weight_difference(const Weight *a, const Weight *b) {
  for (size_t i = 0; i < a->count; i++) {
    double x = value_at(a, i), y = value_at(b, i);
    if (memcmp(&x, &y, sizeof x) != 0) return i;
  }
  return a->count;
}
