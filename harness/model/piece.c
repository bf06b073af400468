#include "model/piece.h"

#include <stdio.h>
#include <string.h>

/* A character of a text of bytes: from `first` on so many; 0: the byte belongs to none. */
typedef struct Character {
  int first, bytes;
} Character;

static int length_by_lead(int32_t lead) {
  return lead < 0x80   ? 1
         : lead < 0xc2 ? 0
         : lead < 0xe0 ? 2
         : lead < 0xf0 ? 3
         : lead < 0xf5 ? 4
                       : 0;
}

/* The one that begins at `first`, if it is whole and the shortest of its kind (RFC 3629). */
static Character character_from(const int32_t *token, int T, int first) {
  Character c = {first, length_by_lead(token[first])};
  if (c.bytes == 0 || first + c.bytes > T) return (Character){first, 0};
  for (int i = 1; i < c.bytes; i++)
    if ((token[first + i] & ~0x3f) != 0x80) return (Character){first, 0};
  int32_t lead = token[first], next = c.bytes > 1 ? token[first + 1] : 0;
  bool overlong = (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
  bool beyond = (lead == 0xed && next >= 0xa0) || (lead == 0xf4 && next >= 0x90);
  return overlong || beyond ? (Character){first, 0} : c;
}

static Character character_at(const int32_t *token, int T, int at) {
  for (int first = at; first >= 0 && first > at - 4; first--) {
    Character c = character_from(token, T, first);
    if (c.bytes > at - first) return c;
  }
  return (Character){at, 0};
}

/* As text; returns its first token and the one behind its last. `size` is enough for any. */
enum { SHOWN = 8 };
static Character show(const int32_t *token, int T, int at, char shown[SHOWN]) {
  Character c = character_at(token, T, at);
  int32_t byte = token[at];
  if (c.bytes == 0)
    snprintf(shown, SHOWN, "\\x%02X", (unsigned)(byte & 0xff));
  else if (byte == '\n' || byte == '\t' || byte == '\r')
    snprintf(shown, SHOWN, "\\%c", byte == '\n' ? 'n' : byte == '\t' ? 't' : 'r');
  else if (c.bytes == 1 && (byte < 0x20 || byte == 0x7f))
    snprintf(shown, SHOWN, "\\x%02X", (unsigned)byte);
  else {
    for (int i = 0; i < c.bytes; i++) shown[i] = (char)token[c.first + i];
    shown[c.bytes] = 0;
  }
  if (c.bytes == 0) c.bytes = 1;
  return c;
}

/* Puts `part` before or behind what stands there; false where there is no room. */
static bool extend(char *text, size_t size, const char *part, bool before) {
  size_t length = strlen(text), more = strlen(part);
  if (length + more >= size) return false;
  if (before) memmove(text + more, text, length + 1);
  memcpy(text + (before ? 0 : length), part, before ? more : more + 1);
  return true;
}

void piece_of(const int32_t *token, int T, int at, bool bytes, char *text, size_t size) {
  char shown[SHOWN];
  if (bytes) {
    show(token, T, at, shown);
    snprintf(text, size, "%s", strlen(shown) < size ? shown : "");
  } else {
    snprintf(text, size, "%d", token[at]);
  }
}

void piece_show(Bytes piece, char *text, size_t size) {
  enum { MOST = 256 };
  int32_t byte[MOST];
  char shown[SHOWN];
  const int count = piece.count < MOST ? (int)piece.count : MOST;
  for (int i = 0; i < count; i++) byte[i] = (unsigned char)piece.data[i];
  text[0] = 0;
  for (int i = 0; i < count;) {
    const Character c = show(byte, count, i, shown);
    if (!extend(text, size, shown, false)) break;
    i = c.first + c.bytes;
  }
}

/* Ids stand apart. */
static void show_id(int32_t id, bool before, char shown[16]) {
  snprintf(shown, 16, before ? "%d " : " %d", id);
}

void piece_around(const int32_t *token, int T, int at, bool bytes, char *text, size_t size) {
  /* Parts of five: what led to a token says more than what follows. */
  enum { BEFORE = 3, BEHIND = 2 };
  char shown[16];
  Character own = {at, 1};
  text[0] = 0;
  if (bytes)
    own = show(token, T, at, shown);
  else
    snprintf(shown, sizeof shown, "%d", token[at]);
  snprintf(text, size, "[%s]", shown);
  const size_t most_before = strlen(text) + (size - strlen(text)) * BEFORE / (BEFORE + BEHIND);
  for (int i = own.first - 1; i >= 0; i--) {
    Character c = {i, 1};
    if (bytes)
      c = show(token, T, i, shown);
    else
      show_id(token[i], true, shown);
    if (!extend(text, most_before, shown, true)) break;
    i = c.first;
  }
  for (int i = own.first + own.bytes; i < T; i++) {
    Character c = {i, 1};
    if (bytes)
      c = show(token, T, i, shown);
    else
      show_id(token[i], false, shown);
    if (!extend(text, size, shown, false)) break;
    i = c.first + c.bytes - 1;
  }
}
