/* made_weights: whether what was opened are the weights of tests/made_model.h. */
#ifndef DS_TESTS_MADE_WEIGHTS_H
#define DS_TESTS_MADE_WEIGHTS_H
#include "family/mamba1.h"
#include "tests/made_model.h"

static inline void check_weight(const Weight *w, const Made *want) {
  int count = made_count(want);
  cr_assert_eq(w->count, (size_t)count, "%s: %zu values, want %d", want->name, w->count, count);
  cr_expect_str_eq(w->name, want->name);
  double got[MAX_VALUES];
  memset(got, 0xff, sizeof got);
  weight_to_f64(w, got);
  for (int i = 0; i < count; i++)
    cr_expect(memcmp(&got[i], &want->value[i], sizeof *got) == 0, "%s %s [%d]: got %a, want %a",
              want->dtype, want->name, i, got[i], want->value[i]);
}

static inline void check_all(const Checkpoint *c, Model *m, const char *embedding) {
  check_weight(&c->end[END_EMBEDDING], tensor(m, embedding));
  check_weight(&c->end[END_NORM], tensor(m, "backbone.norm_f.weight"));
  for (int l = 0; l < 2; l++) {
    const Weight *y = c->layer[l];
    const struct {
      const Weight *w;
      const char *name;
    } list[] = {{&y[W_NORM], "norm.weight"},
                {&y[W_IN_PROJ], "mixer.in_proj.weight"},
                {&y[W_CONV], "mixer.conv1d.weight"},
                {&y[W_CONV_BIAS], "mixer.conv1d.bias"},
                {&y[W_X_PROJ], "mixer.x_proj.weight"},
                {&y[W_DT_PROJ], "mixer.dt_proj.weight"},
                {&y[W_DT_BIAS], "mixer.dt_proj.bias"},
                {&y[W_A_LOG], "mixer.A_log"},
                {&y[W_D], "mixer.D"},
                {&y[W_OUT_PROJ], "mixer.out_proj.weight"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
      check_weight(list[i].w,
                   tensor(m, arena_printf(&test_arena, "backbone.layers.%d.%s", l, list[i].name)));
  }
}
#endif
