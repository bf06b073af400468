/* verdict: what a pair's rows say: did both modes take effect, where do they first differ, how large is it at the end.
 */
#ifndef DS_MEASURE_VERDICT_H
#define DS_MEASURE_VERDICT_H
#include "base/arena.h"
#include "family/mode.h"
#include "measure/tables.h"

/* `base` or `other` NULL: the reference. rows: all pair rows of the run; drift: drift_of of them. */
Verdict verdict_of(const Mode *base, const Mode *other, const PairStats *rows, size_t count, const Drift *drift,
                   size_t drift_count, int layers, Arena scratch);
/* The key of the reason why two modes must agree in every tensor bit, or everywhere but at rounding ties; "" where
 * there is none. Derived from the stage settings in which they differ: grid_identity      conv_out i8 against f32_grid,
 * requantised at the same scale: q8(dq(q)) = q dequantised_first  scan_u i8 against f32 on the same grid: the scan
 * dequantises int8 before any arithmetic ties_only          conv_out i8 against f32, requantised everywhere: one
 * rounding each, half away against half even */
const char *verdict_reason(const Mode *base, const Mode *other);
#endif
