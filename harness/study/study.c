#include "study/study.h"

bool study_walk(const Study *study, WalkSide *side, int sides, const PromptShape *prompt, int prompts,
                const Visitor *visitor, bool steps, const char *name, Arena scratch, Status *st) {
  Walk walk = subject_walk(study->subject, side, sides, prompt, prompts);
  walk.visitor = visitor;
  walk.visitors = 1;
  walk.share = true;
  walk.name = name;
  walk.keeper = name ? study->keeper : NULL;
  walk.progress = steps ? study->progress : NULL;
  return walk_run(&walk, scratch, st);
}
