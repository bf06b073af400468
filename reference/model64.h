/* model64: the float64 reference of a Mamba-1 model, written from the published model and from
 * nothing in kernels/, over a table of operators (ops64.h): the same bits on any processor, number
 * of threads and device, and of a token in a prompt of any length.
 * Dimensions: T tokens, D model width, E = 2D inner width, N states, R rank of dt, K taps. All
 * matrices are row-major float64, without units; all buffers, weights and tokens belong to the
 * caller, and no output may overlap an input but where its function says so. Token ids must be
 * below `vocab`. Nothing fails: what is not finite goes on as IEEE has it.
 * Source: the published Mamba model (Gu, Dao 2023) in the layout of Hugging Face's checkpoints; the
 *         transform in front of out_proj: Quamba's.
 * Error:  relative to the golden float64 run of the shipped model at most 1.7e-15, of each of its
 *         51 tensors (tests/test_reference.c). */
#ifndef DS_REFERENCE_MODEL64_H
#define DS_REFERENCE_MODEL64_H
#include <stdbool.h>
#include <stdint.h>

#include "reference/ops64.h"

typedef struct Layer64 {
  const double *norm;        /* [D], or NULL: no gain (folded into in_proj) */
  const double *in_proj;     /* [2E, D] */
  const double *conv_weight; /* [E, K] */
  const double *conv_bias;   /* [E], or NULL */
  const double *x_proj;      /* [R + 2N, E] */
  const double *dt_proj;     /* [E, R] */
  const double *dt_bias;     /* [E] */
  const double *A_log;       /* [E, N] */
  const double *D;           /* [E] */
  const double *out_proj;    /* [D, E] */
} Layer64;

typedef struct Model64 {
  int D, E, N, R, K, layers, vocab;
  double eps;
  double dbc_eps; /* of the norms of dt, B and C behind x_proj; 0: there are none */
  bool hadamard;  /* out_proj's input is H gated / sqrt(E): its weight was rotated to match */
  const double *embedding; /* [vocab, D] */
  const double *norm_f;    /* [D], or NULL */
  const double *head;      /* [vocab, D] */
  const Layer64 *layer;    /* [layers] */
} Model64;

/* What one block computes, every buffer given by the caller; T tokens. */
typedef struct Block64 {
  double *norm;        /* [T, D] */
  double *in_proj;     /* [T, 2E]: x then z */
  double *conv1d;      /* [T, E], before SiLU */
  double *conv1d_silu; /* [T, E] */
  double *x_proj;      /* [T, R + 2N]: dt, B, C */
  double *dbc_norm; /* [T, R + 2N]: dt, B, C, each normed; where Model64 has no such norms, NULL */
  double *dt_proj;  /* [T, E], without its bias */
  double *delta;    /* [T, E] */
  double *scan;     /* [T, E], before the gate */
  double *gated;    /* [T, E] */
  double *out_proj_in; /* [T, E]; equals gated where there is no Hadamard transform */
  double *out_proj;    /* [T, D] */
  double *block_out;   /* [T, D] */
  double *ssm_state;   /* [E, N], after the last token */
} Block64;

/* Sizes are those that the operator has, so that the rewrite and the reference promise no transform
 * that no mode can run: harness/model/rewrite.c holds the two limits together. */
enum { HADAMARD64_MAX_ORDER = 28, HADAMARD64_MAX_N = 32768 };
/* The order (P) of the Hadamard matrix of size n: 1, 12, 20, 28; 0 where there is none, or n >
 * HADAMARD64_MAX_N. */
int hadamard64_factor(int n);
/* P, row by row, of order 12, 20 or 28: sign [order, order], each +1 or -1. Order 1: the number
 * 1. */
void hadamard64_signs(int order, double *sign);
/* In place, row by row: x [T, n] <- H x / sqrt(n), H = P (x) H_2^k. */
void hadamard64(double *x, int T, int n);
/* And back: x [T, n] <- H^T x / sqrt(n). P of order 12 and 20 is not symmetric. */
void hadamard64_back(double *x, int T, int n);
/* The same down the columns: x [rows, cols] <- H x / sqrt(rows). The bits are those of hadamard64
 * on every row of the transposed matrix. A panel of columns, at most 2 MiB, is on its thread's
 * stack. */
void hadamard64_columns(double *x, int rows, int cols);

/* The model by the operators of `ops`, where all of its pointers are, `token` too; the structs
 * themselves are the caller's. */
/* x [T, D] = the rows of `embedding` that token [T] names. */
void embed64(const Ops64 *ops, const Model64 *m, const int32_t *token, int T, double *x);
/* x [T, D], what left the layer before, from state zero -> every buffer of `out`. */
void block64(const Ops64 *ops, const Model64 *m, int layer, const double *x, int T,
             const Block64 *out);
/* norm_f [T, D], logits [T, vocab] of the last block's output x [T, D]. */
void head64(const Ops64 *ops, const Model64 *m, const double *x, int T, double *norm_f,
            double *logits);
/* The same in two steps, for a head that does not stand whole: norm_f [T, D]; then, some rows of
 * the head [rows, D] at a time, that many columns of the logits, whose rows are `vocab` apart. */
void norm64(const Ops64 *ops, const double *x, const double *gain, double eps, int T, int D,
            double *norm_f);
void logits64(const Ops64 *ops, const double *norm_f, int T, int D, const double *head, int rows,
              double *logits, int vocab);
#endif
