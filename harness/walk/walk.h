/* walk: the one way through a model: batches x layers x prompts x sides -> visitors. A batch's
 * prompts go through a layer one after the other, all sides of each in lock-step: a layer of a
 * prompt under every side, then what visitors make of it. Where the model's layers stay in memory a
 * batch is one prompt; else it is so many that making a layer ready costs little beside what they
 * compute with it. The witness of every layer that is run is checked.
 *
 * No more is computed than visitors look at: a side runs the layers that somebody looks at and
 * those before them, back to the nearest that the run has stored; what is stored is read, and the
 * head is run behind it where its results are not.
 *
 * Memory: two streams [T, D] a side and prompt of a batch, and the traces of a layer: of all sides
 * where a visitor wants them side by side, else of one. Each side gives the bits that it gives when
 * it walks alone, in whatever batch. */
#ifndef DS_WALK_WALK_H
#define DS_WALK_WALK_H
#include "base/deal.h"
#include "base/progress.h"
#include "model/layers.h"
#include "source/source.h"

typedef struct WalkSide {
  const char *name;
  Source source;
  const Mode *mode;         /* NULL where the source has none */
  const Mode *const *modes; /* [layers] in its place, a mode for each layer; else NULL */
  const char *stored; /* under which name the run may have stored what it computes; else NULL */
  int layers;         /* so many from the first on, and no head; 0: all, and the head behind them */
  bool keep;          /* its end stays until the prompt is done, for the sides after it */
  double time_s;      /* set: seconds spent computing, over all prompts */
} WalkSide;

/* What is left of a side at the end; data NULL: it has not run yet, or was not kept. */
typedef struct WalkEnd {
  Tensor block_out; /* [T, D] of the last layer */
  Tensor logits;    /* [T, vocab] */
} WalkEnd;

typedef struct WalkRun WalkRun;

/* Where a walk stands. */
typedef struct WalkPlace {
  int prompt, layer;
  const PromptShape *shape;
  WalkSide *side; /* [sides] */
  int sides;
  const WalkRun *run;
} WalkPlace;
/* Which side's a side's tensors of the layer are: its own, or those of an earlier one that it has
 * its first layers in common with. */
int walk_whose(const WalkPlace *at, int side);

/* What is asked of a walk; functions that are NULL are not called. All it is shown is gone when it
 * returns, but kept ends. */
typedef struct Visitor {
  void *context;
  TensorSet looks_at; /* tensors of a trace, what leaves the block among them; of sides that compute
                       * ahead no other comes back, of what is stored no other is read. 0: all */
  /* Which sides in which layers; elsewhere a side may be left out. NULL: all, in every layer with
   * `side` or `layer`, else in their last. */
  bool (*looks)(void *context, int prompt, int side, int layer);
  /* It runs operators itself, in the modes of the sides that it is shown: the layer's weights are
   * held for them, also where what is shown was read. */
  bool computes;
  /* A prompt is about to begin: so many of its layers are done already, with what left the last of
   * them, a stream [T, D] a side in the arena. At most one visitor tells. */
  bool (*resume)(void *context, int prompt, int *done, Tensor *stream, Arena *arena, Status *st);
  /* A layer of a prompt under every side is about to be computed elsewhere: trace [sides], whose
   * data stand there, in the order of the operators. Its results are looked at in the layer's own
   * call, by when all that was queued here is done. Of each side's tensors [sides] no more is
   * brought than is said, what leaves the block among them. Only where every side computes ahead,
   * by the one visitor of a walk. */
  void (*queued)(void *context, const WalkPlace *at, const Trace *const *there, TensorSet *back);
  /* A side has run a layer: first those that compute it ahead, then the others, each in the order
   * of the sides. */
  bool (*side)(void *context, const WalkPlace *at, int side, const Trace *trace, Arena scratch,
               Status *st);
  /* All sides have; trace [sides]: their tensors, before the first layer also the embedding, after
   * the last the ends. */
  bool (*layer)(void *context, const WalkPlace *at, const Trace *trace, Arena scratch, Status *st);
  /* A side has reached its end; end [sides]. */
  bool (*end)(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
              Status *st);
  /* The memory that holds all that this visitor takes from a prompt, and nothing else: with a
   * keeper it is kept when the prompt is done, and given back in place of walking it again. */
  void *(*left)(void *context, int prompt, size_t *bytes);
} Visitor;

