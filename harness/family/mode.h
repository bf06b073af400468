/* mode: a precision mode is data: one setting for each numeric stage. The program asks for a stage's setting, never for
 * a mode by its name. */
#ifndef DS_FAMILY_MODE_H
#define DS_FAMILY_MODE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/name.h"
#include "base/status.h"

enum { MODE_NAME_MAX = NAME_BYTES_MAX };

typedef enum { LINEARS_W8A8, LINEARS_F32 } ModeLinears;
typedef enum { CONV_IN_I8, CONV_IN_I8_DYNAMIC, CONV_IN_F32 } ModeConvIn;
typedef enum { CONV_OUT_I8, CONV_OUT_F32_GRID, CONV_OUT_F32 } ModeConvOut;
typedef enum { X_PROJ_IN_I8, X_PROJ_IN_F32 } ModeXProjIn;
typedef enum { SCAN_U_I8, SCAN_U_F32 } ModeScanU;
typedef enum { SCAN_REST_I8, SCAN_REST_F32 } ModeScanRest;
typedef enum { SCAN_ORDER_BLOCKED, SCAN_ORDER_SEQUENTIAL } ModeScanOrder;
typedef enum { OUTPUT_F16, OUTPUT_F32, OUTPUT_BF16 } ModeOutput;
/* Of a value inside an operator; the order is that of kernels/narrow.h. */
typedef enum { INNER_F32, INNER_F16, INNER_BF16, INNER_I8 } ModeInner;

typedef struct Mode {
  char name[MODE_NAME_MAX + 1];
  int linears;    /* ModeLinears:   the four projections */
  int conv_in;    /* ModeConvIn:    input and arithmetic of conv1d */
  int conv_out;   /* ModeConvOut:   what leaves conv1d after SiLU */
  int x_proj_in;  /* ModeXProjIn:   what x_proj takes */
  int scan_u;     /* ModeScanU:     u of the scan */
  int scan_rest;  /* ModeScanRest:  dt, B, C, z, A_log, D and the dt bias of the scan */
  int scan_order; /* ModeScanOrder */
  int gated;      /* ModeOutput:    what leaves the gate */
  int out_proj;   /* ModeOutput:    what leaves out_proj */
  int conv_acc;   /* ModeInner:     the running sum of conv1d, after each tap */
  int softplus;   /* ModeInner:     delta, as it leaves the softplus */
  int decay;      /* ModeInner:     exp(delta A) of each token */
  int state;      /* ModeInner:     h as the scan stores it after each token */
} Mode;

/* One stage: its key in a spec, its values in the order of the enum, where it stands in Mode, what it is. */
typedef struct Stage {
  const char *key;
  const char *values[5]; /* ends with NULL */
  size_t offset;
  const char *meaning;
} Stage;
extern const Stage mode_stages[];
extern const int mode_stage_count;
int mode_setting(const Mode *mode, const Stage *stage);
const char *mode_setting_name(const Mode *mode, const Stage *stage);

extern const Mode mode_presets[]; /* 0, 1, 2-0 … 2-4, 3, fp32 */
extern const int mode_preset_count;
const Mode *mode_preset(const char *name); /* NULL where there is none */

/* The reference's name, which no mode may take. */
#define MODE_REFERENCE "fp64"
/* Names that no mode and no prompt may take: the reference and the names of the dimension scales; ends with NULL. */
extern const char *const mode_reserved_names[];
bool mode_name_reserved(const char *name);
/* Equal settings in every stage: the same computation. */
bool mode_equal(const Mode *a, const Mode *b);
/* The stages in which they differ: bit i stands for mode_stages[i]. */
unsigned mode_differing(const Mode *a, const Mode *b);
/* `a` with the settings that `b` has in these stages, and a's name. */
Mode mode_mixed(const Mode *a, const Mode *b, unsigned stages);
/* The smallest set of the stages in which they differ that holds `stages` and that `a` can take over from `b` so that
 * the mode passes mode_check (the first of equal size); all of them where none smaller does. */
unsigned mode_least_swap(const Mode *a, const Mode *b, unsigned stages);
/* Refuses a combination that has no scale or no sense, by the keys and values that contradict each other. */
bool mode_check(const Mode *mode, Status *st);
/* The first stage that is set finer than any preset sets it: not float32 inside an operator, or a bfloat16 output. NULL
 * where there is none. Such stages run on the CPU, inside the whole model. */
const Stage *mode_finer_stage(const Mode *mode);
/* Whether any stage works on an int8 grid, so that the mode cannot run without calibration. */
bool mode_needs_scales(const Mode *mode);
#endif
