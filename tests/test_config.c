/* test_config: what config.json may say, what it leaves to defaults, and what is refused with the
 * key and the limit. */
#include "base/file.h"
#include "family/mamba1.h"
#include "tests/made_model.h"

TestSuite(config, .init = test_files_begin, .fini = test_files_end);

Test(config, defaults_of_the_config_are_filled_in) {
  Model *m = model_of("F16");
  Checkpoint c;
  write_shard(m, "model.safetensors", 0, false);
  CONFIG("time_step_rank", "\"auto\"", "layer_norm_epsilon", NULL);
  open_good(&c);
  cr_expect(c.config.R == 1 && c.config.E == 8 && c.config.eps == 1e-5 && c.config.tied);
  CONFIG("time_step_rank", NULL, "expand", "2", "hidden_act", "\"silu\"", "use_bias", "false",
         "d_model", "4", "ssm_cfg", "{}");
  open_good(&c);
  CONFIG("expand", "3", "intermediate_size", "8");
  open_good(&c);
  cr_expect_eq(c.config.E, 8);
  CONFIG("expand", "1");
  refuse(WORDS("model.safetensors: ", "in_proj", "[16, 4]", "[8, 4]"));
}

Test(config, null_keys_count_as_absent) {
  Checkpoint c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG("quantization_config", "null", "quant_config", "null", "d_model", "null", "ssm_cfg",
         "null", "expand", "null", "time_step_rank", "null", "layer_norm_epsilon", "null",
         "use_conv_bias", "null", "use_bias", "null", "tie_word_embeddings", "null", "hidden_act",
         "null");
  open_good(&c);
  cr_expect(c.config.E == 8 && c.config.R == 1 && c.config.eps == 1e-5 && c.config.tied);
}

Test(config, swish_is_another_name_of_silu) {
  Checkpoint c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG("hidden_act", "\"swish\"");
  open_good(&c);
}

Test(config, a_byte_order_mark_is_passed_over) {
  Checkpoint c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG();
  Bytes text;
  Status st = {0};
  cr_assert(file_read(&test_arena, test_path("config.json"), 4096, &text, &st), "%s", st.text);
  const char *marked = arena_printf(&test_arena, "\xef\xbb\xbf%s", text.data);
  test_write("config.json", marked, strlen(marked));
  open_good(&c);
}

/* As Python writes a Mamba-2 configuration. */
Test(config, words_that_are_no_json_do_not_hide_what_the_model_is) {
  Checkpoint c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG("model_type", "\"mamba2\"", "time_step_limit", "[0.0, Infinity]", "time_step_floor",
         "-Infinity", "x", "NaN");
  refuse(WORDS("config.json: ", "model_type", "\"mamba2\"", "Mamba-1"));
  CONFIG("time_step_limit", "[0.0, Infinity]", "note", "\"to \\\"Infinity\\\" and NaN\"");
  open_good(&c);
  CONFIG("note", "Infinite");
  refuse(WORDS("config.json: ", "not valid JSON"));
}

Test(config, a_quantised_config_is_refused) {
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG("quantization_config", "{\"bits\": 8}");
  refuse(WORDS("config.json: ", "quantization_config", instead));
  CONFIG("quant_config", "{}");
  refuse(WORDS("config.json: ", "quant_config", instead));
  CONFIG("model_type", "\"quamba2\"");
  refuse(WORDS("config.json: ", "Quamba", instead));
  CONFIG("architectures", "[\"QuambaLMHeadModel\"]");
  refuse(WORDS("config.json: ", "Quamba", instead));
}

