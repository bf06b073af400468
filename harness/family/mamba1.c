/* mamba1: Mamba-1 as the checkpoints of model_type "mamba" have it, under the arithmetic of
 * Quamba's W8A8 path, and as those of "falcon_mamba" have it. Source of the presets: the
 * descriptions of that path (0) and of the modes of Quamba-SE (1, 2-0 … 2-4, 3); fp32 is the float
 * bound without any float16. */
#include "family/mamba1_parts.h"

/* --- weights ---------------------------------------------------------------------------------- */

/* In the order of the checkpoint's digest. */
#define LINEARS STAGE_LINEARS, LINEARS_F32
#define CONV STAGE_CONV_IN, CONV_IN_F32
#define REST STAGE_SCAN_REST, SCAN_REST_F32
static const WeightInfo weights[W_COUNT] = {
    [W_NORM] = {"norm.weight",
                1,
                {DIM_D_MODEL},
                FORM_GAIN,
                ABSENT,
                0,
                ABSENT,
                .fill = FILL_ONE,
                .outliers = 12},
    [W_IN_PROJ] = {"mixer.in_proj.weight",
                   2,
                   {DIM_D_INNER2, DIM_D_MODEL},
                   FORM_LINEAR,
                   LINEARS,
                   W_NORM,
                   .rotate_in = true,
                   .fill = FILL_UNIFORM,
                   .inputs = DIM_D_MODEL},
    [W_CONV] = {"mixer.conv1d.weight",
                3,
                {DIM_D_INNER, DIM_ONE, DIM_TAPS},
                FORM_VALUES,
                CONV,
                ABSENT,
                .fill = FILL_UNIFORM,
                .inputs = DIM_TAPS,
                .outliers = 6},
    [W_CONV_BIAS] = {"mixer.conv1d.bias",
                     1,
                     {DIM_D_INNER},
                     FORM_VALUES,
                     CONV,
                     ABSENT,
                     .of_conv_bias = true,
                     .fill = FILL_UNIFORM,
                     .inputs = DIM_TAPS},
    [W_X_PROJ] = {"mixer.x_proj.weight",
                  2,
                  {DIM_DT_BC, DIM_D_INNER},
                  FORM_LINEAR,
                  LINEARS,
                  ABSENT,
                  .fill = FILL_UNIFORM,
                  .inputs = DIM_D_INNER},
    [W_DT_PROJ] = {"mixer.dt_proj.weight",
                   2,
                   {DIM_D_INNER, DIM_DT_RANK},
                   FORM_LINEAR,
                   LINEARS,
                   ABSENT,
                   .fill = FILL_UNIFORM,
                   .inputs = DIM_DT_RANK},
    [W_DT_BIAS] =
        {"mixer.dt_proj.bias", 1, {DIM_D_INNER}, FORM_VALUES, REST, ABSENT, .fill = FILL_DT_BIAS},
    [W_A_LOG] = {"mixer.A_log",
                 2,
                 {DIM_D_INNER, DIM_D_STATE},
                 FORM_VALUES,
                 REST,
                 ABSENT,
                 .fill = FILL_A_LOG},
    [W_D] = {"mixer.D", 1, {DIM_D_INNER}, FORM_VALUES, REST, ABSENT, .fill = FILL_ONE},
    [W_OUT_PROJ] = {"mixer.out_proj.weight",
                    2,
                    {DIM_D_MODEL, DIM_D_INNER},
                    FORM_LINEAR,
                    LINEARS,
                    ABSENT,
                    .rotate_in = true,
                    .rotate_out = true,
                    .fill = FILL_UNIFORM,
                    .inputs = DIM_D_INNER,
                    .deep = true},
};

/* --- stages and presets ----------------------------------------------------------------------- */

static const Stage stages[STAGE_COUNT] = {
    [STAGE_LINEARS] = {"linears",
                       {"w8a8", "f32"},
                       "the four projections: int8 weights and inputs, or float32"},
    [STAGE_CONV_IN] = {"conv_in",
                       {"i8", "i8_dynamic", "f32"},
                       "input and arithmetic of conv1d: int8 at the static scale, int8 at a scale "
                       "of each prompt, or float32"},
    [STAGE_CONV_OUT] =
        {"conv_out",
         {"i8", "f32_grid", "f32"},
         "what leaves conv1d after SiLU: int8, float32 on the int8 grid, or float32"},
    [STAGE_X_PROJ_IN] = {"x_proj_in", {"i8", "f32"}, "what x_proj takes"},
    [STAGE_SCAN_U] = {"scan_u", {"i8", "f32"}, "u of the scan"},
    [STAGE_SCAN_REST] =
        {"scan_rest",
         {"i8", "f32"},
         "dt, B, C, z, A_log, D and the dt bias of the scan, and what leaves the norms of "
         "dt, B and C where the model has them"},
    [STAGE_SCAN_ORDER] = {"scan_order",
                          {"blocked", "sequential"},
                          "order in which the scan combines tokens"},
    [STAGE_GATED] = {"gated", {"f16", "f32", "bf16"}, "what leaves the gate"},
    [STAGE_OUT_PROJ] = {"out_proj", {"f16", "f32", "bf16"}, "what leaves out_proj"},
    [STAGE_CONV_ACC] = {"conv_acc",
                        {"f32", "f16", "bf16"},
                        "running sum of conv1d, rounded after each tap"},
    [STAGE_SOFTPLUS] = {"softplus",
                        {"f32", "f16", "bf16"},
                        "delta, rounded as it leaves the softplus"},
    [STAGE_DECAY] = {"decay",
                     {"f32", "f16", "bf16"},
                     "exp(delta A) of each token and state, rounded"},
    [STAGE_STATE] =
        {"state",
         {"f32", "f16", "bf16", "i8"},
         "h of the scan, rounded as it is stored after each token; int8 at the scale of the state"},
};

