/* device: a model on a CUDA device, and a lane through its layers for each mode. The weights are copied there once; one
 * allocation, carved by an arena, holds them and the tensors of two layers a lane. What a layer made comes back in one
 * copy through pinned memory while the next lane computes, and the next layer may be queued while the CPU measures this
 * one: layer L and L + 1 use different halves, so L + 1 may be queued once L was taken, and L + 2 once L is done with.
 */
#ifndef DS_SOURCE_CUDA_H
#define DS_SOURCE_CUDA_H
#include "base/arena.h"
#include "base/status.h"
#include "family/mode.h"
#include "kernels/cuda.h"
#include "source/source.h"

typedef struct Lane {
  char *room[2], *host[2]; /* a layer's tensors there and, at the same offsets, here; by the layer's parity */
  const int32_t *token;    /* there */
  int T;
  Tensor stream;      /* there: what the next layer takes */
  Trace queued[2];    /* there */
  void *start, *done; /* marks around the last layer queued */
  void *copied[2];    /* marks behind the way back of the last layer of either parity */
} Lane;

/* Stays where it is once found: what runs on it points to it. */
typedef struct Device {
  bool found;
  Source host; /* of the same model: what is computed at the call */
  Cuda cuda;
  Model model; /* the host's, with weights and operators of the device */
  size_t lane_bytes;
  int lanes;
  Lane *lane;
  Arena room; /* what is left of `memory`: `more` of device_load */
  void *memory, *pinned;
} Device;

/* Looks for a device unless the CPU is wanted; none is an error, with the reason, where `wanted` is cuda. `who` wants
 * it: a spec's path, a flag. */
bool device_find(Backend wanted, const char *who, Device *device, Status *st);
/* Copies the weights and makes room for `lanes` lanes of at most T tokens, and `more` bytes. */
bool device_load(Arena *arena, const Model *model, const Config *config, int lanes, int T, size_t more, Device *device,
                 Status *st);
/* Gives back all but what `cuda` says of the device. */
void device_free(Device *device);

/* A lane's start: at the tokens of a prompt, or at layer `layer` with the stream that its last run left. */
void device_begin(Device *device, int lane, const int32_t *token, int T);
void device_resume(Device *device, int lane, int layer, const Tensor *stream);
/* Queues a layer, before the first one the embedding, after the last one norm_f and logits; then, if `back`, its way
 * back. Returns the bytes that come back. */
size_t device_queue(Device *device, int lane, const Mode *mode, int layer, bool back);
/* Waits for everything queued. */
bool device_wait(Device *device, Status *st);
/* After device_wait: the layer's tensors, ends included, in pinned memory; the seconds that it took to compute. */
double device_take(Device *device, int lane, int layer, Trace *trace);

/* All layers of a mode into the queue, one after the other, from the embedding to the logits; returns the bytes that
 * come back. For who times whole passes. */
size_t device_pass(Device *device, int lane, const Mode *mode, bool back);

/* The device as a source whose lanes are a walk's sides: after device_load, which made as many lanes. What it is asked
 * to compute at the call runs on the CPU, whose bits are the same. */
Source source_cuda(Device *device);

#endif
