/* spec: an experiment file (YAML) as a struct. One schema table describes every key; it drives the
 * parser, the effective spec, the JSON schema for editors and the error messages. Refusals name
 * file, line, column, key and what was expected. */
#ifndef DS_SPEC_SPEC_H
#define DS_SPEC_SPEC_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"
#include "family/config.h"
#include "family/mode.h"
#include "kernels/ops.h"
#include "measure/curve.h"
#include "measure/tasks.h"

typedef enum { STATISTICS_LANES, STATISTICS_GSL } Statistics; /* who computes the rows */
typedef enum { DURABILITY_KILL, DURABILITY_POWER } Durability;
typedef enum { F16_AS_F32, F16_AS_F16 } F16As;

enum { PROMPTS_MAX = 4096 };

typedef struct Calibration {
  const char *text; /* path; this or tokens; both NULL where the spec gives none */
  int windows, length;
  double alpha;
  const char *tokens; /* path: ids, whatever the vocabulary */
} Calibration;

/* Exactly one of text, string, tokens is set. With `windows` it stands in a spec for that many
 * prompts: pieces of `length` tokens, evenly spread from `offset` to the end of the text, named
 * name00, name01, … */
typedef struct Prompt {
  const char *name;           /* name_valid; unique */
  const char *text;           /* path of a text file: `length` tokens from `offset` */
  int64_t offset;             /* a byte of the text, or an id of the tokens */
  int length;                 /* 0 where not given: the whole file */
  const char *string;         /* inline text */
  const char *tokens;         /* path: text (integers) or .npy; `length` ids from `offset` */
  int windows;                /* 0: one prompt */
  int window;                 /* of a prompt that runs: which of them it is */
  const struct Prompt *given; /* of a prompt that runs: as the spec gives it */
} Prompt;

/* Layers of an own mode that run otherwise than its base and stages say. */
typedef struct OwnLayers {
  int first, last;
  const char *mode; /* as this mode, a preset or another own one; NULL: with stages set */
  Mode set;         /* its settings in these stages, and nothing else */
  unsigned stages;
} OwnLayers;

typedef struct OwnMode { /* a mode that the spec defines */
  Mode mode;             /* whole: with its layers */
  const char *base;      /* a preset or another own mode */
  OwnLayers *layers;
  int layer_count;
} OwnMode;

typedef struct Pair {
  const char *base, *other; /* names of modes, or fp64 */
} Pair;

typedef struct Keep {
  bool all_tensors, all_layers;
  const char **tensors; /* names as in family/trace.h; empty and !all_tensors: none */
  int tensor_count;
  int *layers;
  int layer_count;
  F16As f16_as;
} Keep;

enum { MICRO_MODES_MAX = 64 };
typedef struct Micro { /* an empty list: the default that the schema's row states; filled in by
                          study/micro/plan */
  const char *operator_name;
  const char **inputs;
  int input_count;
  int *layers;
  int layer_count;
  const char **prompts;
  int prompt_count;
  const char **modes;
  int mode_count;
  const char **shapes; /* "TxE" or "TxExN" */
  int shape_count;
} Micro;

typedef struct TaskPlan { /* samples of which the right continuation is asked */
  const char *file;       /* path: JSON lines */
  int kind;               /* 0: by the keys of the first line; else 1 + TaskKind */
  const char *delimiter;  /* before each continuation; NULL: a space, and nothing of a target */
  int max_length;         /* tokens that are read at most; longer contexts are cut on the left */
  int samples;            /* the first so many; 0: all */
} TaskPlan;

typedef struct EvaluationPlan { /* how well each mode predicts a text, and answers tasks */
  const char *text;             /* path; this or tokens; neither: no evaluation of a text */
  const char *tokens;           /* path: ids, whatever the vocabulary */
  int windows, length;
  const char **modes; /* the reference is always evaluated */
  int mode_count;
  TaskPlan *tasks;
  int task_count;
} EvaluationPlan;

enum { COST_LENGTHS_MAX = 16 };

typedef struct CostPlan { /* time and bytes of each mode */
  int *lengths;           /* tokens of a prefill; none: no measurement */
  int length_count, repeats;
  const char **modes;
  int mode_count;
} CostPlan;

enum { SWAP_COMBINATIONS_MAX = 8 }; /* stages whose combinations are all tried: 256 modes */

typedef struct SwapPlan { /* stages of a pair swapped one by one, from both ends */
  Pair pair;
  int combinations; /* and in all combinations */
} SwapPlan;

