/* trace: the named tensors of one block under one mode, and of the model's ends. A family's table
 * says for each tensor its name, its dimensions, the static scale that belongs to it and what it is
 * for; trace, results file, tables and report all follow that table. */
#ifndef DS_FAMILY_TRACE_H
#define DS_FAMILY_TRACE_H
#include <stdbool.h>

#include "base/arena.h"
#include "kernels/tensor.h"

/* Room in the structs that hold what a family's tables list. */
enum { TENSORS_MOST = 64, DIMS_MOST = 48, SCALES_MOST = 8, STAGES_MOST = 16, WEIGHTS_MOST = 16 };

enum {
  ABSENT = -1,  /* no scale, no tensor, no weight, no stage */
  DIM_TOKEN = 0 /* the first dimension of every family: the tokens of the prompt */
};

/* What a tensor is for, where somebody asks for more than its name; at most one tensor of a family
 * has a role. */
typedef enum Role {
  ROLE_NONE,
  ROLE_EMBEDDING, /* the stream that enters the first block */
  ROLE_BLOCK_IN,
  ROLE_CONV_OUT, /* what leaves the convolution */
  ROLE_SCAN,     /* what leaves the scan */
  ROLE_ADDED,    /* what a block adds to the stream */
  ROLE_BLOCK_OUT,
  ROLE_LOGITS,
  ROLE_COUNT
} Role;
extern const char *const role_names[ROLE_COUNT]; /* in the table of tensors; "" of ROLE_NONE */

/* What rewritten weights (model/rewrite.h) make of a tensor. */
typedef enum Basis {
  BASIS_KEPT,    /* what it was */
  BASIS_ROTATED, /* every row x is H x / sqrt(columns) */
  BASIS_FOLDED,  /* rotated, and without the gain that stands in the weights behind it */
  BASIS_UNKNOWN  /* nobody says: of a tensor made elsewhere */
} Basis;

/* Which tokens of what leaves the block an element of a tensor bears on. */
typedef enum Reach {
  REACHES_LATER, /* its own and those behind it */
  REACHES_OWN,   /* its own: nothing behind the tensor brings tokens together */
  REACHES_NONE   /* no operator takes the tensor */
} Reach;

typedef struct TensorInfo {
  const char *name;      /* e.g. "conv1d_silu" */
  const char *long_name; /* for people: "SiLU of conv1d" */
  int rows, cols;        /* dimensions */
  int scale;             /* the static scale that its grid belongs to, or ABSENT */
  Role role;
  bool modes_only; /* the float64 reference has no such tensor */
  int of; /* of one that is not stored, or of modes only: the tensor whose first columns it is,
             quantised */
  int taken_by; /* of one that may be an earlier tensor itself, handed on: the operator (OpKind)
                 * that takes it; else 0 */
  Reach reach;  /* where no scale is made from all tokens */
  Basis basis;
} TensorInfo;

/* The tensors of a family, as its results tell them: first those of a layer, in the order of
 * computation, then those of the model's ends. Behind them stand those that are never stored: what
 * a block quantised at a scale that it took from the values themselves. Only that scale is
 * (measure/tables/scales.h, ScaleRow). */
typedef struct Tensors {
  const TensorInfo *info;
  int layer; /* 0 … layer - 1: of a layer */
  int count; /* layer … count - 1: of the ends */
  int all;   /* count … all - 1: not stored */
  const char *dim[DIMS_MOST];
  int dims;                       /* in the results file; a family may count more for itself */
  const char *scale[SCALES_MOST]; /* static activation scales, one set a layer, from calibration */
  int scales;
} Tensors;
/* The stored tensor of this name; ABSENT where there is none. */
int tensors_find(const Tensors *tensors, const char *name);
/* The stored tensor that has this role; ABSENT where there is none. */
int tensors_role(const Tensors *tensors, Role role);
/* Its name; "" where there is none, which no row has. */
const char *tensors_role_name(const Tensors *tensors, Role role);
/* The stored tensors in the order in which a run computes them: the embedding first, then a
 * layer's, then the rest. */
void tensors_computed(const Tensors *tensors, int id[TENSORS_MOST]);
/* The layer number under which the tables file a tensor that a run made at `layer` of `layers`. */
int tensors_filed(const Tensors *tensors, int id, int layer, int layers);

typedef struct Trace {
  const struct Family *family; /* whose tensors these are; NULL before anything ran */
  Tensor t[TENSORS_MOST]; /* by the family's table; without rows where the mode does not make one
                           * (ssm_state_q8 where the scan's input is float); data is NULL too where
                           * it stands elsewhere and was not brought */
} Trace;
static inline bool tensor_is_made(const Tensor *t) { return t->rows > 0; }
/* Tensors of a trace, bit by bit: all of them, and those of these two roles. */
typedef uint64_t TensorSet;
#define TENSORS_ALL UINT64_MAX
TensorSet tensors_in(const Tensors *tensors, Role a, Role b);
/* The tensor that has this role in a trace's family, which has one. */
Tensor *trace_role(Trace *trace, Role role);
const Tensor *trace_role_of(const Trace *trace, Role role);
/* Takes over what `ends` holds of the model's ends, and nothing else. */
void trace_add_ends(Trace *trace, const Trace *ends);

/* What a model is run on: T token ids. */
typedef struct PromptShape {
  const char *name;
  const int32_t *token; /* NULL: not known, of tensors made elsewhere */
  int T;
} PromptShape;

/* The layer number under which the tables file the tensors of the model's ends: -1 for embedding,
 * `layers` for the rest. No model has more than LAYERS_MOST, and so no results file. */
enum { LAYER_EMBEDDING = -1, LAYERS_MOST = 1024 };

/* Element i (row-major, rows * cols) as the value it stands for: dequantised, widened; exact in
 * double. */
double tensor_value(const Tensor *t, size_t i);
/* Its elements from `first` on, at most `most` of them, as a view: whole rows, or a piece of one
 * that is longer. `count`: so many. */
Tensor tensor_block(const Tensor *t, size_t first, int most, size_t *count);
/* Its rows next to each other, by all threads: at `to`; and as a copy of it in the arena. */
void tensor_pack(const Tensor *t, void *to);
Tensor tensor_copy(Arena *arena, const Tensor *t);
/* Which column of `part` this column of `t` is, where `part` is `t` or a view of its columns;
 * ABSENT where it is none of them. */
int tensor_column_in(const Tensor *t, int col, const Tensor *part);
/* All values into out [rows * cols]. */
void tensor_values(const Tensor *t, double *out);
#endif
