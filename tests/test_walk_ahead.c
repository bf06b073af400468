/* walk, ahead: a source that computes ahead is given a step only where its weights stand, however
 * few layers have room there and whether or not they stay on this host; it leaves the bits of the
 * one that computes at the call. */
#include "shipped_model.h"

#include "measure/stats.h"
#include "source/repaired.h"
#include "walk/walk.h"

enum { LAYERS = 8, TOKENS = 12, PROMPTS = 3, PLACES = 2, LANES = 2, ROOMS = 4, SIDES = 2 * LANES };

/* Stands for a device: it makes layers of its own, and has room for two of them and for two steps
 * of a lane, which take turns. */
typedef struct Elsewhere {
  Source host;
  int place[PLACES]; /* whose weights stand there */
  Arena half[ROOMS][2];
  Trace trace[ROOMS];
  Tensor stream[ROOMS];
  int steps[ROOMS], width;
  TensorSet back[ROOMS];       /* what of the last step is brought */
  int lanes;                   /* open */
  int steps_of[LAYERS], heads; /* computed */
} Elsewhere;

static Elsewhere *of(const Source *source) { return source->context; }

static int open_there(const Source *source, int T, TensorSet back, Status *st) {
  (void)T, (void)back, (void)st;
  return of(source)->lanes++;
}

static void close_there(const Source *source, int lane) { (void)lane, of(source)->lanes--; }

static bool has_there(const Source *source, int layer, const Forms *forms) {
  (void)forms;
  return of(source)->place[layer % PLACES] == layer;
}

static const Trace *there_of(const Source *source, int lane) { return &of(source)->trace[lane]; }

static bool hold_there(const Source *source, int layer, const Forms *forms, Status *st) {
  (void)forms, (void)st;
  of(source)->place[layer % PLACES] = layer;
  return true;
}

static void queue_there(const Source *source, int lane, const SourceStep *step) {
  Elsewhere *e = of(source);
  const int half = e->steps[lane]++ % 2;
  Arena room = e->half[lane][half];
  Trace ends = {0};
  cr_assert_eq(e->place[step->layer % PLACES], step->layer,
               "layer %d is computed with the weights of layer %d", step->layer,
               e->place[step->layer % PLACES]);
  Tensor x = step->stream ? *step->stream : e->stream[lane];
  const size_t bytes = (size_t)step->prompt->T * (size_t)e->width * sizeof(float);
  if (step->layer > 0)
    x.data = memcpy(arena_room(&room, bytes, 1), x.data, bytes); /* which the next step replaces */
  if (step->layer == 0) {
    e->host.embed(&e->host, step->prompt->token, step->prompt->T, &room, &ends);
    x = *trace_role(&ends, ROLE_EMBEDDING);
  }
  e->host.block(&e->host, step->mode, step->layer, &x, &room, &e->trace[lane]);
  e->stream[lane] = *trace_role(&e->trace[lane], ROLE_BLOCK_OUT);
  if (step->head) e->host.head(&e->host, &e->stream[lane], &room, &ends);
  e->steps_of[step->layer]++;
  e->heads += step->head;
  trace_add_ends(&e->trace[lane], &ends);
}

static void bring_there(const Source *source, int lane, TensorSet back) {
  of(source)->back[lane] = back;
}

static bool wait_there(const Source *source, Status *st) { return (void)source, (void)st, true; }

static double take_there(const Source *source, int lane, Trace *trace) {
  *trace = of(source)->trace[lane];
  for (int id = 0; id < trace->family->tensors.all; id++)
    if (!(of(source)->back[lane] >> id & 1)) trace->t[id].data = NULL;
  return 0;
}

static bool check_there(const Source *source, const Mode *mode, int layer, const Trace *trace,
                        Status *st) {
  const Source *host = &of(source)->host;
  return host->check(host, mode, layer, trace, st);
}

static void embed_here(const Source *source, const int32_t *token, int T, Arena *arena,
                       Trace *ends) {
  of(source)->host.embed(&of(source)->host, token, T, arena, ends);
}

