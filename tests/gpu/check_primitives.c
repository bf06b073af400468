/* check_primitives: all 2^32 inputs of every unary primitive, device against CPU. One line each;
 * exit 1 at a difference. */
#include <stdio.h>

#include "check.h"
#include "kernels/cuda.h"
#include "primitives.h"

enum { CHUNK = 1 << 26, TILE = 1 << 12 };

ROOM_CLONES static long tile(Primitive which, uint32_t first, const uint32_t *got,
                             uint32_t *worst) {
  uint32_t want[TILE];
  long differing = 0;
  switch (which) { /* the choice outside the loops, so that each is a vector loop */
    case EXP32:
      for (int i = 0; i < TILE; i++) want[i] = primitive_bits(EXP32, first + (uint32_t)i);
      break;
    case LOG1P32:
      for (int i = 0; i < TILE; i++) want[i] = primitive_bits(LOG1P32, first + (uint32_t)i);
      break;
    case SOFTPLUS32:
      for (int i = 0; i < TILE; i++) want[i] = primitive_bits(SOFTPLUS32, first + (uint32_t)i);
      break;
    case SILU32:
      for (int i = 0; i < TILE; i++) want[i] = primitive_bits(SILU32, first + (uint32_t)i);
      break;
    case SQRTF:
      for (int i = 0; i < TILE; i++) want[i] = primitive_bits(SQRTF, first + (uint32_t)i);
      break;
    default:
      for (int i = 0; i < TILE; i++) want[i] = primitive_bits(ROUNDED, first + (uint32_t)i);
  }
  for (int i = 0; i < TILE; i++)
    if (got[i] != want[i] && !differing++)
      worst[0] = first + (uint32_t)i, worst[1] = got[i], worst[2] = want[i];
  return differing;
}

bool check_primitives(void) {
  static const char *const name[] = {"exp32",  "log1p32", "softplus32",
                                     "silu32", "sqrtf",   "f16_of, q8_away, q8_even"};
  char why[256];
  uint32_t *there = cuda_reserve(&cuda, sizeof(uint32_t) * CHUNK),
           *got = cuda_pinned(&cuda, sizeof(uint32_t) * CHUNK);
  if (!there || !got) {
    printf("FAILED: no memory\n");
    return false;
  }
  bool equal = true;
  for (int which = 0; which < PRIMITIVES; which++) {
    long differing = 0;
    uint32_t example[3] = {0};
    for (uint64_t first = 0; first < 1ull << 32; first += CHUNK) {
      primitives_cuda(&cuda, (Primitive)which, (uint32_t)first, CHUNK, there);
      cuda_to_host(&cuda, got, there, sizeof(uint32_t) * CHUNK);
      if (!cuda_wait(&cuda, why)) {
        printf("FAILED: %s\n", why);
        return false;
      }
#pragma omp parallel for reduction(+ : differing)
      for (int i = 0; i < CHUNK; i += TILE) {
        uint32_t worst[3];
        long here = tile((Primitive)which, (uint32_t)first + (uint32_t)i, got + i, worst);
        differing += here;
#pragma omp critical
        if (here)
          for (int j = 0; j < 3; j++) example[j] = worst[j];
      }
    }
    printf("%-26s all 2^32 inputs: %ld differ", name[which], differing);
    if (differing)
      printf(", such as input %08x: cuda %08x, cpu %08x", example[0], example[1], example[2]);
    printf("\n");
    fflush(stdout);
    equal = equal && differing == 0;
  }
  cuda_unpin(&cuda, got);
  cuda_release(&cuda, there);
  return equal;
}
