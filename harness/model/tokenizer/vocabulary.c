#include "model/tokenizer/vocabulary.h"

#include <string.h>
#include <utf8proc.h>
#include <xxhash.h>

static bool prints(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/* Bytes that do not print have the letters from U+0100 on, in their order. */
static int letter_of(int byte) {
  if (prints(byte)) return byte;
  return 0x100 + (byte <= ' ' ? byte : byte <= 0xa0 ? byte - 0x7f + 33 : 67);
}

char *letter_put(unsigned char byte, char *out) {
  const int letter = letter_of(byte);
  if (letter < 0x80) return *out++ = (char)letter, out;
  *out++ = (char)(0xc0 | letter >> 6);
  *out++ = (char)(0x80 | (letter & 0x3f));
  return out;
}

int letter_byte(uint32_t code) {
  if (code < 0x100) return prints((int)code) ? (int)code : -1;
  const int k = (int)code - 0x100;
  return code >= LETTERS ? -1 : k <= ' ' ? k : k < 67 ? k + 0x7f - 33 : 0xad;
}

static uint32_t slot_of(const Vocabulary *v, Bytes text) {
  uint32_t i = (uint32_t)XXH3_64bits(text.data, text.count) & (v->slots - 1);
  while (v->slot[i] >= 0) {
    const Bytes there = v->text[v->slot[i]];
    if (there.count == text.count && memcmp(there.data, text.data, text.count) == 0) break;
    i = (i + 1) & (v->slots - 1);
  }
  return i;
}

int32_t vocabulary_find(const Vocabulary *v, Bytes text) { return v->slot[slot_of(v, text)]; }

int32_t vocabulary_find_own(const Vocabulary *v, Bytes text) {
  const int32_t id = vocabulary_find(v, text);
  return id >= 0 && v->added[id] ? -1 : id;
}

/* As the decoder ByteLevel takes it: what is not all letters stands for itself. */
static Bytes piece_of_text(Arena *arena, Bytes text) {
  const utf8proc_uint8_t *from = (const utf8proc_uint8_t *)text.data;
  char *piece = arena_room(arena, text.count, 1), *end = piece;
  for (size_t i = 0; i < text.count;) {
    utf8proc_int32_t code;
    i += (size_t)utf8proc_iterate(from + i, (utf8proc_ssize_t)(text.count - i), &code);
    const int byte = letter_byte((uint32_t)code);
    if (byte < 0) return text;
    *end++ = (char)byte;
  }
  return (Bytes){piece, (size_t)(end - piece)};
}

static void put(Arena *arena, Vocabulary *v, int32_t id, const char *text) {
  const size_t n = strlen(text);
  char *kept = arena_room(arena, n + 1, 1);
  v->text[id] = (Bytes){memcpy(kept, text, n + 1), n};
  v->piece[id] = piece_of_text(arena, v->text[id]);
  v->slot[slot_of(v, v->text[id])] = id;
  if (id >= v->ids) v->ids = id + 1;
}

void vocabulary_add(Arena *arena, Vocabulary *v, int32_t id, const char *text) {
  put(arena, v, id, text);
  v->added[id] = true;
}

static bool largest_id(const Field *vocab, int *largest, Status *st) {
  const char *text;
  json_t *id;
  *largest = -1;
  json_object_foreach((json_t *)vocab->value, text, id) {
    int number = 0;
    const Field at = {vocab->file, id, vocab, text, 0};
    if (!*text) return field_fail(&at, st, "is the id of an empty token");
    if (strlen(text) > TOKEN_MOST)
      return field_fail(&at, st, "is the id of a token of %zu bytes, at most %d are read",
                        strlen(text), TOKEN_MOST);
    TRY(field_count(&at, ID_MOST, &number, st));
    if (number > *largest) *largest = number;
  }
  return true;
}

static uint32_t power_above(size_t count) {
  uint32_t power = 16;
  while (power < count) power *= 2;
  return power;
}

bool vocabulary_read(Arena *arena, const Field *vocab, size_t more, Vocabulary *v, Status *st) {
  if (!json_is_object(vocab->value)) return field_fail(vocab, st, "is no object");
  int largest;
  TRY(largest_id(vocab, &largest, st));
  const size_t entries = json_object_size(vocab->value);
  *v = (Vocabulary){.room = largest + 1 + (int)more, .entries = (int)entries};
  if (entries > (size_t)v->room) v->room = (int)entries + (int)more;
  v->text = ARENA_NEW(arena, Bytes, v->room);
  v->piece = ARENA_NEW(arena, Bytes, v->room);
  v->added = ARENA_NEW(arena, bool, v->room);
  v->slots = power_above(2 * (entries + more));
  v->slot = arena_room(arena, v->slots, sizeof *v->slot);
  memset(v->slot, -1, v->slots * sizeof *v->slot);
  const char *text;
  json_t *id;
  json_object_foreach((json_t *)vocab->value, text, id) {
    const int number = (int)json_integer_value(id);
    const Field at = {vocab->file, id, vocab, text, 0};
    if (v->text[number].data)
      return field_fail(&at, st, "is %d, which is the id of '%.60s' already", number,
                        v->text[number].data);
    put(arena, v, number, text);
  }
  for (int letter = 0; letter < LETTERS; letter++) {
    char one[4];
    const int byte = letter_byte((uint32_t)letter);
    if (byte < 0) continue;
    const char *end = letter_put((unsigned char)byte, one);
    v->of_letter[letter] = vocabulary_find(v, (Bytes){one, (size_t)(end - one)});
  }
  return true;
}
