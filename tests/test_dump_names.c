/* test_dump_names: which array is which tensor of which layer and pass, by a pattern, by the
 * layouts of known programs, and where nothing is known. */
#include "source/dump/names.h"

#include "tests/dump_files.h"

TestSuite(dump_names, .init = test_files_begin, .fini = test_files_end);

static const float one = 1;

/* "a/b.npy", or "a/b.npz:key;key", in folders that are there; an array of one number each. */
static void make_file(const char *folder, const char *what) {
  char *path = arena_printf(&test_arena, "%s/%s", folder, what);
  const Made array = made_npy(NPY("<f4", "False", "(1,)"), &one, 4);
  char *keys = strchr(path, ':'), *next;
  ZipPart part[16];
  int parts = 0;
  if (!keys) {
    write_made(path, array);
    return;
  }
  *keys = 0;
  for (char *key = strtok_r(keys + 1, ";", &next); key; key = strtok_r(NULL, ";", &next))
    part[parts++] = (ZipPart){arena_printf(&test_arena, "%s.npy", key), array};
  write_made(path, made_zip(part, parts, ZIP_STORED));
}

static Dump dump_of(const char *const *files) {
  static int number;
  const char *folder = arena_printf(&test_arena, "d%d", number++);
  for (; *files; files++) {
    char *path = arena_printf(&test_arena, "%s/%s", folder, *files);
    for (char *slash = path; (slash = strchr(slash, '/')); slash++) {
      *slash = 0;
      mkdir(test_path(path), 0700);
      *slash = '/';
    }
    make_file(folder, *files);
  }
  return opened(test_path(folder));
}
#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* "pass layer tensor" of every entry. */
static void expect_entries(const Dump *dump, const char *names, const char *want_names,
                           const char *const *want) {
  DumpLayout layout;
  Status st = {0};
  memset(&layout, 0xa5, sizeof layout);
  cr_assert(dump_layout(&test_arena, dump, names, &layout, &st), "%s", st.text);
  cr_expect_str_eq(layout.names, want_names);
  int i = 0;
  for (; want[i] && i < layout.entries; i++) {
    const DumpEntry *e = &layout.entry[i];
    const char *got = arena_printf(&test_arena, "%d %d %s", e->pass, e->layer, e->tensor);
    cr_expect_str_eq(got, want[i]);
  }
  cr_expect(!want[i] && i == layout.entries, "%d entries, %d are as wanted", layout.entries, i);
}
#define ENTRIES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refuse_layout(const Dump *dump, const char *names, const char *const *words) {
  DumpLayout layout;
  Status st = {0};
  test_refused(dump_layout(&test_arena, dump, names, &layout, &st), &st, words);
}

/* --- patterns --------------------------------------------------------------------------------- */

Test(dump_names, a_pattern_says_layer_tensor_and_pass) {
  const Dump keys = dump_of(FILES("a.npz:layers.0.mixer.x;layers.0.mixer.y.z;layers.1.mixer.x;"
                                  "layers.1.mixer.y.z;norm"));
  expect_entries(&keys, "layers.{layer}.mixer.{tensor}", "layers.{layer}.mixer.{tensor}",
                 ENTRIES("0 0 x", "0 0 y.z", "0 1 x", "0 1 y.z"));
  expect_entries(&keys, "*layers.{layer}.*.{tensor}|{tensor}",
                 "*layers.{layer}.*.{tensor}|{tensor}",
                 ENTRIES("0 0 x", "0 0 y.z", "0 1 x", "0 1 y.z", "0 -2 norm"));
  const Dump files = dump_of(FILES("step7/L0_q.npy", "step7/L1_q.npy", "step12/L0_q.npy",
                                   "step12/L1_q.npy", "readme.npy"));
  expect_entries(&files, "step{pass}/L{layer}_{tensor}", "step{pass}/L{layer}_{tensor}",
                 ENTRIES("0 0 q", "0 1 q", "1 0 q", "1 1 q"));
}

