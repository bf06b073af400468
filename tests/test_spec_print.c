/* spec_print: the effective spec says everything and is read back as itself, whatever a spec holds;
 * and the specs that are shipped. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tests/draws.h"
#include "tests/spec_text.h"

Test(spec_print, the_effective_spec_says_everything) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, FULL);
  cr_expect_str_eq(
      spec_print(&arena, &spec),
      "title: \"Own modes\"\nquestion: \"Does it matter?\"\nmodel: \"data/m\"\nignore_unused: "
      "false\nrewrite: none\n"
      "calibration: {text: \"v.txt\", windows: 4096, length: 1048576, alpha: 0.5}\n"
      "prompts:\n  - {name: \"a\", text: \"t.txt\", offset: 9223372036854775807, length: 1}\n"
      "  - {name: \"b-2\", text: \"u.txt\", offset: 0}\n  - {name: \"c\", offset: 0, tokens: "
      "\"ids.npy\"}\n"
      "  - {name: \"7\", string: \"x\\x09y\"}\n"
      "modes:\n"
      "  \"late\": {base: \"2-4\", linears: w8a8, conv_in: i8, conv_out: f32, x_proj_in: i8, "
      "scan_u: f32, scan_rest: i8, scan_order: blocked, gated: f16, out_proj: f16, conv_acc: f32, "
      "softplus: f32, decay: f32, state: f32}\n"
      "  \"mine\": {base: \"fp32\", linears: f32, conv_in: f32, conv_out: f32_grid, x_proj_in: "
      "f32, scan_u: f32, scan_rest: f32, scan_order: sequential, gated: f16, out_proj: f32, "
      "conv_acc: f32, softplus: f32, decay: f32, state: bf16}\n"
      "  \"unused\": {base: \"3\", linears: w8a8, conv_in: i8_dynamic, conv_out: f32, x_proj_in: "
      "i8, scan_u: f32, scan_rest: i8, scan_order: sequential, gated: f16, out_proj: f16, "
      "conv_acc: f32, softplus: f32, decay: f32, state: f32}\n"
      "pairs:\n  - [\"mine\", \"fp32\"]\n  - [\"fp64\", \"late\"]\n  - [\"late\", \"mine\"]\n  - "
      "[\"mine\", \"late\"]\n"
      "compare_all: [\"late\", \"0\"]\nbudget: [\"late\"]\n"
      "swaps:\n  - {pair: [\"late\", \"mine\"], combinations: false}\n"
      "restore:\n  - {mode: \"late\", to: \"mine\", limit: 0.001, of: median_token, by: stage, "
      "most: 999}\n"
      "  - {mode: \"0\", to: \"fp32\", limit: 0.5, of: total, by: layer, most: 6}\n"
      "events: {share: 0.5, repair: 0}\n"
      "repair:\n  - {mode: \"mine\", to: \"fp64\", prompt: \"b-2\", layer: 23, tensor: gated, "
      "token: 2, channel: 511}\n"
      "mend: [\"late\", \"0\"]\n"
      "grid: {alpha: [0.5, 0.99995, 1], modes: [\"unused\", \"late\"], length: [1048576, 1]}\n"
      "drift: {flat: 1.5, turn: 1.1, ripple: 5, jump: 1.25, step_share: 0.5, settle: 0.1, plateau: "
      "0.333, agreement: 1, parting: 1.5}\n"
      "keep: {tensors: [conv1d, logits], layers: [23, 0], f16_as: f16}\n"
      "micro:\n  - {operator: scan, inputs: [captured, ties], layers: [0, 5], shapes: "
      "[\"171x512x16\", \"1x2\"], modes: [\"unused\"]}\n  - {operator: exp, inputs: [denormal]}\n"
      "evaluation: {text: \"e.txt\", windows: 4096, length: 1, modes: [\"unused\", \"1\"]}\n"
      "cost: {lengths: [1048576, 1], repeats: 1000, modes: [\"2-3\"]}\n"
      "backend: cuda\nthreads: 1024\nmemory: 1536 MiB\nseed: 9223372036854775807\n"
      "statistics: gsl\ndurability: power\n");
  spec = parse(&arena, LEAST);
  cr_expect_str_eq(spec_print(&arena, &spec),
                   "title: \"t\"\nquestion: \"\"\nmodel: \"m\"\nignore_unused: false\nrewrite: "
                   "quamba\nprompts:\n"
                   "  - {name: \"p\", string: \"s\"}\npairs:\n  - [\"1\", \"fp32\"]\ncompare_all: "
                   "[\"1\", \"fp32\"]\n"
                   "budget: none\nevents: {share: 0.15, repair: 3}\ndrift: {flat: 1.25, turn: 1.1, "
                   "ripple: 5, jump: 1.25, step_share: 0.5, settle: 0.1, plateau: 0.333, "
                   "agreement: 0.9, parting: 1.5}\nkeep: {tensors: all, layers: all, f16_as: f32}\n"
                   "backend: auto\nthreads: 0\nseed: 1\nstatistics: lanes\ndurability: kill\n");
}

static void expect_same_again(Arena arena, const Spec *spec) {
  const char *printed = spec_print(&arena, spec);
  Spec again = parse(&arena, printed);
  cr_expect_str_eq(spec_print(&arena, &again), printed);
  cr_expect_str_eq(again.title, spec->title);
  cr_expect_eq(again.mode_count, spec->mode_count);
  for (int i = 0; i < again.mode_count; i++) {
    cr_expect_str_eq(again.modes[i].name, spec->modes[i].name);
    cr_expect(mode_equal(&again.modes[i], &spec->modes[i]));
  }
  cr_expect_eq(again.calibration.alpha, spec->calibration.alpha);
}

Test(spec_print, a_grid_takes_all_modes_that_run_and_the_calibration_s_alpha_where_none_are_named) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, LEAST "grid: {length: [3, 5]}\n");
  cr_assert(spec.grid.mode_count == 2 && spec.grid.alpha_count == 0);
  cr_expect_str_eq(spec.grid.modes[0], "1");
  cr_expect_eq(spec_grid_points(&spec), 4, "without a calibration there is no alpha");
  expect_same_again(arena, &spec);
  spec = parse(&arena, LEAST "calibration: {text: c, alpha: 0.75}\ngrid: {length: [3, 5]}\n");
  cr_assert_eq(spec.grid.alpha_count, 1);
  cr_expect(spec.grid.alphas[0] == 0.75 && spec_grid_points(&spec) == 4);
  expect_same_again(arena, &spec);
  spec = parse(&arena, LEAST);
  cr_expect(!spec_grids(&spec) && spec.grid.mode_count == 0);
}

Test(spec_print, the_effective_spec_is_read_back_as_itself) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, FULL);
  expect_same_again(arena, &spec);
  spec = parse(&arena, LEAST "calibration: {text: a, alpha: 0.70000000000000007}\n");
  cr_expect_eq(spec.calibration.alpha, 0.70000000000000007);
  expect_same_again(arena, &spec);
  spec = parse(&arena, LEAST "sources: {a: {dump: d, axes: \"token,channel\"}, b: {dump: d, axes: "
                             "{\"*.x\": \"channel,token\", default: token}, scales: {q: 1e-44, "
                             "\"{layer}\": 0.1}}}\nthree_way: {pair: [a, b], against: 1}\n");
  cr_expect(!spec.sources[0].axes->pattern && spec.sources[1].scales[1].number == 0.1);
  expect_same_again(arena, &spec);
}

/* Every character that YAML can carry, and what a title might hold. */
Test(spec_print, texts_are_printed_so_that_yaml_reads_them_back) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, LEAST);
  static const char *const titles[] = {
      "\"quoted\" and \\ back",
      "two\nlines\n",
      " spaces ",
      "tab\tand \x01 \x1F \x7F",
      "# no comment",
      "{a: b}, [c]",
      "- x",
      "&a *b !c %d @e `f",
      "null",
      "~",
      "a: b",
      "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80",
      "\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xEF\xBB\xBF",
      "\xC2\x80\xC2\x9F\xC2\xA0\xEF\xBF\xBD\xEF\xBF\xBE\xEF\xBF\xBF"};
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
    spec.title = titles[i];
    expect_same_again(arena, &spec);
  }
  for (uint32_t c = 1; c < 0x11000; c += c < 0x300 ? 1 : 61) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    char text[5] = {0};
    if (c < 0x80)
      text[0] = (char)c;
    else if (c < 0x800)
      text[0] = (char)(0xC0 | c >> 6), text[1] = (char)(0x80 | (c & 63));
    else if (c < 0x10000)
      text[0] = (char)(0xE0 | c >> 12), text[1] = (char)(0x80 | (c >> 6 & 63)),
      text[2] = (char)(0x80 | (c & 63));
    else
      text[0] = (char)(0xF0 | c >> 18), text[1] = (char)(0x80 | (c >> 12 & 63)),
      text[2] = (char)(0x80 | (c >> 6 & 63)), text[3] = (char)(0x80 | (c & 63));
    spec.title = text;
    expect_same_again(arena, &spec);
  }
}

