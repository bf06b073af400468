/* walk: each way gives the bits of the mode run alone, whatever else walks beside it and wherever
 * it starts. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include "walk/walk.h"

enum { TOKENS = 40, LAYERS = 14 };

typedef struct Seen {
  int calls, side[64], prompt[64];
  float *logits[64], *block_out[64];
  Arena *arena;
} Seen;

static float *copy_f32(Arena *arena, const Tensor *t) {
  float *to = ARENA_NEW(arena, float, (size_t)t->rows *(size_t)t->cols);
  for (size_t i = 0; i < (size_t)t->rows * (size_t)t->cols; i++) to[i] = (float)tensor_value(t, i);
  return to;
}

static bool see(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                Status *st) {
  (void)scratch, (void)st;
  Seen *seen = context;
  seen->prompt[seen->calls] = at->prompt;
  seen->side[seen->calls] = side;
  seen->logits[seen->calls] = copy_f32(seen->arena, &end[side].logits);
  seen->block_out[seen->calls] = copy_f32(seen->arena, &end[side].block_out);
  seen->calls++;
  return true;
}

static Walk walk_of(const Shipped *s, WalkSide *side, int sides, const PromptShape *prompt,
                    int prompts, const Visitor *visitor, Progress *progress) {
  Walk walk = shipped_walk(s, side, sides, prompt, prompts, visitor);
  walk.share = true;
  walk.progress = progress;
  return walk;
}

/* The same by plain calls, layer by layer. */
static float *alone(Shipped *s, const int32_t *token, const Mode *const *mode, float **block_out) {
  Trace ends = {0}, trace;
  block_embed(&s->model, token, TOKENS, &s->arena, &ends);
  Tensor x = ends.t[T_EMBEDDING];
  for (int layer = 0; layer < s->model.layers; layer++) {
    block_run(&s->model, layer, mode[layer], &x, &s->arena, &trace);
    x = trace.t[T_BLOCK_OUT];
  }
  block_head(&s->model, &x, &s->arena, &ends);
  *block_out = copy_f32(&s->arena, &x);
  return copy_f32(&s->arena, &ends.t[T_LOGITS]);
}

static void expect_bits(const float *got, const float *want, size_t n, const char *what, int call) {
  for (size_t i = 0; i < n; i++)
    cr_assert(memcmp(&got[i], &want[i], sizeof *got) == 0,
              "call %d, %s element %zu: got %a, want %a", call, what, i, (double)got[i],
              (double)want[i]);
}

/* Only the last layer of all has logits. */
static bool count_side(void *context, const WalkPlace *at, int side, const Trace *trace,
                       Arena scratch, Status *st) {
  (void)scratch, (void)st;
  Seen *seen = context;
  seen->calls++;
  cr_expect_eq(trace->t[T_LOGITS].data != NULL, side == 1 && at->layer == LAYERS - 1,
               "layer %d of side %d", at->layer, side);
  return true;
}

