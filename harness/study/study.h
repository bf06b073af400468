/* study: what every study is given: what was asked, the model, where an unfinished run keeps what
 * its prompts left, and who is told how far it is. */
#ifndef DS_STUDY_STUDY_H
#define DS_STUDY_STUDY_H
#include "walk/subject.h"

typedef struct Study {
  const Spec *spec;
  const Subject *subject;      /* loaded */
  const Keeper *keeper;        /* NULL: nothing is kept */
  const StoredTensors *stored; /* of the spec's modes and the reference; NULL: nothing is read */
  const Deal *deal; /* how the prompts of a walk that is kept are dealt out; NULL: not at all */
  Progress *progress;
} Study;

/* A walk of sides through prompts for one visitor, which needs only what it leaves in a prompt:
 * sides that begin alike share what they have in common. The study's progress steps where `steps`,
 * once a layer and prompt. `name` must be this walk's alone in the run; NULL: nothing is kept. */
bool study_walk(const Study *study, WalkSide *side, int sides, const PromptShape *prompt,
                int prompts, const Visitor *visitor, bool steps, const char *name, Arena scratch,
                Status *st);

/* Of so many prompts of such a walk those that it takes here, as far as that is known before. */
int study_share(const Study *study, int prompts);

/* Whether what other processes left in such a walk is not here, so that no rows are made of it. */
bool study_is_part(const Study *study);

/* What an unfinished run kept under a name, into `memory` of `size` bytes; `found` false where
 * there is no keeper, nothing was kept or something of another size. And to keep it. */
bool study_find(const Study *study, const char *name, void *memory, size_t size, bool *found,
                Arena scratch, Status *st);
bool study_keep(const Study *study, const char *name, const void *memory, size_t size, Status *st);

#endif
