/* family: what a kind of model is, as tables and functions over the operators. One file says it
 * (mamba1.c, and what that file is split into); everything else is driven by these tables and names
 * no tensor, dimension, scale, weight or stage of its own. A family's enums, by which its tables
 * are indexed, are seen by its own files and by tests alone.
 *
 * A family may have several rows, one for each kind of model (`model_type`). They share stages,
 * presets, dimensions and weights, so a mode of one is a mode of all, and Mode.family is the first
 * of them; tensors and scales are each row's own: who asks for those asks the family of the config
 * or of the trace, never the mode's. */
#ifndef DS_FAMILY_FAMILY_H
#define DS_FAMILY_FAMILY_H
#include "base/arena.h"
#include "base/status.h"
#include "family/config.h"
#include "family/mode.h"
#include "family/trace.h"
#include "family/weights.h"

/* What calibration observes for a static scale. */
typedef struct ScaleInfo {
  int tensor;
  bool quantile; /* of its magnitudes, else their maximum */
} ScaleInfo;

/* With what types a block calls an operator. */
typedef struct OpTypes {
  Format in;       /* x; u of the scan */
  Format rest;     /* scan: all its other inputs */
  Format out;      /* conv1d_silu, y, gated */
  ScanOrder order; /* scan */
} OpTypes;
enum { OP_TYPES_MOST = 4 }; /* calls of one operator in a block */

/* Bytes of a layer's activations, a token: all of them, and those that live at one time, at
 * most. */
typedef struct Activations {
  int64_t total, peak;
} Activations;

typedef struct Family {
  const char *name;              /* "mamba1" */
  const char *title;             /* for people: "Mamba-1" */
  const char *model_type;        /* as config.json has it: "mamba" */
  const char *architecture;      /* and its class: "MambaForCausalLM" */
  const struct Family *next_row; /* another kind of model of this family, or NULL */
  double mixer_eps; /* of norms inside the mixer where config.json has no mixer_rms_eps; 0: there
                       are none */
  Tensors tensors;
  const ScaleInfo *scale; /* [tensors.scales] */
  const Stage *stage;
  int stages;
  const Mode *preset;
  int presets;
  const Mode *plain; /* the preset that is float throughout: calibration observes it, costs are told
                        against it */
  const WeightInfo *weight;
  int weights;
  const WeightInfo *end;      /* [END_COUNT] */
  const char *embedding_also; /* another name under which checkpoints have the embedding, or NULL */
  const char *prefix;         /* of the names in the checkpoint, for messages: "backbone." */
  const char *layer_name;     /* a format of a layer's number and a weight's name */

  /* The width of a dimension other than the tokens'. */
  int (*width)(const Config *config, int dim);
  /* Refuses settings that contradict each other, by their keys and values. */
  bool (*mode_check)(const Mode *mode, Status *st);
  bool (*mode_needs_scales)(const Mode *mode);
  /* The key of the reason why two modes must agree, everywhere or but for rounding ties
   * (measure/verdict.h); "". */
  const char *(*agreement)(const Mode *base, const Mode *other);

  /* The format that this tensor has under this mode; false where the mode does not make it. */
  bool (*format)(const Mode *mode, int id, Format *format);
  /* Whether its values lie on the grid of its static scale under this mode, as int8 or dequantised:
   * none is larger than 127 scale, or below -128 scale. */
  bool (*grid)(const Mode *mode, int id);
  /* The kernel that must have made it, without its backend (kernels/witness.h); NULL where the mode
   * has no say. */
  const char *(*kernel)(const Mode *mode, int id);
  /* Those of every call of this operator under this mode, in the order of the calls; returns how
   * many. */
  int (*op_types)(const Mode *mode, OpKind kind, OpTypes types[OP_TYPES_MOST]);
  Activations (*activations)(const Model *model, const Mode *mode);
  /* A sequence: what one layer keeps from token to token, as the mode stores it. */
  int64_t (*state_bytes)(const Model *model, const Mode *mode);

  /* Those of block.h, and the same in float64, every tensor of the table but those of modes only.
   * embed: of token t stands row row[t] of `rows` [any, D]. */
  void (*block)(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena,
                Trace *trace);
  void (*embed)(const Model *model, const float *rows, const int32_t *row, int T, Arena *arena,
                Trace *trace);
  void (*head)(const Model *model, const Tensor *x, Arena *arena, Trace *trace);
  size_t (*block_bytes)(const Config *config, int T);
  void (*block64)(const Weights64 *weights, int layer, const Tensor *x, Arena *arena, Trace *trace);
  void (*embed64)(const Weights64 *weights, const double *rows, int T, Arena *arena,
                  Trace *trace); /* rows [T, D] */
  void (*head64)(const Weights64 *weights, const Tensor *x, Arena *arena, Trace *trace);
} Family;

extern const Family *const families[]; /* ends with NULL; the first is the one of a spec's stages */
/* The i-th kind of model: each row of each family; NULL behind the last. */
const Family *family_kind(int i);
const Family *family_of_type(const char *model_type); /* NULL where there is none */

/* What a spec may name before its model is open: the i-th stored tensor of any row of the first
 * family, those of one name once; NULL behind the last. And the first table that has one; NULL
 * where none has. */
const char *family_tensor_name(int i);
/* What rewritten weights make of a tensor that somebody else calls so and uses for this: that of
 * the same name here, or else of the same role where that can be one tensor only. */
Basis family_basis(const char *name, Role role);
const Tensors *family_tensors_with(const char *name);

/* Rows times columns of a weight: the first dimension, and all others. */
int weight_rows(const Config *config, const WeightInfo *weight);
int weight_cols(const Config *config, const WeightInfo *weight);
size_t weight_values(const Config *config, const WeightInfo *weight);
/* Its name without the module's: "in_proj.weight" of "mixer.in_proj.weight". */
const char *weight_short_name(const WeightInfo *weight);
/* Whether the mode takes it as int8. */
bool weight_is_i8(const WeightInfo *weight, const Mode *mode);
/* The forms in which a mode takes the weights of a layer, of one that differs by layer those of
 * all; and all that any of two asks for. */
Forms forms_of_mode(const Mode *mode);
Forms forms_of_both(Forms a, Forms b);
/* Its sizes for people: "24 layers, D 256, …". */
const char *family_sizes(Arena *arena, const Config *config);
/* The widest row of any tensor of a layer. */
int family_widest(const Config *config);
/* All values of a layer's weights; and bytes of these in float64, each weight in whole lines
 * (base/arena.h). */
size_t family_layer_values(const Config *config);
size_t family_layer64_bytes(const Config *config);

#endif
