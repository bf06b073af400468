#include "model/weight.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/bf16.h"
#include "kernels/f16.h"
#include "kernels/room.h"

enum { TILE = 1 << 15 /* values that a thread takes at once */ };

static const struct {
  const char *name;
  size_t size;
} types[] = {
    [WEIGHT_F16] = {"F16", 2}, [WEIGHT_BF16] = {"BF16", 2}, [WEIGHT_F32] = {"F32", 4}, [WEIGHT_F64] = {"F64", 8}};

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
ROOM_CLONES static void widen(const void *data, WeightType type, size_t first, size_t n, double *out) {
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

/* Not finite is: all bits of the exponent set. */
size_t weight_non_finite(const Weight *w) {
  const uint16_t *h = w->data;
  const uint32_t *f = w->data;
  const uint64_t *d = w->data;
  const uint16_t mask = w->type == WEIGHT_F16 ? 0x7c00 : 0x7f80;
  for (size_t i = 0; i < w->count; i++) switch (w->type) {
      case WEIGHT_F16:
      case WEIGHT_BF16:
        if ((h[i] & mask) == mask) return i;
        break;
      case WEIGHT_F32:
        if ((f[i] & 0x7f800000u) == 0x7f800000u) return i;
        break;
      case WEIGHT_F64:
        if ((d[i] & 0x7ff0000000000000u) == 0x7ff0000000000000u) return i;
        break;
    }
  return w->count;
}

size_t weight_too_large(const Weight *w) {
  const double *d = w->data;
  for (size_t i = 0; w->type == WEIGHT_F64 && i < w->count; i++)
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
