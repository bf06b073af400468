/* weight: the values of one tensor of a checkpoint, whatever it is stored as. */
#ifndef DS_MODEL_WEIGHT_H
#define DS_MODEL_WEIGHT_H
#include "model/checkpoint.h"

bool weight_type_of(const char *dtype, WeightType *type); /* "F16", "BF16", "F32", "F64" */
const char *weight_type_name(WeightType type);
size_t weight_size(WeightType type); /* bytes a value */
/* Index of the first NaN or infinity; `count` where there is none. */
size_t weight_non_finite(const Weight *w);
/* Index of the first finite value that becomes infinite in float32; `count` where there is none. */
size_t weight_too_large(const Weight *w);
/* Index of the first element that differs in any bit as double; `count` where there is none. a->count == b->count. */
size_t weight_difference(const Weight *a, const Weight *b);
#endif
