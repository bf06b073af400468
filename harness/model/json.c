#include "model/json.h"

/* Brackets and commas outside strings bound what a parser will allocate: every value but the first
 * is either the first in a bracket or follows a comma, so there are at most 1 + openings + commas
 * of them. (An entry of a safetensors header has three openings, at most ten commas inside, and one
 * after it.) Whether the text is JSON at all is left to jansson. */
static bool within_limits(const char *path, const char *what, Bytes text, Status *st) {
  int depth = 0, values = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.count; i++) {
    char c = text.data[i];
    if (in_string) {
      if (c == '\\') i++;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') depth++;
    if (c == ']' || c == '}') depth--;
    if (c == '[' || c == '{' || c == ',') values++;
    if (depth > JSON_MAX_DEPTH)
      return FAIL(st, "%s: %s is nested deeper than %d at byte %zu", path, what, JSON_MAX_DEPTH, i);
    if (values > JSON_MAX_VALUES)
      return FAIL(st, "%s: %s holds more than %d values", path, what, JSON_MAX_VALUES);
  }
  return true;
}

json_t *json_object_of(const char *path, const char *what, Bytes text, Status *st) {
  text = file_unmarked(text);
  if (!within_limits(path, what, text, st)) return NULL;
  json_error_t error;
  json_t *root =
      json_loadb(text.data, text.count, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (!root) {
    const enum json_error_code code = json_error_code(&error);
    const bool nul = code == json_error_null_character || code == json_error_null_byte_in_key;
    status_set(st, "%s: %s is not %s: line %d, column %d: %s", path, what,
               nul ? "read" : "valid JSON", error.line, error.column,
               nul ? "a NUL character" : error.text);
    return NULL;
  }
  if (json_is_object(root)) return root;
  status_set(st, "%s: %s is not a JSON object", path, what);
  json_decref(root);
  return NULL;
}
