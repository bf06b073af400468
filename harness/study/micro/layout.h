/* layout: under which names and in which shapes the inputs and outputs of each operator stand in a
 * file of stored vectors. One row an array: what reads, runs and documents vectors goes by this
 * table and knows no operator of its own.
 *
 * An array's full name in its dump is [CASE/]OPERATOR/ARRAY, with "/" or "." between, and so
 * "layer3.conv1d.x" is x of the convolution in the case "layer3". Where no array has an operator in
 * its name, all are the one's that is asked for, and the name is [CASE/]ARRAY. */
#ifndef DS_STUDY_MICRO_LAYOUT_H
#define DS_STUDY_MICRO_LAYOUT_H
#include "study/micro/operator.h"

/* Of an array's elements. */
typedef enum VectorTake {
  TAKE_SETTING_IN,   /* int8 where all of this kind are, else float: OpTypes.in */
  TAKE_SETTING_REST, /* likewise OpTypes.rest */
  TAKE_FLOAT,        /* float32, whatever it is stored as */
  TAKE_NUMBER,       /* eps: one number */
  GIVE_SETTING,      /* an output in OpTypes.out */
  GIVE_FLOAT,        /* an output that is float32 under every setting */
  GIVE_QUANTISED     /* such an output as q8_away of it at the stored scale: int8 alone */
} VectorTake;

typedef struct VectorInfo {
  const char *name;
  const char *dims; /* as the operator takes it, a letter each: T token, C channel, N state, K tap,
                     * O output */
  bool open;        /* where neither the file nor its lengths tell the order it is that of `dims`;
                     * else not to tell it is an error */
  int place;        /* in Operator.in or Operator.out */
  VectorTake take;
  bool maybe; /* an input that an operator may go without */
} VectorInfo;

enum { VECTOR_F32 = 1 << FORMAT_F32, VECTOR_F16 = 1 << FORMAT_F16, VECTOR_I8 = 1 << FORMAT_I8 };
typedef struct VectorLayout {
  const VectorInfo *array;
  int arrays;
  unsigned takes, gives; /* formats that OpTypes.in and OpTypes.out may be, as bits */
  bool by_rows;          /* no token sees another: axes before the last are tokens, all of them */
} VectorLayout;

extern const VectorLayout vector_layout[MICRO_OPS];
enum { VECTOR_ARRAYS_MOST = 16 };

static inline bool vector_is_output(const VectorInfo *info) { return info->take >= GIVE_SETTING; }
/* The name of a letter of `dims`: "token". */
const char *vector_axis_name(char letter);

#endif