static void block_here(const Source *source, const Mode *mode, int layer, const Tensor *x,
                       Arena *arena, Trace *trace) {
  of(source)->host.block(&of(source)->host, mode, layer, x, arena, trace);
}

static void head_here(const Source *source, const Tensor *x, Arena *arena, Trace *ends) {
  of(source)->host.head(&of(source)->host, x, arena, ends);
}

static Forms forms_there(const Source *source, const Mode *mode, bool head) {
  const Source *host = &of(source)->host;
  return host->forms(host, mode, head);
}

static Source elsewhere(Elsewhere *e, const Model *model, Arena *arena) {
  static const SourceAhead ahead = {open_there, close_there, has_there,  hold_there, queue_there,
                                    there_of,   bring_there, wait_there, take_there};
  *e = (Elsewhere){.host = source_cpu(model), .width = model->D, .place = {-1, -1}};
  for (int lane = 0; lane < ROOMS; lane++)
    for (int half = 0; half < 2; half++)
      e->half[lane][half] = arena_carve(arena, block_bytes(&model->config, TOKENS) + (1 << 18));
  return (Source){.stream = FORMAT_F32,
                  .context = e,
                  .embed = embed_here,
                  .block = block_here,
                  .head = head_here,
                  .check = check_there,
                  .forms = forms_there,
                  .ahead = &ahead};
}

static bool compare(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                    Status *st) {
  (void)scratch, (void)st;
  int *layers = context;
  ++*layers;
  for (int side = 0; side < LANES; side++)
    for (int id = 0; id < trace->family->tensors.count; id++) {
      const Tensor *got = &trace[side].t[id], *want = &trace[side + LANES].t[id];
      cr_assert(!got->data == !want->data && (!got->data || tensor_identical(got, want)),
                "prompt %d, layer %d, side %d: %s", at->prompt, at->layer, side,
                trace->family->tensors.info[id].name);
    }
  return true;
}

/* `made`: what computes ahead has these layers; `layers`: of each side; 0: all, and the head behind
 * them. */
static void walk_elsewhere(Shipped *s, const Model *made, int batch, int layers) {
  Arena arena = s->arena;
  Elsewhere there;
  const Source ahead = elsewhere(&there, made, &arena);
  WalkSide side[SIDES];
  for (int i = 0; i < SIDES; i++)
    side[i] = (WalkSide){.source = i < LANES ? ahead : source_cpu(&s->model),
                         .mode = mode_preset(i % LANES ? "2-4" : "2-0"),
                         .layers = layers};
  PromptShape prompt[PROMPTS];
  shipped_prompts(s, prompt, PROMPTS, TOKENS);
  int compared = 0;
  Status st = {0};
  Visitor visitor = {.context = &compared, .layer = compare};
  Walk walk = shipped_walk(s, side, SIDES, prompt, PROMPTS, &visitor);
  walk.batch = batch;
  cr_assert(walk_run(&walk, arena, &st), "%s", st.text);
  cr_expect_eq(compared, PROMPTS * LAYERS);
  cr_expect_eq(there.heads, layers ? 0 : PROMPTS * LANES);
}

Test(walk_ahead, layers_that_stay_here_but_not_there_are_sent_before_they_are_computed_with) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  for (int batch = 1; batch <= PROMPTS; batch++) walk_elsewhere(&s, &s.model, batch, 0);
}

Test(walk_ahead, layers_that_stay_nowhere_are_sent_before_they_are_computed_with) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  const Model made = s.model;
  shipped_open(&s, REWRITE_QUAMBA, 0);
  memcpy(s.model.scales, made.scales, LAYERS * sizeof *made.scales);
  for (int batch = 1; batch <= PROMPTS; batch++) walk_elsewhere(&s, &made, batch, 0);
}

/* --- what is brought -------------------------------------------------------------------------- */

static TensorSet bit(const Trace *trace, Role role) {
  return (TensorSet)1 << (trace_role_of(trace, role) - trace->t);
}

