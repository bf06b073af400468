#include "model/original.h"

#include <string.h>

#include "model/config.h"

bool original_layout(const json_t *config) {
  return !json_object_get(config, "model_type") &&
         (json_object_get(config, "d_model") || json_object_get(config, "n_layer") ||
          json_object_get(config, "ssm_cfg"));
}

/* Where a key stands here, what it is called there, and what it is where it is missing (0: it must
 * be there). */
static const struct Name {
  const char *here, *there;
  bool of_ssm;
  int standard;
} names[] = {{"d_model", "hidden_size", false, 0},
             {"n_layer", "num_hidden_layers", false, 0},
             {"d_state", "state_size", true, 16},
             {"d_conv", "conv_kernel", true, 4},
             {"expand", "expand", true, 2},
             {"dt_rank", "time_step_rank", true, 0},
             {"conv_bias", "use_conv_bias", true, 0},
             {"bias", "use_bias", true, 0},
             {"tie_embeddings", "tie_word_embeddings", false, 0}};

static bool is_empty(const json_t *value) {
  return !value || (json_is_array(value) && json_array_size(value) == 0) ||
         (json_is_object(value) && json_object_size(value) == 0) ||
         (json_is_integer(value) && json_integer_value(value) == 0);
}

static bool check_kind(const char *path, const json_t *config, const json_t *ssm, Status *st) {
  if (ssm && !json_is_object(ssm)) return FAIL(st, "%s: ssm_cfg is no object", path);
  const json_t *layer = json_object_get(ssm, "layer");
  if (layer && (!json_is_string(layer) || strcmp(json_string_value(layer), "Mamba1") != 0))
    return FAIL(st, "%s: ssm_cfg's layer is \"%.100s\"; only \"Mamba1\" is run here", path,
                json_is_string(layer) ? json_string_value(layer) : "no string");
  for (const char *const *key = (const char *const[]){"attn_layer_idx", "d_intermediate", NULL};
       *key; key++)
    if (!is_empty(json_object_get(config, *key)))
      return FAIL(st,
                  "%s: %s says that there are other layers than Mamba's; only Mamba-1 is run "
                  "here",
                  path, *key);
  return true;
}

enum { PAD_MOST = 1 << 20 }; /* n + by - 1 is far from overflow */

/* The authors pad the vocabulary, so that the embedding's rows are a multiple. */
static bool pad_vocab(const char *path, json_t *config, Status *st) {
  const json_t *vocab = json_object_get(config, "vocab_size"),
               *pad = json_object_get(config, "pad_vocab_size_multiple");
  const json_int_t n = json_integer_value(vocab), by = pad ? json_integer_value(pad) : 8;
  if (!vocab) return FAIL(st, "%s: vocab_size is missing", path);
  if (!json_is_integer(vocab) || n < 1 || n > VOCAB_MOST)
    return FAIL(st, "%s: vocab_size is not an integer from 1 to %d", path, VOCAB_MOST);
  if ((pad && !json_is_integer(pad)) || by < 1 || by > PAD_MOST)
    return FAIL(st, "%s: pad_vocab_size_multiple is not an integer from 1 to %d", path, PAD_MOST);
  return json_object_set_new(config, "vocab_size", json_integer((n + by - 1) / by * by)) == 0 ||
         FAIL(st, "%s: no memory", path);
}

bool original_translate(const char *path, json_t *config, Status *st) {
  const json_t *ssm = json_object_get(config, "ssm_cfg");
  TRY(check_kind(path, config, ssm, st));
  TRY(pad_vocab(path, config, st));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    json_t *value = json_object_get(names[i].of_ssm ? ssm : config, names[i].here);
    if (value && !json_is_null(value))
      json_object_set(config, names[i].there, value);
    else if (names[i].standard)
      json_object_set_new(config, names[i].there, json_integer(names[i].standard));
  }
  return json_object_set_new(config, "model_type", json_string("mamba")) == 0 ||
         FAIL(st, "%s: no memory", path);
}