Test(walk, every_way_gives_the_bits_of_its_modes_run_alone) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  const Mode *a[LAYERS], *b[LAYERS], *mixed[LAYERS], *late[LAYERS];
  for (int l = 0; l < LAYERS; l++) {
    a[l] = mode_preset("2-0");
    b[l] = mode_preset("2-4");
    mixed[l] = l == 0 || l == 7 ? mode_preset("fp32") : a[l];
    late[l] = l == 17 ? b[l] : a[l];
  }
  const PromptShape prompt[] = {{"one", s.test, TOKENS}, {"two", s.test + 1000, TOKENS}};
  const Mode *const *ways[] = {a, b, mixed, late, late, a};
  Source cpu = source_cpu(&s.model);
  WalkSide side[] = {{.source = cpu, .mode = a[0], .keep = true},
                     {.source = cpu, .mode = b[0]},
                     {.source = cpu, .modes = mixed},
                     {.source = cpu, .modes = late, .keep = true},
                     {.source = cpu, .modes = late},
                     {.source = cpu, .mode = a[0]}};
  enum { SIDES = sizeof side / sizeof *side };
  Progress quiet = progress_start(true);
  Status st = {0};
  Seen seen = {.arena = &s.arena};
  Arena scratch;
  cr_assert(arena_reserve(&scratch, (size_t)1 << 30, exhausted, &st));
  Visitor visitor = {.context = &seen, .end = see};
  Walk walk = walk_of(&s, side, SIDES, prompt, 2, &visitor, &quiet);
  cr_assert(walk_run(&walk, scratch, &st), "%s", st.text);
  cr_assert_eq(seen.calls, 2 * SIDES);
  cr_expect_eq(quiet.done, 2 * LAYERS);
  for (int call = 0; call < seen.calls; call++) {
    cr_assert_eq(seen.prompt[call], call / SIDES);
    cr_assert_eq(seen.side[call], call % SIDES);
    float *block_out,
        *logits = alone(&s, prompt[call / SIDES].token, ways[call % SIDES], &block_out);
    expect_bits(seen.logits[call], logits, (size_t)TOKENS * (size_t)s.model.vocab, "logits", call);
    expect_bits(seen.block_out[call], block_out, (size_t)TOKENS * (size_t)s.model.D, "block_out",
                call);
  }
}

typedef struct Kept {
  const WalkEnd *reference;
  int calls;
} Kept;

static bool look_back(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                      Arena scratch, Status *st) {
  (void)at, (void)scratch, (void)st;
  Kept *kept = context;
  kept->calls++;
  cr_expect_eq(end[0].logits.format, FORMAT_F64);
  cr_expect(end[0].logits.data && end[side].logits.data, "side %d", side);
  if (side == 2) cr_expect_null(end[1].logits.data, "an end that was not kept is still there");
  if (side < 2) cr_expect_null(end[2].logits.data, "an end is there before it ran");
  return true;
}

Test(walk, the_reference_walks_too_and_a_kept_end_is_there_for_the_later_sides) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  WalkSide side[] = {{.source = source_ref64(&s.weights), .keep = true},
                     {.source = source_cpu(&s.model), .mode = mode_preset("fp32")},
                     {.source = source_cpu(&s.model), .mode = mode_preset("1")}};
  const PromptShape prompt[] = {{"one", s.test, TOKENS}};
  Progress quiet = progress_start(true);
  Status st = {0};
  Kept kept = {0};
  Visitor visitor = {.context = &kept, .end = look_back};
  Walk walk = walk_of(&s, side, 3, prompt, 1, &visitor, &quiet);
  cr_assert(walk_run(&walk, s.arena, &st), "%s", st.text);
  cr_expect_eq(kept.calls, 3);
}

/* --- what a killed walk left ------------------------------------------------------------------ */

enum { NOTES = 8 };

/* A keeper in memory. */
typedef struct Notes {
  char name[NOTES][64];
  double value[NOTES];
  int count;
} Notes;

static bool find_note(void *context, Arena *arena, const char *name, const void **bytes,
                      size_t *size, Status *st) {
  (void)arena, (void)st;
  const Notes *notes = context;
  *bytes = NULL;
  for (int i = 0; i < notes->count; i++)
    if (!strcmp(notes->name[i], name)) *bytes = &notes->value[i], *size = sizeof *notes->value;
  return true;
}

static bool keep_note(void *context, const char *name, const void *bytes, size_t size, Status *st) {
  (void)st;
  Notes *notes = context;
  cr_assert(size == sizeof *notes->value && notes->count < NOTES);
  snprintf(notes->name[notes->count], sizeof *notes->name, "%s", name);
  memcpy(&notes->value[notes->count++], bytes, size);
  return true;
}

/* A sum over the logits of each prompt; stops at one of them. */
typedef struct Sums {
  double sum[4];
  int stop_at, ends;
} Sums;

