/* repair: single elements of a layer with other values: what an element on its grid changes is what
 * its code in memory changes, bit for bit; a whole tensor so set is the mode that had those values
 * to begin with; who meets which value; and repairs in a walk. What lies beyond a grid:
 * tests/test_repair_beyond.c. */
#include <math.h>

#include "kernels/watch.h"
#include "measure/clipping.h"
#include "repaired_layer.h"
#include "source/repair.h"
#include "walk/walk.h"

enum { MODES_MOST = 24 };

TestSuite(repair, .init = begin);

/* The presets, and modes of one's own that meet the settings which no preset has. */
static int modes(Mode all[MODES_MOST]) {
  static const struct {
    const char *base;
    int stage, setting;
  } own[] = {{"2-4", STAGE_GATED, OUTPUT_BF16},    {"2-4", STAGE_STATE, INNER_I8},
             {"2-4", STAGE_STATE, INNER_F16},      {"2-4", STAGE_SOFTPLUS, INNER_BF16},
             {"2-0", STAGE_DECAY, INNER_F16},      {"2-0", STAGE_CONV_ACC, INNER_BF16},
             {"2-3", STAGE_OUT_PROJ, OUTPUT_BF16}, {"3", STAGE_CONV_ACC, INNER_F16},
             {"3", STAGE_SCAN_U, SCAN_U_I8},       {"1", STAGE_SCAN_ORDER, SCAN_ORDER_BLOCKED}};
  int count = 0;
  for (int m = 0; m < family_mamba1.presets; m++) all[count++] = family_mamba1.preset[m];
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    Status st = {0};
    all[count] = *mode_preset(own[i].base);
    all[count].setting[own[i].stage] = own[i].setting;
    cr_assert(family_mamba1.mode_check(&all[count], &st), "%s", st.text);
    count++;
  }
  cr_assert(count <= MODES_MOST);
  return count;
}

static void expect_same(const Trace *got, const Trace *want, const char *what) {
  for (int id = 0; id < T_ALL; id++) {
    const Tensor *a = &got->t[id], *b = &want->t[id];
    cr_assert_eq(a->data != NULL, b->data != NULL);
    if (!a->data) continue;
    const char *name = family_mamba1.tensors.info[id].name;
    cr_assert(a->format == b->format && a->scale.value == b->scale.value, "%s: %s", what, name);
    cr_assert_eq(a->nans, b->nans, "%s: %s lost %ld NaNs, not %ld", what, name, (long)a->nans,
                 (long)b->nans);
    cr_assert(a->kernel == b->kernel, "%s: %s was made by '%s', not by '%s'", what, name, a->kernel,
              b->kernel);
    for (size_t i = 0; i < (size_t)a->rows * (size_t)a->cols; i++)
      cr_assert(memcmp((char *)a->data + i * format_size(a->format),
                       (char *)b->data + i * format_size(b->format), format_size(a->format)) == 0,
                "%s: %s[%zu, %zu] is %a, not %a", what, name, i / (size_t)a->cols,
                i % (size_t)a->cols, tensor_value(a, i), tensor_value(b, i));
  }
}

/* Rows and columns of a tensor, each element once in `step`, with the values that it has. */
static int own_values(const Trace *trace, int id, int step, Element *element) {
  const Tensor *t = &trace->t[id];
  int count = 0;
  for (int i = 0; i < t->rows * t->cols; i += step)
    element[count++] = (Element){id, i / t->cols, i % t->cols, (float)tensor_value(t, (size_t)i)};
  return count;
}

Test(repair, elements_set_to_the_values_that_they_have_leave_every_bit_of_every_mode) {
  Mode all[MODES_MOST];
  for (int m = 0, count = modes(all); m < count; m++) {
    Arena before = s.arena;
    Trace want = plain(&all[m]);
    Element *element = ARENA_NEW(&s.arena, Element, T_LAYER_COUNT * 20000);
    int elements = 0;
    for (int id = 0; id < T_LAYER_COUNT; id++)
      if (want.t[id].data) elements += own_values(&want, id, 7, element + elements);
    Trace got = repaired(&all[m], element, elements);
    expect_same(&got, &want, all[m].name);
    s.arena = before;
  }
}

