#include "source/repaired.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

#include "family/block.h"
#include "kernels/watch.h"
#include "source/repair.h"

typedef struct Repaired {
  Source plain;
  const Model *model;
  int layer;
  Element *element;
  int count;
} Repaired;

static const Repaired *repaired_of(const Source *source) { return source->context; }

/* --- where the tensors of a block come from --------------------------------------------------- */

/* A block under a mode, as it went over one token: where a tensor comes from does not depend on how
 * many there are. */
typedef struct Made {
  Trace trace;
  Watch watch;
  int conversions;
} Made;

static void make_once(const Repaired *r, const Mode *mode, const Tensor *x, Arena *arena,
                      Made *made) {
  const int threads = omp_get_max_threads();
  *made = (Made){.watch = {.seen = ARENA_NEW(arena, SeenCall, WATCH_CALLS), .room = WATCH_CALLS}};
  Model watched = *r->model;
  Tensor first = *x;
  first.rows = 1;
  watched.ops = watch_start(&made->watch, r->model->ops);
  omp_set_num_threads(1); /* of one token: to wake the others takes longer */
  block_run(&watched, r->layer, mode, &first, arena, &made->trace);
  omp_set_num_threads(threads);
  for (int c = 0; c < made->watch.count; c++)
    made->conversions += repair_is_conversion(made->watch.seen[c].call.kind);
}

/* The last call that wrote this column of a tensor, of which it may have made some columns alone;
 * REPAIR_BEFORE where none did. */
static RepairElement maker(const Made *made, int tensor, int col) {
  RepairElement e = {.call = REPAIR_BEFORE, .reader = OP_COUNT, .col = col};
  for (int c = 0; c < made->watch.count; c++)
    for (int i = 0; i < op_info[made->watch.seen[c].call.kind].outs; i++) {
      const int at = tensor_column_in(&made->trace.t[tensor], col, &made->watch.seen[c].made[i]);
      if (at != ABSENT) e.call = c, e.out = i, e.col = at;
    }
  return e;
}

/* Whether it is an earlier tensor of the layer, handed on. */
static bool is_handed_on(const Made *made, int tensor) {
  bool same = false;
  for (int id = 0; id < tensor; id++) same |= made->trace.t[id].data == made->trace.t[tensor].data;
  return same;
}

/* Returns how many conversions the block has. */
static int find_elements(const Repaired *r, const Mode *mode, const Tensor *x, RepairElement *all,
                         Arena scratch) {
  const Tensors *tensors = &r->model->config.family->tensors;
  Made made;
  make_once(r, mode, x, &scratch, &made);
  for (int i = 0; i < r->count; i++) {
    const Element *e = &r->element[i];
    assert(e->tensor >= 0 && e->tensor < tensors->layer && made.trace.t[e->tensor].data);
    all[i] = maker(&made, e->tensor, e->col);
    if (is_handed_on(&made, e->tensor) && tensors->info[e->tensor].taken_by)
      all[i].reader = tensors->info[e->tensor].taken_by;
    all[i].row = e->row, all[i].value = e->value;
  }
  return made.conversions;
}

/* --- the block -------------------------------------------------------------------------------- */

/* A tensor set for one of its readers alone is shown as that one met it. */
static void show(const Repaired *r, const RepairElement *all, Arena *arena, Trace *trace) {
  bool own[TENSORS_MOST] = {0};
  for (int i = 0; i < r->count; i++) {
    int id = r->element[i].tensor;
    if (all[i].reader == OP_COUNT) continue;
    if (!own[id]) trace->t[id] = tensor_copy(arena, &trace->t[id]);
    own[id] = true;
    repair_write(&trace->t[id], all[i].row, r->element[i].col, all[i].value);
  }
}

static Arena carve(Arena *arena, size_t bytes) {
  Arena piece = *arena;
  piece.next = arena_room(arena, bytes, 1);
  piece.end = arena->next;
  return piece;
}

static size_t held_bytes(int count, int conversions) {
  return (size_t)count * (size_t)(1 + conversions) * REPAIR_HELD;
}

/* Lists of what a call met, its inputs as float32 (block_bytes counts every tensor of a block so),
 * and rows of codes. */
static size_t scratch_bytes(const Config *config, int T, size_t held) {
  size_t row = (size_t)family_widest(config) * sizeof(double) + 64;
  return block_bytes(config, T) + 2 * held + (size_t)(omp_get_max_threads() + 2) * row + 4096;
}

