#include "model/tokenizer/tokenizer.h"

#include <string.h>

#include "model/json.h"
#include "model/tokenizer/parts.h"

enum {
  FILE_MOST = 64 << 20, /* the largest published one has 33 MB */
  PROCESSORS_MOST = 16
};

static const char *const root_keys[] = {
    "version",       "truncation",     "padding", "added_tokens", "normalizer",
    "pre_tokenizer", "post_processor", "decoder", "model",        NULL};

/* What cuts or lengthens a text is said by whoever runs the model. */
static bool must_be_null(const Field *root, const char *key, Status *st) {
  const Field at = field_at(root, key);
  return !at.value || field_fail(&at, st, "is not read; it must be null");
}

static bool read_version(const Field *root, Status *st) {
  const Field at = field_at(root, "version");
  const char *text;
  if (!at.value) return true;
  TRY(field_text(&at, &text, st));
  return !strcmp(text, "1.0") || field_fail(&at, st, "is '%.40s', expected 1.0", text);
}

/* Only how ids become text again is said here, and that is known. */
static bool read_decoder(const Field *decoder, Status *st) {
  const char *type;
  if (!decoder->value) return true;
  TRY(field_type(decoder, &type, st));
  return !strcmp(type, "ByteLevel") || field_unknown(decoder, "decoder", type, "ByteLevel", st);
}

/* --- the post-processor ----------------------------------------------------------------------- */

static bool put_front(const Field *list, Tokenizer *t, Status *st) {
  size_t count;
  TRY(field_list(list, FRONT_MOST, &count, st));
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(list, i);
    int id = 0;
    TRY(field_count(&item, ID_MOST, &id, st));
    if (id >= t->bpe.vocabulary.ids || !t->bpe.vocabulary.text[id].data)
      return field_fail(&item, st, "is %d, which no token has", id);
    if (t->fronts == FRONT_MOST)
      return field_fail(&item, st, "is more than %d tokens in front of a text", FRONT_MOST);
    t->front[t->fronts++] = id;
  }
  return true;
}

/* Of {"SpecialToken": {"id": "<s>"}}: its ids stand in special_tokens. */
static bool read_special(const Field *processor, const Field *token, Tokenizer *t, Status *st) {
  const Field name = field_at(token, "id"), all = field_at(processor, "special_tokens");
  const char *text;
  TRY(field_text(&name, &text, st));
  const Field entry = field_at(&all, text), ids = field_at(&entry, "ids");
  if (!entry.value) return field_fail(&name, st, "is not among special_tokens");
  return put_front(&ids, t, st);
}

/* Of one text alone: two are never put together here. */
static bool read_template(const Field *processor, Tokenizer *t, Status *st) {
  size_t count;
  bool text_seen = false;
  TRY(field_only(processor, FIELD_KEYS("type", "single", "pair", "special_tokens"), st));
  const Field single = field_at(processor, "single");
  TRY(field_list(&single, 2 * FRONT_MOST, &count, st));
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(&single, i), token = field_at(&item, "SpecialToken"),
                text = field_at(&item, "Sequence");
    TRY(field_only(&item, FIELD_KEYS("SpecialToken", "Sequence"), st));
    if (!token.value == !text.value)
      return field_fail(&item, st, "is neither a SpecialToken nor a Sequence");
    if (text_seen)
      return field_fail(&item, st,
                        token.value ? "adds a token behind every text, which is not read"
                                    : "is a second text");
    if (token.value) TRY(read_special(processor, &token, t, st));
    text_seen = text.value != NULL;
  }
  return text_seen || field_fail(&single, st, "holds no Sequence");
}

/* `templates`: how many there were before this one. Of two the second would stand around what the
 * first put in front. */
static bool read_processor(const Field *processor, const char *known, int *templates, Tokenizer *t,
                           Status *st) {
  const char *type;
  TRY(field_type(processor, &type, st));
  if (!strcmp(type, "TemplateProcessing"))
    return (*templates)++ ? field_fail(processor, st, "is a second TemplateProcessing")
                          : read_template(processor, t, st);
  return !strcmp(type, "ByteLevel") || field_unknown(processor, "post-processor", type, known, st);
}

