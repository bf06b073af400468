/* layers: held one at a time they are the layers that stay; walks in batches give the bits of walks
 * prompt by prompt, and go on behind a layer where they were stopped. */
#include "family/mamba1.h"
#include "shipped_model.h"

#include "base/process.h"
#include "tests/folder.h"
#include "walk/walk.h"

#include <sys/wait.h>

enum { LAYERS = 24, TOKENS = 24, PROMPTS = 3 };

/* A second model of the same checkpoint, of which no layer stays. */
static Shipped passing(const Shipped *of, Rewrite rewrite) {
  Shipped s = *of;
  shipped_open(&s, rewrite, 0);
  cr_assert(!layers_stay(s.layers));
  return s;
}

static void expect_linear(const Linear *a, const Linear *b, const char *what, int layer) {
  char x[4 * 512], y[4 * 512];
  cr_assert(a->out == b->out && a->in == b->in && a->in <= 512 && a->format == b->format);
  cr_expect(a->scale == b->scale, "%s of layer %d", what, layer);
  for (int row = 0; row < a->out; row++) {
    linear_unpack(a, row, x);
    linear_unpack(b, row, y);
    cr_assert(!memcmp(x, y, (size_t)a->in * format_size(a->format)), "%s of layer %d, row %d", what,
              layer, row);
  }
}

static void expect_prepared(const WeightInfo *info, const Prepared *a, const Prepared *b,
                            int layer) {
  if (info->form == FORM_LINEAR) {
    expect_linear(&a->linear, &b->linear, info->name, layer);
    return;
  }
  const size_t values = (size_t)a->values.rows * (size_t)a->values.cols;
  cr_assert(!a->values.data == !b->values.data && a->values.format == b->values.format);
  cr_expect(a->values.scale.value == b->values.scale.value, "%s of layer %d", info->name, layer);
  if (a->values.data)
    cr_expect(!memcmp(a->values.data, b->values.data, values * format_size(a->values.format)),
              "%s of layer %d", info->name, layer);
}

static void layers_are_equal(Rewrite rewrite) {
  Shipped all = shipped_load(rewrite), one = passing(&all, rewrite);
  const Family *family = all.model.config.family;
  Status st = {0};
  for (int step = 0; step < LAYERS + 3; step++) {
    const int layer =
        step < LAYERS ? step : LAYERS - 1 - 7 * (step - LAYERS); /* on, and back again */
    cr_assert(layers_hold(one.layers, layer, &shipped_forms, &st), "%s", st.text);
    for (int w = 0; w < family->weights; w++) {
      const WeightInfo *info = &family->weight[w];
      const double *x = all.weights.layer[layer][w], *y = one.weights.layer[layer][w];
      cr_assert(!x == !y, "%s of layer %d", info->name, layer);
      if (x)
        cr_expect(!memcmp(x, y, weight_values(&all.model.config, info) * sizeof *x), "%s of %d",
                  info->name, layer);
      expect_prepared(info, &all.model.layer[layer].f32[w], &one.model.layer[layer].f32[w], layer);
      if (info->form != FORM_GAIN)
        expect_prepared(info, &all.model.layer[layer].i8[w], &one.model.layer[layer].i8[w], layer);
      cr_expect_null(one.weights.layer[(layer + 1) % LAYERS][w], "a layer that is not held");
      cr_expect_null(one.model.layer[(layer + 1) % LAYERS].f32[w].linear.panels,
                     "a layer that is not held");
    }
  }
  expect_linear(&all.model.head, &one.model.head, "head", LAYERS);
}

Test(layers, one_at_a_time_they_are_those_that_stay) { layers_are_equal(REWRITE_QUAMBA); }
Test(layers, one_at_a_time_they_are_those_that_stay_without_a_rewrite) {
  layers_are_equal(REWRITE_NONE);
}

