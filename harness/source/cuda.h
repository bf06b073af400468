/* device: a model on a CUDA device, and a lane through its layers for each mode. One allocation,
 * carved by an arena, holds the tensors of two steps a lane, the head, and places for layers: for
 * all of them where they fit, else for two, which take turns. A layer's weights are copied to its
 * place while the device computes with the one before.
 *
 * A step is a layer of a prompt. What it made comes back in one copy through pinned memory while
 * the next lane computes, and the next step may be queued while the CPU measures this one: steps
 * take turns in two halves, so the next may be queued once this one was taken, and the one behind
 * it once this one is done with. */
#ifndef DS_SOURCE_CUDA_H
#define DS_SOURCE_CUDA_H
#include "base/arena.h"
#include "base/status.h"
#include "family/mode.h"
#include "kernels/cuda.h"
#include "source/source.h"

typedef struct Lane {
  char *room[2],
      *host[2];       /* a step's tensors there and, at the same offsets, here; steps take turns */
  float *stream_room; /* there [T, D]: a stream that comes from here */
  float *rows, *rows_host; /* [T, D]: the embedding's rows of the prompt, there and pinned */
  int T;
  int steps;      /* queued so far */
  Tensor stream;  /* there: what the next layer takes */
  Trace queued;   /* there: of the last step */
  char *block_in; /* where the last step's stream stands on this host; NULL: among its tensors */
  void *start, *done; /* marks around the last step */
  void *copied[2];    /* marks behind the way back of the last step of either half */
  bool on_way[2];     /* and whether they may not have been reached */
} Lane;

/* A layer's weights on the device. */
typedef struct DevicePlace {
  char *room;
  int layer;    /* whose weights stand there; -1: none */
  Forms forms;  /* that were asked for when they were sent */
  void *copied; /* mark behind their way there */
  bool on_way;  /* and whether it may not have been reached */
} DevicePlace;

/* Pinned memory in which a layer's weights are packed for their way. */
typedef struct Crate {
  char *host;
  DevicePlace *to; /* the last way; NULL: none yet */
} Crate;

/* Stays where it is once found: what runs on it points to it. */
typedef struct Device {
  bool found;
  Source host; /* of the same model: what is computed at the call */
  const Model *from;
  Cuda cuda;
  Model model; /* the host's, with weights and operators of the device */
  Forms forms; /* that its places have room for */
  size_t lane_bytes, place_bytes;
  int lanes, places;
  Lane *lane;
  DevicePlace *place;
  Crate crate[2]; /* which take turns */
  int sent;       /* layers so far */
  char *head;
  int32_t *row; /* there: 0, 1, 2, … */
  bool has_head;
  Arena scratch; /* of its own */
  Arena room;    /* what is left of `memory`: `more` of device_load */
  void *memory, *pinned;
} Device;

/* Looks for a device unless the CPU is wanted; none is an error, with the reason, where `wanted` is
 * cuda. `who` wants it: a spec's path, a flag. */
bool device_find(Backend wanted, const char *who, Device *device, Status *st);

/* What is to run there. */
typedef struct DevicePlan {
  const Model *model;
  Forms forms; /* all that its modes ask of any layer */
  int lanes, T;
  size_t more; /* bytes beside them */
  size_t most; /* bytes that may be taken in all; 0: what is free */
} DevicePlan;

/* Makes room for lanes of at most T tokens, the head and the layers. */
bool device_load(Arena *arena, const DevicePlan *plan, Device *device, Status *st);
/* Gives back all but what `cuda` says of the device. */
void device_free(Device *device);
/* All layers and the head, each of which must have a place of its own and be held by the host. */
bool device_hold_all(Device *device, Status *st);
/* Queues the way of a layer's weights, which the host holds in these forms, to their place, where
 * they are not there in them yet, and of the head where it is asked for. */
bool device_hold(Device *device, int layer, const Forms *forms, Status *st);

/* A lane's start: at the tokens of a prompt, or with the stream that its next layer takes. */
void device_begin(Device *device, int lane, const int32_t *token, int T);
void device_resume(Device *device, int lane, const Tensor *stream);
/* Queues a layer, before the first one the embedding, after the last one norm_f and logits; then,
 * if `back`, its way back. Returns the bytes that come back. */
size_t device_queue(Device *device, int lane, const Mode *mode, int layer, bool back);
/* Waits for everything queued. */
bool device_wait(Device *device, Status *st);
/* After device_wait: the tensors of the step queued last, ends included, in pinned memory; the
 * seconds that it took to compute. */
double device_take(Device *device, int lane, Trace *trace);

/* All layers of a mode into the queue, one after the other, from the embedding to the logits;
 * returns the bytes that come back. For who times whole passes: every layer has its place. */
size_t device_pass(Device *device, int lane, const Mode *mode, bool back);

/* The device as a source whose lanes are a walk's sides: after device_load, which made as many
 * lanes. What it is asked to compute at the call runs on the CPU, whose bits are the same. */
Source source_cuda(Device *device);

#endif
