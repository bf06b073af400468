/* vectors: stored inputs and outputs of an INT8 operator, made elsewhere (by a GPU kernel, say), in
 * an HDF5 file of others. Read with distrust: hard links, plain datasets of fixed types, shapes
 * that fit together; other names are passed over. Layout: /<case>/conv1d/{x, weight, bias, y_silu,
 * y_silu_ieee} and /<case>/scan/{u, dt, A_log, B, C, D, z, dt_bias, y_gated, y_gated_ieee,
 * state_q8}, any case names. int8 datasets carry their `scale`; inputs are stored [channel or
 * state, token], y_gated and y_gated_ieee as float16 [token, channel]. An attribute `axes`
 * ("token,channel") may say otherwise; without it a shape that fits only turned around is turned
 * around. */
#ifndef DS_STORE_VECTORS_H
#define DS_STORE_VECTORS_H
#include "base/arena.h"
#include "kernels/tensor.h"

enum { CONV_X, CONV_WEIGHT, CONV_BIAS, CONV_Y, CONV_Y_IEEE, CONV_VECTORS };
enum {
  SSM_U,
  SSM_DT,
  SSM_A_LOG,
  SSM_B,
  SSM_C,
  SSM_D,
  SSM_Z,
  SSM_DT_BIAS,
  SSM_Y,
  SSM_Y_IEEE,
  SSM_STATE_Q8,
  SSM_VECTORS
};
enum { VECTORS_MAX = SSM_VECTORS };

typedef struct VectorCase {
  const char *name; /* control characters replaced */
  /* In the order of the enum, as the kernels take them: [token, channel or state], vectors as one
   * row. data NULL: an output that the case does not have. */
  Tensor t[VECTORS_MAX];
} VectorCase;

/* "y_silu" of SSM_… or CONV_…, by operator ("conv1d" or "scan"). */
const char *vectors_name(const char *op, int which);
/* Every case that has this operator, in the order of their names; none is an error. In the
 * arena. */
bool vectors_read(Arena *arena, const char *path, const char *op, VectorCase **cases, int *count,
                  Status *st);

#endif
