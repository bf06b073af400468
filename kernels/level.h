/* level: the operators of the CPU, once for each instruction level that the processor has, and the
 * one choice among them. Every level gives the same bits (tests/test_level.c): the choice is one of
 * speed alone.
 *
 * The highest level that the processor has is chosen before main; level_choose chooses another. Not
 * while operators run; what linear_pack made is read by the level that made it and by no other. */
#ifndef DS_KERNELS_LEVEL_H
#define DS_KERNELS_LEVEL_H
#include <stdbool.h>

#include "kernels/conv1d.h"
#include "kernels/hadamard.h"
#include "kernels/linear.h"
#include "kernels/narrow.h"
#include "kernels/peak.h"
#include "kernels/q8.h"
#include "kernels/residual.h"
#include "kernels/rmsnorm.h"
#include "kernels/scan.h"

/* What is compiled for each level: result, name, parameters, and those as arguments. */
#define LEVEL_EACH(X)                                                                              \
  X(Linear, linear_pack,                                                                           \
    (const void *weight, int out, int in, Format format, float scale, void *panels),               \
    (weight, out, in, format, scale, panels))                                                      \
  X(void, linear, (const Linear *w, const Tensor *x, Tensor *y), (w, x, y))                        \
  X(void, conv1d, (const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu),                   \
    (w, x, pre, silu))                                                                             \
  X(void, scan, (const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch),    \
    (in, order, out, scratch))                                                                     \
  X(void, hadamard, (const Tensor *x, Tensor *y), (x, y))                                          \
  X(void, rmsnorm, (const Tensor *x, const float *gain, float eps, Tensor *y), (x, gain, eps, y))  \
  X(void, quantise, (const Tensor *x, Rounding rounding, Tensor *y), (x, rounding, y))             \
  X(void, dequantise, (const Tensor *x, Tensor *y), (x, y))                                        \
  X(float, absmax, (const Tensor *x), (x))                                                         \
  X(void, narrow, (const Tensor *x, Precision to, Tensor *y), (x, to, y))                          \
  X(void, residual_add, (const Tensor *x, const Tensor *branch, Tensor *y), (x, branch, y))        \
  X(double, peak_work, (Peak kind, int rounds), (kind, rounds))

/* In an operator's file: its own, so that the compiler holds them against the list. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a parameter list has its own */
#define LEVEL_DECLARE(type, name, parameters, arguments) type ROOM_LEVEL(name) parameters;
LEVEL_EACH(LEVEL_DECLARE)
#undef LEVEL_DECLARE

/* The name of level `i` of this processor, from "portable" up; NULL behind the last. */
const char *level_name(int i);
/* The one that runs. */
const char *level_now(void);
/* False, and nothing changes, where this processor has none of that name. */
bool level_choose(const char *name);

#endif
