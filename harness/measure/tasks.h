/* tasks: how many samples of a task a mode answers right, from the log-probabilities that it gives
 * to the tokens of their continuations. Scored as lm-evaluation-harness scores (read at 4e7e0d4):
 *
 *   target     one continuation; right where each of its tokens is the likeliest at its place
 *   choices    several continuations of one context: the answer is the one of the largest summed
 *              log-probability, the first of equal ones (acc), or of the largest a code point of
 *              the choice's text (acc_norm)
 *   contexts   one continuation of several contexts; the answer is the context that gives it the
 *              largest summed log-probability
 *
 * Shares of right answers with Wilson's interval; modes are compared sample by sample (McNemar,
 * exact), which the harness does not do: what all modes find hard or easy drops out. Samples with a
 * logit that is not finite are left out and counted. */
#ifndef DS_MEASURE_TASKS_H
#define DS_MEASURE_TASKS_H
#include "base/arena.h"
#include "kernels/tensor.h"
#include "measure/tables/tasks.h"

typedef enum { TASK_TARGET, TASK_CHOICES, TASK_CONTEXTS } TaskKind;
extern const char *const task_kinds[]; /* by name; ends with NULL */

enum { TASK_CHOICES_MOST = 64 };

/* A continuation under a mode. */
typedef struct Continued {
  double log_p;    /* natural, summed over its tokens; NaN: a logit is not finite */
  int greedy;      /* each token is the likeliest, the first of equal ones */
  int code_points; /* of the text that stands for it, without the space before it */
} Continued;

/* logits [T, vocab]; the last `count` rows are each followed by token[row]. Fills log_p and
 * greedy. */
void task_continued(const Tensor *logits, const int32_t *token, int count, Continued *c,
                    Arena scratch);
size_t task_continued_bytes(int count, int vocab); /* of scratch */

/* Fills gold to margin but truncated. */
void task_sample(TaskKind kind, const Continued *choice, int choices, int gold, TaskSample *row);

/* Of one mode's samples: all but task, mode and headline. */
TaskScore task_score(TaskKind kind, const TaskSample *row, int samples);
/* The same samples under two modes, in the same order; all but holm. Names come from the first
 * rows. */
TaskPair task_pair(const TaskSample *base, const TaskSample *other, int samples, bool norm);
/* The metric that papers of Mamba give for a task of this name: acc_norm for HellaSwag and the
 * challenge set of ARC. */
const char *task_headline(TaskKind kind, const char *name);
#endif
