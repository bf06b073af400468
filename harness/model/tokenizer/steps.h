/* steps: the pre-tokenizers, one after another: a text becomes words, written in the letters of
 * vocabulary.h. Pieces go through all steps one by one, so that no list of them is kept. */
#ifndef DS_MODEL_TOKENIZER_STEPS_H
#define DS_MODEL_TOKENIZER_STEPS_H
#include "base/file.h"
#include "model/tokenizer/pattern.h"

enum { STEPS_MOST = 32 };

typedef enum {
  STEP_SPLIT,  /* where a pattern matches, or does not */
  STEP_SPACE,  /* a space in front of a piece that has none */
  STEP_LETTERS /* each byte becomes a letter */
} StepKind;

/* What becomes of a match, and of what lies between two. */
typedef enum {
  SPLIT_REMOVED,
  SPLIT_ISOLATED,
  SPLIT_MERGED_WITH_PREVIOUS,
  SPLIT_MERGED_WITH_NEXT,
  SPLIT_CONTIGUOUS
} Behavior;

typedef struct Step {
  StepKind kind;
  Pattern *pattern;
  Behavior behavior;
  bool invert; /* what the pattern does not match counts as the match */
} Step;

typedef struct Steps {
  Step step[STEPS_MOST];
  int count;
  bool spaces, letters; /* whether it has such a step */
} Steps;

/* The value of "pre_tokenizer"; the patterns that were compiled are in `steps` also on failure. */
bool steps_read(Arena *arena, const Field *pre_tokenizer, Steps *steps, Status *st);
void steps_free(Steps *steps);

typedef struct StepsRun {
  const Steps *steps;
  Effort *effort;
  char *spaced, *letters; /* room for the longest piece and a space; for twice as much */
  bool (*word)(void *to, const char *word, size_t bytes, Status *st);
  void *to;
} StepsRun;

/* Every word of a text, in order. */
bool steps_run(const StepsRun *run, Bytes text, Status *st);
#endif
