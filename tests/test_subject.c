/* subject: what only the files and the model can refuse of a spec still has its place there. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "family/mamba1.h"
#include "study/micro/micro.h"
#include "tests/exhausted.h"
#include "walk/subject.h"

#define HEAD                                                                                       \
  "title: t\nmodel: data/mamba-bytes-10m\npairs: [[fp32, 1]]\n"                                    \
  "calibration: {text: data/text/valid.txt}\n"
#define PROMPT "prompts: [{name: p, text: data/text/test.txt, length: 20}]\n"

Test(subject, what_a_file_or_the_model_refuses_is_told_with_line_column_and_key) {
  static const struct {
    const char *spec, *place, *what;
  } wrong[] = {
      {HEAD "prompts: [{name: p, text: data/none.txt, length: 20}]\n",
       "s.yaml:5:27: key 'text': ", "cannot be opened"},
      {HEAD "prompts: [{name: p, text: data/text/test.txt, offset: 300000, length: 20}]\n",
       "s.yaml:5:27: key 'text': ", "reach past the end"},
      {HEAD PROMPT "keep: {layers: [1, 40]}\n", "s.yaml:6:20: key 'layers': ", "layers 0 to 23"},
      {HEAD PROMPT "micro: [{operator: scan, inputs: [captured], layers: [99]}]\n",
       "s.yaml:6:55: key 'layers': ", "layers 0 to 23"},
      {HEAD PROMPT "micro: [{operator: scan, inputs: [captured], prompts: [q]}]\n",
       "s.yaml:6:56: key 'prompts': ", "no prompt 'q'"},
      {HEAD PROMPT "micro: [{operator: conv1d, inputs: [slow_decay]}]\n",
       "s.yaml:6:9: key 'micro': ", "scan alone"},
      {HEAD PROMPT "evaluation: {text: data/none.txt, modes: [1]}\n",
       "s.yaml:6:20: key 'text': ", "cannot be opened"},
      {HEAD PROMPT "evaluation: {text: data/text/test.txt, length: 500000, modes: [1]}\n",
       "s.yaml:6:48: key 'length': ", "500001"},
      {HEAD PROMPT "modes:\n  a: {base: fp32, layers: {3: 1, 20-24: 1}}\ncompare_all: [a]\n",
       "s.yaml:7:34: key 'layers': ", "mode 'a', layer 24: the model has layers 0 to 23"},
      {"title: t\nmodel: data/mamba-bytes-10m\nmodes: {a: {base: fp32, layers: {0-23: 1}}}\npairs: "
       "[[1, a]]\n" PROMPT,
       "s.yaml:4:13: key 'pairs': ",
       "'a' is the same computation as '1' in each of the model's 24 layers"},
      {"title: t\nmodel: data/none\npairs: [[fp32, 1]]\n" PROMPT,
       "s.yaml:2:8: key 'model': ", "data/none"},
  };
  Status none = {0};
  Arena arena;
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &none));
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    Arena scratch = arena;
    Status st = {0};
    Spec spec;
    Subject subject;
    cr_assert(spec_parse(&scratch, "s.yaml", wrong[i].spec, strlen(wrong[i].spec), &spec, &st),
              "%s", st.text);
    bool ok =
        subject_check(&scratch, &spec, &subject, &st) && micro_check(&spec, &subject, scratch, &st);
    cr_expect_not(ok, "taken:\n%s", wrong[i].spec);
    cr_expect(!strncmp(st.text, wrong[i].place, strlen(wrong[i].place)) &&
                  strstr(st.text, wrong[i].what),
              "got \"%s\", want \"%s… %s\"", st.text, wrong[i].place, wrong[i].what);
  }
  arena_release(&arena);
}

Test(subject, an_error_of_a_flag_names_the_command_and_no_line_that_nobody_wrote) {
  static const char text[] = "title: t\nmodel: data/mamba-bytes-10m\ncompare_all: [nope]\n" PROMPT;
  Status st = {0};
  Arena arena;
  Spec spec;
  cr_assert(arena_reserve(&arena, (size_t)1 << 28, exhausted, &st));
  cr_expect_not(spec_parse_made(&arena, "eval", text, &spec, &st));
  cr_expect(!strncmp(st.text, "eval: no mode 'nope' is defined", 30), "%s", st.text);
  arena_release(&arena);
}

/* The pairs' modes are floats. */
Test(subject, a_calibration_is_read_where_any_study_s_mode_needs_scales) {
  static const struct {
    const char *keys;
    bool read;
  } cases[] = {
      {"", false},
      {"swaps: {pair: [1, 2-0]}\n", true},
      {"restore: {mode: 2-0, limit: 0.1}\n", true},
      {"repair: {mode: 2-0, prompt: p, layer: 1, tensor: gated, token: 2, channel: 1}\n", true},
      {"mend: [2-0]\n", true},
      {"grid: {modes: [1, 2-0]}\n", true},
      {"grid: {length: [3, 5]}\n", false},
      {"cost: {lengths: [3], modes: [2-0]}\n", true},
      {"evaluation: {text: data/text/test.txt, modes: [2-0]}\n", true}};
  Status none = {0};
  Arena arena;
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &none));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena scratch = arena;
    Status st = {0};
    Spec spec;
    Subject subject;
    const char *text = arena_printf(&scratch, HEAD PROMPT "%s", cases[i].keys);
    cr_assert(spec_parse(&scratch, "s.yaml", text, strlen(text), &spec, &st), "%s", st.text);
    cr_assert(subject_check(&scratch, &spec, &subject, &st), "%s", st.text);
    cr_expect_eq(subject.calibration_token != NULL, cases[i].read, "%s", cases[i].keys);
  }
  arena_release(&arena);
}

