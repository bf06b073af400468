#include "family/trace.h"

#include <string.h>

#include "kernels/f16.h"

const char *const dim_names[DIM_COUNT] = {"token", "d_model", "d_inner", "d_inner2",
                                          "dt_bc", "dt_rank", "d_state", "vocab"};

const char *const scale_names[S_COUNT] = {"s_in", "s_xz", "s_u", "s_dbc", "s_dt", "s_o", "s_h"};

const TensorInfo tensor_info[T_COUNT] = {
    [T_BLOCK_IN] = {"block_in", "residual stream before the block", DIM_TOKEN, DIM_D_MODEL, S_NONE},
    [T_NORM] = {"norm", "RMS norm of block_in", DIM_TOKEN, DIM_D_MODEL, S_IN},
    [T_IN_PROJ] = {"in_proj", "input projection: x, then z", DIM_TOKEN, DIM_D_INNER2, S_XZ},
    [T_CONV1D] = {"conv1d", "causal depthwise convolution, before SiLU", DIM_TOKEN, DIM_D_INNER, S_NONE},
    [T_CONV1D_SILU] = {"conv1d_silu", "SiLU of conv1d", DIM_TOKEN, DIM_D_INNER, S_U},
    [T_X_PROJ_IN] = {"x_proj_in", "what x_proj takes: conv1d_silu, requantised where the mode says so", DIM_TOKEN,
                     DIM_D_INNER, S_U},
    [T_SCAN_IN] = {"scan_in", "u of the scan: conv1d_silu, requantised where the mode says so", DIM_TOKEN, DIM_D_INNER,
                   S_U},
    [T_X_PROJ] = {"x_proj", "projection to dt, B, C", DIM_TOKEN, DIM_DT_BC, S_DBC},
    [T_DT_PROJ] = {"dt_proj", "projection of dt to channels, without its bias", DIM_TOKEN, DIM_D_INNER, S_DT},
    [T_DELTA] = {"delta", "step size: softplus(dt_proj + bias)", DIM_TOKEN, DIM_D_INNER, S_NONE},
    [T_SCAN] = {"scan", "selective scan, before the gate", DIM_TOKEN, DIM_D_INNER, S_NONE},
    [T_GATED] = {"gated", "scan times SiLU(z)", DIM_TOKEN, DIM_D_INNER, S_NONE},
    [T_OUT_PROJ_IN] = {"out_proj_in", "what out_proj takes: gated after the Hadamard transform", DIM_TOKEN, DIM_D_INNER,
                       S_O},
    [T_OUT_PROJ] = {"out_proj", "output projection", DIM_TOKEN, DIM_D_MODEL, S_NONE},
    [T_BLOCK_OUT] = {"block_out", "residual stream after the block", DIM_TOKEN, DIM_D_MODEL, S_NONE},
    [T_SSM_STATE] = {"ssm_state", "state of the scan after the last token", DIM_D_INNER, DIM_D_STATE, S_H},
    [T_SSM_STATE_Q8] = {"ssm_state_q8", "ssm_state, quantised", DIM_D_INNER, DIM_D_STATE, S_H},
    [T_EMBEDDING] = {"embedding", "embedding of the tokens", DIM_TOKEN, DIM_D_MODEL, S_NONE},
    [T_NORM_F] = {"norm_f", "final RMS norm", DIM_TOKEN, DIM_D_MODEL, S_NONE},
    [T_LOGITS] = {"logits", "logits over the vocabulary", DIM_TOKEN, DIM_VOCAB, S_NONE},
};

int tensor_id(const char *name) {
  for (int id = 0; id < T_COUNT; id++)
    if (!strcmp(tensor_info[id].name, name)) return id;
  return -1;
}

double tensor_value(const Tensor *t, size_t i) {
  size_t at = i / (size_t)t->cols * (size_t)t->stride + i % (size_t)t->cols;
  switch (t->type) {
    case TYPE_F64: return ((const double *)t->data)[at];
    case TYPE_F32: return ((const float *)t->data)[at];
    case TYPE_F16: return f32_of_f16(((const uint16_t *)t->data)[at]);
    default: return (float)((const int8_t *)t->data)[at] * t->scale;
  }
}

/* One loop a type, so that each can be vectorised. */
ROOM_CLONES static void row_values(const Tensor *t, const void *row, size_t n, double *out) {
  const int8_t *i8 = row;
  const uint16_t *f16 = row;
  const float *f32 = row;
  const double *f64 = row;
  switch (t->type) {
    case TYPE_F64:
      for (size_t i = 0; i < n; i++) out[i] = f64[i];
      break;
    case TYPE_F32:
      for (size_t i = 0; i < n; i++) out[i] = f32[i];
      break;
    case TYPE_F16:
      for (size_t i = 0; i < n; i++) out[i] = f32_of_f16(f16[i]);
      break;
    default:
      for (size_t i = 0; i < n; i++) out[i] = (float)i8[i] * t->scale;
      break;
  }
}

void tensor_values(const Tensor *t, double *out) {
  const size_t cols = (size_t)t->cols, row_bytes = (size_t)t->stride * type_size(t->type);
  for (size_t r = 0; r < (size_t)t->rows; r++)
    row_values(t, (const char *)t->data + r * row_bytes, cols, out + r * cols);
}
