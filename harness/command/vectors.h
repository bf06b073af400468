/* vectors: an operator on stored inputs, its outputs and float64's against the stored ones, in
 * words. */
#ifndef DS_COMMAND_VECTORS_H
#define DS_COMMAND_VECTORS_H
#include "report/language.h"
#include "study/micro/match.h"

typedef struct VectorsAsked {
  const char *path;
  MicroOp op;
  const Mode *mode; /* whose setting; NULL: what the types say (match.h) */
  TokenAxis tokens;
  double least; /* share of equal values; below 0: the operator's own limit */
  Language language;
} VectorsAsked;

/* Every case and every stored output: two lines each, and one of all shares; NULL where the file is
 * refused. False also where a check fails: of int8 inputs of conv1d and scan, and where `least` is
 * given, a share of equal values below the limit; else stored values beyond the bound. */
bool micro_vectors(Arena *arena, const VectorsAsked *asked, const char **text, Status *st);

#endif
