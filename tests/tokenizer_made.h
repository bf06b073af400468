/* tokenizer_made: tokenizers written by hand, what a text becomes with them, and what they are
 * refused for. The vocabulary is the letters of all bytes, in the order of their code points, and a
 * few tokens joined from them. */
#ifndef DS_TESTS_TOKENIZER_MADE_H
#define DS_TESTS_TOKENIZER_MADE_H
#include "model/tokenizer/steps.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/vocabulary.h"
#include "tests/model_files.h"

static Tokenizer *made_tokenizer[64];
static int made_tokenizers;

/* Closes what made_read has opened; the end of a suite that begins with test_files_begin. */
static inline void made_end(void) {
  while (made_tokenizers) tokenizer_close(made_tokenizer[--made_tokenizers]);
  test_files_end();
}

/* The parts of a tokenizer.json that a test gives; NULL: the usual. */
typedef struct Made {
  const char *normalizer, *words, *added, *vocab, *merges, *model, *processor, *decoder, *more;
} Made;

#define MADE_WORDS "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}"

/* "!": 0, … of every letter, in JSON. */
static inline const char *made_letters(void) {
  char *text = arena_alloc(&test_arena, 256 * 32, 1), *end = text;
  int id = 0;
  for (uint32_t code = 0; code < LETTERS; code++) {
    const int byte = letter_byte(code);
    if (byte < 0) continue;
    end += sprintf(end, "%s\"\\u%04x\": %d", id ? ", " : "", code, id);
    id++;
  }
  return text;
}

static inline const char *made_or(const char *given, const char *usual) {
  return given ? given : usual;
}

static inline const char *made_json(Made m) {
  return arena_printf(
      &test_arena,
      "{\"version\": \"1.0\", \"added_tokens\": %s, \"normalizer\": %s, \"pre_tokenizer\": %s, "
      "\"post_processor\": %s, \"decoder\": %s, \"model\": {\"type\": \"BPE\", \"vocab\": {%s%s}, "
      "\"merges\": %s%s}%s}",
      made_or(m.added, "[]"), made_or(m.normalizer, "null"), made_or(m.words, MADE_WORDS),
      made_or(m.processor, "null"), made_or(m.decoder, "null"), made_letters(),
      made_or(m.vocab, ""), made_or(m.merges, "[]"), made_or(m.model, ""), made_or(m.more, ""));
}

static inline Tokenizer *made_read(const char *json, Status *st) {
  Tokenizer *tokenizer;
  const Bytes file = {json, strlen(json)};
  if (!tokenizer_read(&test_arena, "t.json", file, &tokenizer, st)) return NULL;
  cr_assert(made_tokenizers < 64);
  return made_tokenizer[made_tokenizers++] = tokenizer;
}

static inline Tokenizer *made(Made m) {
  Status st = {0};
  Tokenizer *tokenizer = made_read(made_json(m), &st);
  cr_assert(tokenizer, "%s", st.text);
  return tokenizer;
}

static inline Encoded made_encode(const Tokenizer *tokenizer, const char *text) {
  Status st = {0};
  Encoded encoded;
  cr_assert(
      tokenizer_encode(&test_arena, tokenizer, "text", (Bytes){text, strlen(text)}, &encoded, &st),
      "%s", st.text);
  return encoded;
}

/* The pieces of a text's tokens, with bars between: "a| b". */
static inline const char *made_pieces(const Tokenizer *tokenizer, const char *text) {
  const Encoded encoded = made_encode(tokenizer, text);
  const char *pieces = "";
  for (int64_t i = 0; i < encoded.count; i++) {
    const Bytes piece = tokenizer_piece(tokenizer, encoded.id[i]);
    pieces =
        arena_printf(&test_arena, "%s%s%.*s", pieces, i ? "|" : "", (int)piece.count, piece.data);
  }
  return pieces;
}

static inline bool made_put_word(void *to, const char *word, size_t bytes, Status *st) {
  (void)st;
  const char **words = to, *plain = "";
  for (const char *at = word; at < word + bytes;)
    plain = arena_printf(&test_arena, "%s%c", plain, letter_byte((uint32_t)letter_next(&at)));
  *words = arena_printf(&test_arena, "%s%s%s", *words, **words ? "|" : "", plain);
  return true;
}

/* The words of a text with bars between, of these pre-tokenizers (the inside of a JSON list), which
 * a ByteLevel without regex follows unless one stands there. */
static inline const char *made_words(const char *steps_json, const char *text) {
  Status st = {0};
  json_error_t error;
  const char *rest = strstr(steps_json, "\"ByteLevel\"")
                         ? ""
                         : ", {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                           "\"use_regex\": false}";
  const char *json = arena_printf(
      &test_arena, "{\"type\": \"Sequence\", \"pretokenizers\": [%s%s]}", steps_json, rest);
  json_t *root = json_loads(json, 0, &error);
  cr_assert(root, "%s: %s", json, error.text);
  Steps steps = {0};
  const Field at = {.file = "t.json", .value = root};
  cr_assert(steps_read(&test_arena, &at, &steps, &st), "%s", st.text);
  const char *words = "";
  Effort effort = effort_for(strlen(text));
  const StepsRun run = {&steps,
                        &effort,
                        arena_room(&test_arena, strlen(text) + 1, 1),
                        arena_room(&test_arena, 2 * strlen(text) + 2, 1),
                        made_put_word,
                        &words};
  cr_assert(steps_run(&run, (Bytes){text, strlen(text)}, &st), "%s", st.text);
  steps_free(&steps);
  json_decref(root);
  return words;
}
#endif
