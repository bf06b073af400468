/* Input: a tokenizer.json, and behind a line "%%" a text. Every id of an encoded text is one of the
 * tokenizer's, and the pieces make the text up to where they are said to differ. */
#include "model/tokenizer/tokenizer.h"

#include <string.h>

#include "fuzz.h"

static void check_ids(const Tokenizer *t, Bytes text, const Encoded *e) {
  const size_t same = e->differs < 0 ? text.count : (size_t)e->differs;
  size_t at = 0;
  for (int64_t i = 0; i < e->count; i++) {
    FUZZ_CHECK(e->id[i] >= 0 && e->id[i] < tokenizer_ids(t), "id %d of %d", e->id[i],
               tokenizer_ids(t));
    const Bytes piece = tokenizer_piece(t, e->id[i]);
    for (size_t b = 0; b < piece.count; b++, at++)
      FUZZ_CHECK(at >= same || piece.data[b] == text.data[at], "byte %zu of the text is another",
                 at);
  }
  FUZZ_CHECK(e->differs >= 0 || at == text.count, "pieces of %zu bytes for a text of %zu", at,
             text.count);
}

bool fuzz_tokenizer(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, (size_t)1 << 26);
  Bytes text = {(const char *)data, count};
  const Bytes file = fuzz_part(&text);
  Tokenizer *tokenizer = NULL;
  Encoded encoded;
  Status st = {0}, why = {0};
  char *exact = fuzz_exact(file), *letters = fuzz_exact(text);
  text.data = letters;
  const bool ok =
      tokenizer_read(&arena, "tokenizer.json", (Bytes){exact, file.count}, &tokenizer, &st);
  if (!ok) fuzz_refused(&st, "tokenizer.json: ");
  if (ok && tokenizer_encode(&arena, tokenizer, "text", text, &encoded, &why))
    check_ids(tokenizer, text, &encoded);
  else if (ok)
    fuzz_refused(&why, NULL);
  if (ok) tokenizer_close(tokenizer);
  free(letters);
  free(exact);
  return ok;
}