/* The stream alone, and of the first side in the third layer what leaves its scan. */
static TensorSet wanted(const Trace *trace, int side, int layer) {
  return bit(trace, ROLE_BLOCK_OUT) | (side == 0 && layer == 2 ? bit(trace, ROLE_SCAN) : 0);
}

static void say_wanted(void *context, const WalkPlace *at, const Trace *const *there,
                       TensorSet *back) {
  (void)context;
  for (int s = 0; s < at->sides; s++) {
    cr_expect_eq(back[s], TENSORS_ALL, "what nobody says comes back");
    back[s] = wanted(there[s], s, at->layer);
  }
}

static bool see_wanted(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                       Status *st) {
  (void)scratch, (void)st;
  int *missing = context;
  for (int s = 0; s < at->sides; s++)
    for (int id = 0; id < trace->family->tensors.count; id++) {
      const Tensor *t = &trace[s].t[id];
      const bool asked = wanted(&trace[s], s, at->layer) >> id & 1;
      cr_expect_eq(t->data != NULL, asked && tensor_is_made(t), "layer %d, side %d: %s", at->layer,
                   s, trace->family->tensors.info[id].name);
      *missing += tensor_is_made(t) && !t->data;
    }
  return true;
}

Test(walk_ahead, no_more_is_brought_than_who_looks_there_says) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  Arena arena = s.arena;
  Elsewhere there;
  const Source ahead = elsewhere(&there, &s.model, &arena);
  WalkSide side[LANES];
  for (int i = 0; i < LANES; i++)
    side[i] = (WalkSide){.source = ahead, .mode = mode_preset(i ? "2-4" : "2-0")};
  PromptShape prompt[PROMPTS];
  shipped_prompts(&s, prompt, PROMPTS, TOKENS);
  int missing = 0;
  Status st = {0};
  Visitor visitor = {.context = &missing, .queued = say_wanted, .layer = see_wanted};
  Walk walk = shipped_walk(&s, side, LANES, prompt, PROMPTS, &visitor);
  cr_assert(walk_run(&walk, arena, &st), "%s", st.text);
  cr_expect_gt(missing, PROMPTS * LAYERS * LANES * 8);
}

static bool count_layers(void *context, int layer, Status *st) {
  (void)st;
  int *ridden = context;
  cr_expect_eq(layer, (*ridden)++, "a rider is given layers in order");
  return true;
}

static bool nothing(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                    Status *st) {
  return (void)context, (void)at, (void)trace, (void)scratch, (void)st, true;
}

Test(walk_ahead, who_makes_layers_elsewhere_asks_this_host_for_none) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  const Model made = s.model;
  Elsewhere there;
  PromptShape prompt[PROMPTS];
  Status st = {0};
  int ridden = 0;
  for (size_t memory = 0;; memory = SIZE_MAX) {
    shipped_open(&s, REWRITE_QUAMBA, memory);
    Arena arena = s.arena;
    WalkSide side = {.source = elsewhere(&there, &made, &arena), .mode = mode_preset("2-0")};
    shipped_prompts(&s, prompt, PROMPTS, TOKENS);
    layers_ride(s.layers, &(Rider){.context = &ridden, .ride = count_layers});
    Visitor visitor = {.layer = nothing};
    Walk walk = shipped_walk(&s, &side, 1, prompt, PROMPTS, &visitor);
    cr_assert(walk_run(&walk, arena, &st), "%s", st.text);
    for (int i = 0; i < s.layers->places; i++) cr_expect_eq(s.layers->held[i], -1);
    cr_expect_eq(ridden, LAYERS);
    cr_expect_eq(there.heads, PROMPTS);
    ridden = 0;
    if (memory) break;
  }
}

Test(walk_ahead, sides_that_end_before_the_head_ask_for_none) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  walk_elsewhere(&s, &s.model, 1, LAYERS);
}

/* --- repaired sides --------------------------------------------------------------------------- */

