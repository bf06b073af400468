#include "model/tokenizer/added.h"

#include <string.h>
#include <utf8proc.h>

#include "model/tokenizer/classes.h"

/* --- reading ---------------------------------------------------------------------------------- */

static int32_t child_of(const AddedSet *set, int32_t parent, unsigned char byte) {
  if (parent == 0) return set->first[byte];
  int32_t child = set->node[parent].child;
  while (child && set->node[child].byte != byte) child = set->node[child].sibling;
  return child;
}

/* Its node; a second token of the same text finds a token there. */
static AddedNode *insert(AddedSet *set, Bytes text) {
  int32_t at = 0;
  for (size_t i = 0; i < text.count; i++) {
    const unsigned char byte = (unsigned char)text.data[i];
    int32_t child = child_of(set, at, byte);
    if (!child) {
      child = set->nodes++;
      set->node[child] = (AddedNode){0, set->node[at].child, -1, byte};
      set->node[at].child = child;
      if (at == 0) set->first[byte] = child;
    }
    at = child;
  }
  return &set->node[at];
}

/* The id that the vocabulary has for it, or gives it: one more than any. */
static bool settle_id(Arena *arena, const Field *at, const char *text, int id, int *largest,
                      Vocabulary *v, Status *st) {
  const int there = vocabulary_find(v, (Bytes){text, strlen(text)});
  const int next = *largest >= v->entries || v->entries == 0 ? *largest + 1 : v->entries;
  if (there >= 0 && there != id)
    return field_fail(at, st, "has id %d, but '%.60s' is %d in the vocabulary", id, text, there);
  if (there < 0 && (id != next || id >= v->room || v->text[id].data))
    return field_fail(at, st, "has id %d, where the next free one is %d", id, next);
  if (there < 0) vocabulary_add(arena, v, id, text);
  if (id > *largest) *largest = id;
  return true;
}

static bool read_token(Arena *arena, const Field *at, const NormalForms *forms, int *largest,
                       Vocabulary *v, Added *added, Status *st) {
  AddedToken token = {0};
  bool special, normalized;
  const char *text;
  int id = 0;
  TRY(field_only(
      at, FIELD_KEYS("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"),
      st));
  const Field content = field_at(at, "content"), number = field_at(at, "id");
  TRY(field_text(&content, &text, st));
  TRY(field_count(&number, ID_MOST, &id, st));
  TRY(field_bool(at, "single_word", false, &token.single_word, st));
  TRY(field_bool(at, "lstrip", false, &token.lstrip, st));
  TRY(field_bool(at, "rstrip", false, &token.rstrip, st));
  TRY(field_bool(at, "special", false, &special, st));
  TRY(field_bool(at, "normalized", !special, &normalized, st));
  token.text = (Bytes){text, strlen(text)};
  if (!*text || token.text.count > ADDED_LENGTH_MOST)
    return field_fail(&content, st, "has %zu bytes, expected 1 to %d", token.text.count,
                      ADDED_LENGTH_MOST);
  TRY(settle_id(arena, at, text, id, largest, v, st));
  token.id = id;
  token.text.data = v->text[id].data;
  if (normalized) TRY(normal_apply(arena, forms, at->file, 0, token.text, &token.text, st));
  AddedSet *set = normalized ? &added->normalized : &added->raw;
  AddedNode *node = insert(set, token.text);
  if (node->token >= 0)
    return field_fail(at, st, "is the same text as the token of id %d", set->token[node->token].id);
  node->token = set->count;
  return set->token[set->count++] = token, true;
}

/* Room for every token's bytes: a normal form may have more. */
static bool count_bytes(const Field *list, size_t count, size_t *bytes, Status *st) {
  *bytes = 1;
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(list, i), content = field_at(&item, "content");
    const char *text = json_string_value(content.value);
    const size_t n = text ? strlen(text) : 0;
    if (n > ADDED_LENGTH_MOST)
      return field_fail(&content, st, "has %zu bytes, expected 1 to %d", n, ADDED_LENGTH_MOST);
    *bytes += n;
  }
  return true;
}

