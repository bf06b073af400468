#include "model/tokenizer/steps.h"

#include <string.h>

#include "model/tokenizer/vocabulary.h"

/* A part of a piece, and whether the pattern matches it. */
typedef struct Part {
  size_t start, end;
  bool match;
} Part;

/* Where the parts of a piece go. A part that may yet grow waits in `held`. */
typedef struct Split {
  const StepsRun *run;
  int step;
  const char *text;
  Part held;
  bool holds;
} Split;

static bool run_from(const StepsRun *run, int step, const char *text, size_t count, Status *st);

static bool give(const Split *split, size_t start, size_t end, Status *st) {
  return start == end ||
         run_from(split->run, split->step + 1, split->text + start, end - start, st);
}

static bool give_held(Split *split, Status *st) {
  if (!split->holds) return true;
  split->holds = false;
  return give(split, split->held.start, split->held.end, st);
}

/* Source: NormalizedString::split of `tokenizers`. */
static bool take_part(Split *split, Part part, Status *st) {
  const Step *step = &split->run->steps->step[split->step];
  const bool match = part.match != step->invert, held_match = split->holds && split->held.match;
  bool grows = false;
  part.match = match;
  switch (step->behavior) {
    case SPLIT_REMOVED: return match || give(split, part.start, part.end, st);
    case SPLIT_ISOLATED: return give(split, part.start, part.end, st);
    case SPLIT_CONTIGUOUS: grows = match == held_match; break;
    case SPLIT_MERGED_WITH_PREVIOUS: grows = match && !held_match; break;
    case SPLIT_MERGED_WITH_NEXT: grows = !match && held_match; break;
  }
  if (split->holds && grows) {
    split->held.end = part.end;
    split->held.match = match;
    return true;
  }
  TRY(give_held(split, st));
  split->held = part;
  return split->holds = true;
}

static bool run_split(const StepsRun *run, int step, const char *text, size_t count, Status *st) {
  Split split = {.run = run, .step = step, .text = text};
  Search search = search_in(run->steps->step[step].pattern, text, count, run->effort);
  size_t start, end, behind = 0;
  for (bool found;;) {
    TRY(search_next(&search, &found, &start, &end, st));
    if (!found) break;
    if (start > behind) TRY(take_part(&split, (Part){behind, start, false}, st));
    TRY(take_part(&split, (Part){start, end, true}, st));
    behind = end;
  }
  if (behind < count) TRY(take_part(&split, (Part){behind, count, false}, st));
  return give_held(&split, st);
}

static bool run_from(const StepsRun *run, int step, const char *text, size_t count, Status *st) {
  if (step == run->steps->count) return run->word(run->to, text, count, st);
  switch (run->steps->step[step].kind) {
    case STEP_SPLIT: return run_split(run, step, text, count, st);
    case STEP_SPACE:
      if (*text == ' ') break;
      run->spaced[0] = ' ';
      memcpy(run->spaced + 1, text, count);
      return run_from(run, step + 1, run->spaced, count + 1, st);
    case STEP_LETTERS: {
      char *end = run->letters;
      for (size_t i = 0; i < count; i++) end = letter_put((unsigned char)text[i], end);
      return run_from(run, step + 1, run->letters, (size_t)(end - run->letters), st);
    }
  }
  return run_from(run, step + 1, text, count, st);
}

bool steps_run(const StepsRun *run, Bytes text, Status *st) {
  return !text.count || run_from(run, 0, text.data, text.count, st);
}

void steps_free(Steps *steps) {
  for (int i = 0; i < steps->count; i++) pattern_free(steps->step[i].pattern);
}