/* A path from the command line may be no UTF-8: each such byte is printed as U+FFFD, and the file
 * stays readable. */
Test(spec_print, bytes_that_are_no_utf8_are_printed_as_replacement_characters) {
  Arena arena = new_arena();
  Spec spec = parse(&arena, LEAST);
  spec.model = "a\x80\xBF\xC3(\xE2\x82\xF8\xC0\x80\xED\xA0\x80\xF4\x90\x80\x80z\xC3";
  Spec again = parse(&arena, spec_print(&arena, &spec));
#define R "\xEF\xBF\xBD"
  cr_expect_str_eq(again.model, "a" R R R "(" R R R R R R R R R R R R "z" R);
}

/* Whatever a slip of the fingers makes of a spec: it is refused with one line, or it means
 * something and prints as that. */
Test(spec_print, a_mutated_spec_is_refused_or_read_back_as_itself) {
  Arena arena = new_arena();
  static const char odd[] = "{}[]:,-#&*!|>'\"%@` \n\t0123456789\x80\xFF.e+~?x";
  int accepted = 0;
  for (int round = 0; round < 4000; round++) {
    Arena scratch = arena;
    char text[] = FULL;
    size_t count = sizeof text - 1;
    for (int edits = round % 4 ? 1 : 3; edits > 0; edits--) {
      size_t at = random_bits() % count;
      if (random_bits() & 1)
        text[at] = odd[random_bits() % (sizeof odd)]; /* its NUL included */
      else
        memmove(text + at, text + at + 1, count - at), count--;
    }
    Spec spec;
    Status st = {0};
    memset(&spec, 0xA5, sizeof spec);
    if (spec_parse(&scratch, "m.yaml", text, count, &spec, &st)) {
      accepted++;
      expect_same_again(scratch, &spec);
    } else {
      cr_expect(!strncmp(st.text, "m.yaml:", 7), "%s", st.text);
    }
  }
  cr_expect(accepted > 400 && accepted < 3600,
            "%d of 4000 accepted: the mutations test one side only", accepted);
}