/* --- on the grid: by another way -------------------------------------------------------------- */

/* Operators behind which codes and values are written into memory as they stand, for all who read
 * it. */
typedef struct Planted {
  int calls, call, out, row, col;
  float value;
} Planted;

static void run_planted(void *context, Call *call) {
  Planted *p = context;
  ops_cpu.run(ops_cpu.context, call);
  if (p->calls++ == p->call) repair_write(call->out[p->out], p->row, p->col, p->value);
}

static Trace planted(const Mode *mode, Planted *p) {
  Ops ops = {.backend = "cpu", .context = p, .run = run_planted};
  Model model = s.model;
  Trace trace;
  model.ops = &ops;
  block_run(&model, LAYER, mode, &stream, &s.arena, &trace);
  return trace;
}

/* Where the mode's block makes a tensor that is not an earlier one handed on. */
static bool find_maker(const Mode *mode, int id, Planted *p) {
  SeenCall *seen = ARENA_NEW(&s.arena, SeenCall, WATCH_CALLS);
  Watch watch = {.seen = seen, .room = WATCH_CALLS};
  Model model = s.model;
  Trace trace;
  bool found = false;
  model.ops = watch_start(&watch, s.model.ops);
  block_run(&model, LAYER, mode, &stream, &s.arena, &trace);
  for (int c = 0; c < watch.count; c++)
    for (int i = 0; i < op_info[seen[c].call.kind].outs; i++)
      if (trace.t[id].data && seen[c].made[i].data == trace.t[id].data)
        found = true, p->call = c, p->out = i;
  for (int other = 0; other < id; other++) found &= trace.t[other].data != trace.t[id].data;
  return found;
}

/* A value that the tensor can hold, other than the one it has. */
static float another(const Tensor *t, int row, int col) {
  float has = (float)tensor_value(t, (size_t)row * (size_t)t->cols + (size_t)col);
  if (t->format == FORMAT_I8) return dq((int8_t)(has > 0 ? -77 : 93), t->scale.value);
  return t->format == FORMAT_F16 ? f32_of_f16(f16_of(has + 0.75f)) : has + 0.75f;
}

/* Such a reader hands the value on whole, where memory would be rounded again. */
static bool is_requantised(const Tensor *t, int id) {
  return t->format != FORMAT_I8 &&
         (id == T_CONV1D_SILU || id == T_IN_PROJ || id == T_X_PROJ || id == T_SSM_STATE);
}

Test(repair, an_element_on_the_grid_of_its_tensor_is_its_code_in_memory) {
  Mode all[MODES_MOST];
  int tried = 0;
  for (int m = 0, count = modes(all); m < count; m++)
    for (int id = T_NORM; id < T_LAYER_COUNT; id++) {
      Arena before = s.arena;
      Planted p = {0};
      Trace was = plain(&all[m]);
      const Tensor *t = &was.t[id];
      if (find_maker(&all[m], id, &p) && !is_requantised(t, id)) {
        p.row = (5 * m + id) % t->rows, p.col = (131 * m + 17 * id) % t->cols,
        p.value = another(t, p.row, p.col);
        Trace want = planted(&all[m], &p),
              got = repaired(&all[m], &(Element){id, p.row, p.col, p.value}, 1);
        expect_same(
            &got, &want,
            arena_printf(&s.arena, "%s, %s", all[m].name, family_mamba1.tensors.info[id].name));
        tried++;
      }
      s.arena = before;
    }
  cr_expect_geq(tried, 200, "%d", tried);
}

/* --- a whole tensor is another mode ----------------------------------------------------------- */

static const int behind_the_scan[] = {T_DELTA,    T_SCAN,      T_GATED,    T_OUT_PROJ_IN,
                                      T_OUT_PROJ, T_BLOCK_OUT, T_SSM_STATE};

static void expect_same_behind(const Trace *got, const Trace *want) {
  for (size_t i = 0; i < sizeof behind_the_scan / sizeof *behind_the_scan; i++) {
    const Tensor *a = &got->t[behind_the_scan[i]], *b = &want->t[behind_the_scan[i]];
    cr_expect(
        memcmp(a->data, b->data, (size_t)a->rows * (size_t)a->cols * format_size(a->format)) == 0,
        "%s", family_mamba1.tensors.info[behind_the_scan[i]].name);
  }
}

