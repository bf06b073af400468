/* weight: the values of one tensor of a checkpoint, whatever it is stored as. */
#ifndef DS_MODEL_WEIGHT_H
#define DS_MODEL_WEIGHT_H
#include "model/checkpoint.h"

bool weight_type_of(const char *dtype, WeightType *type); /* "F16", "BF16", "F32", "F64" */
const char *weight_type_name(WeightType type);
size_t weight_size(WeightType type); /* bytes a value */
/* Of `count` values from `first` on: where they are a view into a file, they are read in the
 * background; and their memory is given back until they are looked at again. */
void weight_ahead(const Weight *w, size_t first, size_t count);
void weight_forget(const Weight *w, size_t first, size_t count);
/* The largest of their magnitudes; infinity or NaN where there is one; 0 of none. */
double weight_largest(const Weight *w, size_t first, size_t count);
/* Of them, index of the first NaN or infinity; w->count where there is none. */
size_t weight_non_finite(const Weight *w, size_t first, size_t count);
/* And of the first finite value that becomes infinite in float32. */
size_t weight_too_large(const Weight *w, size_t first, size_t count);
/* Index of the first element that differs in any bit as double; `count` where there is none.
 * a->count == b->count. */
size_t weight_difference(const Weight *a, const Weight *b);
#endif
