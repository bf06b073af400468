/* run: a walk on its way, for the files of walk/ alone. */
#ifndef DS_WALK_RUN_H
#define DS_WALK_RUN_H
#include "walk/walk.h"

/* A side on its way through a prompt. */
typedef struct SideLane {
  Tensor half[2]; /* what the layers of either parity take: written by the layer before; no data
                   * where the side computes ahead from the first layer on, goes on from what it
                   * left, and no other side from it */
} SideLane;

/* What a side does in a layer of a prompt. */
typedef enum Doing {
  DOES_NOTHING, /* nobody looks, and no later layer needs it */
  DOES_READ,    /* what is stored */
  DOES_RUN
} Doing;

/* A prompt on its way. */
typedef struct Way {
  const PromptShape *shape;
  int prompt;
  int first;        /* layer */
  int done;         /* layers that nothing is to be made of any more */
  SideLane *lane;   /* [sides] */
  Doing *doing;     /* [sides][layers]: way_doing */
  TensorSet *reads; /* [sides][layers]: of what is read */
} Way;

/* Which earlier side's layers before `parts` are its own, and are not run again. */
typedef struct Companion {
  int follows, parts;
} Companion;

struct WalkRun {
  const Walk *walk;
  bool traces;  /* some visitor wants them side by side */
  bool several; /* streams go by way of this host, and are kept behind each layer where there is a
                   keeper */
  Companion *companion; /* [sides] */
  int *lane;            /* [sides]: of those that compute ahead; -1 */
  const Trace **there;  /* [sides]: for whoever looks at them there */
  TensorSet back;       /* what of their steps is looked at here, at most, */
  TensorSet *brought;   /* [sides]: and of the one that is queued */
  bool by_layer;        /* its caller moves it on: no step is computed before its layer's turn */
  Way *way;
  int ways;
  int queued_way, queued_layer; /* the step that is computed ahead; -1: none */
  int *steps;                   /* of the whole walk so far, for the progress */
};

/* How many layers a side goes through, and how many the furthest does. */
int walk_layers_of(const Walk *walk, int side);
int walk_last_layer(const Walk *walk);

/* Whether a side computes a layer ahead of its caller. */
bool walk_is_ahead(const Walk *walk, int side, int layer);
/* What leaves a layer to where the next takes it, where there is such a place. */
void way_put_stream(SideLane *lane, int layer, const Tensor *stream);

/* The side that runs or reads this layer of side s. */
int walk_runner(const WalkRun *run, int s, int layer);
Doing way_doing(const Walk *walk, const Way *way, int side, int layer);
TensorSet way_reads(const Walk *walk, const Way *way, int side, int layer);
/* Whether any prompt on its way needs the weights of a layer for a side: to run it, or for a
 * visitor that computes with what was read of it. */
bool walk_needs(const WalkRun *run, int side, int layer);

/* --- plan.c: which layers a side runs --------------------------------------------------------- */

/* Fills run->companion. */
void plan_companions(WalkRun *run);
/* Fills way->doing and way->reads. */
void plan_way(const WalkRun *run, Way *way, Arena *arena);

/* --- ahead.c: weights, and sides that compute ahead ------------------------------------------- */

/* All that the sides ask of a layer: held here, and made where some compute ahead; the second alone
 * where the caller holds it. */
bool ahead_hold(const WalkRun *run, int layer, Status *st);
bool ahead_send(const Walk *walk, int layer, Status *st);
/* A lane for every side that computes ahead, as long as the walk is: lane [sides], -1 for others.
 */
bool ahead_open(Arena *arena, const Walk *walk, int **lane, Status *st);
void ahead_close(const Walk *walk, const int *lane);
/* What comes back of their steps. */
TensorSet ahead_back(const Walk *walk);
/* Their tensors of a layer of a prompt, which is queued where it was not; and the next step is
 * given out, to be computed while this one is looked at. */
bool ahead_take(WalkRun *run, Way *way, int layer, Trace *trace, Status *st);
/* Where a layer is computed on a device, the next one is made ready there meanwhile. */
bool ahead_send_next(WalkRun *run, int layer, Status *st);

/* --- left.c: what prompts left, for a run that goes on ---------------------------------------- */

/* All visitors', found or kept; `all` false where one leaves nothing that can be. */
bool left_each(const Walk *walk, int prompt, bool keep, bool *all, Arena scratch, Status *st);
/* Behind a layer: how far a prompt has come, what the visitor has of it, and the streams that the
 * next layer starts from; and back, where they were kept: the prompt then goes on behind that
 * layer. */
bool left_keep_on_way(const WalkRun *run, const Way *way, Arena scratch, Status *st);
bool left_find_on_way(const WalkRun *run, Way *way, Arena scratch, Status *st);
/* Behind the last layer. */
bool left_keep_done(const WalkRun *run, const Way *way, Arena scratch, Status *st);
/* Of a side's stream. */
size_t left_stream_bytes(const Walk *walk, int side, int T);

#endif