static void expect_shipped(const char *path, int prompts, int pairs, int modes) {
  Arena arena = new_arena();
  Spec spec;
  Status st = {0};
  cr_assert(spec_read(&arena, path, &spec, &st), "%s", st.text);
  cr_expect_eq(spec.prompt_count, prompts);
  cr_expect_eq(spec.pair_count, pairs);
  cr_expect_eq(spec.mode_count, modes);
  cr_expect(file_exists(file_resolve(&arena, spec.folder, spec.model)), "%s", spec.model);
  cr_expect(file_exists(file_resolve(&arena, spec.folder, spec.calibration.text)), "%s",
            spec.calibration.text);
  for (int i = 0; i < prompts; i++) {
    Bytes text;
    const char *file = file_resolve(&arena, spec.folder, spec.prompts[i].text);
    cr_assert(file_map(file, &text, &st), "%s", st.text);
    cr_expect(spec.prompts[i].offset + spec.prompts[i].length <= (int64_t)text.count, "%s",
              spec.prompts[i].name);
    file_unmap(&text);
  }
  expect_same_again(arena, &spec);
}

Test(spec_print, shipped_experiments_are_valid_and_their_files_are_there) {
  expect_shipped("experiments/mode_2-0_vs_2-4.yaml", 1, 1, 2);
  expect_shipped("experiments/all_modes.yaml", 8, 4, 9);
  expect_shipped("experiments/perplexity_cost.yaml", 1, 1, 9);
  expect_shipped("experiments/drift_all_layers.yaml", 16, 3, 9);
  expect_shipped("experiments/grid_alpha.yaml", 24, 1, 2);
}

Test(spec_print, the_shipped_json_schema_is_the_tables) {
  Arena arena = new_arena();
  Status st = {0};
  Bytes shipped;
  cr_assert(file_read(&arena, "experiments/spec.schema.json", 1 << 20, &shipped, &st), "%s",
            st.text);
  cr_expect_str_eq(shipped.data, spec_schema(&arena),
                   "write spec_schema's text to experiments/spec.schema.json");
}
