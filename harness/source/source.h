/* source: who computes a layer. A backend of kernels/ (cpu, cuda) and the float64 reference (ref64)
 * are the same struct of functions; whoever walks asks it, and never what it is.
 *
 * embed, block and head compute at the call, on this host, from tensors whose memory is the
 * caller's: x [T, D] of type `stream` -> the tensors of the layer in the arena (block_in is x
 * itself), or those of the model's ends. What they make is whole when they return.
 *
 * Whoever walks holds a layer's weights ready in the forms that its sources ask for
 * (model/layers.h); what computes ahead makes its own where it computes.
 *
 * A source with `ahead` can also compute while its caller does something else: a step (a layer of a
 * prompt) is queued in a lane, brought back as far as it is looked at, and taken after `wait`. The
 * next step may be queued once the last was taken; what a step left stands until the next but one
 * is queued. */
#ifndef DS_SOURCE_SOURCE_H
#define DS_SOURCE_SOURCE_H
#include "base/arena.h"
#include "base/status.h"
#include "family/family.h"

typedef struct Source Source;

/* What a lane is to do: layer 0 begins at the prompt's tokens, any other with what left the one
 * before. */
typedef struct SourceStep {
  const PromptShape *prompt;
  const Mode *mode;
  int layer;
  bool head;            /* and the model's end behind it */
  const Tensor *stream; /* [T, D] of the source's stream; NULL: what the lane's last step left,
                         * which there is behind the source's first layer ahead */
} SourceStep;

typedef struct SourceAhead {
  /* A lane for prompts of at most T tokens, until it is closed; of its steps no more than `back` is
   * taken. -1, with the reason, where there is no room for it. */
  int (*open)(const Source *source, int T, TensorSet back, Status *st);
  void (*close)(const Source *source, int lane);
  /* Whether the layer's weights stand where they are computed with in all of these forms; and to
   * make them there. */
  bool (*has)(const Source *source, int layer, const Forms *forms);
  bool (*hold)(const Source *source, int layer, const Forms *forms, Status *st);
  void (*queue)(const Source *source, int lane, const SourceStep *step);
  /* The tensors of the step queued last where they are computed. */
  const Trace *(*there)(const Source *source, int lane);
  /* Queues the way back of these of them, and of no others: once a step, before the next one of any
   * lane. */
  void (*bring)(const Source *source, int lane, TensorSet back);
  /* For everything queued. Fails with what went wrong on the device. */
  bool (*wait)(const Source *source, Status *st);
  /* The tensors of the step queued last, before the first layer also the embedding, after the last
   * norm_f and logits; the seconds that it took to compute. Of a tensor that was not brought
   * all but its data is known, which is NULL. */
  double (*take)(const Source *source, int lane, Trace *trace);
} SourceAhead;

struct Source {
  Format stream; /* of block_in and block_out: FORMAT_F32, or FORMAT_F64 */
  void *context; /* the model, or the device */
  void (*embed)(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace);
  void (*block)(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena,
                Trace *trace);
  void (*head)(const Source *source, const Tensor *x, Arena *arena, Trace *trace);
  /* Whether the tensors of a layer were made by the kernels that the mode asks for. */
  bool (*check)(const Source *source, const Mode *mode, int layer, const Trace *trace, Status *st);
  /* In which forms it takes a layer's weights under this mode; `head`: and the head behind it. */
  Forms (*forms)(const Source *source, const Mode *mode, bool head);
  const SourceAhead *ahead; /* NULL: computes at the call only */
  int ahead_from;           /* with `ahead`: layers before this one are computed at the call */
  const Source *host;  /* of one whose lanes compute ahead: who computes at the call; else NULL */
  const Source *plain; /* what this one computes as in the layers before `until`; NULL: it is its
                        * own */
  int until;
};

/* The operators of `model`, wherever they run: with a device's operators the arena is the device's
 * too. */
Source source_cpu(const Model *model);
/* The float64 reference: it has no modes, and requantises nothing: x_proj_in and scan_in are
 * conv1d_silu itself. */
Source source_ref64(const Weights64 *weights);

/* Whether both compute the same. */
bool source_same(const Source *a, const Source *b);
/* How many layers from the first both compute the same, under one mode; INT_MAX: all. */
int source_alike(const Source *a, const Source *b);
/* x as the source takes it: itself, or converted, in the arena. */
Tensor source_input(const Source *source, const Tensor *x, Arena *arena);

#endif
