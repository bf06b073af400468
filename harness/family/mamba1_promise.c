/* mamba1_promise: what a mode's settings promise of each tensor, written a second time on purpose,
 * tensor by tensor as in the table of stored types, not stage by stage as the block chooses
 * kernels: a mode that secretly ran another's stages contradicts it. And the bytes that follow from
 * it. */
#include "family/mamba1_parts.h"
#include "kernels/ops.h"
#include "kernels/rmsnorm.h"

/* --- what each tensor is stored as ------------------------------------------------------------ */

bool mamba1_format(const Mode *m, int id, Format *format) {
  bool w8a8 = m->setting[STAGE_LINEARS] == LINEARS_W8A8,
       rest_i8 = m->setting[STAGE_SCAN_REST] == SCAN_REST_I8;
  bool i8 = false, f16 = false;
  switch (id) {
    case T_NORM:
    case T_OUT_PROJ_IN: i8 = w8a8; break;
    case T_IN_PROJ: i8 = m->setting[STAGE_CONV_IN] == CONV_IN_I8; break;
    case T_CONV1D_SILU: i8 = m->setting[STAGE_CONV_OUT] == CONV_OUT_I8; break;
    case T_X_PROJ_IN: i8 = m->setting[STAGE_X_PROJ_IN] == X_PROJ_IN_I8; break;
    case T_SCAN_IN: i8 = m->setting[STAGE_SCAN_U] == SCAN_U_I8; break;
    case T_X_PROJ:
    case T_DBC_NORM:
    case T_DT_PROJ: i8 = rest_i8; break;
    case T_GATED: f16 = m->setting[STAGE_GATED] == OUTPUT_F16; break;
    case T_OUT_PROJ: f16 = m->setting[STAGE_OUT_PROJ] == OUTPUT_F16; break;
    case T_CONV_IN:
      if (m->setting[STAGE_CONV_IN] != CONV_IN_I8_DYNAMIC) return false;
      i8 = true;
      break;
    case T_SSM_STATE_Q8:
      if (m->setting[STAGE_SCAN_U] != SCAN_U_I8) return false;
      i8 = true;
      break;
    default: break; /* everything else is float32 in every mode */
  }
  *format = i8 ? FORMAT_I8 : f16 ? FORMAT_F16 : FORMAT_F32;
  return true;
}

static bool is_on_grid(const Mode *m, int tensor, const TensorInfo *info) {
  Format format;
  if (info->scale == ABSENT || !mamba1_format(m, tensor, &format)) return false;
  if (format == FORMAT_I8) return true;
  switch (tensor) {
    case T_CONV1D_SILU:
    case T_X_PROJ_IN:
    case T_SCAN_IN: return m->setting[STAGE_CONV_OUT] != CONV_OUT_F32; /* handed on from there */
    case T_SSM_STATE: return m->setting[STAGE_STATE] == INNER_I8;
    default: return false;
  }
}

bool mamba1_grid(const Mode *m, int id) { return is_on_grid(m, id, &mamba1_tensors[id]); }

/* --- which kernel must have made it ----------------------------------------------------------- */

static Format out_format(const Mode *m, int id) {
  Format format = FORMAT_F32;
  mamba1_format(m, id, &format);
  return format;
}

static Precision precision_of(int inner) {
  return inner == INNER_F16    ? PRECISION_F16
         : inner == INNER_BF16 ? PRECISION_BF16
         : inner == INNER_I8   ? PRECISION_I8
                               : PRECISION_F32;
}

static const char *conv_kernel(const Mode *m, Conv1dOutput output) {
  Format format = m->setting[STAGE_CONV_IN] == CONV_IN_F32 ? FORMAT_F32 : FORMAT_I8;
  return conv1d_witness(format, precision_of(m->setting[STAGE_CONV_ACC]), output, BACKEND_AUTO);
}

/* Its own output, before anything that requantises it. */
static const char *silu_kernel(const Mode *m) {
  return conv_kernel(m,
                     m->setting[STAGE_CONV_OUT] == CONV_OUT_I8 ? CONV1D_SILU_I8 : CONV1D_SILU_F32);
}

