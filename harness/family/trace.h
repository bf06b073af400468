/* trace: the named tensors of one block under one mode, and of the model's ends. One table says for each tensor its
 * name, its width and the static scale that belongs to it; struct, results file, tables and report all use these names.
 */
#ifndef DS_FAMILY_TRACE_H
#define DS_FAMILY_TRACE_H
#include "kernels/tensor.h"

typedef enum TensorId {
  T_BLOCK_IN,
  T_NORM,
  T_IN_PROJ,
  T_CONV1D,
  T_CONV1D_SILU,
  T_X_PROJ_IN,
  T_SCAN_IN,
  T_X_PROJ,
  T_DT_PROJ,
  T_DELTA,
  T_SCAN,
  T_GATED,
  T_OUT_PROJ_IN,
  T_OUT_PROJ,
  T_BLOCK_OUT,
  T_SSM_STATE,
  T_SSM_STATE_Q8,
  T_LAYER_COUNT, /* the tensors of a layer end here; those of the model's ends follow */
  T_EMBEDDING = T_LAYER_COUNT,
  T_NORM_F,
  T_LOGITS,
  T_COUNT
} TensorId;

/* A dimension: its name in the results file. */
typedef enum Dim {
  DIM_TOKEN,
  DIM_D_MODEL,
  DIM_D_INNER,
  DIM_D_INNER2,
  DIM_DT_BC,
  DIM_DT_RANK,
  DIM_D_STATE,
  DIM_VOCAB,
  DIM_COUNT
} Dim;
extern const char *const dim_names[DIM_COUNT];

/* Static activation scales, one set a layer, from calibration. */
typedef enum ScaleId { S_IN, S_XZ, S_U, S_DBC, S_DT, S_O, S_H, S_COUNT, S_NONE = -1 } ScaleId;
extern const char *const scale_names[S_COUNT]; /* s_in, s_xz, s_u, s_dbc, s_dt, s_o, s_h */

typedef struct TensorInfo {
  const char *name;      /* e.g. "conv1d_silu" */
  const char *long_name; /* for people: "SiLU of conv1d, u before requantisation" */
  Dim rows, cols;
  ScaleId scale; /* the static scale that its grid belongs to, or S_NONE */
} TensorInfo;
extern const TensorInfo tensor_info[T_COUNT];
int tensor_id(const char *name); /* -1 where there is none */

/* A tensor that a mode does not make has data == NULL (ssm_state_q8 where the scan's input is float). */
typedef struct Trace {
  Tensor t[T_COUNT];
  Tensor conv_in; /* the convolution's input where the block quantised it at a scale of its own, which no other tensor
                   * shows; else data NULL. Not stored: its scale is (tables.h, ScaleRow) */
} Trace;

/* What a model is run on: T token ids. */
typedef struct PromptShape {
  const char *name;
  const int32_t *token;
  int T;
} PromptShape;

/* The layer number under which the tables file the tensors of the model's ends: -1 for embedding, `layers` for the
 * rest. No model has more than LAYERS_MOST, and so no results file. */
enum { LAYER_EMBEDDING = -1, LAYERS_MOST = 1024 };

/* Element i (row-major, rows * cols) as the value it stands for: dequantised, widened; exact in double. */
double tensor_value(const Tensor *t, size_t i);
/* All values into out [rows * cols]. */
void tensor_values(const Tensor *t, double *out);
#endif
