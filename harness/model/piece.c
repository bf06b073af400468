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

/* Bytes of a text, and which of them a token is: from `first` up to `behind`. */
typedef struct Span {
  const int32_t *byte;
  int count, first, behind;
} Span;

/* The characters that the token is a part of, cut to `size` bytes; returns all of them. */
static Character show_span(Span span, char *text, size_t size) {
  static const char cut[] = "…";
  char shown[SHOWN];
  const int first = character_at(span.byte, span.count, span.first).first;
  size_t whole = 0; /* what may stand before the sign of a cut */
  bool full = false;
  int i = first;
  text[0] = 0;
  while (i < span.behind) {
    const Character c = show(span.byte, span.count, i, shown);
    i = c.first + c.bytes;
    if (full) continue;
    full = !extend(text, size, shown, false);
    if (full && size >= sizeof cut) strcpy(text + whole, cut);
    if (!full && strlen(text) + sizeof cut <= size) whole = strlen(text);
  }
  return (Character){first, i - first};
}

enum { AROUND = 128 }; /* bytes that are looked at on either side, and of the token */

static int put_bytes(int32_t *byte, Bytes piece) {
  const int count = piece.count < AROUND ? (int)piece.count : AROUND;
  for (int i = 0; i < count; i++) byte[i] = (unsigned char)piece.data[i];
  return count;
}

void piece_show(Bytes piece, char *text, size_t size) {
  int32_t byte[AROUND];
  const int count = put_bytes(byte, piece);
  text[0] = 0;
  if (count) show_span((Span){byte, count, 0, count}, text, size);
}

/* Of tokens that are bytes, they themselves; of a tokenizer's, the bytes of their pieces, as far as
 * AROUND goes, in `room`. False where the token is neither. */
static bool span_of(Pieces pieces, const int32_t *token, int T, int at, int32_t room[3 * AROUND],
                    Span *span) {
  if (pieces.bytes) return *span = (Span){token, T, at, at + 1}, true;
  const Bytes own =
      pieces.tokenizer ? tokenizer_piece(pieces.tokenizer, token[at]) : (Bytes){NULL, 0};
  if (!own.count) return false;
  int from = at, left = 0;
  for (; from > 0; from--) {
    const Bytes piece = tokenizer_piece(pieces.tokenizer, token[from - 1]);
    if (!piece.count || (size_t)left + piece.count > AROUND) break;
    left += (int)piece.count;
  }
  *span = (Span){.byte = room};
  for (int i = from; i < T && span->count <= 2 * AROUND; i++) {
    const Bytes piece = tokenizer_piece(pieces.tokenizer, token[i]);
    if (!piece.count) break;
    if (i == at) span->first = span->count;
    span->count += put_bytes(room + span->count, piece);
    if (i == at) span->behind = span->count;
  }
  return true;
}

void piece_of(Pieces pieces, const int32_t *token, int T, int at, char *text, size_t size) {
  int32_t room[3 * AROUND];
  Span span;
  if (span_of(pieces, token, T, at, room, &span))
    show_span(span, text, size);
  else
    snprintf(text, size, "%d", token[at]);
}

/* Parts of five: what led to a token says more than what follows. */
static size_t room_before(const char *text, size_t size) {
  enum { BEFORE = 3, BEHIND = 2 };
  return strlen(text) + (size - strlen(text)) * BEFORE / (BEFORE + BEHIND);
}

static void numbers_around(const int32_t *token, int T, int at, char *text, size_t size) {
  char shown[16];
  snprintf(text, size, "[%d]", token[at]);
  const size_t most_before = room_before(text, size);
  for (int i = at - 1; i >= 0; i--) {
    snprintf(shown, sizeof shown, "%d ", token[i]);
    if (!extend(text, most_before, shown, true)) break;
  }
  for (int i = at + 1; i < T; i++) {
    snprintf(shown, sizeof shown, " %d", token[i]);
    if (!extend(text, size, shown, false)) break;
  }
}

void piece_around(Pieces pieces, const int32_t *token, int T, int at, char *text, size_t size) {
  int32_t room[3 * AROUND];
  char shown[64];
  Span span;
  if (!span_of(pieces, token, T, at, room, &span)) {
    numbers_around(token, T, at, text, size);
    return;
  }
  const Character own = show_span(span, shown, sizeof shown);
  snprintf(text, size, "[%s]", shown);
  const size_t most_before = room_before(text, size);
  for (int i = own.first - 1; i >= 0; i--) {
    const Character c = show(span.byte, span.count, i, shown);
    if (!extend(text, most_before, shown, true)) break;
    i = c.first;
  }
  for (int i = own.first + own.bytes; i < span.count; i++) {
    const Character c = show(span.byte, span.count, i, shown);
    if (!extend(text, size, shown, false)) break;
    i = c.first + c.bytes - 1;
  }
}