/* The stages inside the operators are float32 in every preset. */
/* clang-format off */
#define PRESET(name, ...) {name, &family_mamba1, {__VA_ARGS__, INNER_F32, INNER_F32, INNER_F32, INNER_F32}, NULL, 0}
static const Mode presets[] = {
/* name   linears       conv_in             conv_out           x_proj_in      scan_u      scan_rest
 * scan_order             gated       out_proj */
    PRESET("0",    LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_I8,       X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_BLOCKED,    OUTPUT_F16, OUTPUT_F16),
    PRESET("1",    LINEARS_F32,  CONV_IN_F32,        CONV_OUT_F32,      X_PROJ_IN_F32, SCAN_U_F32, SCAN_REST_F32, SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16),
    PRESET("2-0",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32_GRID, X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_BLOCKED,    OUTPUT_F16, OUTPUT_F16),
    PRESET("2-1",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_I8,       X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16),
    PRESET("2-2",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32_GRID, X_PROJ_IN_I8,  SCAN_U_F32, SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16),
    PRESET("2-3",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32,      X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16),
    PRESET("2-4",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32,      X_PROJ_IN_I8,  SCAN_U_F32, SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16),
    PRESET("3",    LINEARS_W8A8, CONV_IN_I8_DYNAMIC, CONV_OUT_F32,      X_PROJ_IN_I8,  SCAN_U_F32, SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16),
    PRESET("fp32", LINEARS_F32,  CONV_IN_F32,        CONV_OUT_F32,      X_PROJ_IN_F32, SCAN_U_F32, SCAN_REST_F32, SCAN_ORDER_SEQUENTIAL, OUTPUT_F32, OUTPUT_F32),
};
/* clang-format on */
enum { PRESETS = sizeof presets / sizeof *presets };

static bool check(const Mode *mode, Status *st) {
  const int *setting = mode->setting;
  bool float_linears = setting[STAGE_LINEARS] == LINEARS_F32;
  if (float_linears && setting[STAGE_X_PROJ_IN] == X_PROJ_IN_I8)
    return FAIL(st, "x_proj_in i8 with linears f32: the float linear takes float input");
  if (!float_linears && setting[STAGE_X_PROJ_IN] == X_PROJ_IN_F32)
    return FAIL(st, "x_proj_in f32 with linears w8a8: the INT8 linear takes int8 input");
  if (float_linears && setting[STAGE_SCAN_REST] == SCAN_REST_I8)
    return FAIL(st, "scan_rest i8 with linears f32: x_proj and dt_proj are then float, there is no "
                    "int8 dt, B, C");
  if (float_linears && setting[STAGE_CONV_IN] == CONV_IN_I8)
    return FAIL(
        st, "conv_in i8 with linears f32: in_proj's output is then float; i8_dynamic quantises it");
  if (setting[STAGE_STATE] != INNER_F32 && setting[STAGE_SCAN_ORDER] == SCAN_ORDER_BLOCKED)
    return FAIL(st,
                "state %s with scan_order blocked: a blocked scan stores no state between tokens",
                mode_setting_name(mode, STAGE_STATE));
  return true;
}

static bool needs_scales(const Mode *mode) {
  const int *setting = mode->setting;
  return setting[STAGE_LINEARS] == LINEARS_W8A8 || setting[STAGE_CONV_IN] != CONV_IN_F32 ||
         setting[STAGE_CONV_OUT] != CONV_OUT_F32 || setting[STAGE_X_PROJ_IN] == X_PROJ_IN_I8 ||
         setting[STAGE_SCAN_U] == SCAN_U_I8 || setting[STAGE_SCAN_REST] == SCAN_REST_I8 ||
         setting[STAGE_STATE] == INNER_I8;
}

static bool on_grid(const Mode *mode) {
  return mode->setting[STAGE_CONV_OUT] == CONV_OUT_I8 ||
         mode->setting[STAGE_CONV_OUT] == CONV_OUT_F32_GRID;
}

