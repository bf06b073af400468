/* made_weights: whether what was opened are the weights of tests/made_model.h. */
#ifndef DS_TESTS_MADE_WEIGHTS_H
#define DS_TESTS_MADE_WEIGHTS_H
#include "tests/made_model.h"

static inline void check_weight(const Weight *w, const Made *want) {
  int count = made_count(want);
  cr_assert_eq(w->count, (size_t)count, "%s: %zu values, want %d", want->name, w->count, count);
  cr_expect_str_eq(w->name, want->name);
  double got[MAX_VALUES];
  memset(got, 0xff, sizeof got);
  weight_to_f64(w, got);
  for (int i = 0; i < count; i++)
    cr_expect(memcmp(&got[i], &want->value[i], sizeof *got) == 0, "%s %s [%d]: got %a, want %a", want->dtype,
              want->name, i, got[i], want->value[i]);
}

static inline void check_all(const Checkpoint *c, Model *m, const char *embedding) {
  check_weight(&c->embedding, tensor(m, embedding));
  check_weight(&c->norm_f, tensor(m, "backbone.norm_f.weight"));
  for (int l = 0; l < 2; l++) {
    const CheckpointLayer *y = &c->layer[l];
    const struct {
      const Weight *w;
      const char *name;
    } list[] = {{&y->norm, "norm.weight"},
                {&y->in_proj, "mixer.in_proj.weight"},
                {&y->conv_weight, "mixer.conv1d.weight"},
                {&y->conv_bias, "mixer.conv1d.bias"},
                {&y->x_proj, "mixer.x_proj.weight"},
                {&y->dt_proj, "mixer.dt_proj.weight"},
                {&y->dt_bias, "mixer.dt_proj.bias"},
                {&y->A_log, "mixer.A_log"},
                {&y->D, "mixer.D"},
                {&y->out_proj, "mixer.out_proj.weight"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
      check_weight(list[i].w, tensor(m, arena_printf(&test_arena, "backbone.layers.%d.%s", l, list[i].name)));
  }
}
#endif
