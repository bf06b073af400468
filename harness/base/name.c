#include "base/name.h"

#include <stddef.h>
#include <string.h>

int name_character(const char *c, uint32_t *character) {
  unsigned char lead = (unsigned char)*c;
  int bytes = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  uint32_t value = bytes == 1 ? lead : lead & (0x7Fu >> bytes);
  for (int i = 1; i < bytes; i++) {
    if ((c[i] & 0xC0) == 0x80)
      value = value << 6 | (c[i] & 0x3F);
    else
      bytes = 1, value = 0xFFFD;
  }
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool valid = value >= smallest[bytes] && value <= 0x10FFFF &&
               (value < 0xD800 || value > 0xDFFF) && (lead < 0x80 || (lead >= 0xC2 && lead < 0xF8));
  *character = valid ? value : 0xFFFD;
  return valid ? bytes : 1;
}

static bool is_control(uint32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

static bool is_broken(uint32_t character, int bytes) { return character == 0xFFFD && bytes == 1; }

void text_make_plain(char *text, const char *kept) {
  while (*text >= ' ' && *text < 0x7F) text++; /* most texts to their end: nothing is written */
  if (!*text) return;
  char *to = text;
  for (int bytes; *text; text += bytes) {
    uint32_t character;
    bytes = name_character(text, &character);
    if ((is_control(character) && !(character < 128 && strchr(kept, (int)character))) ||
        is_broken(character, bytes)) {
      *to++ = '?';
      continue;
    }
    memmove(to, text, (size_t)bytes);
    to += bytes;
  }
  *to = 0;
}

bool name_valid(const char *name) {
  size_t length = strlen(name);
  if (length < 1 || length > NAME_BYTES_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
    return false;
  while (*name) {
    uint32_t character;
    int bytes = name_character(name, &character);
    if (is_broken(character, bytes) || is_control(character) || character == '/') return false;
    name += bytes;
  }
  return true;
}

bool text_ends(const char *text, const char *end) {
  const size_t length = strlen(text), of_end = strlen(end);
  return length >= of_end && !strcmp(text + length - of_end, end);
}

const char *text_last_part(const char *text) {
  const char *dot = strrchr(text, '.');
  return dot ? dot + 1 : text;
}