/* 2-2 and 2-3 take the scan's input from the grid, 2-4 as it left the convolution: nothing else is
 * unlike. In 2-2 it is the convolution's own output, handed on. */
static void expect_mode_2_4(const char *mode) {
  Trace was = plain(mode_preset(mode)), want = plain(mode_preset("2-4"));
  Element *element = ARENA_NEW(&s.arena, Element, want.t[T_SCAN_IN].rows * want.t[T_SCAN_IN].cols);
  int count = own_values(&want, T_SCAN_IN, 1, element);
  Trace got = repaired(mode_preset(mode), element, count);
  cr_assert(memcmp(was.t[T_X_PROJ].data, want.t[T_X_PROJ].data,
                   (size_t)TOKENS * (size_t)want.t[T_X_PROJ].cols) == 0);
  cr_assert(memcmp(was.t[T_GATED].data, want.t[T_GATED].data, (size_t)count * 2) != 0,
            "the two modes are alike here");
  expect_same_behind(&got, &want);
}

Test(repair, all_of_scan_in_as_mode_2_4_has_it_makes_2_2_and_2_3_that_mode) {
  expect_mode_2_4("2-2");
  expect_mode_2_4("2-3");
}

/* --- whom it bears on --------------------------------------------------------------------------
 */

/* Rows of what leaves the block, of which an element of `row` may change its own. */
static void expect_reach(const Trace *got, const Trace *was, int id, int row, const char *mode) {
  const TensorInfo *info = &family_mamba1.tensors.info[id];
  const Tensor *out = &was->t[T_BLOCK_OUT];
  for (int r = 0; r < out->rows; r++) {
    const Tensor a = tensor_rows(&got->t[T_BLOCK_OUT], r, 1), b = tensor_rows(out, r, 1);
    if (info->reach == REACHES_OWN && r == row) continue;
    cr_expect(memcmp(a.data, b.data, (size_t)b.cols * sizeof(float)) == 0,
              "%s: %s of token %d reaches token %d", mode, info->name, row, r);
  }
}

Test(repair, elements_reach_the_tokens_that_their_tensors_say) {
  Mode all[MODES_MOST];
  int none = 0, own = 0;
  for (int m = 0, count = modes(all); m < count; m++)
    for (int id = 0; id < T_LAYER_COUNT; id++) {
      Arena before = s.arena;
      const Trace was = plain(&all[m]);
      const Reach reach = family_mamba1.tensors.info[id].reach;
      const int row = (3 * m + id) % TOKENS, col = (7 * m + id) % 60;
      if (was.t[id].data && reach != REACHES_LATER) {
        const Element element = {id, row, col, another(&was.t[id], row, col) + 20};
        const Trace got = repaired(&all[m], &element, 1);
        expect_reach(&got, &was, id, row, all[m].name);
        none += reach == REACHES_NONE, own += reach == REACHES_OWN;
      }
      s.arena = before;
    }
  cr_expect(none >= 20 && own >= 20, "%d and %d", none, own);
}

/* --- who meets which value -------------------------------------------------------------------- */

static bool differs(const Trace *a, const Trace *b, int id) {
  const Tensor *t = &a->t[id];
  return memcmp(t->data, b->t[id].data,
                (size_t)t->rows * (size_t)t->cols * format_size(t->format)) != 0;
}

Test(repair, a_tensor_handed_on_is_set_for_all_by_its_first_name_and_for_one_reader_by_its_own) {
  const Mode *mode = mode_preset("0");
  Trace was = plain(mode);
  const float value = 3 * 127 * was.t[T_CONV1D_SILU].scale.value;
  const int first[] = {T_CONV1D_SILU, T_X_PROJ_IN, T_SCAN_IN};
  for (int k = 0; k < 3; k++) {
    const Element element = {first[k], 4, 77, value};
    Trace got = repaired(mode, &element, 1);
    for (int other = 0; other < 3; other++)
      cr_expect_eq(differs(&got, &was, first[other]), k == 0 || other == k, "%d set, %d shows", k,
                   other);
    cr_expect_eq(differs(&got, &was, T_X_PROJ), k != 2);
    cr_expect(differs(&got, &was, T_SCAN));
    cr_expect_eq(tensor_value(&got.t[first[k]], (size_t)(4 * was.t[first[k]].cols + 77)),
                 (double)dq(127, was.t[T_CONV1D_SILU].scale.value), "the grid's end is shown");
  }
}

