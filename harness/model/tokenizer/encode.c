/* encode: a text as ids: added tokens are cut out, what lies between is normalised, cut again,
 * taken apart into words, and each word into tokens. */
#include <utf8proc.h>

#include "base/number.h"
#include "model/tokenizer/parts.h"

#define TEXT_MOST ((size_t)1 << 30)

typedef struct Encoding {
  const Tokenizer *tokenizer;
  const char *name;
  Bytes text;
  Arena scratch;
  Effort effort;
  Encoded *out;
} Encoding;

static bool check_text(const char *name, Bytes text, size_t *foreign, Status *st) {
  const utf8proc_uint8_t *byte = (const utf8proc_uint8_t *)text.data;
  utf8proc_int32_t c;
  *foreign = 0;
  if (text.count > TEXT_MOST)
    return FAIL(st, "%s: has %zu bytes of text, at most %zu become tokens", name, text.count,
                TEXT_MOST);
  for (size_t i = 0; i < text.count;) {
    if (byte[i] < 0x80) {
      i++;
      continue;
    }
    const utf8proc_ssize_t n = utf8proc_iterate(byte + i, (utf8proc_ssize_t)(text.count - i), &c);
    if (n <= 0)
      return FAIL(st, "%s: byte %zu, 0x%02x, is no UTF-8, so the text cannot become tokens", name,
                  i, byte[i]);
    *foreign += (size_t)n;
    i += (size_t)n;
  }
  return true;
}

static bool put_word(void *to, const char *word, size_t bytes, Status *st) {
  Encoding *e = to;
  const int64_t count =
      bpe_word(&e->tokenizer->bpe, word, bytes, e->out->id + e->out->count, e->scratch);
  if (count < 0) {
    const char *letter = word + (-1 - count);
    return FAIL(st,
                "%s: byte 0x%02x has no token in %s: the text behind its first %lld token%s does "
                "not decode to itself",
                e->name, (unsigned)letter_byte((uint32_t)letter_next(&letter)), e->tokenizer->name,
                (long long)e->out->count, plural(e->out->count));
  }
  e->out->count += count;
  return true;
}

static bool put_normal(Encoding *e, Bytes text, Status *st) {
  const Tokenizer *t = e->tokenizer;
  Arena kept = e->scratch;
  AddedWalk walk = added_walk(&t->added, &t->added.normalized, text);
  const StepsRun run = {&t->steps,
                        &e->effort,
                        arena_room(&e->scratch, text.count + 1, 1),
                        arena_room(&e->scratch, 2 * (text.count + 1), 1),
                        put_word,
                        e};
  for (AddedPart part; added_next(&walk, &part);) {
    if (part.id >= 0)
      e->out->id[e->out->count++] = part.id;
    else
      TRY(steps_run(&run, part.text, st));
  }
  e->scratch = kept;
  return true;
}

static bool put_text(Encoding *e, Status *st) {
  const Tokenizer *t = e->tokenizer;
  AddedWalk walk = added_walk(&t->added, &t->added.raw, e->text);
  for (AddedPart part; added_next(&walk, &part);) {
    if (part.id >= 0) {
      e->out->id[e->out->count++] = part.id;
      continue;
    }
    Arena kept = e->scratch;
    TRY(normal_apply(&e->scratch, &t->forms, e->name, (size_t)(part.text.data - e->text.data),
                     part.text, &part.text, st));
    TRY(put_normal(e, part.text, st));
    e->scratch = kept;
  }
  return true;
}

/* The first byte of the text that its pieces do not give back. */
static int64_t first_difference(const Tokenizer *t, Bytes text, const Encoded *encoded) {
  size_t at = 0;
  for (int64_t i = 0; i < encoded->count; i++) {
    const Bytes piece = tokenizer_piece(t, encoded->id[i]);
    for (size_t k = 0; k < piece.count; k++, at++)
      if (at == text.count || text.data[at] != piece.data[k]) return (int64_t)at;
  }
  return at == text.count ? -1 : (int64_t)at;
}

bool tokenizer_encode(Arena *arena, const Tokenizer *t, const char *name, Bytes text,
                      Encoded *encoded, Status *st) {
  Encoding e = {.tokenizer = t, .name = name, .text = text, .out = encoded};
  size_t foreign;
  TRY(check_text(name, text, &foreign, st));
  /* A token has one byte of a piece at least, or is an added one, which has one of the text: at
   * most twice as many where each piece may get a space in front. */
  const size_t most = text.count + foreign * (size_t)(normal_growth(&t->forms) - 1) + 1;
  e.scratch = *arena;
  *encoded = (Encoded){
      .id = arena_room(&e.scratch, most * (t->steps.spaces ? 2 : 1), sizeof *encoded->id)};
  e.effort = effort_for(text.count);
  TRY(put_text(&e, st));
  encoded->differs = first_difference(t, text, encoded);
  /* The ids lie where the arena goes on: so many of them stay. */
  encoded->id = arena_room(arena, (size_t)encoded->count, sizeof *encoded->id);
  return true;
}