static bool add_logits(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                       Arena scratch, Status *st) {
  (void)scratch;
  Sums *sums = context;
  if (at->prompt == sums->stop_at) return FAIL(st, "stopped");
  const Tensor *logits = &end[side].logits;
  for (size_t i = 0; i < (size_t)logits->rows * (size_t)logits->cols; i++)
    sums->sum[at->prompt] += tensor_value(logits, i);
  sums->ends++;
  return true;
}

static void *left_sum(void *context, int prompt, size_t *bytes) {
  Sums *sums = context;
  *bytes = sizeof *sums->sum;
  return &sums->sum[prompt];
}

Test(walk, what_a_prompt_left_is_taken_over_and_the_prompt_not_walked_again) {
  Shipped s = shipped_first(REWRITE_NONE, LAYERS);
  WalkSide side = {.source = source_cpu(&s.model), .mode = mode_preset("fp32")};
  const PromptShape prompt[] = {{"a", s.test, 8}, {"b", s.test + 100, 9}, {"c", s.test + 200, 7}};
  Progress quiet = progress_start(true);
  Notes notes = {.count = 0};
  Keeper keeper = {.context = &notes, .find = find_note, .keep = keep_note};
  Sums whole = {.stop_at = -1}, stopped = {.stop_at = 2}, again = {.stop_at = -1};
  Sums *sums[] = {&whole, &stopped, &again};
  for (int run = 0; run < 3; run++) {
    Status st = {0};
    Visitor visitor = {.context = sums[run], .end = add_logits, .left = left_sum};
    Walk walk = walk_of(&s, &side, 1, prompt, 3, &visitor, &quiet);
    walk.name = "sums";
    walk.keeper = run ? &keeper : NULL;
    bool ok = walk_run(&walk, s.arena, &st);
    cr_expect_eq(ok, run != 1, "run %d: %s", run, st.text);
  }
  cr_expect_eq(whole.ends, 3);
  cr_expect_eq(again.ends, 1, "%d prompts were walked, two had been kept", again.ends);
  cr_expect_eq(memcmp(again.sum, whole.sum, 3 * sizeof *whole.sum), 0);
}

/* A side that ends early has no head; one that shares its first layers parts where it must. */
Test(walk, a_side_of_some_layers_ends_there_without_a_head) {
  Shipped s = shipped_first(REWRITE_NONE, LAYERS);
  WalkSide side[] = {{.source = source_cpu(&s.model), .mode = mode_preset("fp32"), .layers = 3},
                     {.source = source_cpu(&s.model), .mode = mode_preset("1")}};
  const PromptShape prompt = {"a", s.test, 8};
  Progress quiet = progress_start(true);
  Status st = {0};
  Seen seen = {.arena = &s.arena};
  Visitor visitor = {.context = &seen, .side = count_side};
  Walk walk = walk_of(&s, side, 2, &prompt, 1, &visitor, &quiet);
  cr_assert(walk_run(&walk, s.arena, &st), "%s", st.text);
  cr_expect_eq(seen.calls, 3 + LAYERS);
}

/* --- what is stored, and what nobody looks at ------------------------------------------------- */

enum { ALL_SIDES = 3 };

/* What a walk made of its sides, as a store that holds some of their layers. */
typedef struct Made {
  Trace trace[ALL_SIDES][LAYERS];
  Arena *arena;
  const char *const *name; /* [ALL_SIDES] */
  int from, to;            /* layers that are there */
  bool without_ends;       /* what the head makes is not */
  int read, run, heads;
} Made;

static Made made; /* counted by sources, whose context is the model */

static bool take_trace(void *context, const WalkPlace *at, int side, const Trace *trace,
                       Arena scratch, Status *st) {
  (void)scratch, (void)st;
  Made *m = context;
  Trace *kept = &m->trace[side][at->layer];
  *kept = *trace;
  for (int id = 0; id < T_COUNT; id++) {
    const Tensor *t = &trace->t[id];
    const size_t bytes = (size_t)t->rows * (size_t)t->cols * format_size(t->format);
    if (t->data) kept->t[id].data = memcpy(arena_alloc(m->arena, bytes, 1), t->data, bytes);
  }
  return true;
}

