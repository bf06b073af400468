/* axes: an array of any rank as a matrix of tokens and channels. */
#include <limits.h>
#include <string.h>

#include "base/number.h"
#include "source/dump/parts.h"

enum { AXIS_BATCH, AXIS_TOKEN, AXIS_CHANNEL, AXIS_NAMES };
static const char *const axis_name[AXIS_NAMES] = {"batch", "token", "channel"};

static int axis_find(const char *text, size_t length) {
  for (int i = 0; i < AXIS_NAMES; i++)
    if (strlen(axis_name[i]) == length && !memcmp(axis_name[i], text, length)) return i;
  return -1;
}

/* What each axis is, of an order such as "batch, token, channel"; `what` DUMP_RANK_MOST of them. */
static bool read_words(const char *order, int *what, int *count, Status *st) {
  *count = 0;
  for (const char *at = order;; at++) {
    at += strspn(at, " ");
    const size_t length = strcspn(at, ", ");
    const int axis = axis_find(at, length);
    if (axis < 0)
      return FAIL(st, "'%.*s' in '%.100s' is none of batch, token and channel",
                  (int)(length < 100 ? length : 100), at, order);
    if (*count < DUMP_RANK_MOST) what[*count] = axis;
    ++*count;
    at += length;
    at += strspn(at, " ");
    if (!*at) return true;
    if (*at != ',') return FAIL(st, "a comma is missing in '%.100s'", order);
  }
}

bool dump_axes_check(const char *order, Status *st) {
  int what[DUMP_RANK_MOST], count;
  return read_words(order, what, &count, st);
}

static bool read_order(const DumpArray *array, const char *order, int *what, Status *st) {
  int count;
  TRY(read_words(order, what, &count, st));
  return count == array->rank || FAIL(st, ARRAY_AT "has %d dimension%s, its axes are '%.100s'",
                                      ARRAY_IN(array), array->rank, plural(array->rank), order);
}

static void run_add(AxisRun *run, int64_t size, int64_t stride) {
  run->size[run->axes] = size;
  run->stride[run->axes++] = stride;
}

int64_t axes_offset(const AxisRun *run, int64_t index) {
  int64_t offset = 0;
  for (int i = run->axes - 1; i >= 0; i--) {
    offset += index % run->size[i] * run->stride[i];
    index /= run->size[i];
  }
  return offset;
}

/* -1: more than INT_MAX. */
static int64_t run_count(const AxisRun *run) {
  int64_t count = 1;
  for (int i = 0; i < run->axes; i++)
    if (__builtin_mul_overflow(count, run->size[i], &count) || count > INT_MAX) return -1;
  return count;
}

/* One batch of several, or all of them in front of the tokens. What has none is the first. */
static bool take_batch(const DumpArray *array, const AxisRun *batch, int chosen, AxisPlan *plan,
                       Status *st) {
  const int64_t count = run_count(batch);
  if (chosen < 0) return plan->row = *batch, true;
  if (count >= 0 && chosen >= count)
    return FAIL(st, ARRAY_AT "has %lld in its batch, number %d is asked for, counted from 0",
                ARRAY_IN(array), (long long)count, chosen);
  plan->first = axes_offset(batch, chosen);
  return true;
}

bool axes_plan(const DumpArray *array, const DumpAxes *axes, AxisPlan *plan, int *rows, int *cols,
               Status *st) {
  const Way *way = array->way;
  int what[DUMP_RANK_MOST];
  AxisRun batch = {0};
  *plan = (AxisPlan){0};
  for (int i = 0; i < array->rank; i++) {
    if (array->size[i] == 0) return FAIL(st, ARRAY_AT "has no element", ARRAY_IN(array));
    what[i] = i == array->rank - 1 ? AXIS_CHANNEL : i == array->rank - 2 ? AXIS_TOKEN : AXIS_BATCH;
  }
  if (axes->order) TRY(read_order(array, axes->order, what, st));
  for (int i = 0; i < array->rank; i++)
    if (what[i] == AXIS_BATCH) run_add(&batch, array->size[i], way->stride[i]);
  TRY(take_batch(array, &batch, axes->batch, plan, st));
  for (int i = 0; i < array->rank; i++)
    if (what[i] != AXIS_BATCH)
      run_add(what[i] == AXIS_TOKEN ? &plan->row : &plan->col, array->size[i], way->stride[i]);
  const int64_t height = run_count(&plan->row), width = run_count(&plan->col);
  if (height < 0 || width < 0)
    return FAIL(st, ARRAY_AT "has more than %d %s", ARRAY_IN(array), INT_MAX,
                height < 0 ? "tokens" : "channels");
  *rows = (int)height;
  *cols = (int)width;
  return true;
}

bool dump_sizes(const Dump *dump, const DumpArray *array, const DumpAxes *axes, int *rows,
                int *cols, Status *st) {
  AxisPlan plan;
  (void)dump;
  return axes_plan(array, axes, &plan, rows, cols, st);
}