static bool read_processors(const Field *processor, Tokenizer *t, Status *st) {
  const char *type;
  size_t count;
  int templates = 0;
  if (!processor->value) return true;
  TRY(field_type(processor, &type, st));
  if (strcmp(type, "Sequence") != 0)
    return read_processor(processor, "ByteLevel, TemplateProcessing, Sequence", &templates, t, st);
  TRY(field_only(processor, FIELD_KEYS("type", "processors"), st));
  const Field list = field_at(processor, "processors");
  TRY(field_list(&list, PROCESSORS_MOST, &count, st));
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(&list, i);
    TRY(read_processor(&item, "ByteLevel, TemplateProcessing", &templates, t, st));
  }
  return true;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool read_parts(Arena *arena, const Field *root, Tokenizer *t, Status *st) {
  TRY(field_only(root, root_keys, st));
  TRY(read_version(root, st));
  TRY(must_be_null(root, "truncation", st));
  TRY(must_be_null(root, "padding", st));
  const Field normalizer = field_at(root, "normalizer"), words = field_at(root, "pre_tokenizer"),
              model = field_at(root, "model"), added = field_at(root, "added_tokens"),
              processor = field_at(root, "post_processor"), decoder = field_at(root, "decoder");
  TRY(normal_read(&normalizer, &t->forms, st));
  TRY(steps_read(arena, &words, &t->steps, st));
  if (!t->steps.letters)
    return field_fail(&words, st, "holds no ByteLevel, so its tokens are not of bytes");
  TRY(read_decoder(&decoder, st));
  size_t more = 0;
  if (added.value) TRY(field_list(&added, ADDED_MOST, &more, st));
  TRY(bpe_read(arena, &model, more, &t->bpe, st));
  TRY(added_read(arena, &added, &t->forms, &t->bpe.vocabulary, &t->added, st));
  return read_processors(&processor, t, st);
}

bool tokenizer_read(Arena *arena, const char *name, Bytes file, Tokenizer **tokenizer, Status *st) {
  *tokenizer = NULL;
  if (file.count > FILE_MOST)
    return FAIL(st, "%s: has %zu bytes, more than the %d allowed here", name, file.count,
                FILE_MOST);
  json_t *json = json_object_of(name, "tokenizer", file, st);
  if (!json) return false;
  Tokenizer *t = ARENA_NEW(arena, Tokenizer, 1);
  t->name = arena_printf(arena, "%s", name);
  t->digest = digest_of(file.data, file.count);
  const Field root = {.file = t->name, .value = json};
  const bool ok = read_parts(arena, &root, t, st);
  json_decref(json);
  if (!ok) return tokenizer_close(t), false;
  return *tokenizer = t, true;
}

bool tokenizer_open(Arena *arena, const char *path, Tokenizer **tokenizer, Status *st) {
  Bytes file;
  TRY(file_map(path, &file, st));
  const bool ok = tokenizer_read(arena, path, file, tokenizer, st);
  file_unmap(&file);
  return ok;
}

void tokenizer_close(Tokenizer *t) {
  if (!t) return;
  steps_free(&t->steps);
  pattern_free(t->added.word);
  t->steps.count = 0;
  t->added.word = NULL;
}

const char *tokenizer_name(const Tokenizer *t) { return t->name; }

Digest tokenizer_digest(const Tokenizer *t) { return t->digest; }

int tokenizer_ids(const Tokenizer *t) { return t->bpe.vocabulary.ids; }

Bytes tokenizer_piece(const Tokenizer *t, int32_t id) {
  return id >= 0 && id < t->bpe.vocabulary.ids ? t->bpe.vocabulary.piece[id] : (Bytes){NULL, 0};
}

int tokenizer_front(const Tokenizer *t, const int32_t **id) {
  *id = t->front;
  return t->fronts;
}
