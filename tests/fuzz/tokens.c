/* Input: a line "VOCAB OFFSET LENGTH WINDOWS", and a file of text, ids or .npy. Every id is one of
 * the vocabulary, and a prompt lies in its file. */
#include "model/tokens.h"

#include <string.h>

#include "fuzz.h"
#include "walk/prompt.h"

static void check_ids(const int32_t *id, int64_t count, int vocab) {
  FUZZ_CHECK(count > 0, "no ids");
  for (int64_t i = 0; i < count; i++)
    FUZZ_CHECK(id[i] >= 0 && id[i] < vocab, "id %lld is %d of %d", (long long)i, id[i], vocab);
}

/* Numbers as the spec lets them through. */
static int64_t number(const char **text, const char *end, int64_t low, int64_t high) {
  int64_t value = 0;
  while (*text < end && **text == ' ') ++*text;
  for (; *text < end && **text >= '0' && **text <= '9'; ++*text)
    if (value < high) value = 10 * value + (**text - '0');
  return value < low ? low : value > high ? high : value;
}

static void read_prompt(Bytes line, Bytes file, int vocab, int64_t total) {
  const char *at = line.data, *end = line.data + line.count;
  number(&at, end, 0, INT32_MAX); /* the vocabulary */
  Prompt p = {.name = "p", .offset = number(&at, end, 0, INT64_MAX / 10)};
  p.length = (int)number(&at, end, 0, INT32_MAX / 10);
  p.windows = (int)number(&at, end, 0, 4096);
  if (p.windows && !p.length) p.length = 1; /* the spec asks for it */
  Arena arena = fuzz_arena(file.count, 1 << 16);
  for (p.window = 0; p.window < (p.windows ? p.windows : 1); p.window++) {
    if (p.offset > total || p.length > total - p.offset) break; /* prompt_tokens refuses it */
    const int64_t start = prompt_start(&p, total);
    FUZZ_CHECK(start >= p.offset && start <= total - p.length, "window %d of %d begins at %lld",
               p.window, p.windows, (long long)start);
  }
  p.window = p.windows ? p.windows - 1 : 0;
  p.string = vocab == 256 ? fuzz_ended(file) : NULL;
  int32_t *token;
  int T;
  Status st = {0};
  if (!p.string) return;
  TextReader reader = {.folder = "none", .vocab = vocab};
  if (prompt_tokens(&arena, &p, "", &reader, &token, &T, &st))
    check_ids(token, T, vocab);
  else
    fuzz_refused(&st, "prompt 'p': ");
  free((char *)p.string);
}

static bool read_file(Bytes file, int vocab, bool ids_only, const char *path, Bytes line) {
  Arena arena = fuzz_arena(file.count, 1 << 16);
  int32_t *id;
  TokenSource source;
  Status st = {0};
  TextReader reader = {.folder = "none", .vocab = vocab};
  if (tokens_in(&arena, &reader, path, file, ids_only, &source, &st) &&
      tokens_take_from(&arena, &source, 0, source.count, &id, &st)) {
    check_ids(id, source.count, vocab);
    read_prompt(line, file, vocab, source.count);
    return true;
  }
  fuzz_refused(&st, path);
  return false;
}

bool fuzz_tokens(const uint8_t *data, size_t count) {
  const char *text = (const char *)data, *end = count ? memchr(text, '\n', count) : NULL;
  if (!end) return false;
  const Bytes line = {text, (size_t)(end - text)};
  const Bytes file = {end + 1, count - line.count - 1};
  const char *at = text;
  const int vocab = (int)number(&at, end, 1, 1 << 24);
  char *exact = fuzz_exact(file);
  const bool text_ok = read_file((Bytes){exact, file.count}, vocab, false, "t.txt", line),
             ids_ok = read_file((Bytes){exact, file.count}, vocab, true, "t.npy", line);
  free(exact);
  return text_ok || ids_ok;
}