Test(layers, only_the_forms_that_are_asked_for_are_made_and_more_can_be_asked_for) {
  Shipped all = shipped_load(REWRITE_QUAMBA), one = passing(&all, REWRITE_QUAMBA);
  const Forms i8 = {.i8 = 1u << W_IN_PROJ}, f32 = {.f32 = 1u << W_IN_PROJ | 1u << W_D};
  Status st = {0};
  cr_assert(layers_hold(one.layers, 3, &i8, &st) && layers_ready(one.layers, 3, &i8));
  cr_expect(!layers_ready(one.layers, 3, &f32) && !layers_ready(one.layers, 2, &i8));
  cr_expect_null(one.model.layer[3].f32[W_IN_PROJ].linear.panels);
  cr_expect_null(one.model.layer[3].i8[W_X_PROJ].linear.panels);
  cr_assert(layers_hold(one.layers, 3, &f32, &st) && layers_ready(one.layers, 3, &f32));
  cr_expect(layers_ready(one.layers, 3, &i8), "what was there stays");
  expect_linear(&all.model.layer[3].f32[W_IN_PROJ].linear,
                &one.model.layer[3].f32[W_IN_PROJ].linear, "in_proj", 3);
}

/* --- a checkpoint that changes meanwhile ------------------------------------------------------ */

static void copy_file(const char *from, const char *to) {
  Status st = {0};
  Bytes bytes;
  cr_assert(file_map(from, &bytes, &st) && file_write(to, bytes.data, bytes.count, false, &st),
            "%s", st.text);
  file_unmap(&bytes);
}

Test(layers, checkpoint_that_is_replaced_while_it_is_read_is_refused_by_name) {
  static const char *const name[] = {"config.json", "model.safetensors.index.json",
                                     "model-00001-of-00002.safetensors",
                                     "model-00002-of-00002.safetensors"};
  enum { FILES = sizeof name / sizeof *name };
  char folder[FOLDER_NAME], from[FILES][128], to[FILES][128];
  Status st = {0};
  Shipped s = {0};
  folder_make(folder);
  for (int i = 0; i < FILES; i++) {
    snprintf(from[i], sizeof *from, SHIPPED_MODEL "/%s", name[i]);
    snprintf(to[i], sizeof *to, "%s/%s", folder, name[i]);
    copy_file(from[i], to[i]);
  }
  cr_assert(arena_reserve(&s.arena, (size_t)4 << 30, exhausted, &st), "%s", st.text);
  cr_assert(checkpoint_open(&s.arena, folder, &s.checkpoint, &st), "%s", st.text);
  shipped_open(&s, REWRITE_QUAMBA, 0);
  cr_assert(layers_hold(s.layers, 0, &shipped_forms, &st), "%s", st.text);
  copy_file(from[3], to[3]); /* the same bytes: who knows? */
  cr_expect_not(layers_hold(s.layers, 1, &shipped_forms, &st));
  cr_expect(strstr(st.text, to[3]) && strstr(st.text, "changed or replaced"), "%s", st.text);
  for (int i = 0; i < FILES; i++) remove(to[i]);
  rmdir(folder);
}

/* A file that loses its end under the hands of whoever reads it: no signal ends the program. */
Test(layers, mapped_file_that_becomes_shorter_ends_the_program_with_a_line) {
  char path[] = "/tmp/driftscope-test-XXXXXX", said[256] = "";
  const int file = mkstemp(path);
  int from[2], status;
  cr_assert(file >= 0 && ftruncate(file, 1 << 20) == 0 && pipe(from) == 0);
  const pid_t child = fork();
  if (child == 0) {
    Status st = {0};
    Bytes bytes;
    dup2(from[1], STDERR_FILENO);
    process_end_on_bus_error(2);
    if (!file_map(path, &bytes, &st) || ftruncate(file, 0) != 0) _exit(9);
    _exit(((const volatile char *)bytes.data)[1 << 19]);
  }
  close(from[1]);
  cr_assert(waitpid(child, &status, 0) == child);
  cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %x", (unsigned)status);
  cr_expect(read(from[0], said, sizeof said - 1) > 0 && strstr(said, "became shorter"), "%s", said);
  cr_expect(strstr(said, path), "%s is not named: %s", path, said);
  remove(path);
}