/* What x_proj and the scan take from conv1d_silu. */
static const char *conv_output_kernel(const Mode *m, bool as_i8) {
  if (as_i8 && m->setting[STAGE_CONV_OUT] != CONV_OUT_I8)
    return quantise_witness(FORMAT_F32, ROUND_EVEN, BACKEND_AUTO);
  if (!as_i8 && m->setting[STAGE_CONV_OUT] != CONV_OUT_F32)
    return dequantise_witness(FORMAT_I8, BACKEND_AUTO);
  return silu_kernel(m);
}

static const char *linear_kernel(const Mode *m, int id) {
  Format weight = m->setting[STAGE_LINEARS] == LINEARS_W8A8 ? FORMAT_I8 : FORMAT_F32;
  return linear_witness(weight, out_format(m, id), BACKEND_AUTO);
}

static const char *scan_kernel(const Mode *m, int id) {
  ScanKind kind = {.u = m->setting[STAGE_SCAN_U] == SCAN_U_I8 ? FORMAT_I8 : FORMAT_F32,
                   .rest = m->setting[STAGE_SCAN_REST] == SCAN_REST_I8 ? FORMAT_I8 : FORMAT_F32,
                   .order = m->setting[STAGE_SCAN_ORDER] == SCAN_ORDER_BLOCKED ? SCAN_BLOCKED
                                                                               : SCAN_SEQUENTIAL,
                   .precision = {.softplus = precision_of(m->setting[STAGE_SOFTPLUS]),
                                 .decay = precision_of(m->setting[STAGE_DECAY]),
                                 .state = precision_of(m->setting[STAGE_STATE])}};
  return scan_witness(&kind, out_format(m, id), BACKEND_AUTO);
}

static bool is_bf16(const Mode *m, int stage) { return m->setting[stage] == OUTPUT_BF16; }

const char *mamba1_kernel(const Mode *m, int id) {
  switch (id) {
    case T_NORM:
    case T_DBC_NORM: return rmsnorm_witness(out_format(m, id), BACKEND_AUTO);
    case T_CONV1D: return conv_kernel(m, CONV1D_PRE);
    case T_CONV1D_SILU:
      if (m->setting[STAGE_CONV_OUT] == CONV_OUT_F32_GRID)
        return dequantise_witness(FORMAT_I8, BACKEND_AUTO);
      return silu_kernel(m);
    case T_X_PROJ_IN: return conv_output_kernel(m, m->setting[STAGE_X_PROJ_IN] == X_PROJ_IN_I8);
    case T_SCAN_IN: return conv_output_kernel(m, m->setting[STAGE_SCAN_U] == SCAN_U_I8);
    case T_IN_PROJ:
    case T_X_PROJ:
    case T_DT_PROJ: return linear_kernel(m, id);
    case T_OUT_PROJ:
      return is_bf16(m, STAGE_OUT_PROJ) ? narrow_witness(PRECISION_BF16, BACKEND_AUTO)
                                        : linear_kernel(m, id);
    case T_GATED:
      return is_bf16(m, STAGE_GATED) ? narrow_witness(PRECISION_BF16, BACKEND_AUTO)
                                     : scan_kernel(m, id);
    case T_DELTA:
    case T_SCAN:
    case T_SSM_STATE: return scan_kernel(m, id);
    case T_SSM_STATE_Q8: return quantise_witness(FORMAT_F32, ROUND_AWAY, BACKEND_AUTO);
    default: return NULL;
  }
}

/* --- the operators, one by one ---------------------------------------------------------------- */

static Format i8_if(bool i8) { return i8 ? FORMAT_I8 : FORMAT_F32; }
static Format f16_if(bool f16) { return f16 ? FORMAT_F16 : FORMAT_F32; }