static void run_repaired(const Repaired *r, const Mode *mode, const Tensor *x, Arena *arena,
                         Trace *trace) {
  RepairElement *all = ARENA_NEW(arena, RepairElement, r->count);
  size_t held = held_bytes(r->count, find_elements(r, mode, x, all, *arena));
  RepairOps repair = {.element = all, .count = r->count, .memory = carve(arena, held)};
  repair.scratch = carve(arena, scratch_bytes(&r->model->config, x->rows, held));
  Model model = *r->model;
  Tensor stream = tensor_copy(arena, x);
  model.ops = repair_start(&repair, r->model->ops, &stream);
  block_run(&model, r->layer, mode, &stream, arena, trace);
  show(r, all, arena, trace);
}

size_t source_repaired_bytes(const Config *config, int T, int count) {
  size_t held = held_bytes(count, WATCH_CALLS),
         row = (size_t)family_widest(config) * sizeof(float) + 64;
  size_t made_once = WATCH_CALLS * sizeof(SeenCall) + block_bytes(config, 1),
         shown = TENSORS_MOST * (size_t)T * row;
  size_t before = (size_t)count * sizeof(RepairElement) + held + scratch_bytes(config, T, held);
  return shown + (before > made_once ? before : made_once);
}

/* --- as a source ------------------------------------------------------------------------------ */

static void embed(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace) {
  const Source *plain = source->plain;
  plain->embed(plain, token, T, arena, trace);
}

static void block(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena,
                  Trace *trace) {
  const Repaired *r = repaired_of(source);
  if (layer == r->layer)
    run_repaired(r, mode, x, arena, trace);
  else
    source->plain->block(source->plain, mode, layer, x, arena, trace);
}

static void head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  source->plain->head(source->plain, x, arena, trace);
}

static bool check(const Source *source, const Mode *mode, int layer, const Trace *trace,
                  Status *st) {
  return source->plain->check(source->plain, mode, layer, trace, st);
}

static Forms forms(const Source *source, const Mode *mode, bool head) {
  return source->plain->forms(source->plain, mode, head);
}

/* --- ahead, behind the layer ------------------------------------------------------------------ */

static const Source *plain_of(const Source *source) { return source->plain; }

static int open_lane(const Source *source, int T, TensorSet back, Status *st) {
  return plain_of(source)->ahead->open(plain_of(source), T, back, st);
}

static void close_lane(const Source *source, int lane) {
  plain_of(source)->ahead->close(plain_of(source), lane);
}

static bool has(const Source *source, int layer, const Forms *wanted) {
  return plain_of(source)->ahead->has(plain_of(source), layer, wanted);
}

static bool hold(const Source *source, int layer, const Forms *wanted, Status *st) {
  return plain_of(source)->ahead->hold(plain_of(source), layer, wanted, st);
}

static void queue(const Source *source, int lane, const SourceStep *step) {
  plain_of(source)->ahead->queue(plain_of(source), lane, step);
}

static const Trace *there(const Source *source, int lane) {
  return plain_of(source)->ahead->there(plain_of(source), lane);
}

static void bring(const Source *source, int lane, TensorSet back) {
  plain_of(source)->ahead->bring(plain_of(source), lane, back);
}

static bool wait(const Source *source, Status *st) {
  return plain_of(source)->ahead->wait(plain_of(source), st);
}

static double take(const Source *source, int lane, Trace *trace) {
  return plain_of(source)->ahead->take(plain_of(source), lane, trace);
}

Source source_repaired(Arena *arena, const Model *model, const Source *plain, int layer,
                       const Element *element, int count) {
  static const SourceAhead ahead = {open_lane, close_lane, has,  hold, queue,
                                    there,     bring,      wait, take};
  Repaired *r = ARENA_NEW(arena, Repaired, 1);
  *r = (Repaired){.plain = *plain, .model = model, .layer = layer, .count = count};
  r->element = ARENA_NEW(arena, Element, count);
  memcpy(r->element, element, (size_t)count * sizeof *element);
  return (Source){.stream = r->plain.stream,
                  .context = r,
                  .embed = embed,
                  .block = block,
                  .head = head,
                  .check = check,
                  .forms = forms,
                  .ahead = plain->ahead ? &ahead : NULL,
                  .ahead_from = layer + 1,
                  .plain = &r->plain,
                  .until = layer};
}
