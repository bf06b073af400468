/* cuda: a model on a CUDA device, and the lanes of whoever computes there. One allocation, carved
 * by an arena, holds the head and places for layers: for all of them where they fit, else for two,
 * which take turns. A layer's weights are made there (source/made.h) while the device computes with
 * the one before. */
#ifndef DS_SOURCE_CUDA_H
#define DS_SOURCE_CUDA_H
#include "source/lane.h"
#include "source/made.h"

/* A layer's weights on the device. */
typedef struct DevicePlace {
  char *room;
  int layer;   /* whose weights stand there; ABSENT: none */
  Forms forms; /* in which */
} DevicePlace;

enum { LANES_MOST = 128 };

/* Stays where it is once found: what runs on it points to it. */
typedef struct Device {
  bool found;
  Source host; /* of the same model: what is computed at the call */
  const Model *from;
  Cuda cuda;
  Model model; /* the host's, with weights and operators of the device */
  Maker maker;
  MadeLayers made; /* its layers in float64, of which the others are made: the reference's too */
  Forms forms;     /* that its places have room for */
  size_t place_bytes;
  int places;
  DevicePlace *place;
  Lane lane[LANES_MOST]; /* of its modes, and of the reference */
  char *head;
  int32_t *row; /* there: 0, 1, 2, … */
  bool has_head;
  Arena scratch; /* of its own */
  Arena room;    /* what is left of `memory`: `more` of device_load */
  void *memory;
} Device;

/* Looks for a device unless the CPU is wanted; none is an error, with the reason, where `wanted` is
 * cuda. `who` wants it: a spec's path, a flag. */
bool device_find(Backend wanted, const char *who, Device *device, Status *st);

/* What is to run there. */
typedef struct DevicePlan {
  const Model *model;
  Layers *layers; /* that the model's weights are of */
  Forms forms;    /* all that its modes ask of any layer */
  bool reference; /* layers in float64 are to stay, where there is room for them too */
  int T;          /* tokens of the longest prompt of its lanes */
  size_t more;    /* bytes beside the weights that `room` is to have */
  size_t lanes;   /* bytes that are left for lanes */
  size_t most;    /* bytes that may be taken in all; 0: what is free */
} DevicePlan;

/* Makes room for the head and the layers. */
bool device_load(Arena *arena, const DevicePlan *plan, Device *device, Status *st);
/* Gives back all but what `cuda` says of the device. */
void device_free(Device *device);
/* All layers and the head, each of which must have a place of its own. */
bool device_hold_all(Device *device, Status *st);

/* Waits for everything queued. */
bool device_wait(Device *device, Status *st);

/* A lane, by its number; -1, with the reason, where there is no room for one. */
int device_lane(Device *device, const Config *config, Format stream, int T, TensorSet back,
                Status *st);

/* How many of these may be opened, where none of another kind is opened before them. */
int device_lanes_left(Device *device, const Config *config, Format stream, int T, TensorSet back);

/* A prompt under a mode in a lane of the model, all layers one after the other into the queue, from
 * the embedding to the logits; returns the bytes that come back. For who times whole passes: every
 * layer has its place. */
void device_begin(Device *device, int lane, const int32_t *token, int T);
size_t device_pass(Device *device, int lane, const Mode *mode, bool back);

/* The device as a source of the model's modes: after device_load. What it is asked to compute at
 * the call runs on the CPU, whose bits are the same. */
Source source_cuda(Device *device);

#endif
