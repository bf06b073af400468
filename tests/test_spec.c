/* spec: what a valid spec becomes, and its defaults. What is refused is in test_spec_refusals.c,
 * the effective spec and the specs that are shipped in test_spec_print.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "family/trace.h"
#include "tests/spec_text.h"

Test(spec, the_least_spec_gets_every_default) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, LEAST);
  cr_expect_str_eq(spec.path, "folder/spec.yaml");
  cr_expect_str_eq(spec.folder, "folder");
  cr_expect_str_eq(spec.raw, LEAST);
  cr_expect_str_eq(spec.question, "");
  cr_expect_eq(spec.rewrite, REWRITE_QUAMBA);
  cr_expect_null(spec.calibration.text);
  cr_expect(spec.calibration.windows == 16 && spec.calibration.length == 512 &&
            spec.calibration.alpha == 0.9999);
  cr_expect_str_eq(spec.prompts[0].string, "s");
  cr_expect_null(spec.prompts[0].text);
  cr_expect_null(spec.prompts[0].tokens);
  cr_expect(spec.prompts[0].offset == 0 && spec.prompts[0].length == 0);
  cr_expect(spec.keep.all_tensors && spec.keep.all_layers && spec.keep.tensor_count == 0 &&
            spec.keep.layer_count == 0);
  cr_expect(spec.keep.f16_as == F16_AS_F32);
  cr_expect(spec.micro_count == 0 && spec.own_mode_count == 0);
  cr_expect(spec.backend == BACKEND_AUTO && spec.threads == 0 && spec.memory == 0 &&
            spec.seed == 1 && spec.durability == DURABILITY_KILL);
  cr_expect(spec.mode_count == 2 && spec.compare_all_count == 2);
}

Test(spec, numbers_may_lack_the_digits_on_one_side_of_the_point) {
  Arena arena = new_arena();
  static const struct {
    const char *text;
    double value;
  } rows[] = {{".9999", 0.9999}, {".5", 0.5},    {"1.", 1},
              {".5e0", 0.5},     {"5.e-1", 0.5}, {"9999e-4", 0.9999}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Spec spec = parse(
        &arena, arena_printf(&arena, LEAST "calibration: {text: v, alpha: %s}\n", rows[i].text));
    cr_expect_eq(spec.calibration.alpha, rows[i].value, "%s: %a", rows[i].text,
                 spec.calibration.alpha);
  }
}

Test(spec, a_byte_order_mark_is_passed_over_and_moves_no_place) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, "\xef\xbb\xbf" LEAST);
  cr_expect_str_eq(spec.title, "t");
  Status st = {0};
  const char bad[] = "\xef\xbb\xbftitel: t\n";
  cr_expect(!spec_parse(&arena, "a.yaml", bad, sizeof bad - 1, &spec, &st));
  cr_expect(strstr(st.text, "a.yaml:1:1: unknown key 'titel'"), "%s", st.text);
}

Test(spec, every_key_reaches_its_field) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, FULL);
  cr_expect_str_eq(spec.title, "Own modes");
  cr_expect_str_eq(spec.question, "Does it matter?");
  cr_expect_str_eq(spec.model, "data/m");
  cr_expect_eq(spec.rewrite, REWRITE_NONE);
  cr_expect_str_eq(spec.calibration.text, "v.txt");
  cr_expect(spec.calibration.windows == 4096 && spec.calibration.length == 1 << 20 &&
            spec.calibration.alpha == 0.5);
  cr_assert_eq(spec.prompt_count, 4);
  cr_expect(spec.prompts[0].offset == INT64_MAX && spec.prompts[0].length == 1);
  cr_expect_str_eq(spec.prompts[1].text, "u.txt");
  cr_expect(spec.prompts[1].offset == 0 && spec.prompts[1].length == 0);
  cr_expect_str_eq(spec.prompts[2].tokens, "ids.npy");
  cr_expect_str_eq(spec.prompts[3].name, "7");
  cr_expect_str_eq(spec.prompts[3].string, "x\ty");
  cr_assert_eq(spec.pair_count, 4);
  cr_expect_str_eq(spec.pairs[1].base, "fp64");
  cr_expect_str_eq(spec.pairs[1].other, "late");
  cr_assert(spec.keep.tensor_count == 2 && !spec.keep.all_tensors && spec.keep.layer_count == 2 &&
            !spec.keep.all_layers);
  cr_expect_str_eq(spec.keep.tensors[1], "logits");
  cr_expect(spec.keep.layers[0] == 23 && spec.keep.layers[1] == 0);
  cr_expect(spec.keep.f16_as == F16_AS_F16);
  cr_assert(spec.budget_count == 1 && !spec.budget_all);
  cr_expect(spec_budget(&spec, "fp64", "late") && !spec_budget(&spec, "fp64", "0") &&
            !spec_budget(&spec, "late", "mine"));
  cr_assert(spec.swap_count == 1 && spec.restore_count == 2);
  cr_expect_str_eq(spec.swaps[0].pair.other, "mine");
  cr_expect_eq(spec.swaps[0].combinations, 0);
  cr_expect(spec.restore[0].limit == 1e-3 && spec.restore[0].by == RESTORE_STAGE &&
            spec.restore[0].most == 999 && spec.restore[0].of == RESTORE_MEDIAN_TOKEN);
  cr_expect_str_eq(spec.restore[1].to, "fp32");
  cr_expect(spec.mend_count == 2 && !strcmp(spec.mend[0], "late") && !strcmp(spec.mend[1], "0"));
  cr_assert(spec.grid.alpha_count == 3 && spec.grid.mode_count == 2 && spec.grid.length_count == 2);
  cr_expect(spec.grid.alphas[1] == 0.99995 && spec.grid.alphas[2] == 1 &&
            !strcmp(spec.grid.modes[0], "unused") && spec.grid.lengths[0] == 1 << 20);
  cr_expect(spec_grids(&spec) && spec_grid_points(&spec) == 12);
  cr_expect(spec.restore[1].by == RESTORE_LAYER && spec.restore[1].most == 6 &&
            spec.restore[1].of == RESTORE_TOTAL);
  cr_assert_eq(spec.micro_count, 2);
  cr_expect_str_eq(spec.micro[0].operator_name, "scan");
  cr_expect(spec.micro[0].input_count == 2 && spec.micro[0].layer_count == 2 &&
            spec.micro[0].shape_count == 2);
  cr_expect_str_eq(spec.micro[0].shapes[0], "171x512x16");
  cr_expect_str_eq(spec.micro[0].modes[0], "unused");
  cr_expect(spec.micro[1].layer_count == 0 && spec.micro[1].mode_count == 0);
  cr_expect_str_eq(spec.evaluation.text, "e.txt");
  cr_expect(spec.evaluation.windows == 4096 && spec.evaluation.length == 1 &&
            spec.evaluation.mode_count == 2);
  cr_expect_str_eq(spec.evaluation.modes[0], "unused");
  cr_expect(spec.cost.length_count == 2 && spec.cost.lengths[0] == 1 << 20 &&
            spec.cost.lengths[1] == 1);
  cr_expect(spec.cost.repeats == 1000 && spec.cost.mode_count == 1);
  cr_expect_str_eq(spec.cost.modes[0], "2-3");
  cr_expect(spec.backend == BACKEND_CUDA && spec.threads == 1024 && spec.seed == INT64_MAX);
  cr_expect_eq(spec.memory, (int64_t)3 << 29);
  cr_expect_eq(spec.statistics, STATISTICS_GSL);
  cr_expect_eq(spec.durability, DURABILITY_POWER);
}

Test(spec, evaluation_and_cost_take_all_modes_that_run_where_none_are_named) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, LEAST "evaluation: {text: e}\ncost: {lengths: [171]}\n");
  cr_expect(spec.evaluation.windows == 64 && spec.evaluation.length == 512 &&
            spec.cost.repeats == 9);
  cr_assert(spec.evaluation.mode_count == 2 && spec.cost.mode_count == 2);
  cr_expect_str_eq(spec.evaluation.modes[1], "fp32");
  cr_expect_str_eq(spec.cost.modes[0], "1");
  spec = parse(&arena, LEAST);
  cr_expect(!spec.evaluation.text && spec.evaluation.mode_count == 0 && spec.cost.mode_count == 0);
}

Test(spec, windows_are_prompts_of_their_own_with_numbered_names) {
  Arena arena = new_arena();
  Spec spec =
      parse(&arena, "title: t\nmodel: m\npairs: [[1, fp32]]\nprompts:\n  - {name: p, string: s}\n"
                    "  - {name: w, text: t.txt, offset: 7, length: 512, windows: 101}\n"
                    "  - {name: v-, text: u.txt, length: 1, windows: 1}\n");
  cr_assert_eq(spec.prompt_count, 103);
  cr_expect_eq(spec.given_prompt_count, 3);
  cr_expect_str_eq(spec.prompts[0].name, "p");
  cr_expect_str_eq(spec.prompts[1].name, "w000");
  cr_expect_str_eq(spec.prompts[101].name, "w100");
  cr_expect_str_eq(spec.prompts[102].name, "v-00");
  for (int i = 1; i <= 101; i++) {
    const Prompt *p = &spec.prompts[i];
    cr_expect(p->window == i - 1 && p->windows == 101 && p->offset == 7 && p->length == 512, "%s",
              p->name);
  }
  const char *printed = spec_print(&arena, &spec);
  cr_expect(
      strstr(printed, "  - {name: \"w\", text: \"t.txt\", offset: 7, length: 512, windows: 101}\n"),
      "%s", printed);
  Spec again = parse(&arena, printed);
  cr_expect_str_eq(spec_print(&arena, &again), printed);
  cr_expect_eq(again.prompt_count, 103);
}

Test(spec, a_gate_stands_alone_or_in_a_list_and_says_where_it_looks) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, LEAST "gate: {pair: [1, fp32], rel_l2: 0}\n");
  cr_assert_eq(spec.gate_count, 1);
  const Gate *gate = spec.gates;
  cr_expect(gate->rel_l2.set && gate->rel_l2.value == 0 && !gate->max_abs.set &&
            gate->layer == GATE_LAST);
  cr_expect_str_eq(gate->tensor, "block_out");
  cr_expect_str_eq(gate->place, "folder/spec.yaml:5:7");
  spec = parse(&arena,
               LEAST "calibration: {text: c}\ncompare_all: [2-0]\n"
                     "gate:\n  - {pair: [fp64, 2-0], tensor: scan, layer: all, sqnr_db: 20.5}\n"
                     "  - {mode: 2-0, tensor: conv1d_silu, layer: 3, on_grid: 1}\n"
                     "  - {pair: [1, fp32], top1_agreement: 0.99}\n"
                     "  - {pair: [1, fp32], tensor: logits, max_abs: 1e-3}\n");
  cr_assert_eq(spec.gate_count, 4);
  cr_expect(spec.gates[0].layer == GATE_ALL && spec.gates[0].sqnr_db.value == 20.5);
  cr_expect(spec.gates[1].layer == 3 && spec.gates[1].on_grid.value == 1);
  cr_expect_str_eq(spec.gates[1].mode, "2-0");
  cr_expect_str_eq(spec.gates[2].tensor, "logits");
  const char *printed = spec_print(&arena, &spec);
  cr_expect(
      strstr(printed,
             "gate:\n  - {pair: [\"fp64\", \"2-0\"], tensor: scan, layer: all, sqnr_db: 20.5}\n"
             "  - {mode: \"2-0\", tensor: conv1d_silu, layer: 3, on_grid: 1}\n"
             "  - {pair: [\"1\", \"fp32\"], tensor: logits, layer: last, top1_agreement: 0.99}\n"
             "  - {pair: [\"1\", \"fp32\"], tensor: logits, layer: last, max_abs: 0.001}\n"),
      "%s", printed);
  Spec again = parse(&arena, printed);
  cr_expect_str_eq(spec_print(&arena, &again), printed);
}

Test(spec, modes_that_run_are_those_of_pairs_then_compare_all_each_once_and_never_fp64) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, FULL);
  static const char *const want[] = {"mine", "fp32", "late", "0"};
  cr_assert_eq(spec.mode_count, 4);
  for (int i = 0; i < 4; i++) cr_expect_str_eq(spec.modes[i].name, want[i]);
  cr_assert_eq(spec.compare_all_count, 2);
  cr_expect_str_eq(spec.compare_all[0], "late");
  cr_expect_eq(spec_mode(&spec, "late"), &spec.modes[2]);
  cr_expect_eq(spec_mode(&spec, "unused"), &spec.own_modes[2].mode);
  cr_expect_eq(spec_mode(&spec, "2-0"), mode_preset("2-0"));
  cr_expect_null(spec_mode(&spec, "fp64"));
  cr_expect_null(spec_mode(&spec, "nothing"));
}

Test(spec, an_own_mode_is_its_base_and_what_it_overrides) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, FULL);
  Mode late = *mode_preset("2-4"), mine = *mode_preset("fp32");
  late.setting[STAGE_SCAN_ORDER] = SCAN_ORDER_BLOCKED;
  mine.setting[STAGE_CONV_OUT] = CONV_OUT_F32_GRID, mine.setting[STAGE_GATED] = OUTPUT_F16,
  mine.setting[STAGE_STATE] = INNER_BF16;
  cr_expect(mode_equal(spec_mode(&spec, "late"), &late));
  cr_expect(mode_equal(spec_mode(&spec, "mine"), &mine));
  cr_expect(mode_equal(spec_mode(&spec, "unused"), mode_preset("3")));
}

Test(spec, own_modes_build_on_own_modes_in_any_order) {
  Arena arena = new_arena();
  const char text[] = LEAST
      "calibration: {text: v}\ncompare_all: [third]\nmodes:\n  third: {base: second, gated: f32}\n"
      "  second: {base: first, scan_order: blocked}\n  first: {base: 2-4, out_proj: bf16}\n";
  Spec spec = parse(&arena, text);
  Mode want = *mode_preset("2-4");
  want.setting[STAGE_OUT_PROJ] = OUTPUT_BF16;
  cr_expect(mode_equal(spec_mode(&spec, "first"), &want));
  want.setting[STAGE_SCAN_ORDER] = SCAN_ORDER_BLOCKED;
  cr_expect(mode_equal(spec_mode(&spec, "second"), &want));
  want.setting[STAGE_GATED] = OUTPUT_F32;
  cr_expect(mode_equal(spec_mode(&spec, "third"), &want));
  for (int i = 0; i < 3; i++)
    cr_expect_str_eq(spec.own_modes[i].mode.name, i == 0 ? "third" : i == 1 ? "second" : "first");
  cr_expect_str_eq(spec.own_modes[0].base, "second");
  Spec again = parse(&arena, spec_print(&arena, &spec));
  cr_expect(mode_equal(spec_mode(&again, "third"), &want));
  cr_expect_str_eq(spec_print(&arena, &again), spec_print(&arena, &spec));
}

/* Layer by layer, against settings written out here. */
static void expect_layers(const Mode *mode, const Mode *const *want, int layers) {
  for (int layer = 0; layer < layers; layer++) {
    const Mode *in = mode_in(mode, layer);
    cr_expect(mode_equal(in, want[layer]), "%s, layer %d", mode->name, layer);
    cr_expect_str_eq(in->name, mode->name);
    cr_expect_eq(in->parts, 0);
  }
}

