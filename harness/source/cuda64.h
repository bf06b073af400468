/* cuda64: the float64 reference on a CUDA device, by the operators of reference/cuda64.h: the same
 * bits as on the CPU. Its weights stand there in places of their own: all layers where they fit,
 * else two, which take turns; the head whole. */
#ifndef DS_SOURCE_CUDA64_H
#define DS_SOURCE_CUDA64_H
#include "reference/cuda64.h"
#include "source/cuda.h"

typedef struct Place64 {
  char *room;
  int layer;    /* whose weights stand there; -1: none */
  void *copied; /* mark behind their way there */
  bool on_way;  /* and whether it may not have been reached */
} Place64;

/* Stays where it is once made: what runs on it points to it. */
typedef struct Device64 {
  Device *device;
  const Weights64 *from; /* the host's */
  Source host;           /* of the same weights: what is computed at the call */
  Weights64 there;
  Cuda64 cuda;
  Ops64 ops;
  Place64 *place;
  int places;
  double *head;
  bool has_head;
  Arena scratch;
  void *memory;
} Device64;

/* Makes room for the layers and the head; `leave`: bytes that are to stay free. After device_find.
 */
bool device64_load(Arena *arena, Device *device, const Weights64 *weights, size_t leave,
                   Device64 *made, Status *st);
void device64_free(Device64 *d);
/* Bytes there where two layers take turns. */
size_t device64_least_bytes(const Config *config);

/* As a source: what it is asked to compute at the call runs on the CPU. */
Source source_cuda64(Device64 *device);

#endif
