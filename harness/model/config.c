/* Limits keep every product of two dimensions that is taken in an int (2 E, R + 2 N, E N) and all
 * taken in size_t far from overflow; they are no statement on models. */
#include "model/config.h"

#include <stdio.h>
#include <string.h>

#include "family/family.h"
#include "model/json.h"
#include "model/original.h"

enum { MAX_FILE = 1 << 20, MAX_WIDTH = 1 << 20, MAX_STATE = 1 << 10, MAX_TAPS = 16 };

static const char *string_at(const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  return text ? text : "";
}

static bool mentions_quamba(const json_t *o) {
  if (strcasestr(string_at(o, "model_type"), "quamba")) return true;
  const json_t *list = json_object_get(o, "architectures");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (name && strcasestr(name, "quamba")) return true;
  }
  return false;
}

/* Python writes NaN, Infinity and -Infinity as bare words, which are no JSON: in quotes they can be
 * parsed, and a key that is read as a number still refuses them. */
static Bytes quote_words(Arena *arena, Bytes text) {
  static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
  char *out = arena_alloc(arena, 2 * text.count + 1, 1), *end = out;
  bool in_string = false;
  for (size_t i = 0; i < text.count;) {
    size_t length = 1;
    const bool escaped = in_string && text.data[i] == '\\' && i + 1 < text.count;
    for (int w = 0; !in_string && length == 1 && w < 3; w++) {
      size_t n = strlen(words[w]);
      if (n <= text.count - i && memcmp(text.data + i, words[w], n) == 0) length = n;
    }
    if (escaped) length = 2;
    const bool word = !escaped && length > 1;
    if (text.data[i] == '"') in_string = !in_string;
    if (word) *end++ = '"';
    memcpy(end, text.data + i, length);
    end += length;
    i += length;
    if (word) *end++ = '"';
  }
  return (Bytes){out, (size_t)(end - out)};
}

/* A key whose value is null says nothing. */
static void drop_nulls(json_t *o) {
  const char *key;
  json_t *value;
  void *next;
  json_object_foreach_safe(o, next, key, value) {
    if (json_is_null(value)) json_object_del(o, key);
  }
}

/* "mamba" (Mamba-1), "…" (…): what can be run here. */
static const char *known_types(char *text, size_t size, bool titles) {
  size_t used = 0;
  const Family *kind;
  for (int i = 0; used < size && (kind = family_kind(i)); i++) {
    used += (size_t)snprintf(text + used, size - used, "%s\"%s\"", i ? ", " : "", kind->model_type);
    if (titles && used < size)
      used += (size_t)snprintf(text + used, size - used, " (%s)", kind->title);
  }
  return text;
}

/* What the file is, before its numbers are asked for. */
static bool check_kind(const char *path, const json_t *o, Config *c, Status *st) {
  char known[256];
  for (const char *const *key = (const char *const[]){"quantization_config", "quant_config", NULL};
       *key; key++)
    if (json_object_get(o, *key))
      return FAIL(st, "%s: has the key '%s', so it is quantised; %s", path, *key, CONFIG_WANTED);
  if (mentions_quamba(o))
    return FAIL(st, "%s: is of a quantised Quamba checkpoint; %s", path, CONFIG_WANTED);
  const json_t *type = json_object_get(o, "model_type");
  if (!json_is_string(type))
    return FAIL(st, "%s: model_type is %s, expected %s", path, type ? "no string" : "missing",
                known_types(known, sizeof known, false));
  c->family = family_of_type(json_string_value(type));
  return c->family || FAIL(st, "%s: model_type is \"%.100s\"; only %s is run here", path,
                           json_string_value(type), known_types(known, sizeof known, true));
}

/* An integer from 1 to max; `fallback` where the key is missing, 0: it must be there. */
static bool read_int(const char *path, const json_t *o, const char *key, int max, int fallback,
                     int *out, Status *st) {
  const json_t *value = json_object_get(o, key);
  if (!value && fallback) return *out = fallback, true;
  if (!value) return FAIL(st, "%s: %s is missing", path, key);
  if (!json_is_integer(value)) return FAIL(st, "%s: %s is not an integer", path, key);
  json_int_t number = json_integer_value(value);
  if (number < 1 || number > max)
    return FAIL(st, "%s: %s is %lld, expected 1 to %d", path, key, (long long)number, max);
  return *out = (int)number, true;
}

static bool read_bool(const char *path, const json_t *o, const char *key, bool fallback, bool *out,
                      Status *st) {
  const json_t *value = json_object_get(o, key);
  if (value && !json_is_boolean(value))
    return FAIL(st, "%s: %s is neither true nor false", path, key);
  return *out = value ? json_is_true(value) : fallback, true;
}

