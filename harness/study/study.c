#include "study/study.h"

#include <string.h>

bool study_walk(const Study *study, WalkSide *side, int sides, const PromptShape *prompt,
                int prompts, const Visitor *visitor, bool steps, const char *name, Arena scratch,
                Status *st) {
  Walk walk = subject_walk(study->subject, side, sides, prompt, prompts);
  walk.visitor = visitor;
  walk.visitors = 1;
  walk.share = true;
  walk.name = name;
  walk.stored = study->stored;
  walk.keeper = name ? study->keeper : NULL;
  walk.deal = walk.keeper ? study->deal : NULL;
  walk.progress = steps ? study->progress : NULL;
  return walk_run(&walk, scratch, st);
}

int study_share(const Study *study, int prompts) { return deal_share(study->deal, prompts); }

bool study_is_part(const Study *study) { return !deal_is_whole(study->deal); }

bool study_find(const Study *study, const char *name, void *memory, size_t size, bool *found,
                Arena scratch, Status *st) {
  const void *kept = NULL;
  size_t bytes = 0;
  if (study->keeper)
    TRY(study->keeper->find(study->keeper->context, &scratch, name, &kept, &bytes, st));
  *found = kept && bytes == size;
  if (*found) memcpy(memory, kept, size);
  return true;
}

bool study_keep(const Study *study, const char *name, const void *memory, size_t size, Status *st) {
  return !study->keeper || study->keeper->keep(study->keeper->context, name, memory, size, st);
}
