#include "family/witness.h"

#include <stdio.h>
#include <string.h>

/* --- what each tensor is stored as ---------------------------------------------------------------------------------
 */

bool witness_type(const Mode *m, TensorId id, Type *type) {
  bool w8a8 = m->linears == LINEARS_W8A8, rest_i8 = m->scan_rest == SCAN_REST_I8;
  bool i8 = false, f16 = false;
  switch (id) {
    case T_NORM:
    case T_OUT_PROJ_IN: i8 = w8a8; break;
    case T_IN_PROJ: i8 = m->conv_in == CONV_IN_I8; break;
    case T_CONV1D_SILU: i8 = m->conv_out == CONV_OUT_I8; break;
    case T_X_PROJ_IN: i8 = m->x_proj_in == X_PROJ_IN_I8; break;
    case T_SCAN_IN: i8 = m->scan_u == SCAN_U_I8; break;
    case T_X_PROJ:
    case T_DT_PROJ: i8 = rest_i8; break;
    case T_GATED: f16 = m->gated == OUTPUT_F16; break;
    case T_OUT_PROJ: f16 = m->out_proj == OUTPUT_F16; break;
    case T_SSM_STATE_Q8:
      if (m->scan_u != SCAN_U_I8) return false;
      i8 = true;
      break;
    default: break; /* everything else is float32 in every mode */
  }
  *type = i8 ? TYPE_I8 : f16 ? TYPE_F16 : TYPE_F32;
  return true;
}

/* --- which kernel must have made it ---------------------------------------------------------------------------------
 */

enum { KERNEL_TEXT = 96 };

static const char *out_type(const Mode *m, TensorId id) {
  Type type = TYPE_F32;
  witness_type(m, id, &type);
  return type == TYPE_I8 ? "i8" : type == TYPE_F16 ? "f16" : "f32";
}

static void conv_kernel(const Mode *m, const char *silu, char *text) {
  static const char *const acc[] = {[INNER_F32] = "", [INNER_F16] = " acc:f16", [INNER_BF16] = " acc:bf16"};
  const char *in = m->conv_in == CONV_IN_F32 ? "f32*f32" : "i8*i8";
  snprintf(text, KERNEL_TEXT, "conv1d %s%s->%s", in, acc[m->conv_acc], silu);
}

/* What x_proj and the scan take from conv1d_silu. */
static void conv_output_kernel(const Mode *m, bool as_i8, char *text) {
  if (as_i8 && m->conv_out != CONV_OUT_I8)
    strcpy(text, "quantise f32->i8 half-even");
  else if (!as_i8 && m->conv_out != CONV_OUT_F32)
    strcpy(text, "dequantise i8->f32");
  else
    conv_kernel(m, m->conv_out == CONV_OUT_I8 ? "silu->i8" : "silu->f32", text);
}

static void linear_kernel(const Mode *m, TensorId id, char *text) {
  const char *out = out_type(m, id), *in = m->linears == LINEARS_W8A8 ? "i8*i8" : "f32*f32";
  snprintf(text, KERNEL_TEXT, "linear %s->%s%s", in, out, strcmp(out, "i8") ? "" : " half-even");
}

static void scan_kernel(const Mode *m, const char *out, char *text) {
  static const char *const softplus[] = {"", " softplus:f16", " softplus:bf16"};
  static const char *const decay[] = {"", " decay:f16", " decay:bf16"};
  static const char *const state[] = {"", " state:f16", " state:bf16", " state:i8"};
  snprintf(text, KERNEL_TEXT, "scan u:%s rest:%s %s%s%s%s->%s", m->scan_u == SCAN_U_I8 ? "i8" : "f32",
           m->scan_rest == SCAN_REST_I8 ? "i8" : "f32", m->scan_order == SCAN_ORDER_BLOCKED ? "blocked" : "sequential",
           softplus[m->softplus], decay[m->decay], state[m->state], out);
}

/* The kernel's name without its backend; false where the mode has no say (block_in: whoever made the stream). */
static bool expected_kernel(const Mode *m, TensorId id, char *text) {
  switch (id) {
    case T_NORM:
      snprintf(text, KERNEL_TEXT, "rmsnorm f32->%s", m->linears == LINEARS_W8A8 ? "i8 half-away" : "f32");
      return true;
    case T_CONV1D: return conv_kernel(m, "f32", text), true;
    case T_CONV1D_SILU:
      if (m->conv_out == CONV_OUT_F32_GRID)
        strcpy(text, "dequantise i8->f32");
      else
        conv_kernel(m, m->conv_out == CONV_OUT_I8 ? "silu->i8" : "silu->f32", text);
      return true;
    case T_X_PROJ_IN: return conv_output_kernel(m, m->x_proj_in == X_PROJ_IN_I8, text), true;
    case T_SCAN_IN: return conv_output_kernel(m, m->scan_u == SCAN_U_I8, text), true;
    case T_IN_PROJ:
    case T_X_PROJ:
    case T_DT_PROJ: return linear_kernel(m, id, text), true;
    case T_OUT_PROJ:
      if (m->out_proj == OUTPUT_BF16) return strcpy(text, "narrow f32->bf16"), true;
      return linear_kernel(m, id, text), true;
    case T_GATED:
      if (m->gated == OUTPUT_BF16) return strcpy(text, "narrow f32->bf16"), true;
      return scan_kernel(m, out_type(m, id), text), true;
    case T_DELTA:
    case T_SCAN:
    case T_SSM_STATE: return scan_kernel(m, out_type(m, id), text), true;
    case T_SSM_STATE_Q8: return strcpy(text, "quantise f32->i8 half-away"), true;
    default: return false;
  }
}

bool witness_check(const Mode *mode, int layer, const Trace *trace, Status *st) {
  for (TensorId id = 0; id < T_LAYER_COUNT; id++) {
    const Tensor *t = &trace->t[id];
    const char *name = tensor_info[id].name;
    Type type;
    bool made = witness_type(mode, id, &type);
    if (made != (t->data != NULL))
      return FAIL(st, "witness: mode %s, layer %d: %s is %s, against the mode's stages", mode->name, layer, name,
                  made ? "missing" : "there");
    if (!made) continue;
    if (t->type != type)
      return FAIL(st, "witness: mode %s, layer %d: %s is %s, the mode's stages say %s", mode->name, layer, name,
                  type_name(t->type), type_name(type));
    char want[KERNEL_TEXT];
    if (!expected_kernel(mode, id, want)) continue;
    size_t length = strlen(want);
    if (!t->kernel || strncmp(t->kernel, want, length) != 0 || (t->kernel[length] && t->kernel[length] != ' '))
      return FAIL(st, "witness: mode %s, layer %d: %s was made by '%s', the mode's stages say '%s'", mode->name, layer,
                  name, t->kernel ? t->kernel : "no kernel", want);
  }
  return true;
}