enum { OWN = 3, EARLY = 0, LAST = LAYERS - 1, REPAIRED = 4, HALF = 1 + REPAIRED };

/* What left each layer, and the logits, of sides and of those that compute at the call. */
typedef struct Seen {
  Arena *arena;
  Tensor out[2 * HALF][LAYERS], logits[2 * HALF];
} Seen;

static Tensor kept_of(Arena *arena, const Tensor *t) {
  Tensor kept = *t;
  const size_t bytes = (size_t)t->rows * (size_t)t->cols * sizeof(float);
  kept.data = memcpy(arena_room(arena, bytes, 1), t->data, bytes);
  return kept;
}

static bool see_side(void *context, const WalkPlace *at, int side, const Trace *trace,
                     Arena scratch, Status *st) {
  (void)scratch, (void)st;
  Seen *seen = context;
  cr_expect_null(seen->out[side][at->layer].data, "side %d is shown layer %d twice", side,
                 at->layer);
  if (side % HALF)
    cr_expect(seen->out[side / HALF * HALF][at->layer].data, "the plain side comes first");
  seen->out[side][at->layer] = kept_of(seen->arena, trace_role_of(trace, ROLE_BLOCK_OUT));
  return true;
}

static bool see_end(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                    Status *st) {
  (void)at, (void)scratch, (void)st;
  Seen *seen = context;
  seen->logits[side] = kept_of(seen->arena, &end[side].logits);
  return true;
}

Test(walk_ahead,
     repaired_sides_are_computed_ahead_behind_their_layer_and_have_the_bits_of_the_call) {
  Shipped s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 1, 64);
  const int layer[REPAIRED] = {OWN, EARLY, LAST, LAST - 1};
  const float unit = s.model.scales[OWN].scale[S_U];
  for (int batch = 1; batch <= 2; batch++) {
    Arena arena = s.arena;
    Elsewhere there;
    Arena kept = arena_carve(&arena, (size_t)64 << 20);
    Seen seen = {.arena = &kept};
    const Source plain[2] = {elsewhere(&there, &s.model, &arena), source_cpu(&s.model)};
    WalkSide side[2 * HALF];
    for (int i = 0; i < 2 * HALF; i++) {
      const int k = i % HALF - 1;
      const Element element = {T_SCAN_IN, 4, 77, 300 * unit};
      side[i] = (WalkSide){.source = plain[i / HALF], .mode = mode_preset("2-0")};
      if (k >= 0)
        side[i].source = source_repaired(&arena, &s.model, &plain[i / HALF], layer[k], &element, 1);
    }
    PromptShape prompt[1];
    shipped_prompts(&s, prompt, 1, TOKENS);
    Status st = {0};
    Visitor visitor = {.context = &seen, .side = see_side, .end = see_end};
    Walk walk = shipped_walk(&s, side, 2 * HALF, prompt, 1, &visitor);
    walk.share = true;
    walk.batch = batch;
    cr_assert(walk_run(&walk, arena, &st), "%s", st.text);
    for (int i = 0; i < HALF; i++) {
      cr_expect(tensor_identical(&seen.logits[i], &seen.logits[i + HALF]), "side %d", i);
      cr_expect(i == 0 || !tensor_identical(&seen.logits[i], &seen.logits[0]), "side %d", i);
      for (int at = 0; at < LAYERS; at++) {
        const bool own = i == 0 || at >= layer[i - 1];
        cr_assert_eq(seen.out[i][at].data != NULL, own, "side %d, layer %d", i, at);
        cr_expect(!own || tensor_identical(&seen.out[i][at], &seen.out[i + HALF][at]),
                  "side %d, layer %d", i, at);
      }
    }
    for (int at = 0; at < LAYERS; at++)
      cr_expect_eq(there.steps_of[at], 1 + (at > OWN) + (at > EARLY) + (at > LAST - 1), "layer %d",
                   at);
    cr_expect_eq(there.heads, 4, "of the one repaired in the last layer the head is the host's");
  }
}