/* --- the rewrite's proof ---------------------------------------------------------------------- */

/* What a load says whose family takes the rewrite of this tensor for another; whether it ends well.
 */
static bool load_with(Arena arena, int tensor, Basis basis, Status *st) {
  static const char text[] =
      "title: t\nmodel: data/mamba-bytes-10m\npairs: [[fp64, fp32]]\n" PROMPT;
  Progress quiet = progress_start(true);
  Spec spec;
  Subject subject;
  cr_assert(spec_parse(&arena, "s.yaml", text, strlen(text), &spec, st), "%s", st->text);
  cr_assert(subject_check(&arena, &spec, &subject, st), "%s", st->text);
  Config *config = &subject.checkpoint.config;
  Family *family = ARENA_NEW(&arena, Family, 1);
  *family = *config->family;
  TensorInfo *info = ARENA_NEW(&arena, TensorInfo, family->tensors.all);
  memcpy(info, family->tensors.info, (size_t)family->tensors.all * sizeof *info);
  if (tensor != ABSENT) info[tensor].basis = basis;
  family->tensors.info = info;
  config->family = family;
  const LayersPlan plan = {.forms = subject_forms(&spec, config), .together = 1};
  return subject_load(&arena, &spec, &plan, &quiet, &subject, st) &&
         layers_ride_all(subject.layers, st);
}

Test(subject, rewrite_is_proved_on_every_tensor_that_the_family_says_something_of) {
  const Tensors *tensors = &family_mamba1.tensors;
  Status none = {0};
  Arena arena;
  int proved = 0;
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &none));
  cr_assert(load_with(arena, ABSENT, BASIS_KEPT, &none), "%s", none.text);
  for (int id = 0; id < tensors->count; id++) {
    const TensorInfo *info = &tensors->info[id];
    Status st = {0};
    if (info->modes_only || info->basis == BASIS_FOLDED) continue;
    cr_expect_not(load_with(arena, id, info->basis == BASIS_KEPT ? BASIS_ROTATED : BASIS_KEPT, &st),
                  "%s", info->name);
    char what[64];
    snprintf(what, sizeof what, "the float64 %s of ", info->name);
    cr_expect(strstr(st.text, "the rewrite changes the model") && strstr(st.text, what), "%s: %s",
              info->name, st.text);
    proved++;
  }
  cr_expect_eq(proved, 17);
  for (int id = 0; id < tensors->count; id++) { /* a norm without its gain is not the norm */
    const char *name = tensors->info[id].name;
    Status st = {0};
    if (tensors->info[id].basis == BASIS_FOLDED)
      cr_expect_not(load_with(arena, id, BASIS_ROTATED, &st), "%s", name);
  }
}