/* --- riders ----------------------------------------------------------------------------------- */

typedef struct Seen {
  const Model *model;
  int next, stop_at;
} Seen;

static bool see(void *context, int layer, Status *st) {
  Seen *seen = context;
  cr_expect_eq(layer, seen->next++);
  cr_expect_not_null(seen->model->layer[layer].f32[W_IN_PROJ].linear.panels, "layer %d is not held",
                     layer);
  return layer != seen->stop_at || FAIL(st, "stopped at %d", layer);
}

Test(layers, riders_are_given_every_layer_once_and_in_order_whatever_is_held) {
  Shipped all = shipped_load(REWRITE_QUAMBA);
  for (int stays = 0; stays < 2; stays++) {
    Shipped one = all;
    Status st = {0};
    shipped_open(&one, REWRITE_QUAMBA, stays ? SIZE_MAX : 0);
    Seen seen = {&one.model, 0, -1}, too = {&one.model, 0, 20};
    const Forms f32 = {.f32 = ~0u}, i8 = {.i8 = 1u << W_IN_PROJ};
    layers_ride(one.layers, &(Rider){.context = &seen, .forms = f32, .ride = see});
    layers_ride(one.layers, &(Rider){.context = &too, .forms = f32, .ride = see});
    cr_assert(layers_hold(one.layers, 5, &i8, &st), "%s", st.text);
    cr_expect(seen.next == 6 && too.next == 6, "%d, %d", seen.next, too.next);
    cr_assert(layers_hold(one.layers, 2, &i8, &st) && layers_hold(one.layers, 5, &i8, &st));
    cr_expect(seen.next == 6, "a layer was given twice");
    cr_expect_not(layers_ride_all(one.layers, &st));
    cr_expect_str_eq(st.text, "stopped at 20");
  }
}

/* --- what is asked for beside the plan -------------------------------------------------------- */

/* The address space that layers take is that of the forms that stay: a machine where they fit has
 * room for them. */
Test(layers, forms_beside_the_plan_are_one_layers_at_a_time_and_take_no_room_of_the_others) {
  Shipped all = shipped_load(REWRITE_QUAMBA), one = all, every = all;
  const Forms i8 = {.i8 = 1u << W_IN_PROJ | 1u << W_OUT_PROJ},
              f32 = {.f32 = 1u << W_IN_PROJ | 1u << W_NORM};
  const LayersPlan plan = {.forms = i8, .memory = SIZE_MAX, .together = 1};
  Status st = {0};
  shipped_open(&every, REWRITE_QUAMBA, SIZE_MAX);
  one.layers = ARENA_NEW(&one.arena, Layers, 1);
  const char *before = one.arena.next;
  cr_assert(layers_open(&one.arena, &all.checkpoint, REWRITE_QUAMBA, &plan, one.layers, &st), "%s",
            st.text);
  one.model = one.layers->model;
  const size_t linear = (size_t)all.model.D * (size_t)all.model.config.E,
               taken = (size_t)(one.arena.next - before);
  cr_expect_lt(taken,
               (size_t)(every.arena.next - all.arena.next) - LAYERS * 2 * linear * sizeof(float));
  cr_assert(layers_stay(one.layers) && layers_hold_all(one.layers, &i8, &st), "%s", st.text);
  for (int layer = 0; layer < LAYERS; layer++) {
    const ModelLayer *got = &one.model.layer[layer], *want = &all.model.layer[layer];
    cr_assert(layers_hold(one.layers, layer, &f32, &st), "%s", st.text);
    cr_assert(layers_ready(one.layers, layer, &f32) && layers_ready(one.layers, layer, &i8));
    expect_linear(&got->f32[W_IN_PROJ].linear, &want->f32[W_IN_PROJ].linear, "in_proj as float32",
                  layer);
    for (int l = 0; l < LAYERS; l++)
      expect_linear(&one.model.layer[l].i8[W_IN_PROJ].linear,
                    &all.model.layer[l].i8[W_IN_PROJ].linear, "in_proj", l);
    if (layer == 0) continue;
    cr_expect(!layers_ready(one.layers, layer - 1, &f32) &&
              layers_ready(one.layers, layer - 1, &i8));
    cr_expect_null(one.model.layer[layer - 1].f32[W_IN_PROJ].linear.panels,
                   "what another layer has now");
  }
}