typedef enum { RESTORE_LAYER, RESTORE_STAGE } RestoreBy;

typedef enum { RESTORE_TOTAL, RESTORE_MEDIAN_TOKEN } RestoreOf;

typedef struct RestorePlan { /* which few layers to run under another mode */
  const char *mode, *to;
  double limit; /* of the relative L2 of the last block_out against fp64 */
  RestoreOf of;
  RestoreBy by;
  int most; /* units restored */
} RestorePlan;

typedef struct EventPlan { /* single tokens that carry much of a layer's error: measure/events.h */
  double share; /* of a layer's squared error of block_out, from which on a token is an event */
  int repair;   /* so many of the largest of each pair are traced to an element, which is then
                   repaired */
} EventPlan;

typedef struct RepairPlan { /* an element whose value in one mode is replaced by that in another */
  const char *mode, *to;    /* to may be fp64 */
  const char *prompt;
  int layer;
  const char *tensor; /* of a layer, a token a row */
  int token, channel;
} RepairPlan;

typedef struct Said {  /* of some tensors of a source */
  const char *pattern; /* of their names (source/dump/names.h); SAID_DEFAULT: of all that no other
                        * is of; NULL: of all */
  const char *text;
  double number;
} Said;
#define SAID_DEFAULT "default"
#define SAID_NONE "none"

enum { GRID_ALPHAS_MAX = 16, GRID_POINTS_MAX = 256 };

typedef struct GridPlan { /* modes by alphas of the calibration by lengths of the prompts */
  double *alphas;         /* left out: the calibration's own; none where nothing is calibrated */
  int alpha_count;
  const char **modes; /* left out: all modes that run */
  int mode_count;
  int *lengths; /* the first so many tokens of every prompt; none: whole prompts */
  int length_count;
} GridPlan;

typedef struct SourcePlan { /* a side made elsewhere: tensors that another program wrote */
  const char *name;
  const char *dump;  /* path of a file, or of a folder of files (source/dump/dump.h) */
  const char *names; /* which array is which tensor (source/dump/names.h); NULL: found out */
  Said *axes;        /* texts such as "token,channel"; none: the last axis is the channels */
  int axes_count;
  Said *scales; /* numbers: of int8 that has none beside it */
  int scale_count;
  int batch;          /* the one that is taken of an axis called so; -1: all, joined */
  const char *mask;   /* the array that tells padding (source/dump/names.h); SAID_NONE: whatever
                       * there is, none does; NULL: found out */
  Rewrite rewrite;    /* what its program did to the weights: study/undone.h */
  int any_inputs;     /* other inputs than its partners' are no failure */
  const char *stream; /* the tensor that leaves a layer for the next; NULL: found out */
} SourcePlan;

typedef struct ThirdPlan { /* whose errors against a third are compared */
  Pair pair;
  const char *against; /* a mode, a source or fp64 */
} ThirdPlan;

/* A number that may be left out. */
typedef struct Limit {
  double value;
  bool set;
} Limit;

enum { GATE_LAST = -1, GATE_ALL = -2 }; /* in place of a layer */
typedef struct Gate {                   /* a limit that the results must keep */
  Pair pair;                            /* of every limit but on_grid */
  const char *mode;                     /* of on_grid */
  const char *tensor;
  int layer;
  /* Exactly one is set. growth, step and peak are of all layers together. */
  Limit rel_l2, token_median, max_abs, sqnr_db, differing, growth, step, peak, on_grid,
      top1_agreement, bits_per_byte;
  const char *place; /* "FILE:LINE:COLUMN", for what only the model can refuse */
} Gate;