/* Also where nothing else names them: the layers' forms are made once, for all that follows. */
Test(subject, forms_of_all_modes_that_anything_runs_are_asked_for) {
  static const char *const plain[] = {
      HEAD PROMPT, HEAD PROMPT "events: {repair: 0}\n",
      "title: t\nmodel: data/mamba-bytes-10m\npairs: [[fp64, fp32]]\n" PROMPT};
  static const char *const int8[] = {
      HEAD PROMPT
      "repair: [{mode: 2-0, to: 1, prompt: p, layer: 3, tensor: scan, token: 1, channel: 2}]\n",
      HEAD PROMPT "swaps: [{pair: [2-0, 2-4]}]\n",
      HEAD PROMPT "mend: [2-0]\n",
      HEAD PROMPT "restore: {mode: 2-0, to: fp32, limit: 0.04}\n",
      HEAD PROMPT
      "evaluation: {text: data/text/test.txt, length: 20, windows: 2, modes: [fp32, 3]}\n",
      HEAD PROMPT "micro: [{operator: conv1d, modes: [2-0], inputs: [captured]}]\n"};
  Status none = {0};
  Arena arena;
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &none));
  const size_t plains = sizeof plain / sizeof *plain, int8s = sizeof int8 / sizeof *int8;
  for (size_t i = 0; i < plains + int8s; i++) {
    const char *text = i < plains ? plain[i] : int8[i - plains];
    Arena scratch = arena;
    Status st = {0};
    Spec spec;
    cr_assert(spec_parse(&scratch, "s.yaml", text, strlen(text), &spec, &st), "%s", st.text);
    Checkpoint checkpoint;
    cr_assert(checkpoint_open(&scratch, "data/mamba-bytes-10m", &checkpoint, &st), "%s", st.text);
    const Forms forms = subject_forms(&spec, &checkpoint.config);
    cr_expect_eq(forms.i8 != 0, i >= plains, "%s", text);
    cr_expect(forms.f32 && forms.f64, "%s", text);
  }
}

/* Windows that overlap, the same text twice in two files, and prompts that stand apart. */
Test(subject, prompts_that_hold_tokens_of_others_are_counted_and_named) {
  static const struct {
    const char *prompts;
    int count;
    const char *one, *other;
  } cases[] = {
      {"prompts: [{name: p, text: data/text/test.txt, length: 20}, "
       "{name: q, text: data/text/test.txt, offset: 20, length: 20}]\n",
       0, NULL, NULL},
      {"prompts: [{name: p, text: data/text/test.txt, length: 20}, "
       "{name: q, text: data/text/test.txt, offset: 19, length: 20}]\n",
       1, "q", "p"},
      {"prompts: [{name: a, string: one}, {name: b, string: two}, {name: c, string: one}, "
       "{name: d, string: two}, {name: e, string: on}]\n",
       2, "c", "a"},
      {"prompts: [{name: w, text: data/text/test.txt, length: 100000, windows: 4}]\n", 3, "w01",
       "w00"},
      {"prompts: [{name: w, text: data/text/test.txt, length: 1000, windows: 4}]\n", 0, NULL, NULL},
  };
  Status st = {0};
  Arena arena;
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena scratch = arena;
    Spec spec;
    Subject subject;
    const char *text = arena_printf(&scratch, HEAD "%s", cases[i].prompts);
    cr_assert(spec_parse(&scratch, "s.yaml", text, strlen(text), &spec, &st) &&
                  subject_check(&scratch, &spec, &subject, &st),
              "%s", st.text);
    cr_expect_eq(subject.repeated, cases[i].count, "%s: %d", cases[i].prompts, subject.repeated);
    if (!subject.repeated) continue;
    cr_expect_str_eq(subject.repeated_one, cases[i].one);
    cr_expect_str_eq(subject.repeated_other, cases[i].other);
  }
  arena_release(&arena);
}
