/* subject: what a spec's studies are about: checkpoint and tokens, ready before the first layer,
 * and who holds its layers, with the rewrite's proof going along. study/calibrate_subject.h adds
 * the activation scales. */
#ifndef DS_WALK_SUBJECT_H
#define DS_WALK_SUBJECT_H
#include "base/progress.h"
#include "model/checkpoint.h"
#include "model/layers.h"
#include "model/piece.h"
#include "model/text.h"
#include "source/cuda64.h"
#include "spec/spec.h"
#include "walk/task_set.h"
#include "walk/walk.h"

typedef struct Subject {
  Checkpoint checkpoint;
  TextReader reader;   /* how it reads text; and how its tokens are shown: subject_pieces */
  PromptShape *prompt; /* [spec->prompt_count] */
  const bool *here;    /* [spec->prompt_count]: the prompts whose layers this process stores; NULL:
                        * all */
  const char *prompt_text; /* the file that all prompts are taken from; NULL where there is no
                            * such one */
  int64_t prompts_held;    /* so many prompts as long as the longest it holds side by side */
  double prompts_span;     /* share of it from the first prompt's start to the last one's end */
  int repeated;            /* prompts that hold tokens of an earlier one; the first, and that one */
  const char *repeated_one, *repeated_other;
  const char *calibration_path;
  int32_t *calibration_token;  /* its windows, back to back; NULL: nothing is calibrated */
  int64_t calibration_count;   /* of them all */
  Digest calibration_text;     /* of the whole text */
  const char *evaluation_path; /* NULL where nothing is evaluated */
  int32_t *evaluation_token;   /* its windows with the token that follows each, back to back */
  int64_t evaluation_count;    /* of the whole text */
  TaskSet *task;               /* of the spec's evaluation */
  int tasks;
  Device *device; /* found: modes and reference run there; NULL: on the CPU */
  Device64 *device64;
  Layers *layers;    /* who holds: */
  Weights64 weights; /* a layer's where it is held */
  Model model;
  const double *statistic; /* at the alphas of the spec's grid; NULL: none */
  size_t streams; /* bytes that the streams of a walk's prompts may take where layers do not stay */
  const struct ScaleChoice *choice; /* study/choices.h; NULL: not asked for */
  double rewrite_proof; /* relative difference of the logits with and without the rewrite; 0 with
                         * rewrite: none, and before all layers were held */
  Digest text;          /* of all token ids, and of the tokenizer that text went through */
  double load_s, calibrate_s, proof_s;
} Subject;

/* Opens and checks what the spec names, computes nothing: checkpoint, prompts, calibration text,
 * layer numbers, digests. Where the spec names no model, all of it stays empty: study/foreign.h
 * makes what stands in its place. */
bool subject_check(Arena *arena, const Spec *spec, Subject *subject, Status *st);
/* How its tokens are shown. */
Pieces subject_pieces(const Subject *subject);
/* The rest, after subject_check: layers are held from then on, and the rewrite's proof
 * (walk/proof.h) rides along. */
bool subject_load(Arena *arena, const Spec *spec, const LayersPlan *plan, Progress *progress,
                  Subject *subject, Status *st);
/* So many tokens, counted for each side, make a batch where layers do not stay: preparing a layer
 * is then about a tenth of computing with it. Measured at the 130M shape on two cores, of 2-0, 2-4
 * and the reference: 24 ms a layer, the head counted in, and 0.14 ms a token and side. */
enum { SUBJECT_BATCH_TOKENS = 1536 };
/* Tokens of the longest prompt; 0: there is none. */
int subject_longest(const Spec *spec, const Subject *subject);
/* All that the spec's sides ask of a layer. */
Forms subject_forms(const Spec *spec, const Config *config);

/* What the ends of a walk are told from: what leaves the last block, and the logits. */
TensorSet subject_ends(const Subject *subject);
/* Who computes the modes, and the reference. */
Source subject_modes(const Subject *subject);
Source subject_reference(const Subject *subject);

/* A walk of these sides through these prompts: all but visitors, keeper and progress. Where layers
 * do not stay, its batches are as large as `streams` allows and no larger than they need be. */
Walk subject_walk(const Subject *subject, WalkSide *side, int sides, const PromptShape *prompt,
                  int prompts);

#endif
