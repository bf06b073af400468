/* watch: operators that do what others do, and look on: they remember every call, so that it can be
 * made again, and time and count calls by name. Made from the list of operators alone: a new one
 * needs no line here. */
#ifndef DS_KERNELS_WATCH_H
#define DS_KERNELS_WATCH_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/ops.h"

enum { WATCH_CALLS = 64, WATCH_NAMES = 32, WATCH_EXP_STEPS = 22 };

/* A call, by value: the memory of its tensors must still be there when it is looked at or made
 * again. Stays where it is: call.out points to `made`. */
typedef struct SeenCall {
  Call call;
  Tensor made[CALL_OUTS];
} SeenCall;

/* All calls of one name. */
typedef struct OpTime {
  const char *name;
  double time_s;
  int calls;
  double bytes; /* call_work's */
} OpTime;

/* Zero but for what is asked of it, then watch_start. It stays where it is while its operators are
 * in use. */
typedef struct Watch {
  SeenCall *seen; /* [room], the caller's: calls are remembered there; NULL: they are not */
  int room, count;
  double (*clock_s)(
      void); /* of operators that are done when they return; NULL: nothing is timed or counted */
  OpTime time[WATCH_NAMES]; /* in the order of their first calls */
  int times;
  const Ops *behind;
  Ops ops;
} Watch;

/* The operators to hand out instead of `behind`. Forgets what was seen before. */
const Ops *watch_start(Watch *watch, const Ops *behind);
/* The calls of this name; zero where there was none. */
OpTime watch_time(const Watch *watch, const char *name);

/* "in_proj" of a linear that has a name, else its operator's. */
const char *call_name(const Call *call);
/* The tensor that a call is named by. */
const Tensor *call_output(const Call *call);

/* What a call must move and compute at least. */
typedef struct CallWork {
  int64_t bytes;       /* inputs, weights and outputs, once each */
  int64_t float_steps; /* float32 instructions, an fma being one; those of exps among them */
  int64_t exps;        /* e^x, WATCH_EXP_STEPS each */
  int64_t i8_macs;     /* products of int8, added up in int32 */
} CallWork;
CallWork call_work(const Call *call);
void work_add(CallWork *sum, CallWork work, int times);

#endif
