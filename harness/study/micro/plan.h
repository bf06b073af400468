/* plan: what a spec's micro section asks for, with every default filled in. */
#ifndef DS_STUDY_MICRO_PLAN_H
#define DS_STUDY_MICRO_PLAN_H
#include "study/micro/inputs.h"
#include "walk/subject.h"

/* A setting, and the modes under which the operator runs so: "0 2-0". */
typedef struct PlanSetting {
  MicroSetting setting;
  const char *modes;
} PlanSetting;

typedef struct Plan {
  MicroOp op;
  const Mode **mode;
  int modes;
  PlanSetting *setting; /* of the modes, none twice */
  int settings, calls;  /* calls: of the operator in a block, at most */
  bool captured;
  MicroInput *input; /* made inputs */
  int inputs;
  int *layer, *prompt; /* of captured inputs */
  int layers, prompts;
  MicroShape *shape; /* of made inputs; the first `common` are for every input, the others for the
                        first alone */
  int shapes, common;
} Plan;

/* Refuses, with key and reason, what the model or the operator does not have. */
bool micro_plan(Arena *arena, const Spec *spec, const Subject *subject, const Micro *micro,
                Plan *plan, Status *st);
/* Whether shape s is run with input i. */
bool plan_runs(const Plan *plan, int i, int s);
/* Upper bound of the operators that will run. */
int plan_items(const Plan *plan);

#endif
