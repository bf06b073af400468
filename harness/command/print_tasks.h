/* print_tasks: the answers of `driftscope eval --task` on the terminal. */
#ifndef DS_COMMAND_PRINT_TASKS_H
#define DS_COMMAND_PRINT_TASKS_H
#include <stdio.h>

#include "study/tasks.h"

void print_tasks(FILE *out, const TaskRows *rows);
#endif