/* Where an unfinished run keeps what its prompts left. */
typedef struct Keeper {
  void *context;
  /* What was kept under a name, in the arena; NULL where nothing was. */
  bool (*find)(void *context, Arena *arena, const char *name, const void **bytes, size_t *size,
               Status *st);
  bool (*keep)(void *context, const char *name, const void *bytes, size_t size, Status *st);
  void (*drop)(void *context, const char *name);
} Keeper;

/* What the run has stored of its sides' tensors. */
typedef struct StoredTensors {
  void *context;
  TensorSet out;  /* what leaves a block: all that the next one asks for */
  TensorSet ends; /* what the head makes of it behind the last */
  /* Whether those of the set that a side of this name makes in a layer of a prompt, all of which
   * somebody has finished, stand there in the formats that they were made in. */
  bool (*has)(void *context, const PromptShape *prompt, const char *side, int layer, TensorSet set);
  /* They, in the arena, proved; NaN is canonical, and no witness is told. */
  bool (*read)(void *context, const PromptShape *prompt, const char *side, int layer, TensorSet set,
               Arena *arena, Trace *trace, Status *st);
} StoredTensors;

typedef struct Walk {
  int layers, width; /* of the model: layers, D */
  Layers *weights;   /* who holds its layers; NULL: they all stand */
  int batch; /* so many prompts go through a layer before the next one is held; 0 or 1: one */
  WalkSide *side;
  int sides;
  const PromptShape *prompt;
  int prompts;
  const Visitor *visitor;
  int visitors;
  bool share;  /* a side whose first layers run under the same source and settings as an earlier
                * one's starts where they part; its time_s is then less than it takes alone */
  int abreast; /* of a batch so many prompts at a time, a thread each: what all of a walk's small
                * operators share is soon used up. For visitors that may be called so. 0 or 1: one
                * after the other, all threads in each */
  size_t abreast_bytes; /* of scratch, for each of them */
  bool at_the_call;     /* visitors compute with the sources themselves: this host holds all that
                         * they need, also what stands elsewhere */
  const char *name;     /* of this walk, unlike all others of the run; for the keeper */
  const Keeper *keeper; /* NULL: nothing is kept; else there is one visitor, whose `left` is kept:
                         * when a prompt is done, and, in batches of several, behind each layer with
                         * the streams that the next starts from */
  const StoredTensors *stored; /* NULL: nothing is read */
  const Deal *deal;   /* among processes, each of which leaves what it does where all find it: with
                       * a keeper, or a visitor that tells how far a prompt is; NULL: all prompts are
                       * walked here */
  Progress *progress; /* steps once a layer and prompt; NULL: none */
} Walk;

/* The mode of a side in a layer; NULL where its source has none. */
const Mode *walk_mode(const WalkSide *side, int layer);
/* Batch by batch. Fails where a witness is wrong, a layer cannot be held, a device fails, or a
 * visitor does. Where prompts are dealt out and all processes meet, what the others left is found
 * at the end; where nobody waits, it is not there. */
bool walk_run(const Walk *walk, Arena scratch, Status *st);
/* Bytes of scratch for one prompt of T tokens, beside what visitors take: `together` sides' traces
 * at once; and for each further prompt of a batch. */
size_t walk_bytes(size_t block_bytes, int T, int D, int sides, int together);
size_t walk_stream_bytes(int T, int D, int sides);

/* A walk of all its prompts in one batch that its caller moves on, layer by layer from 0, each held
 * by the caller. */
bool walk_begin(Arena *arena, const Walk *walk, WalkRun **run, Status *st);
bool walk_layer(WalkRun *run, int layer, Arena scratch, Status *st);

#endif