Test(spec, an_own_mode_may_differ_by_layer) {
  enum { LAYERS = 9 };
  Arena arena = new_arena();
  const char text[] =
      LEAST "calibration: {text: v}\ncompare_all: [back, more]\nmodes:\n"
            "  more: {base: mixed, gated: bf16, layers: {8: mixed, 2-4: {scan_u: f32, scan_order: "
            "sequential}}}\n"
            "  mixed: {base: 2-0, out_proj: f32, layers: {7: 2-0, 0-2: fp32, 5: {state: bf16, "
            "scan_order: sequential}, 4: late}}\n"
            "  late: {base: 2-4, conv_acc: f16}\n  back: {base: mixed, layers: {0-7: plain}}\n"
            "  plain: {base: 2-0, out_proj: f32}\n";
  Spec spec = parse(&arena, text);
  Mode base = *mode_preset("2-0"), late = *mode_preset("2-4"), stored = base;
  base.setting[STAGE_OUT_PROJ] = stored.setting[STAGE_OUT_PROJ] = OUTPUT_F32;
  late.setting[STAGE_CONV_ACC] = INNER_F16;
  stored.setting[STAGE_STATE] = INNER_BF16,
  stored.setting[STAGE_SCAN_ORDER] = SCAN_ORDER_SEQUENTIAL;
  const Mode *fp32 = mode_preset("fp32");
  const Mode *mixed[LAYERS] = {fp32, fp32, fp32, &base, &late, &stored, &base, mode_preset("2-0"),
                               &base};
  /* A stage is set in every layer of the base, then come the layers: of another mode as it is
   * there, or on top. */
  Mode own[LAYERS];
  const Mode *more[LAYERS];
  for (int layer = 0; layer < LAYERS; layer++) {
    own[layer] = *mixed[layer];
    more[layer] = &own[layer];
    if (layer < 8) own[layer].setting[STAGE_GATED] = OUTPUT_BF16;
    if (layer < 2 || layer > 4) continue;
    own[layer].setting[STAGE_SCAN_U] = SCAN_U_F32,
    own[layer].setting[STAGE_SCAN_ORDER] = SCAN_ORDER_SEQUENTIAL;
  }
  const Mode plain = *spec_mode(&spec, "plain");
  for (int again = 0; again < 2; again++) {
    expect_layers(spec_mode(&spec, "mixed"), mixed, LAYERS);
    expect_layers(spec_mode(&spec, "more"), more, LAYERS);
    cr_expect(mode_equal(spec_mode(&spec, "back"), &plain), "the same in every layer again");
    cr_expect_eq(spec_mode(&spec, "back")->parts, 0);
    cr_expect_not(mode_equal(spec_mode(&spec, "mixed"), spec_mode(&spec, "more")));
    Spec printed = parse(&arena, spec_print(&arena, &spec));
    cr_expect_str_eq(spec_print(&arena, &printed), spec_print(&arena, &spec));
    cr_expect_eq(printed.own_mode_count, 3,
                 "late and plain gave layers to others, and are no more");
    for (int i = 0; i < spec.own_mode_count; i++)
      if (spec_needs_mode(&spec, spec.own_modes[i].mode.name))
        cr_expect(
            mode_equal(spec_mode(&printed, spec.own_modes[i].mode.name), &spec.own_modes[i].mode),
            "%s", spec.own_modes[i].mode.name);
    spec = printed;
  }
}

