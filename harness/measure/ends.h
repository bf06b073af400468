/* ends: how far a way through the model comes out from the reference: at the last block_out, and in what it predicts.
 * Sums are kept prompt by prompt, so that every figure, and every sum of figures of several ways, can be had of all
 * prompts pooled and of any draw of them: its interval is that of resample.h, all ways drawn together. */
#ifndef DS_MEASURE_ENDS_H
#define DS_MEASURE_ENDS_H
#include "kernels/tensor.h"
#include "measure/resample.h"

/* One way, one prompt. */
typedef struct EndSums {
  double error2, size2; /* of the last block_out: |way - fp64|^2, |fp64|^2 */
  double kl, bits;      /* sums over the tokens that are predicted: KL(fp64 || way) and -log2 p(token) */
  double tokens;        /* predicted: all but the first */
} EndSums;

typedef enum EndFigure {
  END_BLOCK_OUT, /* relative L2 of the last block_out against the reference */
  END_KL,        /* mean KL, in bits */
  END_BITS,      /* bits per token: per byte where tokens are bytes */
  END_FIGURES
} EndFigure;

/* block_out and logits of the reference and of the way; token [T]. */
EndSums ends_of(const Tensor *reference_out, const Tensor *reference_logits, const Tensor *out, const Tensor *logits,
                const int32_t *token, Arena scratch);

/* weight times the figure of a way; prompt [draws->prompts]. */
typedef struct EndTerm {
  const EndSums *prompt;
  double weight;
} EndTerm;

typedef struct EndValue {
  double value, low, high; /* low and high NaN where there is one prompt alone */
} EndValue;

/* The sum of the terms, prompts pooled; NaN of no terms. */
EndValue ends_value(const EndTerm *term, int terms, EndFigure figure, const Resampling *draws, Arena scratch);
#endif
