/* cuda64: the float64 reference on a CUDA device, by the operators of reference/cuda64.h: the same
 * bits as on the CPU. Its layers are those that the device makes (source/made.h); the head stands
 * there whole. */
#ifndef DS_SOURCE_CUDA64_H
#define DS_SOURCE_CUDA64_H
#include "reference/cuda64.h"
#include "source/cuda.h"

/* Stays where it is once made: what runs on it points to it. */
typedef struct Device64 {
  Device *device;
  const Weights64 *from; /* the host's */
  Source host;           /* of the same weights: what is computed at the call */
  MadeLayers *made;      /* who holds its layers */
  Weights64 there;
  Cuda64 cuda;
  Ops64 ops;
  double *head; /* NULL: it runs to the last layer alone */
  bool has_head;
  void *memory;
} Device64;

/* After device_load, or with layers that are made otherwise; `head`: with room for it, which is the
 * device's. */
bool device64_load(Device *device, const Weights64 *weights, MadeLayers *made, bool head,
                   Device64 *reference, Status *st);
void device64_free(Device64 *d);
/* Bytes there, beside its layers. */
size_t device64_bytes(const Config *config, bool head);

/* As a source: what it is asked to compute at the call runs on the CPU. */
Source source_cuda64(Device64 *device);

#endif