Test(spec, names_are_any_text_without_slash_and_control_characters) {
  Arena arena = new_arena();
  /* as YAML writes them in single quotes, and as they are */
  static const char *const names[][2] = {{"地址", "地址"},
                                         {"a b", "a b"},
                                         {"-x", "-x"},
                                         {"α|β`*", "α|β`*"},
                                         {"\"it''s\" #1 & $2, 100 %", "\"it's\" #1 & $2, 100 %"},
                                         {"é.layer_00", "é.layer_00"},
                                         {"tokens", "tokens"},
                                         {"👍🏽", "👍🏽"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *name = names[i][0];
    Spec spec =
        parse(&arena, arena_printf(&arena,
                                   "title: t\nmodel: m\nprompts: [{name: '%s', string: s}]\n"
                                   "modes: {'%s': {base: fp32, gated: bf16}}\npairs: [[1, '%s']]\n",
                                   name, name, name));
    for (int again = 0; again < 2; again++) {
      cr_expect_str_eq(spec.prompts[0].name, names[i][1]);
      cr_expect_str_eq(spec.modes[1].name, names[i][1]);
      spec = parse(&arena, spec_print(&arena, &spec));
    }
  }
}

Test(spec, compare_all_alone_is_enough_and_a_pair_with_fp64_needs_only_its_mode) {
  Arena arena = new_arena();
  Spec spec =
      parse(&arena, "title: t\nmodel: m\nprompts: [{name: p, string: s}]\ncompare_all: [fp32]\n");
  cr_expect(spec.pair_count == 0 && spec.mode_count == 1 && spec.compare_all_count == 1);
  spec = parse(&arena, "title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp64, 1]]\n");
  cr_assert(spec.mode_count == 1 && spec.compare_all_count == 1);
  cr_expect_str_eq(spec.compare_all[0], "1");
}

/* The words of a spec and the enums of spec.h are two tables: each word must give its own enum. */
Test(spec, words_are_in_the_order_of_their_enums) {
  Arena arena = new_arena();
  cr_expect_eq(parse(&arena, LEAST "backend: auto\n").backend, BACKEND_AUTO);
  cr_expect_eq(parse(&arena, LEAST "backend: cpu\n").backend, BACKEND_CPU);
  cr_expect_eq(parse(&arena, LEAST "backend: cuda\n").backend, BACKEND_CUDA);
  cr_expect_eq(parse(&arena, LEAST "rewrite: none\n").rewrite, REWRITE_NONE);
  Spec none = parse(&arena, LEAST "keep: {tensors: none}\n");
  cr_expect(!none.keep.all_tensors && none.keep.tensor_count == 0 && none.keep.all_layers);
}

Test(spec, every_tensor_of_the_trace_can_be_kept) {
  Arena arena = new_arena();
  const char *text = LEAST "keep: {tensors: [";
  for (int id = 0; id < T_COUNT; id++)
    text =
        arena_printf(&arena, "%s%s%s", text, id ? ", " : "", family_mamba1.tensors.info[id].name);
  Spec spec = parse(&arena, arena_printf(&arena, "%s]}\n", text));
  cr_assert_eq(spec.keep.tensor_count, T_COUNT);
  for (int id = 0; id < T_COUNT; id++)
    cr_expect_str_eq(spec.keep.tensors[id], family_mamba1.tensors.info[id].name);
}

Test(spec, a_file_that_is_not_there_or_no_file_is_refused_by_name) {
  Arena arena = new_arena();
  Spec spec;
  Status st = {0};
  cr_expect(!spec_read(&arena, "experiments/none.yaml", &spec, &st));
  cr_expect(strstr(st.text, "experiments/none.yaml"), "%s", st.text);
  st = (Status){0};
  cr_expect(!spec_read(&arena, "experiments", &spec, &st));
  cr_expect(strstr(st.text, "experiments"), "%s", st.text);
}
