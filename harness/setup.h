/* setup: everything a job needs before its first layer: checkpoint, tokens, rewritten weights and their proof, packed
 * and quantised weights, activation scales. */
#ifndef DS_SETUP_H
#define DS_SETUP_H
#include "base/progress.h"
#include "model/checkpoint.h"
#include "model/model.h"
#include "reference/model64.h"
#include "spec/spec.h"
#include "store/store.h"

typedef struct Setup {
  Checkpoint checkpoint;
  PromptShape *prompt;     /* [spec->prompt_count] */
  const char *prompt_text; /* the file that all prompts are taken from; NULL where there is no such one */
  int64_t prompts_held;    /* so many prompts as long as the longest it holds side by side */
  double prompts_span;     /* share of it from the first prompt's start to the last one's end */
  const char *calibration_path;
  int32_t *calibration_token;
  int64_t calibration_count;
  const char *evaluation_path; /* NULL where nothing is evaluated */
  int32_t *evaluation_token;
  int64_t evaluation_count;
  Model64 weights;
  Model model;
  double rewrite_proof; /* relative difference of the logits with and without the rewrite; 0 with rewrite: none */
  RunKey key;
  double load_s, calibrate_s;
} Setup;

/* Opens and checks what the spec names, computes nothing: checkpoint, prompts, calibration text, layer numbers,
 * digests. */
bool setup_check(Arena *arena, const Spec *spec, Setup *setup, Status *st);
/* Where the spec names no prompt, one of T tokens made from its seed, and where nothing calibrates, made tokens too:
 * for what needs a model's arithmetic and no text. After setup_check. */
void setup_make_tokens(Arena *arena, const Spec *spec, int T, Setup *setup);
/* The rest, after setup_check. Calibration statistics are taken from and left in `cache` (a folder; NULL: no cache). */
bool setup_load(Arena *arena, const Spec *spec, const char *cache, Progress *progress, Setup *setup, Status *st);
/* Calibration only, for checkpoint and calibration text already checked. */
bool setup_calibrate(const Spec *spec, const char *cache, Progress *progress, Setup *setup, Arena scratch, Status *st);

#endif
