#include "command/bench.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/timing.h"
#include "family/block.h"
#include "kernels/watch.h"
#include "walk/walk.h"

enum { SAMPLES = 15, COPY_BYTES = 1 << 28, ROWS_MAX = 4096 };
enum { LAYER_TIMED = 0 }; /* a model may have no other, and all have the same weights */
static const double sample_s =
    2e-3; /* a sample is as many calls as take so long, by a single one before */
static const double slow_sample_s =
    0.5;                   /* where one call takes longer than that, three samples must do */
enum { GRAPH_CALLS = 64 }; /* and on a device no more: they are one graph */

typedef struct Timer {
  Device *device; /* where one was found */
  void *from, *to;
  char *copy_from, *copy_to; /* COPY_BYTES each, where the work is */
  double copy_rate;          /* bytes read and written a second, of the largest copy */
  double host_rate;          /* bytes a second from a device to pinned memory */
  Floors floors;             /* of the CPU, where no device was found */
} Timer;

/* --- timing ----------------------------------------------------------------------------------- */

/* On a device the calls are one graph, run once before. */
static bool sample_graph(Timer *t, Work work, int calls, int samples, double *second, Status *st) {
  Cuda *cuda = &t->device->cuda;
  cuda_capture(cuda);
  for (int i = 0; i < calls; i++) work.run(work.context);
  void *graph = cuda_captured(cuda);
  if (graph) cuda_replay(cuda, graph);
  TRY(device_wait(t->device, st));
  for (int s = 0; s < samples; s++) {
    cuda_mark_operators(cuda, t->from);
    cuda_replay(cuda, graph);
    cuda_mark_operators(cuda, t->to);
    TRY(device_wait(t->device, st));
    second[s] = cuda_seconds(cuda, t->from, t->to) / calls;
  }
  cuda_forget(cuda, graph);
  return true;
}

/* How many calls are a sample, and how many samples there are, where one call takes `once_s`. */
static Repeats repeats_of(const Timer *t, double once_s) {
  if (once_s < 1e-7) once_s = 1e-7;
  double wanted = ceil(sample_s / once_s);
  int samples = once_s > slow_sample_s ? 3 : SAMPLES;
  int calls = (int)(t->device->found ? fmin(GRAPH_CALLS, wanted) : wanted);
  return (Repeats){.calls = calls, .least = samples, .most = samples};
}

/* The first call touches its memory, and loads the kernel. */
static bool time_there(Timer *t, Work work, Middle *time, Status *st) {
  double second[SAMPLES], scratch[SAMPLES];
  work.run(work.context);
  TRY(device_wait(t->device, st));
  TRY(sample_graph(t, work, 1, 1, second, st));
  Repeats r = repeats_of(t, second[0]);
  TRY(sample_graph(t, work, r.calls, r.most, second, st));
  *time = middle_of(second, (size_t)r.most, scratch);
  return true;
}

static bool time_of(Timer *t, Work work, Middle *time, Status *st) {
  if (t->device->found) return time_there(t, work, time, st);
  work.run(work.context);
  Repeats r = repeats_of(t, timing_run_s(work, 1));
  *time = timing_repeat(work, &r).call_s;
  return true;
}

/* --- the copy that others are held against ---------------------------------------------------- */

typedef struct CopyThere {
  Cuda *cuda;
  Copy copy;
} CopyThere;

static void run_copy_there(void *context) {
  const CopyThere *c = context;
  cuda_copy(c->cuda, c->copy.to, c->copy.from, c->copy.bytes);
}

/* Of `bytes` in all: half are read, half written. Beyond the buffers, at the rate of the
 * largest. */
static bool copy_time(Timer *t, int64_t bytes, double *second, Status *st) {
  if (bytes / 2 >= COPY_BYTES && t->copy_rate > 0)
    return *second = (double)bytes / t->copy_rate, true;
  CopyThere there = {&t->device->cuda, {t->copy_to, t->copy_from, (size_t)(bytes / 2)}};
  Middle time;
  TRY(time_of(t, t->device->found ? (Work){run_copy_there, &there} : copy_work(&there.copy), &time,
              st));
  *second = time.median;
  return true;
}