int mamba1_op_types(const Mode *mode, OpKind kind, OpTypes types[OP_TYPES_MOST]) {
  const int *setting = mode->setting;
  const Format linear_in = i8_if(setting[STAGE_LINEARS] == LINEARS_W8A8),
               rest = i8_if(setting[STAGE_SCAN_REST] == SCAN_REST_I8),
               gated = f16_if(setting[STAGE_GATED] == OUTPUT_F16);
  switch (kind) {
    case OP_CONV1D:
      types[0] = (OpTypes){.in = i8_if(setting[STAGE_CONV_IN] != CONV_IN_F32),
                           .out = i8_if(setting[STAGE_CONV_OUT] != CONV_OUT_F32)};
      return 1;
    case OP_SCAN:
      types[0] =
          (OpTypes){.in = i8_if(setting[STAGE_SCAN_U] == SCAN_U_I8),
                    .rest = rest,
                    .out = gated,
                    .order = setting[STAGE_SCAN_ORDER] == SCAN_ORDER_BLOCKED ? SCAN_BLOCKED
                                                                             : SCAN_SEQUENTIAL};
      return 1;
    case OP_LINEAR:
      types[0] = (OpTypes){.in = linear_in, .out = i8_if(setting[STAGE_CONV_IN] == CONV_IN_I8)};
      types[1] = types[2] = (OpTypes){.in = linear_in, .out = rest};
      types[3] = (OpTypes){.in = linear_in, .out = f16_if(setting[STAGE_OUT_PROJ] == OUTPUT_F16)};
      return 4;
    case OP_RMSNORM: types[0] = (OpTypes){.out = linear_in}; return 1;
    case OP_HADAMARD: types[0] = (OpTypes){.in = gated, .out = linear_in}; return 1;
    default: return 0;
  }
}

/* --- of the row whose dt, B and C are normed -------------------------------------------------- */

bool falcon_format(const Mode *m, int id, Format *format) {
  return mamba1_format(m, falcon_tensor(id), format);
}

bool falcon_grid(const Mode *m, int id) {
  return is_on_grid(m, falcon_tensor(id), &falcon_tensors[id]);
}

const char *falcon_kernel(const Mode *m, int id) { return mamba1_kernel(m, falcon_tensor(id)); }

/* One call more for each of dt, B and C. */
int falcon_op_types(const Mode *mode, OpKind kind, OpTypes types[OP_TYPES_MOST]) {
  int count = mamba1_op_types(mode, kind, types);
  for (int part = 0; kind == OP_RMSNORM && part < 3; part++)
    types[count++] = (OpTypes){.out = i8_if(mode->setting[STAGE_SCAN_REST] == SCAN_REST_I8)};
  return count;
}

/* --- activations ------------------------------------------------------------------------------ */

/* The steps of a layer, in order; a buffer lives from the step that makes it to the last one that
 * reads it. */
typedef enum Step {
  NORM,
  IN_PROJ,
  QUANTISE_X,
  CONV1D,
  QUANTISE_U,
  X_PROJ,
  DBC_NORM,
  DT_PROJ,
  SCAN,
  HADAMARD,
  OUT_PROJ,
  RESIDUAL,
  STEPS
} Step;

typedef struct Live {
  int64_t bytes[STEPS]; /* a token, live at each step */
  int64_t total;
} Live;

static void add_buffer(Live *live, int64_t width, Format format, Step first, Step last) {
  int64_t bytes = width * (int64_t)format_size(format);
  live->total += bytes;
  for (int step = (int)first; step <= (int)last; step++) live->bytes[step] += bytes;
}

static Format format_of(const Mode *mode, int id) {
  Format format = FORMAT_F32;
  mamba1_format(mode, id, &format);
  return format;
}

/* The format of an output that a stage sets. bfloat16 is carried in float32 here; it needs no more
 * than float16's two bytes. */
static Format output_format(int setting) { return setting == OUTPUT_F32 ? FORMAT_F32 : FORMAT_F16; }

/* u and the forms of it that x_proj and the scan take. A form is made where the format differs,
 * once for both if both want it. */
