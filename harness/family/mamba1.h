/* mamba1: what indexes the tables of this family. Seen by its own files and by tests. */
#ifndef DS_FAMILY_MAMBA1_H
#define DS_FAMILY_MAMBA1_H
/* The rows: models of model_type "mamba" and "falcon_mamba". */
extern const struct Family family_mamba1, family_falcon_mamba;

/* Tensors, as they stand in the table of family_mamba1; behind them the one that only
 * family_falcon_mamba has. Where they stand in a row's table: mamba1_at. */
enum {
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
  T_COUNT,
  T_CONV_IN =
      T_COUNT, /* the convolution's input where the block quantised it at a scale of its own */
  T_ALL,
  T_DBC_NORM = T_ALL
};

/* Dimensions; the last two are of weights alone. */
enum {
  DIM_D_MODEL = 1, /* behind DIM_TOKEN */
  DIM_D_INNER,
  DIM_D_INNER2,
  DIM_DT_BC,
  DIM_DT_RANK,
  DIM_D_STATE,
  DIM_VOCAB,
  DIM_COUNT,
  DIM_TAPS = DIM_COUNT,
  DIM_ONE
};

/* Static activation scales; behind those of family_mamba1 that of T_DBC_NORM. */
enum { S_IN, S_XZ, S_U, S_DBC, S_DT, S_O, S_H, S_COUNT, S_DBC_NORM = S_COUNT };

/* Weights of a layer. */
enum {
  W_NORM,
  W_IN_PROJ,
  W_CONV,
  W_CONV_BIAS,
  W_X_PROJ,
  W_DT_PROJ,
  W_DT_BIAS,
  W_A_LOG,
  W_D,
  W_OUT_PROJ,
  W_COUNT
};

/* Stages, and the values of each. */
enum {
  STAGE_LINEARS,   /* the four projections */
  STAGE_CONV_IN,   /* input and arithmetic of conv1d */
  STAGE_CONV_OUT,  /* what leaves conv1d after SiLU */
  STAGE_X_PROJ_IN, /* what x_proj takes */
  STAGE_SCAN_U,    /* u of the scan */
  STAGE_SCAN_REST, /* dt, B, C, z, A_log, D and the dt bias of the scan */
  STAGE_SCAN_ORDER,
  STAGE_GATED,    /* OUTPUT: what leaves the gate */
  STAGE_OUT_PROJ, /* OUTPUT: what leaves out_proj */
  STAGE_CONV_ACC, /* INNER: the running sum of conv1d, after each tap */
  STAGE_SOFTPLUS, /* INNER: delta, as it leaves the softplus */
  STAGE_DECAY,    /* INNER: exp(delta A) of each token */
  STAGE_STATE,    /* INNER: h as the scan stores it after each token */
  STAGE_COUNT
};
enum { LINEARS_W8A8, LINEARS_F32 };
enum { CONV_IN_I8, CONV_IN_I8_DYNAMIC, CONV_IN_F32 };
enum { CONV_OUT_I8, CONV_OUT_F32_GRID, CONV_OUT_F32 };
enum { X_PROJ_IN_I8, X_PROJ_IN_F32 };
enum { SCAN_U_I8, SCAN_U_F32 };
enum { SCAN_REST_I8, SCAN_REST_F32 };
enum { SCAN_ORDER_BLOCKED, SCAN_ORDER_SEQUENTIAL };
enum { OUTPUT_F16, OUTPUT_F32, OUTPUT_BF16 };
/* Of a value inside an operator; the order is that of kernels/narrow.h. */
enum { INNER_F32, INNER_F16, INNER_BF16, INNER_I8 };

#endif