static bool timer_open(Arena *arena, Device *device, Timer *t, Status *st) {
  *t = (Timer){.device = device};
  Arena *room = device->found ? &device->room : arena;
  t->copy_from = (device->found ? arena_room : arena_alloc)(room, COPY_BYTES, 1);
  t->copy_to = arena_room(room, COPY_BYTES, 1);
  if (device->found) t->from = cuda_mark(&t->device->cuda), t->to = cuda_mark(&t->device->cuda);
  double second;
  TRY(copy_time(t, 2 * (int64_t)COPY_BYTES, &second, st));
  t->copy_rate = 2.0 * COPY_BYTES / second;
  return true;
}

static void run_way_back(void *context) {
  Device *d = ((Timer *)context)->device;
  cuda_to_host(&d->cuda, d->lane[0].host[0], d->lane[0].room[0], d->lane[0].bytes);
}

static bool time_way_back(Timer *t, Status *st) {
  Middle time;
  TRY(time_of(t, (Work){run_way_back, t}, &time, st));
  t->host_rate = (double)t->device->lane[0].bytes / time.median;
  return true;
}

static void timer_close(Timer *t) {
  if (t->from) cuda_unmark(&t->device->cuda, t->from);
  if (t->to) cuda_unmark(&t->device->cuda, t->to);
}

static bool put_row(Timer *t, CallWork work, Middle time, Speed *row, Status *st) {
  const Cuda *peak = &t->device->cuda;
  const bool there = t->device->found;
  double copy, least = (double)work.bytes / t->copy_rate;
  TRY(copy_time(t, work.bytes, &copy, st));
  if (!there) least = floors_least_s(&t->floors, work);
  if (peak->fma_per_s > 0) least = fmax(least, (double)work.float_steps / peak->fma_per_s);
  if (peak->i8_mac_per_s > 0) least = fmax(least, (double)work.i8_macs / peak->i8_mac_per_s);
  bool known = !there || (peak->fma_per_s > 0 && (peak->i8_mac_per_s > 0 || work.i8_macs == 0));
  row->median_s = time.median;
  row->mad_s = time.mad;
  row->bytes = work.bytes;
  row->ratio_copy = time.median / copy;
  row->ratio_roofline = known ? time.median / least : NAN;
  table_text(row->backend, sizeof row->backend,
             there ? t->device->cuda.ops.backend : ops_cpu.backend);
  return true;
}

/* --- operators: one block, call by call ------------------------------------------------------- */

static const char *tensor_made(const Trace *trace, const Call *call) {
  const char *name = "scratch";
  const Tensors *tensors = &trace->family->tensors;
  for (int id = tensors->count; id-- > 0;) /* the first name, where a tensor has several */
    if (tensors->info[id].role != ROLE_BLOCK_IN &&
        tensor_column_in(call_output(call), 0, &trace->t[id]) != ABSENT)
      name = tensors->info[id].name;
  return name;
}

static bool is_timed_already(const Speed *row, size_t rows, const char *kernel, const char *what,
                             int T) {
  for (size_t i = 0; i < rows; i++)
    if (row[i].T == T && !strcmp(row[i].kernel, kernel) && !strcmp(row[i].what, what)) return true;
  return false;
}

/* A call, made again. */
typedef struct Again {
  const Ops *ops;
  Call *call;
} Again;

static void run_call(void *context) {
  const Again *again = context;
  again->ops->run(again->ops->context, again->call);
}

/* A prompt, and its rows of the embedding where the timed operators read them: token t's is
 * row[t]. */
typedef struct Prompted {
  const int32_t *token; /* on the host */
  const float *rows;
  const int32_t *row;
} Prompted;

typedef struct Rows {
  Speed *row;
  size_t count;
} Rows;