static void add_u(Live *live, const Config *m, const Mode *mode) {
  Format u = format_of(mode, T_CONV1D_SILU), x_proj_in = format_of(mode, T_X_PROJ_IN),
         scan_in = format_of(mode, T_SCAN_IN);
  Step u_last = scan_in == u ? SCAN : x_proj_in == u ? X_PROJ : QUANTISE_U;
  if (mode->setting[STAGE_CONV_OUT] == CONV_OUT_F32_GRID)
    add_buffer(live, m->E, FORMAT_I8, CONV1D, CONV1D); /* dequantised right after */
  add_buffer(live, m->E, u, CONV1D, u_last);
  if (x_proj_in != u)
    add_buffer(live, m->E, x_proj_in, QUANTISE_U, scan_in == x_proj_in ? SCAN : X_PROJ);
  if (scan_in != u && scan_in != x_proj_in) add_buffer(live, m->E, scan_in, QUANTISE_U, SCAN);
}

/* dt, B and C as dt_proj and the scan take them. */
static void add_dbc(Live *live, const Config *m, Format x_proj) {
  const int64_t width = m->R + 2 * (int64_t)m->N;
  const bool normed = mamba1_has_norms(m->family);
  add_buffer(live, width, x_proj, X_PROJ, normed ? DBC_NORM : SCAN);
  if (!normed) return;
  if (x_proj != FORMAT_F32) add_buffer(live, width, FORMAT_F32, DBC_NORM, DBC_NORM);
  add_buffer(live, width, x_proj, DBC_NORM, SCAN);
}

static void add_activations(Live *live, const Model *model, const Mode *mode) {
  const Config *m = &model->config;
  Format in_proj = format_of(mode, T_IN_PROJ), x_proj = format_of(mode, T_X_PROJ),
         gated = output_format(mode->setting[STAGE_GATED]);
  Format linear_in = mode->setting[STAGE_LINEARS] == LINEARS_W8A8 ? FORMAT_I8 : FORMAT_F32;
  Format rest = mode->setting[STAGE_SCAN_REST] == SCAN_REST_I8 ? FORMAT_I8 : FORMAT_F32;
  add_buffer(live, m->D, FORMAT_F32, NORM, RESIDUAL); /* the residual stream */
  add_buffer(live, m->D, format_of(mode, T_NORM), NORM, IN_PROJ);
  add_buffer(live, 2 * m->E, in_proj, IN_PROJ, SCAN); /* z is read by the scan */
  if (mode->setting[STAGE_CONV_IN] == CONV_IN_I8_DYNAMIC)
    add_buffer(live, m->E, FORMAT_I8, QUANTISE_X, CONV1D);
  add_u(live, m, mode);
  add_dbc(live, m, x_proj);
  if (x_proj != linear_in) add_buffer(live, m->R, linear_in, DT_PROJ, DT_PROJ);
  add_buffer(live, m->E, format_of(mode, T_DT_PROJ), DT_PROJ, SCAN);
  if (in_proj != rest) add_buffer(live, m->E, rest, SCAN, SCAN); /* z as the scan takes it */
  bool transformed = model->hadamard || gated != linear_in;
  add_buffer(live, m->E, gated, SCAN, transformed ? HADAMARD : OUT_PROJ);
  if (transformed) add_buffer(live, m->E, linear_in, HADAMARD, OUT_PROJ);
  add_buffer(live, m->D, output_format(mode->setting[STAGE_OUT_PROJ]), OUT_PROJ, RESIDUAL);
}

Activations mamba1_activations(const Model *model, const Mode *mode) {
  Live live = {0};
  add_activations(&live, model, mode);
  Activations a = {.total = live.total};
  for (int step = 0; step < STEPS; step++)
    if (live.bytes[step] > a.peak) a.peak = live.bytes[step];
  return a;
}

int64_t mamba1_state_bytes(const Model *model, const Mode *mode) {
  static const int64_t stored[] = {
      [INNER_F32] = 4, [INNER_F16] = 2, [INNER_BF16] = 2, [INNER_I8] = 1};
  int64_t E = model->config.E, N = model->config.N, K = model->config.K;
  int64_t conv_in = mode->setting[STAGE_CONV_IN] == CONV_IN_F32 ? 4 : 1;
  return E * N * stored[mode->setting[STAGE_STATE]] + E * (K - 1) * conv_in;
}
