#include "measure/tables/evaluation.h"

#include "measure/tables/columns.h"

#define ROW Evaluation
TABLE(evaluation, 1,
      "Evaluation: how well each mode predicts a text, with standard errors over windows", X(mode),
      X(text), X(windows), X(length), X(left_out), X(disjoint), X(byte_tokens), X(lag1), X(block),
      WITH_SE(bits), WITH_SE(perplexity), WITH_SE(kl_mean), WITH_SE(kl_median), WITH_SE(kl_p99),
      WITH_SE(kl_max), INTERVAL(kl_geometric), X(kl_worst), X(kl_token_median),
      WITH_SE(top1_agreement), WITH_SE(top1_accuracy), X(top1_agreement_low),
      X(top1_agreement_high), X(top1_accuracy_low), X(top1_accuracy_high), X(nonfinite));
#undef ROW

#define ROW EvaluationWindow
TABLE(evaluation_windows, 2, "Evaluation, window by window", X(mode), X(window), X(tokens),
      X(first), X(bits), X(kl_mean), X(kl_median), X(kl_p99), X(kl_max), X(top1_agreement),
      X(top1_accuracy), X(nonfinite));
#undef ROW

#define ROW EvaluationPair
TABLE(evaluation_pairs, 3, "Evaluation of pairs: differences between modes, paired by window",
      X(base), X(other), X(metric), X(answer), X(reason), X(windows), X(left_out), X(diff), X(se),
      X(low), X(high), X(p), X(holm), X(base_value), X(other_value), X(lag1), X(block),
      X(windows_held), X(windows_needed), X(tokens), X(top_share), X(reached_tokens),
      X(reached_share), X(reached_part), INTERVAL(apart));
#undef ROW

#define ROW EvaluationToken
TABLE(evaluation_tokens, 4, "Evaluation: the tokens that carry most of a difference", X(base),
      X(other), X(by), X(rank), X(window), X(position), X(at), X(token_id), X(piece), X(context),
      X(bits_base), X(bits_other), X(kl_base), X(kl_other), X(share), X(reach), X(in_reach));
#undef ROW
