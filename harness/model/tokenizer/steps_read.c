/* steps_read: the pre-tokenizers of a tokenizer.json as steps. */
#include <string.h>

#include "model/tokenizer/classes.h"
#include "model/tokenizer/steps.h"

/* GPT-2's, as `tokenizers` has it (pre_tokenizers/byte_level.rs). */
static const char byte_level[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static const char known[] = "ByteLevel, Split, Digits, Punctuation, Whitespace, Sequence";

static bool add(const Field *at, Step step, Steps *steps, Step **added, Status *st) {
  if (steps->count == STEPS_MOST)
    return field_fail(at, st, "is more than %d pre-tokenizers, as many as are read", STEPS_MOST);
  *added = &steps->step[steps->count++];
  return **added = step, true;
}

static bool add_split(Arena *arena, const Field *at, const char *text, PatternKind kind,
                      Behavior behavior, bool invert, Steps *steps, Status *st) {
  Step *step = NULL;
  TRY(add(at, (Step){STEP_SPLIT, NULL, behavior, invert}, steps, &step, st));
  return pattern_compile(arena, at, text, kind, &step->pattern, st);
}

static bool read_byte_level(Arena *arena, const Field *at, Steps *steps, Status *st) {
  bool space, trims, regex;
  Step *step = NULL;
  TRY(field_only(at, FIELD_KEYS("type", "add_prefix_space", "trim_offsets", "use_regex"), st));
  TRY(field_bool(at, "add_prefix_space", true, &space, st));
  TRY(field_bool(at, "trim_offsets", true, &trims, st));
  TRY(field_bool(at, "use_regex", true, &regex, st));
  if (steps->letters) return field_fail(at, st, "is a second ByteLevel: one is read");
  if (space) TRY(add(at, (Step){.kind = STEP_SPACE}, steps, &step, st));
  if (regex)
    TRY(add_split(arena, at, byte_level, PATTERN_ONIGURUMA, SPLIT_ISOLATED, false, steps, st));
  steps->spaces |= space;
  steps->letters = true;
  return add(at, (Step){.kind = STEP_LETTERS}, steps, &step, st);
}

static bool read_behavior(const Field *object, Behavior *behavior, Status *st) {
  static const char *const names[] = {
      [SPLIT_REMOVED] = "Removed",
      [SPLIT_ISOLATED] = "Isolated",
      [SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
      [SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
      [SPLIT_CONTIGUOUS] = "Contiguous",
  };
  const Field at = field_at(object, "behavior");
  const char *text;
  TRY(field_text(&at, &text, st));
  for (int i = 0; i < 5; i++)
    if (!strcmp(text, names[i])) return *behavior = (Behavior)i, true;
  return field_fail(&at, st,
                    "is '%.60s', expected Removed, Isolated, MergedWithPrevious, MergedWithNext or "
                    "Contiguous",
                    text);
}

static bool read_split(Arena *arena, const Field *at, Steps *steps, Status *st) {
  Behavior behavior = SPLIT_ISOLATED;
  bool invert;
  const char *text;
  TRY(field_only(at, FIELD_KEYS("type", "pattern", "behavior", "invert"), st));
  TRY(read_behavior(at, &behavior, st));
  TRY(field_bool(at, "invert", false, &invert, st));
  const Field pattern = field_at(at, "pattern");
  TRY(field_only(&pattern, FIELD_KEYS("Regex", "String"), st));
  const Field regex = field_at(&pattern, "Regex"), string = field_at(&pattern, "String");
  if (!regex.value == !string.value)
    return field_fail(&pattern, st, "holds %s of Regex and String",
                      regex.value ? "both" : "neither");
  const Field *given = regex.value ? &regex : &string;
  TRY(field_text(given, &text, st));
  if (!*text) return field_fail(given, st, "is empty");
  return add_split(arena, given, text, regex.value ? PATTERN_ONIGURUMA : PATTERN_LITERAL, behavior,
                   invert, steps, st);
}

static bool read_digits(Arena *arena, const Field *at, Steps *steps, Status *st) {
  bool alone;
  TRY(field_only(at, FIELD_KEYS("type", "individual_digits"), st));
  TRY(field_bool(at, "individual_digits", false, &alone, st));
  return add_split(arena, at, class_rust_digit, PATTERN_OWN,
                   alone ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, false, steps, st);
}

static bool read_punctuation(Arena *arena, const Field *at, Steps *steps, Status *st) {
  Behavior behavior = SPLIT_ISOLATED;
  TRY(field_only(at, FIELD_KEYS("type", "behavior"), st));
  if (field_at(at, "behavior").value) TRY(read_behavior(at, &behavior, st));
  return add_split(arena, at, class_punctuation, PATTERN_OWN, behavior, false, steps, st);
}

static bool read_sequence(Arena *arena, const Field *at, Steps *steps, Status *st) {
  size_t count;
  TRY(field_only(at, FIELD_KEYS("type", "pretokenizers"), st));
  const Field list = field_at(at, "pretokenizers");
  TRY(field_list(&list, STEPS_MOST, &count, st));
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(&list, i);
    TRY(steps_read(arena, &item, steps, st));
  }
  return true;
}

/* As deep as the file is nested, which json.h bounds. */
bool steps_read(Arena *arena, const Field *at, Steps *steps, Status *st) {
  const char *type;
  if (!at->value) return field_fail(at, st, "is missing: a ByteLevel is needed");
  TRY(field_type(at, &type, st));
  if (!strcmp(type, "ByteLevel")) return read_byte_level(arena, at, steps, st);
  if (!strcmp(type, "Split")) return read_split(arena, at, steps, st);
  if (!strcmp(type, "Digits")) return read_digits(arena, at, steps, st);
  if (!strcmp(type, "Punctuation")) return read_punctuation(arena, at, steps, st);
  if (!strcmp(type, "Sequence")) return read_sequence(arena, at, steps, st);
  if (strcmp(type, "Whitespace") != 0) return field_unknown(at, "pre-tokenizer", type, known, st);
  TRY(field_only(at, FIELD_KEYS("type"), st));
  return add_split(arena, at, class_words, PATTERN_OWN, SPLIT_REMOVED, true, steps, st);
}