Test(config, configs_of_other_models_are_refused) {
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  const char *const rows[][6] = {
      /* key, value, and words of the refusal */
      {"model_type", "\"mamba2\"", "model_type", "\"mamba2\"", "Mamba-1"},
      {"model_type", NULL, "model_type", "missing"},
      {"model_type", "1", "model_type", "no string"},
      {"use_bias", "true", "use_bias", "no bias"},
      {"rms_norm", "false", "rms_norm is false", "RMS norm"},
      {"hidden_act", "\"gelu\"", "hidden_act", "gelu", "silu"},
      {"hidden_act", "7", "hidden_act", "silu"},
      {"hidden_size", NULL, "hidden_size", "missing"},
      {"state_size", NULL, "state_size", "missing"},
      {"conv_kernel", NULL, "conv_kernel", "missing"},
      {"vocab_size", NULL, "vocab_size", "missing"},
      {"num_hidden_layers", NULL, "num_hidden_layers", "missing"},
      {"hidden_size", "0", "hidden_size is 0", "1 to 1048576"},
      {"hidden_size", "-4", "hidden_size is -4"},
      {"hidden_size", "4.0", "hidden_size", "integer"},
      {"hidden_size", "\"4\"", "hidden_size", "integer"},
      {"hidden_size", "2147483648", "hidden_size is 2147483648"},
      {"hidden_size", "99999999999999999999", "not valid JSON", "too big"},
      {"num_hidden_layers", "1025", "num_hidden_layers is 1025", "1 to 1024"},
      {"state_size", "100000", "state_size is 100000"},
      {"conv_kernel", "400", "conv_kernel is 400"},
      {"intermediate_size", "1048577", "intermediate_size is 1048577"},
      {"expand", "2.5", "expand", "integer"},
      {"time_step_rank", "\"big\"", "time_step_rank", "\"big\"", "auto"},
      {"time_step_rank", "0", "time_step_rank is 0"},
      {"time_step_rank", "[]", "time_step_rank", "integer"},
      {"hidden_size", "null", "hidden_size", "missing"},
      {"layer_norm_epsilon", "Infinity", "layer_norm_epsilon", "number"},
      {"layer_norm_epsilon", "NaN", "layer_norm_epsilon", "number"},
      {"layer_norm_epsilon", "0", "layer_norm_epsilon is 0"},
      {"layer_norm_epsilon", "-1e-5", "layer_norm_epsilon"},
      {"layer_norm_epsilon", "\"1e-5\"", "layer_norm_epsilon", "number"},
      {"tie_word_embeddings", "1", "tie_word_embeddings", "true nor false"},
      {"use_conv_bias", "0", "use_conv_bias", "true nor false"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CONFIG(rows[i][0], rows[i][1]);
    const char *words[6] = {"config.json: "};
    for (int k = 2; k < 6 && rows[i][k]; k++) words[k - 1] = rows[i][k];
    refuse(words);
  }
  CONFIG("hidden_size", "1048576", "expand", "2");
  refuse(WORDS("config.json: ", "expand * hidden_size is 2097152"));
}

static void write_original(const char *keys) {
  const char *text =
      arena_printf(&test_arena, "{\"d_model\": 4, \"n_layer\": 2, \"vocab_size\": 5, %s}", keys);
  test_write("config.json", text, strlen(text));
}

/* The authors' own keys: 5 tokens are padded to 6, as the embedding is. */
Test(config, the_original_layout_is_read_with_its_own_defaults_and_padding) {
  Checkpoint hf, c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG("layer_norm_epsilon", NULL);
  open_good(&hf);
  write_original("\"ssm_cfg\": {\"d_state\": 2, \"dt_rank\": \"auto\"}, \"rms_norm\": "
                 "true, \"residual_in_fp32\": true, \"fused_add_norm\": true, "
                 "\"pad_vocab_size_multiple\": 2, \"attn_layer_idx\": [], \"d_intermediate\": 0");
  open_good(&c);
  cr_expect_eq(c.config.vocab, 6);
  cr_expect(memcmp(&c.digest, &hf.digest, sizeof c.digest) == 0,
            "another model than config.json of the other layout says");
  write_original("\"ssm_cfg\": {\"layer\": \"Mamba1\"}, \"pad_vocab_size_multiple\": 2");
  refuse(WORDS("x_proj.weight", "[5, 8]", "[33, 8]"));
}

Test(config, the_original_layout_of_another_model_is_refused_by_its_key) {
  static const struct {
    const char *keys, *word, *also;
  } rows[] = {
      {"\"ssm_cfg\": {\"layer\": \"Mamba2\"}", "layer is \"Mamba2\"", "Mamba1"},
      {"\"ssm_cfg\": {\"layer\": 2}", "layer is \"no string\"", "Mamba1"},
      {"\"ssm_cfg\": 3", "ssm_cfg is no object", ""},
      {"\"attn_layer_idx\": [1]", "attn_layer_idx", "only Mamba-1"},
      {"\"d_intermediate\": 8", "d_intermediate", "only Mamba-1"},
      {"\"rms_norm\": false", "rms_norm is false", "RMS norm"},
      {"\"pad_vocab_size_multiple\": 0", "pad_vocab_size_multiple", "from 1"},
      {"\"ssm_cfg\": {\"d_state\": 0}", "state_size is 0", "1 to"},
      {"\"ssm_cfg\": {\"bias\": true}", "use_bias is true", "bias"},
  };
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    write_original(rows[i].keys);
    refuse(WORDS("config.json: ", rows[i].word, rows[i].also));
  }
}