static bool has_made(void *context, const PromptShape *prompt, const char *side, int layer,
                     TensorSet set) {
  const Made *m = context;
  (void)prompt, (void)side;
  const TensorSet out = (TensorSet)1 << T_BLOCK_OUT, ends = (TensorSet)1 << T_LOGITS;
  cr_expect(set == out || set == (out | ends));
  if (layer == LAYERS - 1 && set & ends && m->without_ends) return false;
  return layer >= m->from && layer < m->to;
}

static bool read_made(void *context, const PromptShape *prompt, const char *name, int layer,
                      TensorSet set, Arena *arena, Trace *trace, Status *st) {
  (void)prompt, (void)arena, (void)st;
  Made *m = context;
  int side = 0;
  while (strcmp(m->name[side], name) != 0) side++;
  *trace = (Trace){.family = m->trace[side][layer].family};
  for (int id = 0; id < T_COUNT; id++)
    if (set >> id & 1) trace->t[id] = m->trace[side][layer].t[id];
  m->read++;
  return true;
}

static void count_block(const Source *source, const Mode *mode, int layer, const Tensor *x,
                        Arena *arena, Trace *trace) {
  const Source cpu = source_cpu(source->context);
  made.run++;
  cpu.block(&cpu, mode, layer, x, arena, trace);
}

static void count_block64(const Source *source, const Mode *mode, int layer, const Tensor *x,
                          Arena *arena, Trace *trace) {
  const Source reference = source_ref64(source->context);
  made.run++;
  reference.block(&reference, mode, layer, x, arena, trace);
}

static void count_head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  const Source cpu = source_cpu(source->context);
  made.heads++;
  cpu.head(&cpu, x, arena, trace);
}

static void count_head64(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  const Source reference = source_ref64(source->context);
  made.heads++;
  reference.head(&reference, x, arena, trace);
}

/* The first two sides take the same way up to layer 7. */
static Walk counted_walk(Shipped *s, const Mode *const *parting, const PromptShape *prompt,
                         const Visitor *visitor, Progress *progress) {
  static const char *const name[ALL_SIDES] = {"2-0", "parting", "fp64"};
  static WalkSide side[ALL_SIDES];
  made.name = name;
  side[0] = (WalkSide){.source = source_cpu(&s->model), .mode = mode_preset("2-0")};
  side[1] = (WalkSide){.source = side[0].source, .modes = parting};
  side[2] = (WalkSide){.source = source_ref64(&s->weights), .keep = true};
  for (int i = 0; i < ALL_SIDES; i++) {
    side[i].stored = name[i];
    side[i].source.block = i == 2 ? count_block64 : count_block;
    side[i].source.head = i == 2 ? count_head64 : count_head;
  }
  return walk_of(s, side, ALL_SIDES, prompt, 1, visitor, progress);
}

typedef struct Case {
  int from, to, read, run, heads;
  bool without_ends;
} Case;