bool added_read(Arena *arena, const Field *list, const NormalForms *forms, Vocabulary *v,
                Added *added, Status *st) {
  const size_t count = json_array_size(list->value);
  size_t bytes;
  int largest = -1;
  TRY(count_bytes(list, count, &bytes, st));
  AddedSet *const set[] = {&added->raw, &added->normalized};
  for (int i = 0; i < 2; i++) {
    const size_t growth = i ? (size_t)normal_growth(forms) : 1;
    set[i]->token = arena_room(arena, count, sizeof(AddedToken));
    set[i]->node = arena_room(arena, bytes * growth, sizeof(AddedNode));
    set[i]->node[0] = (AddedNode){0, 0, -1, 0};
    set[i]->nodes = 1;
  }
  TRY(pattern_compile(arena, list, class_rust_word, PATTERN_OWN, &added->word, st));
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(list, i);
    TRY(read_token(arena, &item, forms, &largest, v, added, st));
  }
  return true;
}

/* --- looking for them ------------------------------------------------------------------------- */

AddedWalk added_walk(const Added *added, const AddedSet *set, Bytes text) {
  return (AddedWalk){.set = set, .word = added->word, .text = text};
}

/* The longest token that begins at `start`; NULL: none does. */
static const AddedToken *longest(const AddedSet *set, Bytes text, size_t start) {
  const AddedToken *found = NULL;
  int32_t at = set->first[(unsigned char)text.data[start]];
  for (size_t i = start + 1; at; i++) {
    if (set->node[at].token >= 0) found = &set->token[set->node[at].token];
    if (i == text.count) break;
    at = child_of(set, at, (unsigned char)text.data[i]);
  }
  return found;
}

static bool is_space(int32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

static size_t character_before(Bytes text, size_t end) {
  size_t start = end - 1;
  while (start > 0 && ((unsigned char)text.data[start] & 0xc0) == 0x80) start--;
  return start;
}

static int32_t character_at(Bytes text, size_t at, size_t *length) {
  utf8proc_int32_t c = -1;
  const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                              (utf8proc_ssize_t)(text.count - at), &c);
  *length = n > 0 ? (size_t)n : 1;
  return c;
}

static bool stands_alone(const AddedWalk *walk, size_t start, size_t end) {
  const Bytes text = walk->text;
  const size_t before = start ? character_before(text, start) : 0;
  return !(start && pattern_begins(walk->word, text.data + before, start - before)) &&
         !(end < text.count && pattern_begins(walk->word, text.data + end, text.count - end));
}

/* The end of the white space at `at`; looked for once, whoever asks. */
static size_t end_of_spaces(AddedWalk *walk, size_t at) {
  size_t length;
  if (at >= walk->spaces && at < walk->spaces_end) return walk->spaces_end;
  walk->spaces = at;
  while (at < walk->text.count && is_space(character_at(walk->text, at, &length))) at += length;
  return walk->spaces_end = at;
}

/* What the token is given of the white space around it; not what another has taken already. */
static void strip(AddedWalk *walk, const AddedToken *token, size_t *start, size_t *end) {
  size_t length;
  while (token->lstrip && *start > walk->behind) {
    const size_t before = character_before(walk->text, *start);
    if (!is_space(character_at(walk->text, before, &length))) break;
    *start = before;
  }
  if (token->lstrip && *start < walk->behind) *start = walk->behind;
  if (token->rstrip) *end = end_of_spaces(walk, *end);
}

bool added_next(AddedWalk *walk, AddedPart *part) {
  const Bytes text = walk->text;
  if (walk->waits) {
    walk->waits = false;
    return *part = walk->waiting, true;
  }
  while (walk->next < text.count) {
    const AddedToken *token = longest(walk->set, text, walk->next);
    size_t start = walk->next, end = start;
    if (!token) {
      walk->next++;
      continue;
    }
    walk->next = end = start + token->text.count;
    if (token->single_word && !stands_alone(walk, start, end)) continue;
    strip(walk, token, &start, &end);
    if (start >= end) continue; /* in white space that another was given whole */
    const AddedPart found = {token->id, {text.data + start, end - start}};
    const AddedPart before = {-1, {text.data + walk->behind, start - walk->behind}};
    walk->waits = start > walk->behind;
    walk->waiting = found;
    *part = walk->waits ? before : found;
    walk->behind = end;
    return true;
  }
  if (walk->behind >= text.count) return false;
  *part = (AddedPart){-1, {text.data + walk->behind, text.count - walk->behind}};
  walk->behind = text.count;
  return true;
}