/*   grid_identity      conv_out i8 against f32_grid, requantised at the same scale: q8(dq(q)) = q
 *   dequantised_first  scan_u i8 against f32 on the same grid: the scan dequantises int8 before any
 *                      arithmetic
 *   ties_only          conv_out i8 against f32, requantised everywhere: one rounding each, half
 *                      away against half even */
static const char *agreement(const Mode *base, const Mode *other) {
  /* The reasons are about these two stages alone. */
  const unsigned apart = mode_differing(base, other) & ~(1u << STAGE_CONV_OUT | 1u << STAGE_SCAN_U);
  if (apart || mode_equal(base, other)) return "";
  const int u = base->setting[STAGE_SCAN_U], other_u = other->setting[STAGE_SCAN_U];
  const bool both_on_grid = on_grid(base) && on_grid(other),
             both_scan_i8 = u == SCAN_U_I8 && other_u == SCAN_U_I8;
  if (both_on_grid && both_scan_i8) return "grid_identity";
  if (both_on_grid && u != other_u) return "dequantised_first";
  if (both_scan_i8 && base->setting[STAGE_X_PROJ_IN] == X_PROJ_IN_I8 &&
      on_grid(base) != on_grid(other))
    return "ties_only";
  return "";
}

static const WeightInfo ends[END_COUNT] = {[END_EMBEDDING] = {"embeddings.weight",
                                                              2,
                                                              {DIM_VOCAB, DIM_D_MODEL},
                                                              FORM_VALUES,
                                                              ABSENT,
                                                              0,
                                                              ABSENT,
                                                              .rotate_in = true,
                                                              .fill = FILL_NORMAL},
                                           [END_NORM] = {"norm_f.weight",
                                                         1,
                                                         {DIM_D_MODEL},
                                                         FORM_GAIN,
                                                         ABSENT,
                                                         0,
                                                         ABSENT,
                                                         .fill = FILL_ONE,
                                                         .outliers = 12},
                                           [END_HEAD] = {"lm_head.weight",
                                                         2,
                                                         {DIM_VOCAB, DIM_D_MODEL},
                                                         FORM_LINEAR,
                                                         ABSENT,
                                                         0,
                                                         END_NORM,
                                                         .rotate_in = true,
                                                         .fill = FILL_NORMAL}};

/* --- the rows --------------------------------------------------------------------------------- */

/* clang-format off */
#define OWN_TENSORS(table, more, ...)                                                          \
  {.info = table, .layer = T_LAYER_COUNT + (more), .count = T_COUNT + (more),                  \
   .all = T_ALL + (more), .dims = DIM_COUNT, .scales = S_COUNT + (more),                       \
   .dim = {"token", "d_model", "d_inner", "d_inner2", "dt_bc", "dt_rank", "d_state", "vocab"}, \
   .scale = {"s_in", "s_xz", "s_u", "s_dbc", "s_dt", "s_o", "s_h", __VA_ARGS__}}

#define SHARED                                                                                 \
  .stage = stages, .stages = STAGE_COUNT, .preset = presets, .presets = PRESETS,               \
  .plain = &presets[PRESETS - 1], .weight = weights, .weights = W_COUNT, .end = ends,          \
  .embedding_also = "embedding.weight", .prefix = "backbone.", .layer_name = "layers.%d.%s",   \
  .width = mamba1_width, .mode_check = check, .mode_needs_scales = needs_scales,               \
  .agreement = agreement, .activations = mamba1_activations,                                   \
  .state_bytes = mamba1_state_bytes, .block = mamba1_block, .embed = mamba1_embed,             \
  .head = mamba1_head, .block_bytes = mamba1_block_bytes, .block64 = mamba1_block64,           \
  .embed64 = mamba1_embed64, .head64 = mamba1_head64
/* clang-format on */

const Family family_mamba1 = {SHARED,
                              .name = "mamba1",
                              .title = "Mamba-1",
                              .model_type = "mamba",
                              .architecture = "MambaForCausalLM",
                              .next_row = &family_falcon_mamba,
                              .tensors = OWN_TENSORS(mamba1_tensors, 0),
                              .scale = mamba1_scales,
                              .format = mamba1_format,
                              .grid = mamba1_grid,
                              .kernel = mamba1_kernel,
                              .op_types = mamba1_op_types};

/* Source of what differs: transformers' FalconMambaMixer. */
const Family family_falcon_mamba = {
    SHARED,
    .name = "falcon_mamba",
    .title = "Falcon-Mamba: Mamba-1 with RMS norms of dt, B and C",
    .model_type = "falcon_mamba",
    .architecture = "FalconMambaForCausalLM",
    .mixer_eps = 1e-6,
    .tensors = OWN_TENSORS(falcon_tensors, FALCON_MORE, [S_DBC_NORM] = "s_dbc_norm"),
    .scale = falcon_scales,
    .format = falcon_format,
    .grid = falcon_grid,
    .kernel = falcon_kernel,
    .op_types = falcon_op_types};
