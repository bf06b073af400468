/* mode: the presets against the table of the modes' stages, written out again; what goes together
 * and what does not. */
#include <criterion/criterion.h>
#include <string.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "family/trace.h"

/* One row a stage, one column a preset. */
static const char *const columns[] = {"0", "1", "2-0", "2-1", "2-2", "2-3", "2-4", "3", "fp32"};
static const struct {
  const char *key, *value[9];
} table[] = {
    {"linears", {"w8a8", "f32", "w8a8", "w8a8", "w8a8", "w8a8", "w8a8", "w8a8", "f32"}},
    {"conv_in", {"i8", "f32", "i8", "i8", "i8", "i8", "i8", "i8_dynamic", "f32"}},
    {"conv_out", {"i8", "f32", "f32_grid", "i8", "f32_grid", "f32", "f32", "f32", "f32"}},
    {"x_proj_in", {"i8", "f32", "i8", "i8", "i8", "i8", "i8", "i8", "f32"}},
    {"scan_u", {"i8", "f32", "i8", "i8", "f32", "i8", "f32", "f32", "f32"}},
    {"scan_rest", {"i8", "f32", "i8", "i8", "i8", "i8", "i8", "i8", "f32"}},
    {"scan_order",
     {"blocked", "sequential", "blocked", "sequential", "sequential", "sequential", "sequential",
      "sequential", "sequential"}},
    {"gated", {"f16", "f16", "f16", "f16", "f16", "f16", "f16", "f16", "f32"}},
    {"out_proj", {"f16", "f16", "f16", "f16", "f16", "f16", "f16", "f16", "f32"}},
    {"conv_acc", {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
    {"softplus", {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
    {"decay", {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
    {"state", {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
};
enum { PRESETS = sizeof columns / sizeof *columns, STAGES = sizeof table / sizeof *table };

Test(mode, presets_are_the_table_of_the_stages) {
  cr_assert_eq(family_mamba1.stages, STAGES);
  cr_assert_eq(family_mamba1.presets, PRESETS);
  for (int s = 0; s < STAGES; s++) {
    cr_expect_str_eq(family_mamba1.stage[s].key, table[s].key);
    for (int p = 0; p < PRESETS; p++) {
      cr_expect_str_eq(family_mamba1.preset[p].name, columns[p]);
      const char *got = mode_setting_name(&family_mamba1.preset[p], s);
      cr_expect_str_eq(got, table[s].value[p], "mode %s, %s: got %s, want %s", columns[p],
                       table[s].key, got, table[s].value[p]);
    }
  }
}

/* The names of a stage's values stand in a table apart from the enums that the code asks for. */
Test(mode, setting_names_say_what_the_enums_say) {
  const Mode mode = {"x",
                     &family_mamba1,
                     {LINEARS_F32, CONV_IN_I8_DYNAMIC, CONV_OUT_F32_GRID, X_PROJ_IN_F32, SCAN_U_F32,
                      SCAN_REST_F32, SCAN_ORDER_SEQUENTIAL, OUTPUT_BF16, OUTPUT_F16, INNER_F16,
                      INNER_BF16, INNER_F32, INNER_I8},
                     NULL,
                     0};
  static const char *const want[] = {"f32",  "i8_dynamic", "f32_grid", "f32", "f32",
                                     "f32",  "sequential", "bf16",     "f16", "f16",
                                     "bf16", "f32",        "i8"};
  for (int s = 0; s < STAGES; s++) cr_expect_str_eq(mode_setting_name(&mode, s), want[s]);
}

Test(mode, no_two_presets_are_the_same_computation) {
  for (int a = 0; a < PRESETS; a++)
    for (int b = 0; b < PRESETS; b++)
      cr_expect_eq(mode_equal(&family_mamba1.preset[a], &family_mamba1.preset[b]), a == b,
                   "%s and %s", columns[a], columns[b]);
}

Test(mode, equality_is_of_settings_and_not_of_names) {
  Mode renamed = *mode_preset("2-4");
  strcpy(renamed.name, "other");
  cr_expect(mode_equal(&renamed, mode_preset("2-4")));
  for (int s = 0; s < STAGES; s++) {
    Mode changed = renamed;
    int *setting = &changed.setting[s];
    *setting = !*setting;
    cr_expect(!mode_equal(&changed, &renamed), "a change of %s alone goes unseen",
              family_mamba1.stage[s].key);
  }
}

Test(mode, every_preset_passes_its_own_check_and_fp32_and_1_need_no_scales) {
  for (int p = 0; p < PRESETS; p++) {
    Status st = {0};
    cr_expect(mode_check(&family_mamba1.preset[p], &st), "%s: %s", columns[p], st.text);
    bool floats = !strcmp(columns[p], "1") || !strcmp(columns[p], "fp32");
    cr_expect_eq(mode_needs_scales(&family_mamba1.preset[p]), !floats, "%s", columns[p]);
  }
}

/* A single stage on the int8 grid is enough. */
Test(mode, each_int8_stage_alone_needs_scales) {
  static const struct {
    const char *key, *value;
    bool needs;
  } cases[] = {
      {"linears", "w8a8", true}, {"conv_in", "i8", true},        {"conv_in", "i8_dynamic", true},
      {"conv_out", "i8", true},  {"conv_out", "f32_grid", true}, {"x_proj_in", "i8", true},
      {"scan_u", "i8", true},    {"scan_rest", "i8", true},      {"scan_order", "blocked", false},
      {"gated", "f16", false},   {"out_proj", "f16", false},     {"state", "i8", true},
      {"state", "f16", false},   {"conv_acc", "f16", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Mode mode = *mode_preset("fp32");
    for (int s = 0; s < STAGES; s++)
      for (int v = 0; family_mamba1.stage[s].values[v]; v++)
        if (!strcmp(family_mamba1.stage[s].key, cases[i].key) &&
            !strcmp(family_mamba1.stage[s].values[v], cases[i].value))
          mode.setting[s] = v;
    cr_expect_eq(mode_needs_scales(&mode), cases[i].needs, "%s %s", cases[i].key, cases[i].value);
  }
}

/* The rule that a mode breaks first, or NULL. */
static const char *broken_rule(const Mode *mode) {
  static const char *const stored[] = {NULL, "state f16 with scan_order blocked",
                                       "state bf16 with scan_order blocked",
                                       "state i8 with scan_order blocked"};
  bool float_linears = mode->setting[STAGE_LINEARS] == LINEARS_F32;
  if (!float_linears && mode->setting[STAGE_X_PROJ_IN] == X_PROJ_IN_F32)
    return "x_proj_in f32 with linears w8a8";
  if (float_linears && mode->setting[STAGE_X_PROJ_IN] == X_PROJ_IN_I8)
    return "x_proj_in i8 with linears f32";
  if (float_linears && mode->setting[STAGE_SCAN_REST] == SCAN_REST_I8)
    return "scan_rest i8 with linears f32";
  if (float_linears && mode->setting[STAGE_CONV_IN] == CONV_IN_I8)
    return "conv_in i8 with linears f32";
  return mode->setting[STAGE_SCAN_ORDER] == SCAN_ORDER_BLOCKED ? stored[mode->setting[STAGE_STATE]]
                                                               : NULL;
}

Test(mode, the_stage_that_is_finer_than_the_presets_is_found) {
  for (int p = 0; p < PRESETS; p++)
    cr_expect_eq(mode_finer_stage(&family_mamba1.preset[p]), ABSENT, "%s", columns[p]);
  Mode mode = *mode_preset("2-4");
  mode.setting[STAGE_SCAN_ORDER] = SCAN_ORDER_BLOCKED;
  cr_expect_eq(mode_finer_stage(&mode), ABSENT);
  mode.setting[STAGE_DECAY] = INNER_BF16;
  cr_expect_eq(mode_finer_stage(&mode), STAGE_DECAY);
  mode.setting[STAGE_OUT_PROJ] = OUTPUT_BF16;
  cr_expect_eq(mode_finer_stage(&mode), STAGE_OUT_PROJ);
}

static unsigned bit_of(const char *key) {
  for (int s = 0; s < STAGES; s++)
    if (!strcmp(family_mamba1.stage[s].key, key)) return 1u << s;
  cr_assert_fail("no stage %s", key);
  return 0;
}

/* Neighbours that are alike are one part, and what holds of any layer holds of the mode. */
Test(mode, a_mode_that_differs_by_layer_is_its_longest_stretches) {
  static _Alignas(64) char memory[1 << 16];
  Arena arena = {.next = memory, .end = memory + sizeof memory, .base = memory};
  const Mode *fp32 = mode_preset("fp32"), *base = mode_preset("2-0"), *in[LAYERS_MOST + 1];
  Mode own = *base, also = *fp32;
  strcpy(own.name, "own"), strcpy(also.name, "also"); /* names are no settings */
  for (int layer = 0; layer <= LAYERS_MOST; layer++)
    in[layer] = layer == 3 ? &also : layer >= 2 && layer < 5 ? fp32 : base;
  const Mode mixed = mode_by_layer(&arena, &own, in);
  cr_assert_eq(mixed.parts, 3);
  cr_expect_str_eq(mixed.name, "own");
  cr_expect(mode_next(&mixed, 0) == 2 && mode_next(&mixed, 3) == 5 &&
            mode_next(&mixed, 5) == ABSENT);
  for (int layer = 0; layer < LAYERS_MOST; layer++) {
    cr_expect(mode_equal(mode_in(&mixed, layer), in[layer]), "layer %d", layer);
    cr_expect_str_eq(mode_in(&mixed, layer)->name, "own");
  }
  cr_expect(mode_equal(&mixed, &mixed) && !mode_equal(&mixed, base) && !mode_equal(base, &mixed));
  cr_expect(mode_equal_in(&mixed, base, 2) && !mode_equal_in(&mixed, base, 3));
  cr_expect(mode_needs_scales(&mixed));
  for (int layer = 0; layer <= LAYERS_MOST; layer++)
    in[layer] = layer == LAYERS_MOST - 1 ? base : fp32;
  const Mode last = mode_by_layer(&arena, &own, in);
  cr_expect(mode_needs_scales(&last), "one int8 layer is enough");
  Mode all = *base;
  all.setting[STAGE_GATED] = OUTPUT_BF16;
  const Mode set = mode_set(&arena, &mixed, &all, bit_of("gated"));
  cr_expect(set.parts == 3 && mode_in(&set, 3)->setting[STAGE_GATED] == OUTPUT_BF16 &&
            mode_in(&set, 3)->setting[STAGE_LINEARS] == LINEARS_F32);
  const Mode same = mode_set(&arena, &mixed, base, ~0u);
  cr_expect(same.parts == 0 && mode_equal(&same, base),
            "every stage set, it is the same in every layer");
}

Test(mode, stages_are_mixed_and_take_along_what_they_need) {
  const Mode *a = mode_preset("2-4"), *b = mode_preset("fp32");
  unsigned all = mode_differing(a, b), conv = bit_of("conv_in"), linears = bit_of("linears");
  cr_expect_eq(__builtin_popcount(all), 6);
  Mode mixed = mode_mixed(a, b, conv);
  cr_expect_eq(mode_differing(a, &mixed), conv);
  cr_expect_eq(mode_differing(b, &mixed), all & ~conv);
  cr_expect_str_eq(mixed.name, "2-4");
  mixed = mode_mixed(a, b, all);
  cr_expect(mode_equal(&mixed, b));
  cr_expect_eq(mode_least_swap(a, b, conv), conv);
  cr_expect_eq(mode_least_swap(a, b, linears),
               linears | conv | bit_of("x_proj_in") | bit_of("scan_rest"));
  cr_expect_eq(mode_least_swap(b, a, linears), linears | bit_of("x_proj_in"));
  cr_expect_eq(mode_least_swap(a, b, all), all);
}

static int values_of(int stage) {
  int count = 0;
  while (family_mamba1.stage[stage].values[count]) count++;
  return count;
}

/* Every combination there is. */
Test(mode, exactly_the_combinations_without_sense_are_refused_by_name) {
  int count = 1, accepted = 0;
  for (int s = 0; s < STAGES; s++) count *= values_of(s);
  cr_assert_eq(count, 288 * 9 * 27 * 4);
  for (int i = 0; i < count; i++) {
    Mode mode = {.name = "x", .family = &family_mamba1};
    for (int s = 0, rest = i; s < STAGES; rest /= values_of(s++))
      mode.setting[s] = rest % values_of(s);
    Status st = {0};
    const char *rule = broken_rule(&mode);
    bool passed = mode_check(&mode, &st);
    accepted += passed;
    cr_assert_eq(passed, !rule, "combination %d: %s", i, st.text);
    if (rule) cr_assert(strstr(st.text, rule), "want \"%s\", got \"%s\"", rule, st.text);
  }
  /* Of the 144 outer combinations of each setting of linears, w8a8 leaves x_proj_in one value of
   * two; f32 leaves x_proj_in and scan_rest one of two each, and conv_in two of three. Of the 8
   * pairs of order and state, 5. */
  cr_expect_eq(accepted, (144 / 2 + 144 / 2 / 2 / 3 * 2) * 9 * 27 * 4 / 8 * 5);
}

Test(mode, no_mode_may_take_a_name_that_the_results_file_uses) {
  for (int d = 0; d < DIM_COUNT; d++)
    cr_expect(mode_name_reserved(family_mamba1.tensors.dim[d]), "%s", family_mamba1.tensors.dim[d]);
  cr_expect(mode_name_reserved("fp64") && mode_name_reserved("token_id"));
  for (int p = 0; p < PRESETS; p++) cr_expect(!mode_name_reserved(columns[p]), "%s", columns[p]);
  cr_expect_null(mode_preset("fp64"));
  cr_expect_null(mode_preset("2"));
}
