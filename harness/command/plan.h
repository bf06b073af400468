/* plan: what would run, on standard output: the effective spec, the modes by stage, what it writes
 * and needs. */
#ifndef DS_COMMAND_PLAN_H
#define DS_COMMAND_PLAN_H
#include "spec/spec.h"

/* A column a mode; of one that differs by layer, a column a part of a model of so many layers. */
void print_stage_table(const Mode *modes, int count, int layers, Arena scratch);
bool print_plan(Arena *arena, const Spec *spec, Status *st);

#endif