static bool read_eps(const char *path, const json_t *o, const char *key, double fallback,
                     double *eps, Status *st) {
  const json_t *value = json_object_get(o, key);
  if (value && !json_is_number(value)) return FAIL(st, "%s: %s is not a number", path, key);
  *eps = value ? json_number_value(value) : fallback;
  return (*eps > 0 && *eps <= 1) ||
         FAIL(st, "%s: %s is %g, expected more than 0 and at most 1", path, key, *eps);
}

static bool read_rank(const char *path, const json_t *o, int D, int *R, Status *st) {
  const json_t *value = json_object_get(o, "time_step_rank");
  if (!value || (json_is_string(value) && strcmp(json_string_value(value), "auto") == 0))
    return *R = (D + 15) / 16, true;
  if (json_is_string(value))
    return FAIL(st, "%s: time_step_rank is \"%.100s\", expected an integer or \"auto\"", path,
                json_string_value(value));
  return read_int(path, o, "time_step_rank", MAX_WIDTH, 0, R, st);
}

/* What a text begins with where nothing else does. */
static int start_of(const json_t *o, int vocab) {
  for (const char *const *key = (const char *const[]){"bos_token_id", "eos_token_id", NULL}; *key;
       key++) {
    const json_t *value = json_object_get(o, *key);
    const json_int_t id = json_integer_value(value);
    if (json_is_integer(value) && id >= 0 && id < vocab) return (int)id;
  }
  return -1;
}

static bool read_keys(const char *path, const json_t *o, Config *c, bool *conv_bias, Status *st) {
  TRY(check_kind(path, o, c, st));
  TRY(read_int(path, o, "hidden_size", MAX_WIDTH, 0, &c->D, st));
  TRY(read_int(path, o, "num_hidden_layers", LAYERS_MOST, 0, &c->layers, st));
  TRY(read_int(path, o, "vocab_size", VOCAB_MOST, 0, &c->vocab, st));
  c->start = start_of(o, c->vocab);
  TRY(read_int(path, o, "state_size", MAX_STATE, 0, &c->N, st));
  TRY(read_int(path, o, "conv_kernel", MAX_TAPS, 0, &c->K, st));
  int expand;
  TRY(read_int(path, o, "expand", 64, 2, &expand, st));
  TRY(read_int(path, o, "intermediate_size", MAX_WIDTH, expand * c->D, &c->E, st));
  if (c->E > MAX_WIDTH)
    return FAIL(st, "%s: expand * hidden_size is %d, expected at most %d", path, c->E, MAX_WIDTH);
  TRY(read_rank(path, o, c->D, &c->R, st));
  TRY(read_eps(path, o, "layer_norm_epsilon", 1e-5, &c->eps, st));
  c->mixer_eps = 0;
  if (c->family->mixer_eps > 0)
    TRY(read_eps(path, o, "mixer_rms_eps", c->family->mixer_eps, &c->mixer_eps, st));
  TRY(read_bool(path, o, "tie_word_embeddings", true, &c->tied, st));
  c->tied_said = json_object_get(o, "tie_word_embeddings") != NULL;
  TRY(read_bool(path, o, "use_conv_bias", true, conv_bias, st));
  bool bias;
  TRY(read_bool(path, o, "use_bias", false, &bias, st));
  if (bias)
    return FAIL(st,
                "%s: use_bias is true, but the model run here has no bias in in_proj and out_proj",
                path);
  bool rms;
  TRY(read_bool(path, o, "rms_norm", true, &rms, st));
  if (!rms)
    return FAIL(st,
                "%s: rms_norm is false: a layer norm with mean and bias, and only the RMS norm is "
                "run here",
                path);
  const char *act = string_at(o, "hidden_act");
  return !json_object_get(o, "hidden_act") || strcmp(act, "silu") == 0 ||
         strcmp(act, "swish") == 0 ||
         FAIL(st,
              "%s: hidden_act is \"%.100s\", only \"silu\" (or \"swish\", its other name) is run "
              "here",
              path, act);
}

bool config_of(Arena *arena, const char *path, Bytes text, Config *config, bool *conv_bias,
               Status *st) {
  json_t *root = json_object_of(path, "config", quote_words(arena, text), st);
  if (!root) return false;
  drop_nulls(root);
  bool ok = (!original_layout(root) || original_translate(path, root, st)) &&
            read_keys(path, root, config, conv_bias, st);
  json_decref(root);
  return ok;
}

bool config_read(Arena *arena, const char *path, Config *config, bool *conv_bias, Status *st) {
  Bytes text;
  return file_read(arena, path, MAX_FILE, &text, st) &&
         config_of(arena, path, text, config, conv_bias, st);
}
