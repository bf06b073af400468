/* mamba1_parts: what the files of this family share. */
#ifndef DS_FAMILY_MAMBA1_PARTS_H
#define DS_FAMILY_MAMBA1_PARTS_H
#include "family/family.h"
#include "family/mamba1.h"

/* mamba1_tensors.c */
enum { FALCON_MORE = 1 }; /* tensors, and scales, that family_falcon_mamba has beside the others */
extern const TensorInfo mamba1_tensors[T_ALL], falcon_tensors[T_ALL + FALCON_MORE];
extern const ScaleInfo mamba1_scales[S_COUNT], falcon_scales[S_COUNT + FALCON_MORE];
/* Whether dt, B and C are normed: T_DBC_NORM is made, and takes the place of x_proj behind it. */
static inline bool mamba1_has_norms(const Family *row) { return row->mixer_eps > 0; }
/* Where a tensor T_… stands in this row's table; ABSENT where the row has none. And back, of
 * family_falcon_mamba. */
int mamba1_at(const Family *row, int tensor);
int falcon_tensor(int id);
int mamba1_width(const Config *config, int dim);
/* mamba1_block.c */
void mamba1_block(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena,
                  Trace *trace);
void mamba1_embed(const Model *model, const float *rows, const int32_t *row, int T, Arena *arena,
                  Trace *trace);
void mamba1_head(const Model *model, const Tensor *x, Arena *arena, Trace *trace);
size_t mamba1_block_bytes(const Config *config, int T);
/* mamba1_64.c */
void mamba1_block64(const Weights64 *weights, int layer, const Tensor *x, Arena *arena,
                    Trace *trace);
void mamba1_embed64(const Weights64 *weights, const double *rows, int T, Arena *arena,
                    Trace *trace);
void mamba1_head64(const Weights64 *weights, const Tensor *x, Arena *arena, Trace *trace);
/* mamba1_promise.c: what a mode's settings promise, a second time and on purpose: tensor by tensor,
 * not stage by stage as the block chooses kernels. */
bool mamba1_format(const Mode *mode, int id, Format *format);
bool mamba1_grid(const Mode *mode, int id);
const char *mamba1_kernel(const Mode *mode, int id);
int mamba1_op_types(const Mode *mode, OpKind kind, OpTypes types[OP_TYPES_MOST]);
bool falcon_format(const Mode *mode, int id, Format *format);
bool falcon_grid(const Mode *mode, int id);
const char *falcon_kernel(const Mode *mode, int id);
int falcon_op_types(const Mode *mode, OpKind kind, OpTypes types[OP_TYPES_MOST]);
Activations mamba1_activations(const Model *model, const Mode *mode);
int64_t mamba1_state_bytes(const Model *model, const Mode *mode);
#endif
