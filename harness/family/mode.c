/* mode: the stages, the presets, and which settings go together. Source of the presets: the descriptions of Quamba's
 * W8A8 path (0) and of the modes of Quamba-SE (1, 2-0 … 2-4, 3); fp32 is the float bound without any float16. */
#include "family/mode.h"

#include <string.h>

const Stage mode_stages[] = {
    {"linears", {"w8a8", "f32"}, offsetof(Mode, linears), "the four projections: int8 weights and inputs, or float32"},
    {"conv_in",
     {"i8", "i8_dynamic", "f32"},
     offsetof(Mode, conv_in),
     "input and arithmetic of conv1d: int8 at the static scale, int8 at a scale of each prompt, or float32"},
    {"conv_out",
     {"i8", "f32_grid", "f32"},
     offsetof(Mode, conv_out),
     "what leaves conv1d after SiLU: int8, float32 on the int8 grid, or float32"},
    {"x_proj_in", {"i8", "f32"}, offsetof(Mode, x_proj_in), "what x_proj takes"},
    {"scan_u", {"i8", "f32"}, offsetof(Mode, scan_u), "u of the scan"},
    {"scan_rest", {"i8", "f32"}, offsetof(Mode, scan_rest), "dt, B, C, z, A_log, D and the dt bias of the scan"},
    {"scan_order", {"blocked", "sequential"}, offsetof(Mode, scan_order), "order in which the scan combines tokens"},
    {"gated", {"f16", "f32", "bf16"}, offsetof(Mode, gated), "what leaves the gate"},
    {"out_proj", {"f16", "f32", "bf16"}, offsetof(Mode, out_proj), "what leaves out_proj"},
    {"conv_acc", {"f32", "f16", "bf16"}, offsetof(Mode, conv_acc), "running sum of conv1d, rounded after each tap"},
    {"softplus", {"f32", "f16", "bf16"}, offsetof(Mode, softplus), "delta, rounded as it leaves the softplus"},
    {"decay", {"f32", "f16", "bf16"}, offsetof(Mode, decay), "exp(delta A) of each token and state, rounded"},
    {"state",
     {"f32", "f16", "bf16", "i8"},
     offsetof(Mode, state),
     "h of the scan, rounded as it is stored after each token; int8 at the scale of the state"},
};
const int mode_stage_count = sizeof mode_stages / sizeof *mode_stages;

