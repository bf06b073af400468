/* names_pattern: a pattern is text and holes. Each run of text and numbers between two holes stands
 * at the first place where it fits, the last run at the end: what the holes take is then as little
 * as it can be, in one go through the name. */
#include <ctype.h>
#include <string.h>

#include "source/dump/names_parts.h"

static const char layer_hole[] = "{layer}", tensor_hole[] = "{tensor}", pass_hole[] = "{pass}";

static bool starts(const char *text, const char *word) {
  return strncmp(text, word, strlen(word)) == 0;
}

/* The length of the hole for any text that stands here; 0: none does. */
static size_t open_hole(const char *at) {
  return starts(at, tensor_hole) ? sizeof tensor_hole - 1
         : starts(at, pass_hole) ? sizeof pass_hole - 1
         : *at == '*'            ? 1
                                 : 0;
}

bool pattern_check(const char *pattern, Status *st) {
  const char *fault = NULL;
  bool hole_before = false;
  for (const char *at = pattern; *at && !fault;) {
    const size_t hole = open_hole(at);
    if (hole && hole_before) fault = "two that take any text stand side by side";
    if (*at == '{' && !hole && !starts(at, layer_hole))
      fault = "in braces stands none of {layer}, {tensor} and {pass}";
    hole_before = hole > 0;
    at += hole ? hole : 1;
  }
  return !fault || FAIL(st, "'%.100s' is no pattern: %s", pattern, fault);
}

int layer_number(const char *text, const char *end) {
  int number = 0;
  if (text == end) return -1;
  for (; text < end; text++) {
    if (!isdigit((unsigned char)*text)) return -1;
    number = 10 * number + (*text - '0');
    if (number >= LAYER_NUMBERS) return -1;
  }
  return number;
}

/* A run of text and layers at exactly this place: the bytes that it takes, or -1. */
static int run_fits(const char *run, const char *end, const char *text, const char *start,
                    Named *named) {
  const char *at = text;
  while (run < end) {
    if (!starts(run, layer_hole)) {
      if (*at != *run) return -1;
      run++, at++;
      continue;
    }
    const char *number = at;
    if (at > start && isdigit((unsigned char)at[-1])) return -1;
    while (isdigit((unsigned char)*at)) at++;
    named->layer = layer_number(number, at);
    if (named->layer < 0) return -1;
    run += sizeof layer_hole - 1;
  }
  return (int)(at - text);
}

static void take(Arena *arena, const char *hole, const char *from, const char *to, Named *named) {
  const char *text = arena_printf(arena, "%.*s", (int)(to - from), from);
  if (starts(hole, tensor_hole)) named->tensor = text;
  if (starts(hole, pass_hole)) named->pass = text;
}

static bool one_fits(Arena *arena, const char *pattern, const char *end, const char *text,
                     Named *named) {
  const char *at = text;
  *named = (Named){.layer = -1};
  for (const char *hole = NULL;;) {
    const char *run = pattern;
    while (pattern < end && !open_hole(pattern))
      pattern += starts(pattern, layer_hole) ? sizeof layer_hole - 1 : 1;
    const bool last = pattern == end;
    const char *from = at;
    int taken = -1;
    if (hole) at += *hole != '*'; /* {tensor} and {pass} are not empty */
    for (; taken < 0; at++) {
      if (at > from && !at[-1]) return false;
      taken = run_fits(run, pattern, at, text, named);
      if (taken >= 0 && last && at[taken]) taken = -1;
      if (taken >= 0) break;
      if (!hole) return false;
    }
    if (hole) take(arena, hole, from, at, named);
    at += taken;
    if (last) return true;
    hole = pattern;
    pattern += open_hole(pattern);
  }
}

bool pattern_fits(Arena *arena, const char *pattern, const char *text, Named *named) {
  if (strlen(text) > NAME_LONGEST) return false;
  for (const char *at = pattern;;) {
    const char *end = at + strcspn(at, "|");
    if (one_fits(arena, at, end, text, named)) {
      if (!named->tensor) named->tensor = text; /* it has no hole for it */
      return true;
    }
    if (!*end) return false;
    at = end + 1;
  }
}
