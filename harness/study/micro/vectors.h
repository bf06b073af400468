/* vectors: stored inputs and outputs of one operator, made elsewhere (by a GPU kernel, a simulator,
 * PyTorch), out of any container that dumps come in; layout.h says under which names. An array's
 * axes are those that the file tells (HDF5: its attribute `axes`, "token,channel"), or that the
 * caller does, or that fit the other arrays' lengths. Axes of length 1 that are too many are left
 * out.
 *
 * Nothing in a file is believed: what is missing, not known, of a shape or type that does not fit,
 * without a scale or not a number is one line with the file, the array and what was expected. */
#ifndef DS_STUDY_MICRO_VECTORS_H
#define DS_STUDY_MICRO_VECTORS_H
#include "source/dump/dump.h"
#include "study/micro/layout.h"

typedef enum TokenAxis { TOKENS_UNTOLD, TOKENS_FIRST, TOKENS_LAST } TokenAxis;

typedef struct VectorCase {
  const char *name;                     /* what stands before the operator; "" where nothing does */
  const char *full[VECTOR_ARRAYS_MOST]; /* by the layout's rows: the full names, NULL of none */
  const DumpArray *array[VECTOR_ARRAYS_MOST];
  const char *axes[VECTOR_ARRAYS_MOST]; /* DumpAxes.order; NULL of one number */
} VectorCase;

typedef struct Vectors {
  const Dump *dump;
  MicroOp op;
  VectorCase *one;
  int cases; /* at least one; in the order of the dump */
} Vectors;

/* Every case that has the operator: arrays, types and shapes are what it takes, and there is an
 * output. No element is read yet. */
bool vectors_open(Arena *arena, const char *path, MicroOp op, TokenAxis tokens, Vectors *v,
                  Status *st);

typedef struct VectorData {
  Tensor t[VECTOR_ARRAYS_MOST]; /* by the layout's rows, [rows, cols] as `dims`; data NULL: none */
  float eps;
} VectorData;
/* A case's elements, in the arena. Fails also where an input holds a NaN. */
bool vectors_read(Arena *arena, const Vectors *v, const VectorCase *c, VectorData *data,
                  Status *st);

/* How a message about row `i` of a case's arrays begins. */
#define VECTOR_AT "%s: '%.200s': "
#define VECTOR_IN(v, c, i) (v)->dump->path, (c)->full[i]

#endif
