/* block: one layer of the model under one mode, and the model's two ends, by the model's family:
 * the one place where a mode's settings choose kernels. */
#ifndef DS_FAMILY_BLOCK_H
#define DS_FAMILY_BLOCK_H
#include "family/family.h"

/* x [T, D] float32 -> every tensor of the layer, in the arena (block_in is x itself). */
void block_run(const Model *model, int layer, const Mode *mode, const Tensor *x, Arena *arena,
               Trace *trace);
/* The embedding of T tokens. The ends of `trace` are set, and nothing else of it. */
void block_embed(const Model *model, const int32_t *token, int T, Arena *arena, Trace *trace);
void block_embed64(const Weights64 *weights, const int32_t *token, int T, Arena *arena,
                   Trace *trace);
/* The same from rows that stand where the model's operators read them: token t's is row[t] of
 * `rows`. */
void block_embed_rows(const Model *model, const float *rows, const int32_t *row, int T,
                      Arena *arena, Trace *trace);
/* What block_embed looks up: a row a token, rows [T, D]. */
void block_embedding_rows(const Model *model, const int32_t *token, int T, float *rows,
                          Arena scratch);
void block_embedding_rows64(const Weights64 *weights, const int32_t *token, int T, double *rows);
/* The last norm and the logits of the last block's output. Never quantised. */
void block_head(const Model *model, const Tensor *x, Arena *arena, Trace *trace);
/* The logits [T, vocab] of the last norm [T, D] in float64, the head HEAD_PANEL rows at a time and
 * more in the last panel. */
void block_logits64(const Weights64 *weights, const double *norm_f, int T, double *logits,
                    Arena scratch);
enum { HEAD_PANEL = 2048 };
size_t block_logits64_bytes(const Config *config); /* of scratch */
/* Upper bound of the bytes that block_run takes from the arena for T tokens. */
size_t block_bytes(const Config *config, int T);
size_t block_layer_bytes(const Config *config, int T); /* without the head behind it */

#endif