static bool bench_block(Timer *t, const Model *model, const Mode *mode, int T,
                        const Prompted *prompted, Arena room, Rows *rows, Status *st) {
  Trace ends = {0}, trace;
  SeenCall seen[WATCH_CALLS];
  Watch watch = {.seen = seen, .room = WATCH_CALLS};
  Model watched = *model;
  watched.ops = watch_start(&watch, model->ops);
  Source source = source_cpu(&watched);
  block_embed_rows(&watched, prompted->rows, prompted->row, T, &room, &ends);
  source.block(&source, mode, LAYER_TIMED, trace_role(&ends, ROLE_EMBEDDING), &room, &trace);
  source.head(&source, trace_role(&trace, ROLE_BLOCK_OUT), &room, &ends);
  trace_add_ends(&trace, &ends);
  for (int i = 0; i < watch.count; i++) {
    Call *call = &seen[i].call;
    Again again = {model->ops, call};
    const char *kernel = call_output(call)->kernel, *what = tensor_made(&trace, call);
    if (is_timed_already(rows->row, rows->count, kernel, what, T)) continue;
    Middle time;
    Speed *row = &rows->row[rows->count];
    *row = (Speed){.T = T};
    TRY(time_of(t, (Work){run_call, &again}, &time, st));
    TRY(put_row(t, call_work(call), time, row, st));
    table_text(row->what, sizeof row->what, what);
    table_text(row->kernel, sizeof row->kernel, kernel);
    table_text(row->mode, sizeof row->mode, mode->name);
    rows->count++;
  }
  return true;
}

/* --- whole passes ----------------------------------------------------------------------------- */

typedef struct Pass {
  Device *device;
  const Model *model;
  const Mode *mode;
  const int32_t *token;
  int T;
  Arena arena;
  bool captured;
  int64_t bytes; /* that came to the host */
  bool failed;
  Status why;
} Pass;

static void run_pass(void *context) {
  Pass *p = context;
  if (p->device->found) {
    p->bytes = (int64_t)device_pass(p->device, 0, p->mode, p->captured);
    return;
  }
  WalkSide side = {.source = source_cpu(p->model), .mode = p->mode};
  PromptShape prompt = {.name = "bench", .token = p->token, .T = p->T};
  Walk walk = {.layers = p->model->layers,
               .width = p->model->D,
               .side = &side,
               .sides = 1,
               .prompt = &prompt,
               .prompts = 1};
  p->failed = p->failed || !walk_run(&walk, p->arena, &p->why);
}

/* All calls of a pass, once. */
static CallWork pass_work(const Model *model, const Mode *mode, int T, const Prompted *prompted,
                          Arena room) {
  Trace ends = {0}, trace;
  SeenCall seen[WATCH_CALLS];
  Watch watch = {.seen = seen, .room = WATCH_CALLS};
  Model watched = *model;
  CallWork sum = {0};
  watched.ops = watch_start(&watch, model->ops);
  Source source = source_cpu(&watched);
  block_embed_rows(&watched, prompted->rows, prompted->row, T, &room, &ends);
  source.block(&source, mode, LAYER_TIMED, trace_role(&ends, ROLE_EMBEDDING), &room, &trace);
  source.head(&source, trace_role(&trace, ROLE_BLOCK_OUT), &room, &ends);
  const Tensors *tensors = &ends.family->tensors;
  for (int i = 0; i < watch.count; i++) {
    const void *made = call_output(&seen[i].call)->data;
    bool end = false;
    for (int id = tensors->layer; id < tensors->count; id++) end |= made == ends.t[id].data;
    work_add(&sum, call_work(&seen[i].call), end ? 1 : model->layers);
  }
  return sum;
}

