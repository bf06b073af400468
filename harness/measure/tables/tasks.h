/* tasks: rows of how modes answer tasks. */
#ifndef DS_MEASURE_TABLES_TASKS_H
#define DS_MEASURE_TABLES_TASKS_H
#include "measure/tables/table.h"

/* How a mode answers a task: its share of right answers, over the samples whose logits are
 * finite. */
typedef struct TaskScore {
  char task[TEXT_KERNEL]; /* the file's name */
  char mode[TEXT_NAME];
  char kind[TEXT_SETTING];     /* "target", "choices", "contexts" */
  char headline[TEXT_SETTING]; /* the metric that papers give: "acc", "acc_norm" */
  int32_t samples;
  int32_t left_out;              /* of them: with a logit that is not finite */
  int32_t truncated;             /* with a context that was cut on the left */
  double acc, acc_low, acc_high; /* Wilson's 95 % interval */
  double acc_norm, acc_norm_low,
      acc_norm_high; /* of choices: by log-probability a code point; else NaN */
  double perplexity; /* target: exp(-mean log p of the targets); else NaN */
} TaskScore;

/* Two modes on a task, sample by sample: does `other` answer more of them right? */
typedef struct TaskPair {
  char task[TEXT_KERNEL], base[TEXT_NAME], other[TEXT_NAME];
  char metric[TEXT_SETTING]; /* "acc", "acc_norm" */
  char answer[16]; /* "better", "worse", "identical" (right and wrong in the same samples),
                      "undecided" */
  int32_t samples; /* finite in both */
  int32_t base_only, other_only; /* right in the one, wrong in the other */
  double diff;                   /* share of right answers: other less base */
  double p, holm;                /* exact McNemar; Holm's over the pairs of the task's metric */
  double samples_needed; /* for a difference like this to be found four times out of five; NaN: no
                            number, or more than 1e12 */
} TaskPair;

/* A sample of a task under a mode. */
typedef struct TaskSample {
  char task[TEXT_KERNEL], mode[TEXT_NAME];
  int32_t sample;              /* its line, from 0 */
  int32_t gold;                /* the right choice; 0 of a target */
  int32_t answer, answer_norm; /* the choice with the largest log-probability, and with the largest
                                  a code point; of a target 0 where every token of it is the
                                  likeliest, else -1; -1: not finite */
  int32_t right, right_norm;   /* 1, 0; -1: not finite, or not of this kind */
  int32_t truncated;           /* tokens cut from the left of its contexts, of all requests */
  double log_p;                /* of the right choice, natural */
  double margin;               /* log_p less the largest of the other choices; of a target NaN */
} TaskSample;

extern const Table table_tasks, table_task_pairs, table_task_samples;
#endif