/* What a rider alone took does not stay. */
Test(layers, forms_that_only_a_rider_took_go_with_it) {
  Shipped one = shipped_load(REWRITE_QUAMBA);
  const Forms i8 = {.i8 = 1u << W_IN_PROJ}, f32 = {.f32 = 1u << W_IN_PROJ};
  const LayersPlan plan = {.forms = i8, .memory = SIZE_MAX, .together = 1};
  Status st = {0};
  one.layers = ARENA_NEW(&one.arena, Layers, 1);
  cr_assert(layers_open(&one.arena, &one.checkpoint, REWRITE_QUAMBA, &plan, one.layers, &st), "%s",
            st.text);
  one.model = one.layers->model;
  Seen seen = {&one.model, 0, -1};
  layers_ride(one.layers, &(Rider){.context = &seen, .forms = f32, .ride = see});
  cr_assert(layers_hold_all(one.layers, &i8, &st), "%s", st.text);
  cr_expect_eq(seen.next, LAYERS);
  for (int layer = 0; layer < LAYERS; layer++)
    cr_expect(!layers_ready(one.layers, layer, &f32) && layers_ready(one.layers, layer, &i8),
              "layer %d", layer);
}

/* Where one walk asks for each, none has a place of its own, however much memory there is; and
 * nobody is to spare any. */
Test(layers, that_are_asked_for_once_take_turns_in_one_place) {
  Shipped all = shipped_load(REWRITE_QUAMBA), one = all;
  const Forms i8 = {.i8 = 1u << W_IN_PROJ};
  const LayersPlan plan = {.forms = i8, .memory = SIZE_MAX, .once = true, .together = 1};
  Status st = {0}, held = {0};
  one.layers = ARENA_NEW(&one.arena, Layers, 1);
  cr_assert(layers_open(&one.arena, &one.checkpoint, REWRITE_QUAMBA, &plan, one.layers, &st), "%s",
            st.text);
  one.model = one.layers->model;
  cr_expect(layers_stay(one.layers) && one.layers->places == 1);
  for (int layer = 0; layer < LAYERS; layer++) {
    cr_assert(layers_hold(one.layers, layer, &i8, &st), "%s", st.text);
    expect_linear(&one.model.layer[layer].i8[W_IN_PROJ].linear,
                  &all.model.layer[layer].i8[W_IN_PROJ].linear, "in_proj", layer);
    if (layer) cr_expect_not(layers_ready(one.layers, layer - 1, &i8), "layer %d", layer);
  }
  cr_expect(!layers_hold_all(one.layers, &i8, &held) && strstr(held.text, "do not stay"), "%s",
            held.text);
}

/* --- batches ---------------------------------------------------------------------------------- */

/* What a walk shows: digests of every side's stream behind each layer, and of the logits. */
typedef struct Shown {
  Digest stream[PROMPTS][LAYERS][2], logits[PROMPTS][2];
  int calls, stop_after;
} Shown;

static bool show_layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                       Status *st) {
  (void)scratch;
  Shown *shown = context;
  if (shown->stop_after && shown->calls == shown->stop_after) return FAIL(st, "stopped");
  shown->calls++;
  for (int s = 0; s < 2; s++) {
    const Tensor *x = trace_role_of(&trace[s], ROLE_BLOCK_OUT),
                 *y = trace_role_of(&trace[s], ROLE_LOGITS);
    shown->stream[at->prompt][at->layer][s] =
        digest_of(x->data, (size_t)x->rows * (size_t)x->cols * format_size(x->format));
    if (y->data)
      shown->logits[at->prompt][s] =
          digest_of(y->data, (size_t)y->rows * (size_t)y->cols * format_size(y->format));
  }
  return true;
}

