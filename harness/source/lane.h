/* lane: a stream's way through a model on a device, a layer of a prompt at a time. A lane has room
 * for two steps there, which take turns, and the same in pinned memory here: what a step made comes
 * back while the next is computed, and the next may be queued while this host measures it; the one
 * behind that once this one is done with. What computes a step, kernels/ or reference/, is the
 * lane's user's (LaneWork). */
#ifndef DS_SOURCE_LANE_H
#define DS_SOURCE_LANE_H
#include "base/arena.h"
#include "base/status.h"
#include "family/family.h"
#include "kernels/cuda.h"
#include "source/source.h"

/* Counts and scales of a step's tensors (nans_at, scale_at), which lie side by side. */
typedef struct Words {
  const char *first, *end; /* NULL: there are none */
} Words;

typedef struct Lane {
  bool open;
  Format stream;              /* of what goes through it: FORMAT_F32, or FORMAT_F64 */
  int most;                   /* tokens that it has room for */
  TensorSet back;             /* of a step's tensors, those that may come back */
  size_t bytes, pinned_bytes; /* of a step's tensors there; of those that may come back */
  void *memory, *pinned;
  void (*exhausted)(size_t wanted, size_t reserved); /* of the arenas that carve it */
  char *room[2], *host[2]; /* a step's tensors there, and here: all at the same offsets, or those
                            * that come back one behind the other */
  char *stream_room;       /* there [T, D]: a stream that comes from here */
  char *rows, *rows_host;  /* [T, D]: the embedding's rows of the prompt, there and pinned */
  int T;
  int steps;                /* queued so far */
  Tensor now;               /* there: what the next layer takes */
  Trace queued;             /* there: of the last step; what it made lies */
  const char *made, *end;   /* from here to there, */
  char *here[TENSORS_MOST]; /* and comes to these places on this host; NULL: it does not */
  Words words;              /* what was counted and scaled there, */
  const char *words_here;   /* and where it comes to; NULL: it does not */
  void *start, *done;       /* marks around the last step */
  void *copied[2];          /* marks behind the way back of the last step of either half */
  bool on_way[2];           /* and whether they may not have been reached */
} Lane;

/* How a step is computed: every pointer that these are given is there, but `token` and `host`. */
typedef struct LaneWork {
  const void *context;
  const Config *config;
  /* The rows that tokens name, in the lane's format, on this host. */
  void (*rows)(const void *context, const int32_t *token, int T, void *host);
  void (*embed)(const void *context, const void *rows, int T, Arena *room, Trace *ends);
  void (*block)(const void *context, int layer, const Mode *mode, const Tensor *x, Arena *room,
                Trace *trace);
  /* Behind the last layer; NULL: nothing follows. */
  void (*head)(const void *context, const Tensor *x, Arena *room, Trace *ends);
} LaneWork;

/* Room for prompts of at most T tokens; a lane that was closed and has as much is taken again.
 * False where there is not so much, there or in pinned memory. */
bool lane_open(Cuda *cuda, const Config *config, Format stream, int T, TensorSet back,
               void (*exhausted)(size_t wanted, size_t reserved), Lane *lane, Status *st);
/* Whether it has that room already. */
bool lane_fits(const Lane *lane, const Config *config, Format stream, int T, TensorSet back);
void lane_free(Cuda *cuda, Lane *lane);
/* Bytes that one takes there; as many are pinned where all comes back. */
size_t lane_bytes(const Config *config, Format stream, int T);
/* Bytes that are pinned for it where these of a step's tensors come back. */
size_t lane_pinned_bytes(const Config *config, Format stream, int T, TensorSet back);
/* At the tokens of a prompt, or with the stream that its next layer takes. */
void lane_begin(Cuda *cuda, Lane *lane, const LaneWork *work, const int32_t *token, int T);
void lane_resume(Cuda *cuda, Lane *lane, const Tensor *stream);
/* Queues a layer, before the first one the embedding, after the last one what `head` makes. */
void lane_queue(Cuda *cuda, Lane *lane, const LaneWork *work, const Mode *mode, int layer);
/* Then the way back of these of its tensors, as far as they are the lane's to bring, and of what
 * was counted and scaled there, once a step. Returns the bytes. */
size_t lane_bring(Cuda *cuda, Lane *lane, TensorSet back);
/* After everything queued was waited for: the tensors of the step queued last, ends included, those
 * that came back in pinned memory, others without data; the seconds that it took to compute. */
double lane_take(Cuda *cuda, const Lane *lane, Trace *trace);

/* A source whose lanes compute ahead, in the stream of `host`, of the same model, which computes
 * what is asked at the call and says in which forms weights are taken; both stay where they are. */
Source lane_source(const Source *host, void *context, const SourceAhead *ahead);

#endif