typedef struct Spec {
  const char *path, *folder;                /* of the file; "" where made by flags */
  const char *raw;                          /* its text, stored with the results */
  const char *backend_place, *memory_place; /* "FILE:LINE:COLUMN", or the flag, that said these, for
                                             * what only the machine can refuse; else the path */
  const struct Place *places; /* where its values stand: spec_blame; NULL where it was made by
                               * flags */
  const char *title, *question;
  const char *model;     /* folder of the checkpoint; NULL: every side is a source */
  const char *tokenizer; /* path of a tokenizer.json; NULL: the one beside the checkpoint */
  const char *add_bos;   /* "true", "false": tokens in front of a text; NULL: not said */
  int ignore_unused;     /* weights that the model does not use are no error */
  Rewrite rewrite;
  Calibration calibration;
  Prompt *prompts; /* every prompt that runs: those that the spec gives, windows one by one */
  int prompt_count;
  Prompt *given_prompts; /* as the spec gives them */
  int given_prompt_count;
  Mode *modes; /* every mode that runs: those named in pairs and compare_all, in order of first
                  mention; never fp64 */
  int mode_count;
  OwnMode *own_modes; /* every mode that the spec defines, in its order, whether it runs or not */
  int own_mode_count;
  SourcePlan *sources; /* sides made elsewhere */
  int source_count;
  Pair *pairs; /* of modes, sources and fp64 */
  int pair_count;
  ThirdPlan *thirds;
  int third_count;
  const char **compare_all; /* each of these against fp64 */
  int compare_all_count;
  bool budget_all;     /* an error budget of every pair */
  const char **budget; /* else of these modes against fp64, and of the pairs between them */
  int budget_count;
  SwapPlan *swaps;
  int swap_count;
  RestorePlan *restore;
  int restore_count;
  EventPlan events;
  RepairPlan *repairs;
  int repair_count;
  const char **mend; /* modes that are tried with other scales */
  int mend_count;
  GridPlan grid;
  Gate *gates;
  int gate_count;
  DriftLimits drift;
  Keep keep;
  Micro *micro;
  int micro_count;
  EvaluationPlan evaluation;
  CostPlan cost;
  Backend backend;
  int threads;    /* 0: all */
  int64_t memory; /* bytes; 0: not given */
  Statistics statistics;
  int64_t seed;
  Durability durability;
} Spec;

/* Reads and checks a spec. Paths stay as written; file_resolve against spec->folder finds them. */
bool spec_read(Arena *arena, const char *path, Spec *spec, Status *st);
/* The same for text already in memory; `path` is used in messages only. */
bool spec_parse(Arena *arena, const char *path, const char *text, size_t count, Spec *spec,
                Status *st);
/* The same for a text that was made of a command's flags, whose lines nobody has seen: errors name
 * the command. */
bool spec_parse_made(Arena *arena, const char *command, const char *text, Spec *spec, Status *st);
/* Where `ok` is false: puts "FILE:LINE:COLUMN: key 'KEY': " in front of the error, which a value of
 * the spec has led to. `owner` is the struct of the spec that holds it and `key` its key; or an
 * element of a list, and NULL. The file alone where that place is not known, nothing where no file
 * was read. Returns `ok`. */
bool spec_blame(const Spec *spec, const void *owner, const char *key, Status *st, bool ok);
/* The effective spec, every default filled in, as YAML that spec_parse reads back to an equal
 * Spec. */
char *spec_print(Arena *arena, const Spec *spec);
/* The limits of drift in an effective spec; the standard ones where the text is none. */
DriftLimits spec_drift(const char *effective, Arena scratch);
EventPlan spec_events(const char *effective, Arena scratch); /* the same of what an event is */
/* JSON schema (draft 2020-12) of the spec file, from the same table. */
char *spec_schema(Arena *arena);
/* Of a model of so many layers: refuses modes with layers that it does not have, and pairs of one
 * computation. */
bool spec_check_layers(const Spec *spec, int layers, Status *st);
/* Whether anything of the spec runs the mode of this name, or one that has it as its base. Of the
 * others it defines, the layers that they gave to such a one say all. */
bool spec_needs_mode(const Spec *spec, const char *name);
/* Whether the spec asks for the error budget of this pair (names as in pairs, or fp64). */
bool spec_budget(const Spec *spec, const char *base, const char *other);
/* Whether scales can be had, and whether modes are evaluated. */
bool spec_calibrated(const Spec *spec);
bool spec_evaluates(const Spec *spec); /* a text */
/* Whether a grid is asked for, and how many points it has: modes x alphas x lengths. */
bool spec_grids(const Spec *spec);
int64_t spec_grid_points(const Spec *spec);
/* The source of this name; NULL where there is none. */
const SourcePlan *spec_source(const Spec *spec, const char *name);
/* A mode that runs, else one that the spec defines, else a preset; NULL for fp64 and unknown
 * names. */
const Mode *spec_mode(const Spec *spec, const char *name);
/* Every mode that anything of the spec runs, and those that run on a device where there is one;
 * some are seen twice. */
void spec_each_mode(const Spec *spec, void (*see)(void *context, const Mode *mode), void *context);
void spec_each_there(const Spec *spec, void (*see)(void *context, const Mode *mode), void *context);
#endif
