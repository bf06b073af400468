/* model: weights as the modes run them: float64 values rounded to float32, packed, and quantised
 * once. */
#ifndef DS_MODEL_MODEL_H
#define DS_MODEL_MODEL_H
#include "base/arena.h"
#include "base/status.h"
#include "family/family.h"

/* scale = (float)(max(statistic, 1e-5) / 127): for weights and activations alike. */
float scale_of(double statistic);

/* The int8 grid of a weight. */
typedef struct WeightGrid {
  double most; /* of its magnitudes, rounded to float32 */
  float scale;
} WeightGrid;

/* Refuses input widths whose int8 sums could overflow. */
bool model_check(const Config *config, Status *st);
/* Sizes and nothing else: no weight, no scale. */
Model model_empty(const Config *config, bool hadamard);

/* Bytes of a weight in one format, 64-byte aligned. */
size_t prepared_bytes(const Config *config, const WeightInfo *info, Format format);
/* What a projection is called where its time is told: "in_proj" of "mixer.in_proj.weight". */
const char *model_operator_name(Arena *arena, const WeightInfo *info);

/* Where a weight is to be prepared. */
typedef struct PreparedRoom {
  void *f32, *i8;   /* prepared_bytes; NULL: not in this format; a gain has no int8 */
  const char *name; /* model_operator_name */
} PreparedRoom;

/* A weight's values (NULL: the checkpoint lacks it, or it is folded) in either format that has a
 * room. `grid` is set where int8 is made. */
void model_prepare(const Config *config, const WeightInfo *info, const double *values,
                   const PreparedRoom *room, Prepared *f32, Prepared *i8, WeightGrid *grid,
                   Arena scratch);
/* Bytes of scratch that it takes for the largest weight of a layer. */
size_t model_prepare_bytes(const Config *config);

#endif