static void *shown_left(void *context, int prompt, size_t *bytes) {
  Shown *shown = context;
  *bytes = sizeof shown->stream[0];
  return shown->stream[prompt];
}

static Walk walk_of(const Shipped *s, WalkSide side[2], const PromptShape *prompt,
                    const Visitor *visitor, int batch) {
  side[0] = (WalkSide){.source = source_cpu(&s->model), .mode = mode_preset("2-0")};
  side[1] = (WalkSide){.source = source_ref64(&s->weights)};
  Walk walk = shipped_walk(s, side, 2, prompt, PROMPTS, visitor);
  walk.batch = batch;
  walk.name = "w";
  return walk;
}

static void expect_shown(const Shown *got, const Shown *want, const char *what) {
  for (int p = 0; p < PROMPTS; p++)
    for (int s = 0; s < 2; s++) {
      for (int layer = 0; layer < LAYERS; layer++)
        cr_expect_str_eq(got->stream[p][layer][s].hex, want->stream[p][layer][s].hex,
                         "%s: prompt %d, layer %d, side %d", what, p, layer, s);
      cr_expect_str_eq(got->logits[p][s].hex, want->logits[p][s].hex, "%s: prompt %d, side %d",
                       what, p, s);
    }
}

/* Prompt by prompt, of layers that stay. */
static Shown shown_of(Shipped *s, const PromptShape prompt[PROMPTS]) {
  Shown shown = {.calls = 0};
  WalkSide side[2];
  Status st = {0};
  const Visitor visitor = {.context = &shown, .layer = show_layer};
  const Walk walk = walk_of(s, side, prompt, &visitor, 1);
  cr_assert(walk_run(&walk, s->arena, &st), "%s", st.text);
  return shown;
}

Test(layers, walks_in_batches_of_any_size_give_the_bits_of_walks_prompt_by_prompt) {
  Shipped all = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&all, 1, 64);
  PromptShape prompt[PROMPTS];
  shipped_prompts(&all, prompt, PROMPTS, TOKENS);
  const Shown want = shown_of(&all, prompt);
  WalkSide side[2];
  Status st = {0};
  Visitor visitor = {.layer = show_layer};
  for (int batch = 1; batch <= PROMPTS; batch++) {
    Shipped one = passing(&all, REWRITE_QUAMBA);
    memcpy(one.model.scales, all.model.scales, LAYERS * sizeof *one.model.scales);
    Shown got = {.calls = 0};
    visitor.context = &got;
    const Walk walk = walk_of(&one, side, prompt, &visitor, batch);
    cr_assert(walk_run(&walk, one.arena, &st), "%s", st.text);
    cr_expect_eq(got.calls, PROMPTS * LAYERS);
    expect_shown(&got, &want, "batch");
  }
}

/* --- a walk that is stopped and goes on ------------------------------------------------------- */

enum { NOTES = 16 };

typedef struct Notes {
  char name[NOTES][64];
  void *bytes[NOTES];
  size_t size[NOTES];
  int count, dropped;
} Notes;

static int place_of(Notes *notes, const char *name) {
  int i = 0;
  while (i < notes->count && strcmp(notes->name[i], name)) i++;
  cr_assert(i < NOTES);
  return i;
}

static bool find_note(void *context, Arena *arena, const char *name, const void **bytes,
                      size_t *size, Status *st) {
  (void)arena, (void)st;
  Notes *notes = context;
  const int i = place_of(notes, name);
  *bytes = i < notes->count ? notes->bytes[i] : NULL;
  *size = i < notes->count ? notes->size[i] : 0;
  return true;
}

