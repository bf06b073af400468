/* foreign: sides whose tensors another program wrote (source/dump), as the tensors of one family
 * and the prompts of one run: those of the run's model, or, where every side is made elsewhere, a
 * family made of what stands in the dumps. A prompt is a pass of the dump. Nothing is kept in
 * memory but where each tensor stands: a layer is read when it is asked for. */
#ifndef DS_STUDY_FOREIGN_H
#define DS_STUDY_FOREIGN_H
#include "measure/tables.h"
#include "source/dump/names.h"
#include "walk/subject.h"

typedef struct ForeignSide {
  const SourcePlan *plan;
  const char *path; /* of the dump, as it was found */
  Dump dump;
  DumpLayout layout;
  const DumpAxes *axes; /* [layout.entries] */
  const DumpMask *mask; /* [layout.passes] */
  const DumpEntry **at; /* [prompts][layers][tensors]; NULL: it has none */
  int used;             /* arrays that stand for a tensor */
} ForeignSide;

/* That two were not given the same. */
typedef struct OtherInputs {
  const char *sentence; /* NULL: nothing tells so */
  bool meant;           /* the spec says so of one of the two (`inputs: any`) */
} OtherInputs;

typedef struct Foreign {
  ForeignSide *side; /* in the order of the spec's sources; those that stand in a pair */
  int sides;
  const Tensors *tensors;
  const PromptShape *prompt; /* [prompts] */
  int layers, prompts;
  OtherInputs other_tokens; /* of two of them, or one and the run; of those that are meant where
                             * there are no others */
} Foreign;

/* Opens the spec's sources, after subject_check. Of a spec without a model it makes the subject
 * that its studies are about: family, layers, prompts; and these become the spec's own. Fails where
 * a dump cannot be read, has other sizes than the model or another dump, or lacks what it has in
 * another prompt. */
bool foreign_open(Arena *arena, Spec *spec, Subject *subject, Foreign *foreign, Status *st);

/* Whether it is the token ids that the model was given. */
bool foreign_holds_tokens(const DumpEntry *entry);
/* Whether a side has this tensor in a layer (of the model's ends, in the layer that they are made
 * in), and its format. */
bool foreign_has(const Foreign *foreign, int side, int layer, int id, Format *format);
/* All that a side has of a layer of a prompt, in the arena. */
bool foreign_trace(Arena *arena, const Foreign *foreign, int side, int prompt, int layer,
                   Trace *trace, Status *st);
/* What the tensors of a layer of a prompt show of their precision, trace [sides]: a row each, side
 * by side; in the arena. */
SourceValues *foreign_values(Arena *arena, const Foreign *foreign, const char *prompt, int layer,
                             const Trace *trace, int *count);
/* Whether the two of a pair were given the same: their tokens, or else what enters the first layer,
 * where no token is another by more than FOREIGN_INPUT_MOST of a token's size, which rounding to
 * eight bits never makes. What differs and was not meant to, else what differs, in the arena. */
#define FOREIGN_INPUT_MOST 0.1
OtherInputs foreign_inputs(Arena *arena, const Foreign *foreign, const PairStats *row, size_t rows);
/* A row a side; and a row an array that is no tensor of the run. In the arena. */
TableRows foreign_sources(Arena *arena, const Foreign *foreign);
TableRows foreign_left(Arena *arena, const Foreign *foreign);
/* Bytes of a layer of every side, as foreign_trace leaves them, at the most; the elements of the
 * largest tensor, and its rows and columns together. */
typedef struct ForeignSize {
  size_t bytes, elements, parts;
} ForeignSize;
ForeignSize foreign_size(const Foreign *foreign);

#endif
