/* print_evaluation: what `driftscope eval` says on standard output: a row a mode with standard
 * errors, then for every two modes whether one predicts better. */
#ifndef DS_COMMAND_PRINT_EVALUATION_H
#define DS_COMMAND_PRINT_EVALUATION_H
#include <stdio.h>

#include "study/evaluate.h"
#include "study/tasks.h"

void print_evaluation(FILE *out, const EvaluationRows *rows);
/* {"evaluation": [rows], "evaluation_pairs": [rows], "evaluation_windows": [rows],
 * "evaluation_tokens": [rows]}, and of tasks {"tasks", "task_pairs", "task_samples"}; keys as in
 * the tables; what does not apply is null. */
bool print_evaluation_json(FILE *out, const EvaluationRows *rows, const TaskRows *tasks,
                           Status *st);

#endif