static bool bench_pass(Timer *t, Pass *p, CallWork work, Rows *rows, Status *st) {
  Middle time;
  Speed *row = &rows->row[rows->count++];
  *row = (Speed){.T = p->T};
  TRY(time_of(t, (Work){run_pass, p}, &time, st));
  if (p->failed) return FAIL(st, "%s", p->why.text);
  TRY(put_row(t, work, time, row, st));
  table_text(row->what, sizeof row->what, p->captured ? "forward, captured" : "forward");
  table_text(row->mode, sizeof row->mode, p->mode->name);
  if (!p->captured) return true;
  double copy = (double)p->bytes / t->host_rate,
         pass = row[-1].median_s; /* of the same without the way back */
  row->bytes = p->bytes;
  row->ratio_copy = time.median / copy;
  row->ratio_roofline = time.median / fmax(copy, pass);
  return true;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int longest(const BenchPlan *plan) {
  int most = 0;
  for (int i = 0; i < plan->lengths; i++) most = plan->T[i] > most ? plan->T[i] : most;
  return most;
}

static bool bench_passes(Timer *t, const Model *model, const Mode *mode, int T,
                         const Prompted *prompted, Arena room, Rows *rows, Status *st) {
  bool there = t->device->found;
  Pass pass = {.device = t->device,
               .model = model,
               .mode = mode,
               .token = prompted->token,
               .T = T,
               .arena = room};
  CallWork work = pass_work(model, mode, T, prompted, room);
  TRY(bench_pass(t, &pass, work, rows, st));
  pass.captured = true;
  return !there || bench_pass(t, &pass, work, rows, st);
}

static Prompted rows_of(Arena *arena, const Model *model, const int32_t *token, int T) {
  float *rows = arena_room(arena, (size_t)T * (size_t)model->D, sizeof *rows);
  int32_t *row = ARENA_NEW(arena, int32_t, T);
  block_embedding_rows(model, token, T, rows, *arena);
  for (int t = 0; t < T; t++) row[t] = t;
  return (Prompted){token, rows, row};
}

/* The same there; what they are copied from stays. */
static void send_rows(Arena *there, Device *device, int T, Prompted *prompted) {
  const size_t values = (size_t)T * (size_t)device->model.D;
  float *rows = arena_room(there, values, sizeof *rows);
  int32_t *row = arena_room(there, (size_t)T, sizeof *row);
  cuda_to_device(&device->cuda, rows, prompted->rows, values * sizeof *rows);
  cuda_to_device(&device->cuda, row, prompted->row, (size_t)T * sizeof *row);
  prompted->rows = rows, prompted->row = row;
}

/* All layers there: what is timed waits for no weights. */
static bool open_device(Arena *arena, Layers *layers, const BenchPlan *plan, Device *device,
                        Status *st) {
  const Model *model = &layers->model;
  const int most = longest(plan);
  const size_t stream = (size_t)most * sizeof(float) * (size_t)model->D;
  DevicePlan there = {.model = model, .layers = layers, .T = most};
  there.more = block_bytes(&model->config, most) + 6 * stream + 2 * (size_t)COPY_BYTES + 4096;
  for (int m = 0; m < plan->modes; m++)
    there.forms = forms_of_both(there.forms, forms_of_mode(&plan->mode[m]));
  TRY(device_load(arena, &there, device, st));
  return device_lane(device, &model->config, FORMAT_F32, plan->T[0], TENSORS_ALL, st) == 0 &&
         device_hold_all(device, st);
}

bool bench_run(Arena *arena, Layers *layers, const BenchPlan *plan, Device *device,
               Progress *progress, Speed **row, size_t *count, Floors *floors, Status *st) {
  const Model *model = &layers->model;
  int most = longest(plan);
  Rows rows = {.row = ARENA_NEW(arena, Speed, ROWS_MAX)};
  int32_t *token = ARENA_NEW(arena, int32_t, most);
  for (int t = 0; t < most; t++) token[t] = t * 7919 % model->vocab;
  Timer timer;
  Prompted prompted = rows_of(arena, model, token, most);
  Arena room = *arena;
  if (device->found) {
    TRY(open_device(arena, layers, plan, device, st));
    TRY(timer_open(arena, device, &timer, st) && time_way_back(&timer, st));
    device_begin(device, 0, token, plan->T[0]);
    room = device->room;
    send_rows(&room, device, most, &prompted);
    model = &device->model;
  } else {
    TRY(timer_open(&room, device, &timer, st));
    TRY(floors_measure(plan->folder, &timer.floors, st));
    timer.floors.copy_bytes_per_s = timer.copy_rate;
  }
  progress_phase(progress, "bench", plan->modes * (plan->lengths + 1));
  int step = 0;
  for (int m = 0; m < plan->modes; m++)
    for (int i = 0; plan->operators && i < plan->lengths; i++, progress_step(progress, ++step))
      TRY(bench_block(&timer, model, &plan->mode[m], plan->T[i], &prompted, room, &rows, st));
  for (int m = 0; plan->passes && m < plan->modes; m++, progress_step(progress, ++step))
    TRY(bench_passes(&timer, model, &plan->mode[m], plan->T[0], &prompted, room, &rows, st));
  timer_close(&timer);
  progress_done(progress, "%d mode%s, %d length%s", plan->modes, plural(plan->modes), plan->lengths,
                plural(plan->lengths));
  *row = rows.row;
  *count = rows.count;
  *floors = timer.floors;
  return true;
}