Test(dump_names, what_no_pattern_fits_is_left_and_counted) {
  DumpLayout layout;
  Status st = {0};
  const Dump dump = dump_of(FILES("a.npz:l0.x;embedding;l1.x"));
  cr_assert(dump_layout(&test_arena, &dump, "l{layer}.{tensor}", &layout, &st), "%s", st.text);
  cr_assert_eq(layout.lefts, 1);
  cr_expect_str_eq(layout.left[0]->name, "embedding");
  cr_expect(layout.layers == 2 && layout.passes == 1 && layout.tensors == 1);
}

Test(dump_names, a_number_in_a_pattern_is_a_whole_one) {
  const Dump dump = dump_of(FILES("a.npz:l10.x;l1.x;l100000.x;l.x"));
  refuse_layout(&dump, "l{layer}0.x", WORDS("fits", "l{layer}0.x"));
  refuse_layout(&dump, "l1{layer}.{tensor}", WORDS("fits"));
}

Test(dump_names, patterns_that_are_none_are_refused) {
  const Dump dump = dump_of(FILES("a.npz:l0.x"));
  refuse_layout(&dump, "quambaa", WORDS("'quambaa'", "{layer}", "sglang"));
  refuse_layout(&dump, "l{lay}.x", WORDS("'l{lay}.x'", "braces"));
  refuse_layout(&dump, "l{layer}.*{tensor}", WORDS("side by side"));
  refuse_layout(&dump, "l{layer}.{tensor}{pass}", WORDS("side by side"));
  refuse_layout(&dump, "", WORDS("'' is neither a pattern"));
  refuse_layout(&dump, "sglang:2", WORDS("'sglang' has no modes"));
  refuse_layout(&dump, "m{layer}.{tensor}", WORDS("m{layer}.{tensor}", "the first is 'a/l0.x'"));
}

/* --- layouts of known programs ---------------------------------------------------------------- */

Test(dump_names, quamba_files_are_known) {
  const Dump dump =
      dump_of(FILES("mode_2-0_layer_0_ssm_output.npy", "mode_2-0_layer_0_conv1d_output.npy",
                    "mode_2-0_layer_1_conv1d_output.npy", "mode_2-0_layer_1_ssm_output.npy"));
  expect_entries(
      &dump, NULL, "quamba",
      ENTRIES("0 0 conv1d_output", "0 0 ssm_output", "0 1 conv1d_output", "0 1 ssm_output"));
}

Test(dump_names, two_modes_in_one_folder_need_a_pattern) {
  const Dump dump = dump_of(FILES("mode_2-0_layer_0_x.npy", "mode_2-4_layer_0_x.npy"));
  DumpLayout layout;
  Status st = {0};
  refuse_layout(&dump, NULL,
                WORDS("mode_2-0_layer_0_x", "mode_2-4_layer_0_x", "'x' of layer 0", ":MODE"));
  cr_assert(dump_layout(&test_arena, &dump, "mode_2-4_layer_{layer}_{tensor}", &layout, &st), "%s",
            st.text);
  cr_expect_str_eq(layout.entry[0].array->name, "mode_2-4_layer_0_x");
  cr_assert(dump_layout(&test_arena, &dump, "quamba:2-0", &layout, &st), "%s", st.text);
  cr_expect_str_eq(layout.entry[0].array->name, "mode_2-0_layer_0_x");
  refuse_layout(&dump, "modules:2-0", WORDS("modules", "has no modes"));
  cr_expect_eq(layout.lefts, 1);
}

