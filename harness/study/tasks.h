/* tasks: the spec's tasks, sample by sample under the reference and every mode. Each request
 * (walk/task_set.h) is a prompt of its own, from state zero; of its logits only those before the
 * continuation are looked at. */
#ifndef DS_STUDY_TASKS_H
#define DS_STUDY_TASKS_H
#include "measure/tables.h"
#include "study/study.h"

typedef struct TaskRows {
  TaskScore *score; /* task by task, the reference first, then the modes in the spec's order */
  int scores;
  TaskPair *pair; /* task by task, every two modes, the reference among them: acc, then acc_norm
                     where the task has one */
  int pairs;
  TaskSample *sample; /* task by task, mode by mode, in the order of the file */
  int samples;
} TaskRows;

/* Rows are in the arena; none where the spec names no tasks. */
bool tasks_run(Arena *arena, const Study *study, TaskRows *rows, Status *st);
size_t tasks_bytes(const Spec *spec, const Subject *subject); /* of scratch, at most */
#endif
