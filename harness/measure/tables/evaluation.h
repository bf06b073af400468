/* evaluation: rows of how well modes predict a text. */
#ifndef DS_MEASURE_TABLES_EVALUATION_H
#define DS_MEASURE_TABLES_EVALUATION_H
#include "measure/tables/table.h"

/* How well a mode predicts a text, and how far from the reference: every figure is the mean over
 * windows of the column of the same name in EvaluationWindow, and its standard error, NaN where
 * windows overlap. */
typedef struct Evaluation {
  char mode[TEXT_NAME];
  char text[TEXT_KERNEL];  /* the file whose windows these are: what the figures are of */
  int32_t windows, length; /* length: tokens predicted in each window */
  int32_t left_out;        /* windows with a logit that is not finite: the figures are those of the
                            * others */
  int32_t disjoint;    /* so many windows fit into the text side by side; with more they overlap */
  int32_t byte_tokens; /* 1: tokens are bytes, so that bits are bits per byte */
  double lag1;         /* correlation of the bits of neighbouring windows */
  int32_t block;       /* windows in a unit of the errors of bits (measure/sample.h) */
  double bits, bits_se;
  double perplexity, perplexity_se; /* 2^bits, its error by the slope of that function */
  double kl_mean, kl_mean_se, kl_median, kl_median_se, kl_p99, kl_p99_se, kl_max, kl_max_se;
  double kl_geometric, kl_geometric_low,
      kl_geometric_high;  /* of kl_mean over windows, 95 % interval */
  double kl_worst;        /* the largest of all positions */
  double kl_token_median; /* the median of all positions of all windows */
  double top1_agreement, top1_agreement_se, top1_accuracy, top1_accuracy_se;
  double top1_agreement_low,
      top1_agreement_high; /* 95 %: of windows as clusters, no narrower than the exact interval */
  double top1_accuracy_low, top1_accuracy_high; /* of few tokens (interval_of_shares) */
  int64_t nonfinite;
} Evaluation;

/* One window of a mode. Bits: logarithms to base 2. */
typedef struct EvaluationWindow {
  char mode[TEXT_NAME];
  int32_t window, tokens;                    /* tokens predicted: all of the window but its first */
  int64_t first;                             /* index in the text of the window's first token */
  double bits;                               /* mean of -log2 p(next token) */
  double kl_mean, kl_median, kl_p99, kl_max; /* over positions, of KL(fp64 || mode) in bits */
  double top1_agreement; /* share of positions where mode and reference choose the same token */
  double top1_accuracy;  /* share where the mode chooses the token that comes */
  int64_t nonfinite;     /* positions with a logit that is not finite; the means are then NaN */
} EvaluationWindow;

/* Two modes, paired by window: is `other` better than `base`? */
typedef struct EvaluationPair {
  char base[TEXT_NAME], other[TEXT_NAME];
  char metric[TEXT_TENSOR]; /* bits, kl_factor, top1_agreement, top1_accuracy */
  char answer[16];          /* "better", "worse" (other than base), "identical" (in every window),
                               "undecided", "unknown" */
  char reason[16];          /* of "unknown": "overlap", "few" (finite windows); else "" */
  int32_t windows;          /* that the figures are of: finite in both modes */
  int32_t left_out;         /* the others */
  double diff, se, low,
      high;    /* mean of other - base, its standard error, 95 % t interval; of kl_factor the
                * geometric mean of other / base, the standard error of its logarithm */
  double p;    /* that there is no difference */
  double holm; /* the same where all pairs are asked at once: Holm's, over the pairs of this
                * metric */
  double base_value, other_value;
  double lag1;           /* correlation of the differences of neighbouring windows */
  int32_t block;         /* windows in a unit */
  int32_t windows_held;  /* so many windows the text holds side by side */
  double windows_needed; /* for a difference like the observed one to be found; NaN: no number, or
                            more than 1e12 */
  /* Of bits alone, else NaN and 0: single tokens (measure/predicted.h). */
  int64_t tokens;   /* of the windows that count */
  double top_share; /* of the summed |difference|: what the 1 % of tokens has that differ most */
  int64_t reached_tokens; /* tokens in reach of events */
  double reached_share,
      reached_part; /* what these have of the summed |difference|; of the difference itself */
  double apart, apart_low,
      apart_high; /* the difference without them, window by window like diff, low and high */
} EvaluationPair;

/* A token that carries much of what a mode's predictions differ in: from fp64, or from those of
 * another mode. */
typedef struct EvaluationToken {
  char base[TEXT_NAME], other[TEXT_NAME];
  char by[TEXT_TYPE]; /* "kl": of other against fp64, the base; "bits": the |difference| between the
                         two */
  int32_t rank;       /* 1: the largest */
  int32_t window, position;                      /* position: 1 is the first that is predicted */
  int64_t at;                                    /* index in the text */
  int32_t token_id;                              /* the token that is predicted */
  char piece[TEXT_PIECE], context[TEXT_CONTEXT]; /* its text */
  double bits_base, bits_other;                  /* -log2 p of it */
  double kl_base, kl_other;                      /* KL(fp64 || mode) there, in bits */
  double share; /* of the sum of the figure over the tokens of all windows */
  double reach; /* the largest share of a layer's squared error of block_out that the token has from
                 * which it is predicted, under either mode */
  int32_t in_reach; /* 1: of an event */
} EvaluationToken;

extern const Table table_evaluation, table_evaluation_windows, table_evaluation_pairs,
    table_evaluation_tokens;
#endif