Test(dump_names, sglang_files_are_known) {
#define SGLANG(step, index, rest) "step=" step "___rank=0___dump_index=" index "___" rest
  const Dump dump = dump_of(
      FILES(SGLANG("0", "1", "name=embed___recompute_status=disabled.npz:value"),
            SGLANG("0", "2", "name=attn_in___recompute_status=disabled___layer_id=0.npz:value"),
            SGLANG("0", "10", "name=attn_in___recompute_status=disabled___layer_id=1.npz:value"),
            SGLANG("1", "11", "name=attn_in___recompute_status=disabled___layer_id=0.npz:value"),
            SGLANG("1", "12", "name=attn_in___recompute_status=disabled___layer_id=1.npz:value")));
  expect_entries(&dump, NULL, "sglang",
                 ENTRIES("0 -1 embed", "0 0 attn_in", "0 1 attn_in", "1 0 attn_in", "1 1 attn_in"));
  const Dump hook =
      dump_of(FILES("TP0_PP0_Rank0_pid12/Pass00000.npz:model.layers.0.mlp;model.layers.0.attn.0",
                    "TP0_PP0_Rank0_pid12/Pass00001.npz:model.layers.0.mlp;model.layers.0.attn.0"));
  expect_entries(&hook, NULL, "sglang-hook",
                 ENTRIES("0 0 mlp", "0 0 attn.0", "1 0 mlp", "1 0 attn.0"));
}

Test(dump_names, msprobe_files_are_known) {
#define MSPROBE(step, name) "step" step "/rank0/dump_tensor_data/" name ".npy"
  const Dump dump = dump_of(FILES(MSPROBE("0", "Functional.linear.3.forward.output.0"),
                                  MSPROBE("0", "Module.layers.0.mlp.Linear.forward.0.output.0"),
                                  MSPROBE("0", "Module.layers.1.mlp.Linear.forward.0.output.0"),
                                  MSPROBE("3", "Module.layers.0.mlp.Linear.forward.0.output.0"),
                                  MSPROBE("3", "Module.layers.1.mlp.Linear.forward.0.output.0")));
  expect_entries(&dump, NULL, "msprobe",
                 ENTRIES("0 -1 Functional.linear.3.forward.output.0",
                         "0 0 mlp.Linear.forward.0.output.0", "0 1 mlp.Linear.forward.0.output.0",
                         "1 0 mlp.Linear.forward.0.output.0", "1 1 mlp.Linear.forward.0.output.0"));
}

Test(dump_names, files_of_other_tools_are_known) {
  const Dump neuron = dump_of(FILES("dp0/prefill_s2048_0/model.layers.0.mlp/rank0.npy",
                                    "dp0/prefill_s2048_0/model.layers.1.mlp/rank0.npy"));
  expect_entries(&neuron, NULL, "vllm-neuron", ENTRIES("0 0 mlp", "0 1 mlp"));
  const Dump engine =
      dump_of(FILES("tensor_dumps/rank_0/decoder_layers_0_fc1_activation_iter_000001.npz:"
                    "high_precision;quantized"));
  expect_entries(&engine, NULL, "transformer-engine",
                 ENTRIES("0 0 decoder_layers_fc1_activation.high_precision",
                         "0 0 decoder_layers_fc1_activation.quantized"));
  const Dump debugger = dump_of(FILES("GPT2LMHeadModel.transformer.h.0.mlp_outputs.npz:data",
                                      "GPT2LMHeadModel.transformer.h.0_outputs.npz:data",
                                      "GPT2LMHeadModel.lm_head_outputs.npz:data"));
  expect_entries(
      &debugger, NULL, "transformers",
      ENTRIES("0 -1 GPT2LMHeadModel.lm_head_outputs", "0 0 mlp_outputs", "0 0 h_outputs"));
  const Dump modules =
      dump_of(FILES("a.npz:model.embed;model.layers.0;model.layers.0.mlp.experts.3;"
                    "model.layers.1;model.layers.1.mlp.experts.3;lm_head"));
  expect_entries(&modules, NULL, "modules",
                 ENTRIES("0 -1 model.embed", "0 0 layers", "0 0 mlp.experts.3", "0 1 layers",
                         "0 1 mlp.experts.3", "0 -2 lm_head"));
}

