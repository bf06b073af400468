/* ends: how far a way through the model comes out from the reference: at the last block_out, and in
 * what it predicts, prompt by prompt. A figure over prompts is a Sample (measure/sample.h): of the
 * error and of KL, which are sizes and skewed, the geometric mean over prompts; of bits the mean.
 * What several ways make of it is taken prompt by prompt first: the error and KL of one beside
 * those of another are factors, bits differ. A prompt of which some way's figure is not finite is
 * left out of all of them.
 *
 * The error is said twice: of all tokens together, of which a few may have nearly all of it, and
 * of the median token (measure/row_error.h). What the one is times the other is the parting; the
 * factor by which a way changes it tells whether the way acts on single tokens or on typical
 * ones. */
#ifndef DS_MEASURE_ENDS_H
#define DS_MEASURE_ENDS_H
#include "kernels/tensor.h"
#include "measure/sample.h"

/* One way, one prompt. */
typedef struct EndSums {
  double error2, size2; /* of the last block_out: |way - fp64|^2, |fp64|^2 */
  double kl, bits; /* sums over the tokens that are predicted: KL(fp64 || way) and -log2 p(token) */
  double tokens;   /* predicted: all but the first */
  double token_median; /* of the last block_out: median over tokens of |way_t - fp64_t| /
                        * |fp64_t| */
} EndSums;

typedef enum EndFigure {
  END_BLOCK_OUT,    /* relative L2 of the last block_out against the reference */
  END_TOKEN_MEDIAN, /* of the median token */
  END_PARTING,      /* the first over the second */
  END_KL,           /* mean KL over the tokens, in bits */
  END_BITS,         /* bits per token: per byte where tokens are bytes */
  END_FIGURES
} EndFigure;

/* block_out and logits of the reference and of the way; token [T]. */
EndSums ends_of(const Tensor *reference_out, const Tensor *reference_logits, const Tensor *out,
                const Tensor *logits, const int32_t *token, Arena scratch);
/* error2, size2 and token_median alone, of a block_out [T, D]. */
void ends_block_out(const Tensor *reference, const Tensor *way, EndSums *sums, Arena scratch);
size_t ends_bytes(int T, int D, int vocab); /* of scratch */

/* Of a prompt: sqrt(error2 / size2). */
double ends_error(const EndSums *prompt);
/* Of all prompts as one, those left out that are not finite. */
double ends_pooled(const EndSums *prompt, int prompts);

/* weight times the figure of a way (of error and KL: times the logarithm); prompt [prompts]. With
 * weight 0, a way that only has to be finite. */
typedef struct EndTerm {
  const EndSums *prompt;
  double weight;
} EndTerm;

/* Of the sum of the terms; NaN of no terms. `p` and `needed` are of a factor of 1, a difference of
 * 0. */
Sample ends_sample(const EndTerm *term, int terms, int prompts, EndFigure figure, Arena scratch);
/* Whether every way's figures are finite in this prompt. */
bool ends_usable(const EndTerm *term, int terms, int prompt);
#endif