Test(repair, the_last_value_of_a_place_counts_and_a_readers_own_before_everybodys) {
  const Mode *mode = mode_preset("0");
  const float unit = s.model.scales[LAYER].scale[S_U];
  const Element last = {T_SCAN_IN, 4, 77, 300 * unit}, all = {T_CONV1D_SILU, 4, 77, 200 * unit};
  const Element twice[] = {{T_SCAN_IN, 4, 77, -5 * unit}, last}, own_first[] = {last, all},
                own_last[] = {all, last};
  Trace want = repaired(mode, &last, 1), got = repaired(mode, twice, 2);
  expect_same(&got, &want, "twice");
  want = repaired(mode, own_first, 2), got = repaired(mode, own_last, 2);
  expect_same(&got, &want, "the order of names");
  Trace others = repaired(mode, &all, 1);
  cr_expect(!differs(&got, &others, T_X_PROJ) && differs(&got, &others, T_SCAN));
}

Test(repair, what_enters_the_block_is_set_in_a_copy) {
  Trace was = plain(mode_preset("2-0"));
  const Element element = {T_BLOCK_IN, 5, 9, 4.25f};
  Trace got = repaired(mode_preset("2-0"), &element, 1);
  cr_expect_eq(tensor_value(&stream, (size_t)(5 * stream.cols + 9)),
               tensor_value(&was.t[T_BLOCK_IN], (size_t)(5 * stream.cols + 9)));
  Tensor before = stream;
  stream = got.t[T_BLOCK_IN];
  cr_expect_eq(tensor_value(&stream, (size_t)(5 * stream.cols + 9)), 4.25);
  Trace want = plain(mode_preset("2-0"));
  expect_same(&got, &want, "block_in");
  cr_expect(differs(&got, &was, T_BLOCK_OUT));
  stream = before;
}

/* --- in a walk -------------------------------------------------------------------------------- */

typedef struct Ends {
  int blocks;
  float *logits[4];
} Ends;

static Ends ends;

static void run_counted(void *context, Call *call) {
  (void)context;
  ends.blocks += call->kind == OP_RESIDUAL;
  ops_cpu.run(ops_cpu.context, call);
}

static bool keep_logits(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                        Arena scratch, Status *st) {
  (void)context, (void)at, (void)scratch, (void)st;
  size_t bytes = (size_t)TOKENS * (size_t)s.model.vocab * sizeof(float);
  ends.logits[side] = memcpy(arena_alloc(&s.arena, bytes, 1), end[side].logits.data, bytes);
  return true;
}

/* The mode, two repairs of one layer and one of a later; returns how many blocks were run. */
static int walk_repairs(bool share) {
  static const Ops counted = {.backend = "cpu", .run = run_counted};
  enum { LATER = 9 };
  const float unit = s.model.scales[LAYER].scale[S_U], later = s.model.scales[LATER].scale[S_U];
  const Element one = {T_SCAN_IN, 4, 77, 300 * unit}, two = {T_CONV1D_SILU, 11, 3, 250 * unit},
                three = {T_SCAN_IN, 2, 9, -300 * later};
  Model model = s.model;
  model.ops = &counted;
  const Source cpu = source_cpu(&model);
  const Mode *mode = mode_preset("2-0");
  WalkSide side[] = {
      {.source = cpu, .mode = mode},
      {.source = source_repaired(&s.arena, &model, &cpu, LAYER, &one, 1), .mode = mode},
      {.source = source_repaired(&s.arena, &model, &cpu, LAYER, &two, 1), .mode = mode},
      {.source = source_repaired(&s.arena, &model, &cpu, LATER, &three, 1), .mode = mode}};
  const PromptShape prompt = {"one", s.test + 4000, TOKENS};
  Visitor visitor = {.end = keep_logits};
  Status st = {0};
  Arena scratch;
  Walk walk = {.layers = model.layers,
               .width = model.D,
               .side = side,
               .sides = 4,
               .prompt = &prompt,
               .prompts = 1,
               .visitor = &visitor,
               .visitors = 1,
               .share = share};
  ends.blocks = 0;
  cr_assert(arena_reserve(&scratch, (size_t)1 << 30, exhausted, &st));
  cr_assert(walk_run(&walk, scratch, &st), "%s", st.text);
  arena_release(&scratch);
  return ends.blocks;
}

