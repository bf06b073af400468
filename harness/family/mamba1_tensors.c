/* mamba1_tensors: the tensors of each kind of model of this family and their static scales, and
 * where a tensor stands in the table of each. */
#include "family/mamba1_parts.h"

/* Those of every kind; dt_proj and all behind it `by` places further. */
/* clang-format off */
#define TENSORS(by)                                                                         \
  [T_BLOCK_IN] = {"block_in", "residual stream before the block", DIM_TOKEN, DIM_D_MODEL, ABSENT,\
     ROLE_BLOCK_IN, .basis = BASIS_ROTATED},                                                \
  [T_NORM] = {"norm", "RMS norm of block_in", DIM_TOKEN, DIM_D_MODEL, S_IN,                 \
     .basis = BASIS_FOLDED},                                                                \
  [T_IN_PROJ] = {"in_proj", "input projection: x, then z", DIM_TOKEN, DIM_D_INNER2, S_XZ},  \
  [T_CONV1D] = {"conv1d", "causal depthwise convolution, before SiLU", DIM_TOKEN,           \
     DIM_D_INNER, ABSENT, .reach = REACHES_NONE},                                           \
  [T_CONV1D_SILU] = {"conv1d_silu", "SiLU of conv1d", DIM_TOKEN, DIM_D_INNER, S_U, ROLE_CONV_OUT},\
  [T_X_PROJ_IN] = {"x_proj_in", "what x_proj takes: conv1d_silu, requantised where the mode "\
     "says so", DIM_TOKEN, DIM_D_INNER, S_U, .taken_by = OP_LINEAR},                        \
  [T_SCAN_IN] = {"scan_in", "u of the scan: conv1d_silu, requantised where the mode says so",\
     DIM_TOKEN, DIM_D_INNER, S_U, .taken_by = OP_SCAN},                                     \
  [T_X_PROJ] = {"x_proj", "projection to dt, B, C", DIM_TOKEN, DIM_DT_BC, S_DBC},           \
  [T_DT_PROJ + (by)] = {"dt_proj", "projection of dt to channels, without its bias",        \
     DIM_TOKEN, DIM_D_INNER, S_DT},                                                         \
  [T_DELTA + (by)] = {"delta", "step size: softplus(dt_proj + bias)", DIM_TOKEN,            \
     DIM_D_INNER, ABSENT, .reach = REACHES_NONE},                                           \
  [T_SCAN + (by)] = {"scan", "selective scan, before the gate", DIM_TOKEN, DIM_D_INNER,     \
     ABSENT, ROLE_SCAN, .reach = REACHES_NONE},                                             \
  [T_GATED + (by)] = {"gated", "scan times SiLU(z)", DIM_TOKEN, DIM_D_INNER, ABSENT,        \
     .reach = REACHES_OWN},                                                                 \
  [T_OUT_PROJ_IN + (by)] = {"out_proj_in", "what out_proj takes: gated after the Hadamard " \
     "transform", DIM_TOKEN, DIM_D_INNER, S_O, .taken_by = OP_LINEAR,                       \
     .basis = BASIS_ROTATED, .reach = REACHES_OWN},                                         \
  [T_OUT_PROJ + (by)] = {"out_proj", "output projection", DIM_TOKEN, DIM_D_MODEL, ABSENT,   \
     ROLE_ADDED, .basis = BASIS_ROTATED, .reach = REACHES_OWN},                             \
  [T_BLOCK_OUT + (by)] = {"block_out", "residual stream after the block", DIM_TOKEN,        \
     DIM_D_MODEL, ABSENT, ROLE_BLOCK_OUT, .basis = BASIS_ROTATED, .reach = REACHES_OWN},    \
  [T_SSM_STATE + (by)] = {"ssm_state", "state of the scan after the last token",            \
     DIM_D_INNER, DIM_D_STATE, S_H},                                                        \
  [T_SSM_STATE_Q8 + (by)] = {"ssm_state_q8", "ssm_state, quantised", DIM_D_INNER,           \
     DIM_D_STATE, S_H, .modes_only = true, .of = T_SSM_STATE + (by)},                       \
  [T_EMBEDDING + (by)] = {"embedding", "embedding of the tokens", DIM_TOKEN, DIM_D_MODEL,   \
     ABSENT, ROLE_EMBEDDING, .basis = BASIS_ROTATED},                                       \
  [T_NORM_F + (by)] = {"norm_f", "final RMS norm", DIM_TOKEN, DIM_D_MODEL, ABSENT,          \
     .basis = BASIS_FOLDED},                                                                \
  [T_LOGITS + (by)] = {"logits", "logits over the vocabulary", DIM_TOKEN, DIM_VOCAB,        \
     ABSENT, ROLE_LOGITS},                                                                  \
  [T_CONV_IN + (by)] = {"conv_in", "what conv1d takes, at a scale of the prompt", DIM_TOKEN,\
     DIM_D_INNER, ABSENT, .of = T_IN_PROJ}

#define SCALES(by)                                                                          \
  [S_IN] = {T_NORM, false}, [S_XZ] = {T_IN_PROJ, false}, [S_U] = {T_CONV1D_SILU, true},     \
  [S_DBC] = {T_X_PROJ, false}, [S_DT] = {T_DT_PROJ + (by), false},                          \
  [S_O] = {T_OUT_PROJ_IN + (by), false}, [S_H] = {T_SSM_STATE + (by), true}
/* clang-format on */

const TensorInfo mamba1_tensors[T_ALL] = {TENSORS(0)};
const ScaleInfo mamba1_scales[S_COUNT] = {SCALES(0)};

enum { DBC_NORM = T_DT_PROJ }; /* where it stands: in front of dt_proj */

const TensorInfo falcon_tensors[T_ALL + FALCON_MORE] = {
    TENSORS(FALCON_MORE), [DBC_NORM] = {"dbc_norm",
                                        "RMS norms of dt, B and C in x_proj, each by itself",
                                        DIM_TOKEN, DIM_DT_BC, S_DBC_NORM}};
const ScaleInfo falcon_scales[S_COUNT + FALCON_MORE] = {
    SCALES(FALCON_MORE), [S_DBC_NORM] = {DBC_NORM, false}};

int mamba1_at(const Family *row, int tensor) {
  if (!mamba1_has_norms(row)) return tensor == T_DBC_NORM ? ABSENT : tensor;
  return tensor == T_DBC_NORM ? DBC_NORM : tensor + (tensor >= DBC_NORM ? FALCON_MORE : 0);
}

int falcon_tensor(int id) {
  return id == DBC_NORM ? T_DBC_NORM : id - (id > DBC_NORM ? FALCON_MORE : 0);
}

int mamba1_width(const Config *c, int dim) {
  const int widths[] = {[DIM_TOKEN] = 0,
                        [DIM_D_MODEL] = c->D,
                        [DIM_D_INNER] = c->E,
                        [DIM_D_INNER2] = 2 * c->E,
                        [DIM_DT_BC] = c->R + 2 * c->N,
                        [DIM_DT_RANK] = c->R,
                        [DIM_D_STATE] = c->N,
                        [DIM_VOCAB] = c->vocab,
                        [DIM_TAPS] = c->K,
                        [DIM_ONE] = 1};
  return widths[dim];
}
