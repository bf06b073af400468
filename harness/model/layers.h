/* layers: a model's weights, a layer at a time. A layer is held in the forms that are asked for:
 * its weights alone are widened, rewritten, rounded, quantised and packed, from the mapped
 * checkpoint. What was prepared stays while it may be asked for again and the memory that it was
 * given allows; else the next layer takes its place. The head is packed at the first call that asks
 * for it and stays; of embedding and head in float64 there are only the rows that somebody asks
 * for.
 *
 * Riders go along: each is given every layer once, in order, before anybody else computes with
 * it. */
#ifndef DS_MODEL_LAYERS_H
#define DS_MODEL_LAYERS_H
#include "model/checkpoint.h"
#include "model/model.h"

typedef struct Rider {
  void *context;
  Forms forms; /* that it takes a layer in */
  bool (*ride)(void *context, int layer, Status *st);
} Rider;

enum { RIDERS_MOST = 4 };

/* What is asked of a model in a run. */
typedef struct LayersPlan {
  Forms forms; /* all that its sides ask of any layer; a call may ask for more, which one layer at a
                  time has */
  size_t memory; /* bytes for layers that stay, beside layers_least_bytes */
  bool once;     /* one walk asks for each, and nobody after it: none needs to stay */
  int together;  /* layers that are held at the same time where not all stay: 1, or 2 where the next
                    one is held while this one is computed elsewhere */
} LayersPlan;

typedef struct Layers {
  const Checkpoint *checkpoint;
  Rewrite rewrite;
  Weights64 weights;
  Model model;                      /* a copy of it sees the same layers and scales */
  WeightGrid (*grid)[WEIGHTS_MOST]; /* [layers]: of those that were held as int8 */
  double prepare_s;                 /* seconds spent preparing, riders left out */

  /* Own. */
  Rider rider[RIDERS_MOST];
  int riders, ridden;
  Forms own;             /* that a place has room for */
  Arena beside;          /* and for those that it has none for: of one layer */
  int has_beside;        /* which; -1: none */
  int places, places64;  /* as many as layers where all stay */
  bool once;             /* as the plan has it */
  int *held, *held64;    /* [places]: which layer; -1: none */
  char *room, *room64;   /* of the places */
  size_t bytes, bytes64; /* of one */
  unsigned *f32, *i8;    /* [layers]: weights that stand, bit by bit */
  bool has_head;
  const double *gain; /* of the last norm, where it is folded */
  const char *name[WEIGHTS_MOST];
  Arena scratch;
} Layers;

/* Makes room and prepares nothing. The checkpoint must live as long. */
bool layers_open(Arena *arena, const Checkpoint *checkpoint, Rewrite rewrite,
                 const LayersPlan *plan, Layers *layers, Status *st);
/* Before the first layer is held. */
void layers_ride(Layers *layers, const Rider *rider);
/* Until a layer is held that has no place beside it. Riders are given all layers up to it before.
 * Fails where a rider does, or a rewritten value cannot be held in float32. */
bool layers_hold(Layers *layers, int layer, const Forms *forms, Status *st);
/* Of a layer that was rewritten elsewhere, and where a value was found that float32 cannot hold:
 * fails, and says which. */
bool layers_refuse(Layers *layers, int layer, Status *st);
/* Whether it is held in all of them. */
bool layers_ready(const Layers *layers, int layer, const Forms *forms);
/* Riders are given what they have not had of all layers. */
bool layers_ride_all(Layers *layers, Status *st);
/* Whether each stays as long as it is asked for; and all of them held, which must have places then,
 * in forms of the plan. */
bool layers_stay(const Layers *layers);
bool layers_hold_all(Layers *layers, const Forms *forms, Status *st);
/* Nothing is held any more, and what held it is the system's again; all can be asked for anew. */
void layers_leave(Layers *layers);

/* Bytes that are taken where no layer stays, and those that staying layers take beside them. */
size_t layers_least_bytes(const Config *config, const Forms *forms, int together);
size_t layers_stay_bytes(const Config *config, const Forms *forms);

#endif