Test(walk, what_is_stored_is_read_and_what_nobody_looks_at_is_run_only_on_the_way) {
  /* Of the ends alone. Side 1 parts at layer 7. */
  static const Case cases[] = {
      {0, 0, 0, 2 * LAYERS + LAYERS - 7, 3, false}, /* nothing is there */
      {0, LAYERS, 3, 0, 0, false},                  /* the last layer of each */
      {0, LAYERS, 3, 0, 3, true},                   /* but for the logits */
      {0, 11, 3, 3 * (LAYERS - 11), 3, false},      /* layer 10 of each, and on from there */
      {3, 7, 2, 3 * LAYERS - 3 * 7, 3, false},      /* layer 6 of the first for two of them */
      {LAYERS - 1, LAYERS, 3, 0, 0, false},
      {5, 6, 2, 2 * (LAYERS - 6) + LAYERS - 7, 3, false}, /* the first goes on to 6 for both */
  };
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  const Mode *parting[LAYERS];
  for (int l = 0; l < LAYERS; l++) parting[l] = mode_preset(l < 7 ? "2-0" : "2-4");
  const PromptShape prompt = {"one", s.test, TOKENS};
  const TensorSet ends = (TensorSet)1 << T_BLOCK_OUT | (TensorSet)1 << T_LOGITS;
  Progress quiet = progress_start(true);
  Status st = {0};
  Seen want = {.arena = &s.arena};
  made.arena = &s.arena;
  Visitor first = {.context = &made, .side = take_trace};
  Walk walk = counted_walk(&s, parting, &prompt, &first, &quiet);
  Arena scratch;
  cr_assert(arena_reserve(&scratch, (size_t)1 << 30, exhausted, &st));
  walk.share = false;
  cr_assert(walk_run(&walk, scratch, &st), "%s", st.text);
  Visitor plain = {.context = &want, .looks_at = ends, .end = see};
  walk = counted_walk(&s, parting, &prompt, &plain, &quiet);
  cr_assert(walk_run(&walk, scratch, &st), "%s", st.text);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const StoredTensors stored = {.context = &made,
                                  .out = (TensorSet)1 << T_BLOCK_OUT,
                                  .ends = (TensorSet)1 << T_NORM_F | (TensorSet)1 << T_LOGITS,
                                  .has = has_made,
                                  .read = read_made};
    Seen got = {.arena = &s.arena};
    Visitor visitor = {.context = &got, .looks_at = ends, .end = see};
    walk = counted_walk(&s, parting, &prompt, &visitor, &quiet);
    walk.stored = &stored;
    made.from = cases[i].from, made.to = cases[i].to, made.without_ends = cases[i].without_ends;
    made.read = made.run = made.heads = 0;
    cr_assert(walk_run(&walk, scratch, &st), "%s", st.text);
    cr_expect_eq(made.read, cases[i].read, "case %zu: %d layers were read", i, made.read);
    cr_expect_eq(made.run, cases[i].run, "case %zu: %d layers were run", i, made.run);
    cr_expect_eq(made.heads, cases[i].heads, "case %zu: the head ran %d times", i, made.heads);
    cr_assert_eq(got.calls, ALL_SIDES);
    for (int call = 0; call < ALL_SIDES; call++) {
      expect_bits(got.logits[call], want.logits[call], (size_t)TOKENS * (size_t)s.model.vocab,
                  "logits", call);
      expect_bits(got.block_out[call], want.block_out[call], (size_t)TOKENS * (size_t)s.model.D,
                  "block_out", call);
    }
  }
}

static bool looks_at_few(void *context, int prompt, int side, int layer) {
  (void)context, (void)prompt;
  return side == 1 && (layer == 2 || layer == 9);
}

static bool expect_few(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                       Status *st) {
  (void)context, (void)scratch, (void)st;
  if (at->layer == 2 || at->layer == 9) cr_expect_not_null(trace[1].t[T_SCAN].data);
  cr_expect_null(trace[2].t[T_SCAN].data);
  return true;
}

Test(walk, a_visitor_that_looks_at_one_layer_of_one_side_has_no_other_run) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  const Mode *parting[LAYERS];
  for (int l = 0; l < LAYERS; l++) parting[l] = mode_preset(l < 7 ? "2-0" : "2-4");
  const PromptShape prompt = {"one", s.test, TOKENS};
  Progress quiet = progress_start(true);
  Status st = {0};
  Visitor visitor = {.looks = looks_at_few, .layer = expect_few};
  Walk walk = counted_walk(&s, parting, &prompt, &visitor, &quiet);
  made.run = 0;
  cr_assert(walk_run(&walk, s.arena, &st), "%s", st.text);
  cr_expect_eq(made.run, 10);
}
