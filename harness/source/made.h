/* made: weights made ready on a device itself: a layer's bytes go there as they stand in the
 * checkpoint, and are widened, rewritten, rounded, quantised and packed there (kernels/prepare.h,
 * reference/ops64.h): the bits of model/layers.h, without this host's processors. All of it is
 * queued beside what computes; whoever asks for something made waits for it. */
#ifndef DS_SOURCE_MADE_H
#define DS_SOURCE_MADE_H
#include "kernels/cuda.h"
#include "kernels/prepare.h"
#include "model/layers.h"
#include "reference/cuda64.h"

/* Who makes them. Stays where it is from maker_open to maker_free. */
typedef struct Maker {
  Cuda *cuda;
  Layers *layers; /* whose checkpoint it is; the grids of its weights are filled in */
  Cuda64 cuda64;
  Ops64 ops;
  void *memory;         /* there: of all that follows */
  char *raw;            /* the bytes of a layer, or of some rows of the head */
  int raw_layer;        /* whose; ABSENT: no layer's */
  double *rows, *gain;  /* some rows of the head; the last norm's gain, where it is folded */
  PreparedRange *range; /* [WEIGHTS_MOST] */
  void *done;           /* mark */
} Maker;

bool maker_open(Cuda *cuda, Layers *layers, Maker *maker, Status *st);
void maker_free(Maker *maker);
size_t maker_bytes(const Checkpoint *checkpoint); /* there */
/* Waits for what it was asked for. */
bool maker_wait(Maker *maker, Status *st);
/* The head, each where there is a room for it there: [vocab, D]; and packed. */
bool maker_head(Maker *maker, double *f64, float *panels, Status *st);

/* Layers in float64 there: all of them where they have places, else those held last. */
typedef struct MadeLayers {
  Maker *maker;
  Rewrite rewrite;
  int places;
  int *held; /* [places]: which layer; ABSENT: none */
  void *memory;
  size_t bytes;                         /* of a place */
  const double *(*layer)[WEIGHTS_MOST]; /* [layers]: there; as in Weights64 */
} MadeLayers;

bool made_open(Arena *arena, Maker *maker, Rewrite rewrite, int places, MadeLayers *made,
               Status *st);
void made_free(MadeLayers *made);
size_t made_bytes(const Config *config, int places); /* there */
bool made_has(const MadeLayers *made, int layer);
/* Until another takes its place. Where they are rewritten as the layers that the maker was opened
 * with, their grids are there too; refuses what those refuse. */
bool made_hold(MadeLayers *made, int layer, Status *st);

#endif
