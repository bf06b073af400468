/* vector_axes: which axis of a stored array is which of the operator's dimensions: by what the file
 * tells, or the caller, or by what fits the lengths that other arrays have told. */
#ifndef DS_STUDY_MICRO_VECTOR_AXES_H
#define DS_STUDY_MICRO_VECTOR_AXES_H
#include "study/micro/vectors.h"

/* Lengths of the dimensions of a case, by letter; 0: not known yet. */
typedef struct Lengths {
  int64_t of[128];
} Lengths;

/* Who asks for the axes of an array. */
typedef struct AxesAsked {
  const VectorInfo *info;
  bool by_rows; /* VectorLayout.by_rows */
  TokenAxis tokens;
} AxesAsked;

/* The array's axes as dump_read takes them: its rows are tokens, its columns channels; NULL of one
 * number. What it tells is added to `lengths`. False: why not, "is [3, 4], [token, channel 5] was
 * expected". Both in the arena. */
bool vector_axes(Arena *arena, const AxesAsked *asked, const DumpArray *array, Lengths *lengths,
                 const char **order, const char **why);
/* "[token, channel 512]" */
const char *vector_shape(Arena *arena, const VectorInfo *info, const Lengths *lengths);

#endif
