/* foreign_parts: what the files of foreign share; internal to it. */
#ifndef DS_STUDY_FOREIGN_PARTS_H
#define DS_STUDY_FOREIGN_PARTS_H
#include "study/foreign.h"

/* "layers.3.scan" and where it stands, for messages; in the arena. */
const char *foreign_place(Arena *arena, const ForeignSide *side, const DumpEntry *entry);

/* --- foreign_family.c ------------------------------------------------------------------------- */

/* A tensor's name as the results file can hold it: of no path, and no longer than a column. */
const char *foreign_name(Arena *arena, const char *name);
/* Family, layers and prompts of a run in which nothing is computed. */
bool foreign_make_subject(Arena *arena, Spec *spec, Foreign *foreign, Subject *subject, Status *st);

/* --- foreign_said.c --------------------------------------------------------------------------- */

/* Of a side that is open: axes, scales and masks as the spec has them. */
bool foreign_say(Arena *arena, const Spec *spec, ForeignSide *side, Status *st);
static inline const DumpAxes *foreign_axes(const ForeignSide *side, const DumpEntry *entry) {
  return &side->axes[entry - side->layout.entry];
}
/* Rows and columns as they are compared; `of_tokens`: a row a token, of which padding is left out,
 * and which must be as many as its mask has. */
bool foreign_sizes(const ForeignSide *side, const DumpEntry *entry, bool of_tokens, int *rows,
                   int *cols, Status *st);
/* Whether it is the mask of its pass. */
bool foreign_is_mask(const ForeignSide *side, const DumpEntry *entry);

/* --- foreign_tokens.c ------------------------------------------------------------------------- */

/* Whether these two are compared; b NULL: a with anything. */
bool foreign_are_compared(const Spec *spec, const char *a, const char *b);
/* The tokens of those that are compared, into foreign->other_tokens. Where nothing is computed, a
 * prompt's are the first side's that says them. */
bool foreign_compare_tokens(Arena *arena, const Spec *spec, Foreign *foreign, PromptShape *prompt,
                            Status *st);

#endif
