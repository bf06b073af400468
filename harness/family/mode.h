/* mode: a precision mode is data: one setting for each numeric stage of its family, the same in
 * every layer or not. The program asks for a stage's setting, never for a mode by its name.
 * Whoever runs or describes a layer asks for the mode in it first (mode_in): a setting is one of a
 * layer. */
#ifndef DS_FAMILY_MODE_H
#define DS_FAMILY_MODE_H
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/name.h"
#include "base/status.h"
#include "family/trace.h"

enum {
  MODE_NAME_MAX = NAME_BYTES_MAX,
  STAGE_COLUMNS = 13 /* of the table of modes: stages of all families, those of one key once */
};

typedef struct Mode {
  char name[MODE_NAME_MAX + 1];
  const struct Family *family; /* whose stages these are */
  int setting[STAGES_MOST]; /* by the family's stages: which of the stage's values; 0 behind them */
  /* Where it differs by layer: all layers in order, neighbours unlike, the last with the settings
   * above; else none. */
  const struct ModePart *part;
  int parts;
} Mode;

enum { MODE_ON = INT_MAX }; /* in place of a last layer: and all behind it */
typedef struct ModePart {   /* layers that a mode runs alike */
  int first, last;
  Mode mode; /* of the whole mode's name, the same in every layer */
} ModePart;

/* What a mode is in a layer: itself where it is the same in all. */
const Mode *mode_in(const Mode *mode, int layer);
/* The first layer behind this one in which it is another; ABSENT where there is none. From layer 0
 * on, all its parts. */
int mode_next(const Mode *mode, int layer);
/* What is in[layer] in each layer, and the last of them in all behind; of the name of `mode`. In
 * the arena. */
Mode mode_by_layer(Arena *arena, const Mode *mode, const Mode *const in[LAYERS_MOST + 1]);
/* `mode` with the settings that `from` has in these stages, in every layer. In the arena. */
Mode mode_set(Arena *arena, const Mode *mode, const Mode *from, unsigned stages);

/* One stage: its key in a spec, its values in the order of a family's enum, what it is. */
typedef struct Stage {
  const char *key;
  const char *values[5]; /* ends with NULL */
  const char *meaning;
} Stage;
const char *mode_setting_name(const Mode *mode, int stage);

const Mode *
mode_preset(const char *name); /* of any family, the first that has it; NULL where there is none */

/* The reference's name, which no mode may take. */
#define MODE_REFERENCE "fp64"
/* The i-th of the names that no mode and no prompt may take: the reference, the tokens and the
 * names of the families' dimensions; NULL behind the last. */
const char *mode_reserved_name(int i);
bool mode_name_reserved(const char *name);
/* Equal settings in every stage of one family, in every layer: the same computation. */
bool mode_equal(const Mode *a, const Mode *b);
/* The same of a model of so many layers. */
bool mode_equal_in(const Mode *a, const Mode *b, int layers);
/* The stages in which they differ: bit i stands for the family's stage i. Of one layer. */
unsigned mode_differing(const Mode *a, const Mode *b);
/* The keys of these stages, as many as fit: "conv_out, scan_u". */
void mode_stage_names(const struct Family *family, unsigned stages, const char *between, char *to,
                      size_t size);
/* `a` with the settings that `b` has in these stages, and a's name. */
Mode mode_mixed(const Mode *a, const Mode *b, unsigned stages);
/* The smallest set of the stages in which they differ that holds `stages` and that `a` can take
 * over from `b` so that the mode passes mode_check (the first of equal size); all of them where
 * none smaller does. */
unsigned mode_least_swap(const Mode *a, const Mode *b, unsigned stages);
/* Refuses a combination that has no scale or no sense, by the keys and values that contradict each
 * other. Of one layer. */
bool mode_check(const Mode *mode, Status *st);
/* The first stage that is set finer than any preset of its family sets it: not float32 inside an
 * operator, or a bfloat16 output; ABSENT where there is none. Such stages run on the CPU, inside
 * the whole model. Of one layer. */
int mode_finer_stage(const Mode *mode);
/* Whether any stage works on an int8 grid in any layer, so that the mode cannot run without
 * calibration. */
bool mode_needs_scales(const Mode *mode);
#endif
