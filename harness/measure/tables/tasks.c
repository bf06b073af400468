#include "measure/tables/tasks.h"

#include "measure/tables/columns.h"

#define ROW TaskScore
TABLE(tasks, 2, "Tasks: how many samples each mode answers right", X(task), X(mode), X(kind),
      X(headline), X(samples), X(left_out), X(truncated), INTERVAL(acc), INTERVAL(acc_norm),
      X(perplexity));
#undef ROW

#define ROW TaskPair
TABLE(task_pairs, 4, "Tasks: pairs of modes, sample by sample", X(task), X(base), X(other),
      X(metric), X(answer), X(samples), X(base_only), X(other_only), X(diff), X(p), X(holm),
      X(samples_needed));
#undef ROW

#define ROW TaskSample
TABLE(task_samples, 3, "Tasks, sample by sample", X(task), X(mode), X(sample), X(gold), X(answer),
      X(answer_norm), X(right), X(right_norm), X(truncated), X(log_p), X(margin));
#undef ROW