Test(dump_names, an_encoder_and_a_decoder_keep_their_names) {
  const Dump dump = dump_of(FILES("a.npz:encoder.layers.0.mlp;decoder.layers.0.mlp"));
  expect_entries(&dump, NULL, "modules",
                 ENTRIES("0 0 encoder.layers.mlp", "0 0 decoder.layers.mlp"));
}

Test(dump_names, several_ranks_are_refused_and_one_folder_of_them_is_read) {
  const Dump dump = dump_of(FILES("dp0/prefill_0/model.layers.0.mlp/rank0.npy",
                                  "dp0/prefill_0/model.layers.0.mlp/rank1.npy"));
  refuse_layout(&dump, NULL, WORDS("several ranks (0 and 1)", "join them"));
  const Dump other = dump_of(FILES("rank_0/a.npz:l0.x", "rank_3/a.npz:l0.x"));
  refuse_layout(&other, NULL, WORDS("several ranks (0 and 3)"));
}

/* --- names of any kind ------------------------------------------------------------------------ */

Test(dump_names, the_first_whole_number_is_the_layer_where_nothing_is_known) {
  static const struct {
    const char *name, *want;
  } names[] = {{"layer_0_conv1d_out", "0 0 layer_conv1d_out"},
               {"conv1d_out_0", "0 0 conv1d_out"},
               {"h0_attn2", "0 0 h_attn2"},
               {"block0", "0 0 block"},
               {"0_x", "0 0 x"},
               {"0", "0 0 0"},
               {"conv1d", "0 -1 conv1d"},
               {"x_20261126", "0 -1 x_20261126"},
               {"embedding", "0 -1 embedding"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const Dump dump = dump_of(FILES(arena_printf(&test_arena, "%s.npy", names[i].name)));
    expect_entries(&dump, NULL, "first number", ENTRIES(names[i].want));
  }
}

Test(dump_names, a_number_in_a_layers_own_name_stands_before_that_of_a_module_in_it) {
  const Dump dump = dump_of(FILES("a.npz:block_0.mlp.0;block_0.mlp.2;block_1.mlp.0;block_1.mlp.2"));
  expect_entries(
      &dump, NULL, "first number",
      ENTRIES("0 0 block.mlp.0", "0 0 block.mlp.2", "0 1 block.mlp.0", "0 1 block.mlp.2"));
}

Test(dump_names, a_slash_in_a_name_that_is_found_out_is_a_dot) {
  const Dump modules = dump_of(FILES("a.npz:layers/0/mixer/x;layers.1.mixer.x"));
  expect_entries(&modules, NULL, "modules", ENTRIES("0 0 mixer.x", "0 1 mixer.x"));
  const Dump numbers = dump_of(FILES("a.npz:layer_0/x;layer_1.x"));
  expect_entries(&numbers, NULL, "first number", ENTRIES("0 0 layer.x", "0 1 layer.x"));
  expect_entries(&numbers, "layer_{layer}/{tensor}", "layer_{layer}/{tensor}", ENTRIES("0 0 x"));
}

Test(dump_names, a_pass_that_a_name_begins_with_is_no_layer) {
  const Dump modules =
      dump_of(FILES("a.npz:step_7.model.layers.0.mixer;step_7.model.layers.1.mixer;"
                    "step_8.model.layers.0.mixer;step_8.model.layers.1.mixer;"
                    "step_7.input_ids;step_8.input_ids"));
  DumpLayout layout;
  Status st = {0};
  expect_entries(&modules, NULL, "passes",
                 ENTRIES("0 0 mixer", "0 1 mixer", "0 -2 input_ids", "1 0 mixer", "1 1 mixer",
                         "1 -2 input_ids"));
  cr_assert(dump_layout(&test_arena, &modules, NULL, &layout, &st));
  cr_expect_str_eq(layout.pass[0], "7");
  cr_expect_str_eq(layout.pass[1], "8");
  const Dump groups = dump_of(FILES("a.npz:prompt/0/layer/3/x;prompt/1/layer/3/x"));
  expect_entries(&groups, NULL, "passes", ENTRIES("0 3 x", "1 3 x"));
  const Dump flat = dump_of(FILES("a.npz:pass2_layer0_x;pass2_layer1_x;pass3_layer0_x;"
                                  "pass3_layer1_x"));
  expect_entries(&flat, NULL, "passes", ENTRIES("0 0 x", "0 1 x", "1 0 x", "1 1 x"));
  const Dump inner = dump_of(FILES("a.npz:step_7.model.layer_0.x;step_8.model.layer_0.x"));
  expect_entries(&inner, NULL, "passes", ENTRIES("0 0 x", "1 0 x"));
  const Dump norms = dump_of(FILES("a.npz:step_0_layer_0;step_0_layer_norm1;step_0_layer_norm2;"
                                   "step_0.h_norm1;step_0.layer_0.layer_norm.weight2"));
  expect_entries(&norms, NULL, "passes",
                 ENTRIES("0 0 layer", "0 0 layer_norm.weight2", "0 -2 layer_norm1",
                         "0 -2 layer_norm2", "0 -2 h_norm1"));
  /* nothing says that what has a number in it is a layer */
  const Dump other = dump_of(FILES("a.npz:step_0.mlp.3;step_1.mlp.3"));
  expect_entries(&other, NULL, "first number", ENTRIES("0 0 step.mlp.3", "0 1 step.mlp.3"));
}

Test(dump_names, files_that_hold_the_same_names_are_passes) {
  DumpLayout layout;
  Status st = {0};
  const Dump dump = dump_of(
      FILES("address.npz:layers.0.x;layers.1.x;ids", "bible.npz:layers.0.x;layers.1.x;ids"));
  expect_entries(&dump, NULL, "modules",
                 ENTRIES("0 0 x", "0 1 x", "0 -2 ids", "1 0 x", "1 1 x", "1 -2 ids"));
  cr_assert(dump_layout(&test_arena, &dump, NULL, &layout, &st));
  cr_expect_str_eq(layout.pass[0], "address");
  cr_expect_str_eq(layout.pass[1], "bible");
  const Dump shards = dump_of(FILES("a-1.npz:layers.0.x;ids", "a-2.npz:layers.1.x"));
  expect_entries(&shards, NULL, "modules", ENTRIES("0 0 x", "0 1 x", "0 -2 ids"));
  const Dump folders = dump_of(FILES("p/l0.npy", "p/l1.npy", "q/l0.npy", "q/l1.npy"));
  expect_entries(&folders, NULL, "first number", ENTRIES("0 0 l", "0 1 l", "1 0 l", "1 1 l"));
}

Test(dump_names, layers_begin_anywhere_and_none_is_missing_in_between) {
  const Dump later = dump_of(FILES("a.npz:l.5.x;l.6.x"));
  expect_entries(&later, NULL, "modules", ENTRIES("0 5 x", "0 6 x"));
  const Dump gap = dump_of(FILES("a.npz:l.0.x;l.1.x;l.3.x"));
  refuse_layout(&gap, NULL, WORDS("layer 2 is missing", "layer 3 follows"));
  const Dump pass = dump_of(FILES("p.npz:l.0.x;l.1.x", "q.npz:l.0.x"));
  refuse_layout(&pass, NULL, WORDS("pass 'q' ends before layer 1", "others have 1"));
  const Dump first = dump_of(FILES("p.npz:l.0.x;l.1.x", "q.npz:l.1.x"));
  refuse_layout(&first, NULL, WORDS("layer 0 is missing in pass 'q'"));
}

Test(dump_names, two_layers_of_one_name_are_refused_with_both) {
  const Dump dump = dump_of(FILES("a.npz:l.0.x;m.00.x;l.1.x"));
  refuse_layout(&dump, "*.{layer}.{tensor}", WORDS("'a/l.0.x'", "'a/m.00.x'", "both"));
}