/* The stages inside the operators are float32 in every preset. */
/* clang-format off */
const Mode mode_presets[] = {
/*   name   linears       conv_in             conv_out           x_proj_in      scan_u      scan_rest      scan_order             gated       out_proj    conv_acc   softplus   decay      state */
    {"0",    LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_I8,       X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_BLOCKED,    OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"1",    LINEARS_F32,  CONV_IN_F32,        CONV_OUT_F32,      X_PROJ_IN_F32, SCAN_U_F32, SCAN_REST_F32, SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"2-0",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32_GRID, X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_BLOCKED,    OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"2-1",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_I8,       X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"2-2",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32_GRID, X_PROJ_IN_I8,  SCAN_U_F32, SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"2-3",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32,      X_PROJ_IN_I8,  SCAN_U_I8,  SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"2-4",  LINEARS_W8A8, CONV_IN_I8,         CONV_OUT_F32,      X_PROJ_IN_I8,  SCAN_U_F32, SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"3",    LINEARS_W8A8, CONV_IN_I8_DYNAMIC, CONV_OUT_F32,      X_PROJ_IN_I8,  SCAN_U_F32, SCAN_REST_I8,  SCAN_ORDER_SEQUENTIAL, OUTPUT_F16, OUTPUT_F16, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
    {"fp32", LINEARS_F32,  CONV_IN_F32,        CONV_OUT_F32,      X_PROJ_IN_F32, SCAN_U_F32, SCAN_REST_F32, SCAN_ORDER_SEQUENTIAL, OUTPUT_F32, OUTPUT_F32, INNER_F32, INNER_F32, INNER_F32, INNER_F32},
};
/* clang-format on */
const int mode_preset_count = sizeof mode_presets / sizeof *mode_presets;

int mode_setting(const Mode *mode, const Stage *stage) { return *(const int *)((const char *)mode + stage->offset); }

const char *mode_setting_name(const Mode *mode, const Stage *stage) { return stage->values[mode_setting(mode, stage)]; }

const Mode *mode_preset(const char *name) {
  for (int i = 0; i < mode_preset_count; i++)
    if (!strcmp(mode_presets[i].name, name)) return &mode_presets[i];
  return NULL;
}

const char *const mode_reserved_names[] = {MODE_REFERENCE, "token",   "token_id", "d_model", "d_inner", "d_inner2",
                                           "dt_bc",        "dt_rank", "d_state",  "vocab",   NULL};

bool mode_name_reserved(const char *name) {
  for (const char *const *reserved = mode_reserved_names; *reserved; reserved++)
    if (!strcmp(*reserved, name)) return true;
  return false;
}

bool mode_equal(const Mode *a, const Mode *b) {
  for (int i = 0; i < mode_stage_count; i++)
    if (mode_setting(a, &mode_stages[i]) != mode_setting(b, &mode_stages[i])) return false;
  return true;
}

unsigned mode_differing(const Mode *a, const Mode *b) {
  unsigned stages = 0;
  for (int i = 0; i < mode_stage_count; i++)
    if (mode_setting(a, &mode_stages[i]) != mode_setting(b, &mode_stages[i])) stages |= 1u << i;
  return stages;
}

Mode mode_mixed(const Mode *a, const Mode *b, unsigned stages) {
  Mode mixed = *a;
  for (int i = 0; i < mode_stage_count; i++)
    if (stages >> i & 1) *(int *)(void *)((char *)&mixed + mode_stages[i].offset) = mode_setting(b, &mode_stages[i]);
  return mixed;
}

unsigned mode_least_swap(const Mode *a, const Mode *b, unsigned stages) {
  unsigned all = mode_differing(a, b), least = all;
  for (unsigned set = 1; set <= all; set++) {
    if ((set & ~all) || (stages & ~set) || __builtin_popcount(set) >= __builtin_popcount(least)) continue;
    Mode mixed = mode_mixed(a, b, set);
    Status why = {0};
    if (mode_check(&mixed, &why)) least = set;
  }
  return least;
}

bool mode_check(const Mode *mode, Status *st) {
  bool float_linears = mode->linears == LINEARS_F32;
  if (float_linears && mode->x_proj_in == X_PROJ_IN_I8)
    return FAIL(st, "x_proj_in i8 with linears f32: the float linear takes float input");
  if (!float_linears && mode->x_proj_in == X_PROJ_IN_F32)
    return FAIL(st, "x_proj_in f32 with linears w8a8: the INT8 linear takes int8 input");
  if (float_linears && mode->scan_rest == SCAN_REST_I8)
    return FAIL(st, "scan_rest i8 with linears f32: x_proj and dt_proj are then float, there is no int8 dt, B, C");
  if (float_linears && mode->conv_in == CONV_IN_I8)
    return FAIL(st, "conv_in i8 with linears f32: in_proj's output is then float; i8_dynamic quantises it");
  if (mode->state != INNER_F32 && mode->scan_order == SCAN_ORDER_BLOCKED)
    return FAIL(st, "state %s with scan_order blocked: a blocked scan stores no state between tokens",
                mode->state == INNER_I8    ? "i8"
                : mode->state == INNER_F16 ? "f16"
                                           : "bf16");
  return true;
}

const Stage *mode_finer_stage(const Mode *mode) {
  for (int i = 0; i < mode_stage_count; i++) {
    bool known = false;
    for (int p = 0; p < mode_preset_count; p++)
      known |= mode_setting(&mode_presets[p], &mode_stages[i]) == mode_setting(mode, &mode_stages[i]);
    if (!known) return &mode_stages[i];
  }
  return NULL;
}

bool mode_needs_scales(const Mode *mode) {
  return mode->linears == LINEARS_W8A8 || mode->conv_in != CONV_IN_F32 || mode->conv_out != CONV_OUT_F32 ||
         mode->x_proj_in == X_PROJ_IN_I8 || mode->scan_u == SCAN_U_I8 || mode->scan_rest == SCAN_REST_I8 ||
         mode->state == INNER_I8;
}