Test(config, the_original_layout_without_a_count_of_tokens_is_refused) {
  static const char *const counts[] = {"0", "-1", "\"5\"", "5.5", "16777217"};
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  for (int i = 0; i < 5; i++) {
    const char *text = arena_printf(
        &test_arena, "{\"d_model\": 4, \"n_layer\": 2, \"vocab_size\": %s}", counts[i]);
    test_write("config.json", text, strlen(text));
    refuse(WORDS("config.json: vocab_size is not an integer from 1 to 16777216"));
  }
}

Test(config, a_config_that_is_no_object_is_refused) {
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  test_write("config.json", "[1]", 3);
  refuse(WORDS("config.json: config is not a JSON object"));
  test_write("config.json", "{\"model_type\": \"mamba\",\n \"model_type\": \"mamba\"}", 48);
  refuse(WORDS("config.json: ", "line 2", "duplicate"));
  test_write("config.json", "", 0);
  refuse(WORDS("config.json: ", "not valid JSON"));
}

/* --- falcon_mamba ----------------------------------------------------------------------------- */

#define FALCON "model_type", "\"falcon_mamba\""

Test(config, the_norms_epsilon_is_read_or_its_default_and_is_part_of_the_digest) {
  Checkpoint c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG(FALCON);
  open_good(&c);
  cr_expect(c.config.family == &family_falcon_mamba && c.config.mixer_eps == 1e-6 &&
            c.config.eps == 2e-5);
  const Digest standard = c.digest;
  CONFIG(FALCON, "mixer_rms_eps", "1e-6");
  open_good(&c);
  cr_expect_str_eq(c.digest.hex, standard.hex);
  CONFIG(FALCON, "mixer_rms_eps", "null");
  open_good(&c);
  cr_expect_str_eq(c.digest.hex, standard.hex);
  CONFIG(FALCON, "mixer_rms_eps", "0.25");
  open_good(&c);
  cr_expect_eq(c.config.mixer_eps, 0.25);
  cr_expect_str_neq(c.digest.hex, standard.hex);
}

Test(config, a_mamba_checkpoint_has_no_such_norms_whatever_else_stands_in_its_config) {
  Checkpoint plain, with;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG();
  open_good(&plain);
  CONFIG("mixer_rms_eps", "0.25");
  open_good(&with);
  cr_expect(plain.config.mixer_eps == 0 && with.config.mixer_eps == 0);
  cr_expect_str_eq(plain.digest.hex, with.digest.hex);
  CONFIG(FALCON);
  open_good(&with);
  cr_expect_str_neq(plain.digest.hex, with.digest.hex);
}

Test(config, an_epsilon_that_is_none_is_refused_with_the_key) {
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  static const char *const rows[][3] = {{"0", "mixer_rms_eps is 0", "more than 0"},
                                        {"-1e-6", "mixer_rms_eps is -1e-06", "more than 0"},
                                        {"2", "mixer_rms_eps is 2", "at most 1"},
                                        {"\"1e-6\"", "mixer_rms_eps", "not a number"},
                                        {"NaN", "mixer_rms_eps", "not a number"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CONFIG(FALCON, "mixer_rms_eps", rows[i][0]);
    refuse(WORDS("config.json: ", rows[i][1], rows[i][2]));
  }
}

/* As the published one has it: expand 16 beside an inner width of twice the outer one. */
Test(config, intermediate_size_wins_over_expand) {
  Checkpoint c;
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  CONFIG(FALCON, "expand", "16", "intermediate_size", "8", "hidden_act", "\"silu\"");
  open_good(&c);
  cr_expect_eq(c.config.E, 8);
  CONFIG(FALCON, "expand", "16");
  refuse(WORDS("model.safetensors: ", "in_proj", "[16, 4]", "[128, 4]"));
}

/* Weights of norms that are to have none may have been trained: they are not passed over in
 * silence. */
Test(config, gains_of_the_norms_are_weights_that_are_not_used) {
  Checkpoint c;
  Model *m = model_of("F16");
  add(m, "F16", "backbone.layers.0.mixer.b_layernorm.weight", 1, 2, 0, 0);
  write_shard(m, "model.safetensors", 0, false);
  CONFIG(FALCON);
  open_good(&c);
  cr_expect(c.unused == 1 && strstr(c.unused_names, "b_layernorm"), "%s", c.unused_names);
}

Test(config, other_kinds_are_refused_by_name_with_what_is_read) {
  static const char *const types[] = {"mamba2", "jamba", "zamba2", "bamba", "falcon_h1"};
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    const char *value = arena_printf(&test_arena, "\"%s\"", types[i]);
    CONFIG("model_type", value);
    refuse(WORDS("config.json: ", value, "\"mamba\" (Mamba-1)", "\"falcon_mamba\""));
  }
}
