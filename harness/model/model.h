/* model: a checkpoint as the modes run it: rewritten weights rounded to float32, packed, and quantised once, with the
 * static activation scales of each layer. Everything lives in the arena that built it. */
#ifndef DS_MODEL_MODEL_H
#define DS_MODEL_MODEL_H
#include "base/arena.h"
#include "base/status.h"
#include "family/family.h"

/* Refuses input widths whose int8 sums could overflow. */
bool model_build(Arena *arena, const Weights64 *weights, Model *model, Status *st);
/* Bytes that model_build takes. */
size_t model_bytes(const Config *config);
/* scale = (float)(max(statistic, 1e-5) / 127): for weights and activations alike. */
float scale_of(double statistic);

#endif
