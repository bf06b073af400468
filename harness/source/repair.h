/* repair: operators that do what others do on tensors in which single elements have other values,
 * whatever the type of the tensor: an int8 tensor whose grid ends at 1.9 hands on 2.668.
 *
 * An element is set behind the call that made it. In memory a float32 tensor takes the value
 * itself, any other the nearest value of its type; what the tensor cannot hold is remembered by its
 * address, and every later call that reads the address, through whatever view, computes with the
 * value that was asked for:
 *
 *   quantise, dequantise, narrow   hand the value on as it is, neither rounded nor clipped;
 *   linear i8, conv1d i8           make again the outputs that it reaches: sums in float64 of
 *                                  codes, with x / s_x in place of the element's code, then the
 *                                  operator's own scales and output type;
 *   all others, which dequantise   run on their inputs as float32 with the values put in their
 *                                  places: the same bits but for what the element changes.
 *
 * Witnesses are those of the operators without it. An element set to the value that it has is let
 * go: bit for bit nothing changes. A value that is one of the tensor's grid counts as its code. On
 * the CPU alone. */
#ifndef DS_SOURCE_REPAIR_H
#define DS_SOURCE_REPAIR_H
#include "base/arena.h"
#include "kernels/ops.h"

enum {
  REPAIR_BEFORE = -1, /* the call of what stood there before the first one */
  REPAIR_HELD = 64
};

typedef struct RepairElement {
  int call, out; /* the call's number, from 0, and which of its outputs; REPAIR_BEFORE: of
                    repair_start's tensor */
  OpKind reader; /* only calls of this operator meet the value, and memory keeps what it has;
                    OP_COUNT: all do */
  int row, col;
  float value;
} RepairElement;

typedef struct Held Held;

/* Zero but for elements and scratch, then repair_start. It stays where it is while its operators
 * are in use. */
typedef struct RepairOps {
  const RepairElement *element; /* [count]; of two for one place the last one counts */
  int count;
  Arena memory;  /* REPAIR_HELD bytes an element, and as many again for each conversion that it goes
                    through */
  Arena scratch; /* as many bytes as all inputs of any one call take as float32, and two of its
                    inputs as float64 */
  Held *held;
  int calls; /* so far */
  const Ops *behind;
  Ops ops;
} RepairOps;

/* The operators to hand out instead of `behind`, for one run of calls; before: what REPAIR_BEFORE
 * means, or NULL. */
const Ops *repair_start(RepairOps *repair, const Ops *behind, Tensor *before);
/* Whether calls of this operator change nothing but the format of what they take. */
bool repair_is_conversion(OpKind kind);
/* Element (row, col) of a tensor becomes the value of its type that is nearest to `value`. */
void repair_write(Tensor *t, int row, int col, float value);
#endif