Test(repair, sides_share_the_layers_before_their_repairs_and_give_the_same_bits) {
  enum {
    LAYERS = 24,
    FOUND = 3 /* blocks of one token, in which the makers of the tensors are found */
  };
  s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  int apart = walk_repairs(false);
  Ends alone = ends;
  int shared = walk_repairs(true);
  cr_expect_eq(apart, 4 * LAYERS + FOUND);
  cr_expect_eq(shared, apart - LAYER - LAYER - 9, "%d blocks run", shared);
  for (int side = 0; side < 4; side++) {
    size_t bytes = (size_t)TOKENS * (size_t)s.model.vocab * sizeof(float);
    cr_expect_eq(memcmp(ends.logits[side], alone.logits[side], bytes), 0, "side %d", side);
    for (int other = 0; other < side; other++)
      cr_expect_neq(memcmp(ends.logits[side], ends.logits[other], bytes), 0, "sides %d and %d",
                    side, other);
  }
}

/* --- the shipped prompt ----------------------------------------------------------------------- */

static double relative_l2(const Tensor *got, const Tensor *want) {
  double error = 0, size = 0;
  for (size_t i = 0; i < (size_t)got->rows * (size_t)got->cols; i++) {
    double w = tensor_value(want, i), e = tensor_value(got, i) - w;
    error += e * e, size += w * w;
  }
  return sqrt(error / size);
}

/* The first two layers by `source`, the second one by `end` where that is not NULL; the trace of
 * the second. */
static Trace two_layers(const Source *source, const Source *end, const Mode *mode) {
  Trace top = {0}, trace;
  source->embed(source, s.test + 4000, 171, &s.arena, &top);
  source->block(source, mode, 0, &top.t[T_EMBEDDING], &s.arena, &trace);
  Tensor x = trace.t[T_BLOCK_OUT];
  (end ? end : source)->block(end ? end : source, mode, 1, &x, &s.arena, &trace);
  return trace;
}

Test(repair, one_clipped_value_makes_the_jump_of_mode_2_0_at_layer_1_of_the_shipped_prompt) {
  s = shipped_first(REWRITE_QUAMBA, 2);
  shipped_calibrate(&s, 16, 512);
  Source reference = source_ref64(&s.weights), cpu = source_cpu(&s.model);
  Trace want = two_layers(&reference, NULL, NULL), got = two_layers(&cpu, NULL, mode_preset("2-0"));
  const Element element = {T_CONV1D_SILU, 68, 218,
                           (float)tensor_value(&want.t[T_CONV1D_SILU], 68 * 512 + 218)};
  Clipping clipped;
  clipping_of(&want.t[T_CONV1D_SILU], &got.t[T_CONV1D_SILU], s.model.scales[1].scale[S_U], true,
              &clipped, s.arena);
  cr_expect(clipped.furthest_token == 68 && clipped.furthest_channel == 218,
            "token %d, channel %d is clipped most", clipped.furthest_token,
            clipped.furthest_channel);
  Source repair = source_repaired(&s.arena, &s.model, &cpu, 1, &element, 1);
  Trace mended = two_layers(&cpu, &repair, mode_preset("2-0"));
  double before = relative_l2(&got.t[T_BLOCK_OUT], &want.t[T_BLOCK_OUT]),
         after = relative_l2(&mended.t[T_BLOCK_OUT], &want.t[T_BLOCK_OUT]);
  cr_expect_float_eq(before, 7.35e-2, 5e-4, "%g", before);
  cr_expect_float_eq(after, 3.38e-2, 5e-4, "%g",
                     after); /* with a scale that clips nothing (alpha 1) it is 3.4e-2 */
}