static bool keep_note(void *context, const char *name, const void *bytes, size_t size, Status *st) {
  (void)st;
  Notes *notes = context;
  const int i = place_of(notes, name);
  if (i == notes->count) snprintf(notes->name[notes->count++], sizeof *notes->name, "%s", name);
  free(notes->bytes[i]);
  notes->bytes[i] = memcpy(malloc(size), bytes, size);
  notes->size[i] = size;
  return true;
}

static void drop_note(void *context, const char *name) {
  Notes *notes = context;
  const int i = place_of(notes, name);
  notes->dropped += i < notes->count && notes->bytes[i];
  if (i < notes->count) free(notes->bytes[i]), notes->bytes[i] = NULL;
}

/* The layers of a batch that are done are not run again, wherever it stops; what the visitor had of
 * them comes back. */
Test(layers, batch_that_was_stopped_goes_on_behind_its_last_whole_layer) {
  Shipped all = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&all, 1, 64);
  PromptShape prompt[PROMPTS];
  shipped_prompts(&all, prompt, PROMPTS, TOKENS);
  const Shown want = shown_of(&all, prompt);
  WalkSide side[2];
  Status st = {0};
  Visitor visitor = {.layer = show_layer, .left = shown_left};
  static const int stops[] = {1, 2, 3, 4, 37, PROMPTS * LAYERS - 1};
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
    Notes notes = {.count = 0};
    const Keeper keeper = {
        .context = &notes, .find = find_note, .keep = keep_note, .drop = drop_note};
    Shown first = {.stop_after = stops[i]}, got = {.calls = 0};
    visitor.context = &first;
    Walk walk = walk_of(&all, side, prompt, &visitor, PROMPTS);
    walk.keeper = &keeper;
    st = (Status){0};
    cr_assert_not(walk_run(&walk, all.arena, &st));
    visitor.context = &got;
    st = (Status){0};
    cr_assert(walk_run(&walk, all.arena, &st), "%s", st.text);
    cr_expect_eq(got.calls, PROMPTS * LAYERS - stops[i],
                 "stopped after %d: %d layers were run again", stops[i], got.calls);
    cr_expect_eq(notes.dropped, PROMPTS, "streams of %d prompts are left", PROMPTS - notes.dropped);
    for (int p = 0; p < PROMPTS; p++)
      for (int s = 0; s < 2; s++)
        strcpy(got.logits[p][s].hex, want.logits[p][s].hex); /* which are not kept */
    expect_shown(&got, &want, "stopped");
  }
}

/* What is kept on the way is each side's own, also where an earlier one ran its layers: who goes on
 * may share less, or other sides. */
Test(layers, sides_that_shared_their_layers_go_on_apart_from_what_was_kept) {
  Shipped all = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&all, 1, 64);
  PromptShape prompt[PROMPTS];
  shipped_prompts(&all, prompt, PROMPTS, TOKENS);
  Shown shown[3] = {{.calls = 0}, {.stop_after = 3 * PROMPTS + 1}, {.calls = 0}};
  Notes notes = {.count = 0};
  const Keeper keeper = {
      .context = &notes, .find = find_note, .keep = keep_note, .drop = drop_note};
  for (int i = 0; i < 3; i++) {
    WalkSide side[2];
    Status st = {0};
    Visitor visitor = {.context = &shown[i], .layer = show_layer, .left = shown_left};
    Walk walk = walk_of(&all, side, prompt, &visitor, PROMPTS);
    side[1] = side[0];
    walk.keeper = i ? &keeper : NULL;
    walk.share = i == 1;
    cr_assert_eq(walk_run(&walk, all.arena, &st), i != 1, "%s", st.text);
  }
  cr_expect_eq(shown[2].calls, PROMPTS * (LAYERS - 3) - 1);
  for (int p = 0; p < PROMPTS; p++)
    for (int s = 0; s < 2; s++)
      for (int layer = 0; layer < LAYERS; layer++)
        cr_expect_str_eq(shown[2].stream[p][layer][s].hex, shown[0].stream[p][layer][s].hex,
                         "prompt %d, layer %d, side %d", p, layer, s);
}
