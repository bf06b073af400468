/* inputs: made inputs of an operator, drawn by GSL's generators (mt19937). What is drawn depends on
 * seed, operator, input and shape alone: every setting gets the same numbers, int8 ones quantised
 * half to even. */
#ifndef DS_STUDY_MICRO_INPUTS_H
#define DS_STUDY_MICRO_INPUTS_H
#include "study/micro/operator.h"

typedef enum MicroInput {
  INPUT_CAPTURED,  /* what the model gives the operator: capture.h */
  INPUT_NORMAL,    /* standard normal */
  INPUT_UNIFORM,   /* from -sqrt(3) to sqrt(3): the same variance */
  INPUT_STUDENT_T, /* 3 degrees of freedom: heavy tails */
  INPUT_OUTLIERS,  /* normal, one channel in 64 (at least one) 60 times as large: what real
                      activations look like */
  INPUT_TIES, /* on and next to rounding ties of the input's and the output's grid, scales powers of
                 two */
  INPUT_SATURATING, /* normal, int8 scales an eighth of what would hold them all; float: 40 times as
                       large */
  INPUT_DENORMAL,   /* normal times 1e-39, biases too; scan: u alone */
  INPUT_ZERO,       /* zeros */
  INPUT_CANCELLATION, /* signs alternate over tokens and channels, sizes 1 +- 0.1 %, weights nearly
                         equal */
  INPUT_SLOW_DECAY,   /* scan: A near 0, so that the state forgets nothing */
  INPUT_COUNT
} MicroInput;

/* In the order of the enum; ends with NULL. */
extern const char *const micro_input_names[INPUT_COUNT + 1];
int micro_input_of(const char *name);

typedef struct MicroShape {
  int T, E, N; /* tokens, channels, states (scan) or outputs (linear); 0: not given */
} MicroShape;
MicroShape micro_shape_of(const char *text); /* "TxE" or "TxExN", as the spec checked it */
const char *micro_shape_text(Arena *arena, MicroOp op, MicroShape shape);
/* Whether the operator has this input at this shape; the reason in `why` where not. */
bool micro_input_exists(MicroOp op, MicroInput input, MicroShape shape, const char **why);

/* Inputs, outputs (junk) and scales of an operator that is to run. */
void micro_make(Arena *arena, MicroOp op, const MicroSetting *setting, MicroInput input,
                MicroShape shape, int64_t seed, Operator *o);
#endif
