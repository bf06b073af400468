/* tokens: every kind of prompt becomes a list of ids, of which `offset` and `length` choose a part. */
#include "model/tokens.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"

enum { BYTE_VOCAB = 256 };
static const char npy_magic[] = "\x93NUMPY";

typedef struct Ids {
  int32_t *id;
  int64_t count;
} Ids;

static bool check_id(const char *path, int64_t position, int64_t id, int vocab, Status *st) {
  return (id >= 0 && id < vocab) ||
         FAIL(st, "%s: the token at index %" PRId64 " is %" PRId64 ", outside the vocabulary 0 … %d", path, position,
              id, vocab - 1);
}

static void widen(Arena *arena, Bytes text, Ids *ids) {
  *ids = (Ids){ARENA_NEW(arena, int32_t, text.count), (int64_t)text.count};
  for (size_t i = 0; i < text.count; i++) ids->id[i] = (unsigned char)text.data[i];
}

static bool is_npy(Bytes file) {
  const size_t n = sizeof npy_magic - 1;
  return file.count >= n && memcmp(file.data, npy_magic, n) == 0;
}

/* One walk over a text of decimal integers. White space separates, and at most one comma between two of them; no sign,
 * no leading zero, nothing else. With `id` NULL it only counts. */
static bool walk_ids(const char *path, Bytes text, int vocab, int32_t *id, int64_t *count, Status *st) {
  int64_t line = 1, n = 0;
  bool comma = true; /* one here would have no integer before it */
  for (size_t i = 0; i < text.count;) {
    unsigned char c = (unsigned char)text.data[i];
    if (c == '\n') line++;
    if (c == ',' && comma)
      return FAIL(st, "%s: line %" PRId64 ": a comma without an integer before it (after %" PRId64 " integers)", path,
                  line, n);
    if (c == ',') comma = true;
    if (c == ',' || isspace(c)) {
      i++;
      continue;
    }
    size_t begin = i;
    int64_t value = 0;
    while (i < text.count && isdigit((unsigned char)text.data[i])) {
      if (value <= INT32_MAX) value = 10 * value + (text.data[i] - '0');
      i++;
    }
    bool ends = i == text.count || text.data[i] == ',' || isspace((unsigned char)text.data[i]);
    if (!ends || i == begin || (text.data[begin] == '0' && i - begin > 1)) {
      size_t end = i;
      while (end < text.count && end - begin < 20 && text.data[end] != ',' && !isspace((unsigned char)text.data[end]))
        end++;
      return FAIL(st,
                  "%s: line %" PRId64 ", integer %" PRId64 " of the file: '%.*s' is not a decimal integer without sign "
                  "and leading zeros",
                  path, line, n + 1, (int)(end - begin < 20 ? end - begin : 20), text.data + begin);
    }
    if (value >= vocab)
      return FAIL(st, "%s: line %" PRId64 ", integer %" PRId64 " of the file: %.*s is outside the vocabulary 0 … %d",
                  path, line, n + 1, (int)(i - begin < 20 ? i - begin : 20), text.data + begin, vocab - 1);
    if (id) id[n] = (int32_t)value;
    n++;
    comma = false;
  }
  *count = n;
  return true;
}

/* A cursor over a .npy header, which is the text of a Python dictionary. */
typedef struct Cursor {
  const char *at, *end;
} Cursor;

static bool skip(Cursor *c, const char *word) {
  while (c->at < c->end && *c->at == ' ') c->at++;
  size_t n = strlen(word);
  if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
  c->at += n;
  return true;
}

/* A quoted key or value, without its quotes. */
static bool quoted(Cursor *c, char *text, size_t room) {
  char quote = skip(c, "'") ? '\'' : skip(c, "\"") ? '"' : 0;
  if (!quote) return false;
  const char *close = memchr(c->at, quote, (size_t)(c->end - c->at));
  if (!close || (size_t)(close - c->at) >= room) return false;
  memcpy(text, c->at, (size_t)(close - c->at));
  text[close - c->at] = 0;
  c->at = close + 1;
  return true;
}

static bool shape_1d(Cursor *c, int64_t *count) {
  if (!skip(c, "(")) return false;
  while (c->at < c->end && *c->at == ' ') c->at++;
  const char *begin = c->at;
  *count = 0;
  for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
    if (__builtin_mul_overflow(*count, 10, count) || __builtin_add_overflow(*count, *c->at - '0', count)) return false;
  return c->at > begin && skip(c, ",") && skip(c, ")");
}

/* {'descr': '<i4', 'fortran_order': False, 'shape': (n,), }, keys in any order, each once, and nothing after it but
 * white space. */
static bool npy_header(const char *path, Cursor c, int64_t *count, Status *st) {
  bool descr = false, order = false, shape = false, closed = false;
  if (!skip(&c, "{")) return FAIL(st, "%s: the .npy header is not a dictionary", path);
  while (!(closed = skip(&c, "}"))) {
    char key[16], value[16];
    if (!quoted(&c, key, sizeof key) || !skip(&c, ":")) break;
    if (strcmp(key, "descr") == 0 && !descr) {
      if (!quoted(&c, value, sizeof value) || strcmp(value, "<i4") != 0)
        return FAIL(st,
                    "%s: the .npy file holds no little-endian int32 (descr is not '<i4'); "
                    "convert it with numpy.save(file, ids.astype('<i4'))",
                    path);
      descr = true;
    } else if (strcmp(key, "fortran_order") == 0 && !order) {
      if (!skip(&c, "False")) return FAIL(st, "%s: the .npy file has fortran_order, expected False", path);
      order = true;
    } else if (strcmp(key, "shape") == 0 && !shape) {
      if (!shape_1d(&c, count)) return FAIL(st, "%s: the .npy file is not one-dimensional (shape is not '(n,)')", path);
      shape = true;
    } else {
      return FAIL(st, "%s: the .npy header has the key '%s' unexpectedly", path, key);
    }
    if (!skip(&c, ",") && (c.at == c.end || *c.at != '}')) break;
  }
  while (closed && c.at < c.end && isspace((unsigned char)*c.at)) c.at++;
  if (!closed || c.at != c.end) return FAIL(st, "%s: the .npy header cannot be read", path);
  return (descr && order && shape) || FAIL(st, "%s: the .npy header lacks descr, fortran_order or shape", path);
}

/* Magic, version, little-endian length of the header (2 bytes in version 1, 4 in 2 and 3), header, values. */
static bool npy_ids(Arena *arena, const char *path, Bytes file, int vocab, Ids *ids, Status *st) {
  const unsigned char *byte = (const unsigned char *)file.data;
  if (file.count < 10) return FAIL(st, "%s: the .npy file is cut off in its first 10 bytes", path);
  if (byte[6] < 1 || byte[6] > 3 || byte[7] != 0)
    return FAIL(st, "%s: .npy version %d.%d, expected 1.0, 2.0 or 3.0", path, byte[6], byte[7]);
  size_t start = byte[6] == 1 ? 10 : 12;
  if (file.count < start) return FAIL(st, "%s: the .npy file is cut off in its first 12 bytes", path);
  size_t length = (size_t)byte[8] | (size_t)byte[9] << 8;
  if (start == 12) length |= (size_t)byte[10] << 16 | (size_t)byte[11] << 24;
  if (length > file.count - start)
    return FAIL(st, "%s: the .npy header has %zu bytes, but only %zu follow", path, length, file.count - start);
  int64_t count = 0;
  TRY(npy_header(path, (Cursor){file.data + start, file.data + start + length}, &count, st));
  size_t bytes = file.count - start - length;
  if (bytes % 4 != 0 || (size_t)count != bytes / 4)
    return FAIL(st, "%s: the .npy shape is (%" PRId64 ",), %zu bytes of int32 follow", path, count, bytes);
  *ids = (Ids){ARENA_NEW(arena, int32_t, count), count};
  if (count) memcpy(ids->id, file.data + start + length, bytes);
  for (int64_t i = 0; i < count; i++) TRY(check_id(path, i, ids->id[i], vocab, st));
  return true;
}

/* `as_bytes`: a file that is no .npy is text of which each byte is an id. */
static bool ids_of_bytes(Arena *arena, const char *path, Bytes file, int vocab, bool as_bytes, Ids *ids, Status *st) {
  size_t n = strlen(path), magic = sizeof npy_magic - 1;
  if (file.count >= magic && memcmp(file.data, npy_magic, magic) == 0)
    return npy_ids(arena, path, file, vocab, ids, st);
  if (n >= 4 && strcmp(path + n - 4, ".npy") == 0) return FAIL(st, "%s: does not begin as a .npy file", path);
  if (as_bytes) return widen(arena, file, ids), true;
  TRY(walk_ids(path, file, vocab, NULL, &ids->count, st));
  ids->id = ARENA_NEW(arena, int32_t, ids->count);
  return walk_ids(path, file, vocab, ids->id, &ids->count, st);
}

static bool ids_of_file(Arena *arena, const char *path, int vocab, bool as_bytes, Ids *ids, Status *st) {
  Bytes file;
  TRY(file_map(path, &file, st));
  bool ok = ids_of_bytes(arena, path, file, vocab, as_bytes, ids, st);
  file_unmap(&file);
  return ok;
}

bool tokens_of_file(Arena *arena, const char *path, int vocab, int32_t **token, int64_t *count, Status *st) {
  Ids ids;
  TRY(ids_of_file(arena, path, vocab, vocab == BYTE_VOCAB, &ids, st));
  if (ids.count == 0) return FAIL(st, "%s: holds no tokens", path);
  *token = ids.id;
  *count = ids.count;
  return true;
}

/* Where a prompt begins; windows are spread as those of calibration: the first at offset, the last ends with the text.
 */
static int64_t start_of(const Prompt *prompt, int64_t total) {
  int steps = prompt->windows > 1 ? prompt->windows - 1 : 1;
  return prompt->offset + prompt->window * (total - prompt->offset - prompt->length) / steps;
}

/* The part of `total` units that a prompt asks for; length 0 is all that follow offset. */
static bool choose(const Prompt *prompt, const char *source, int64_t total, const char *unit, int *length, Status *st) {
  int64_t rest = prompt->offset < 0 ? -1 : total - prompt->offset, wanted = prompt->length ? prompt->length : rest;
  if (rest < 0 || wanted < 0 || wanted > rest)
    return FAIL(st, "prompt '%.32s': %s: offset %" PRId64 " and length %d reach past the end, it has %" PRId64 " %s",
                prompt->name, source, prompt->offset, prompt->length, total, unit);
  if (wanted == 0)
    return FAIL(st, "prompt '%.32s': %s: is empty from offset %" PRId64, prompt->name, source, prompt->offset);
  if (wanted > INT_MAX)
    return FAIL(st, "prompt '%.32s': %s: %" PRId64 " %s are more than a prompt can hold", prompt->name, source, wanted,
                unit);
  *length = (int)wanted;
  return true;
}

/* Only the chosen part is widened: a text may be much larger than a prompt. */
static bool prompt_of_bytes(Arena *arena, const Prompt *prompt, const char *source, Bytes text, Ids *ids, Status *st) {
  int length;
  TRY(choose(prompt, source, (int64_t)text.count, "bytes", &length, st));
  widen(arena, (Bytes){text.data + start_of(prompt, (int64_t)text.count), (size_t)length}, ids);
  return true;
}

static bool prompt_of_text(Arena *arena, const Prompt *prompt, const char *path, Ids *ids, Status *st) {
  Bytes text;
  TRY(file_map(path, &text, st));
  bool ok = is_npy(text) ? FAIL(st, "prompt '%.32s': %s: is a .npy file; give it as `tokens`", prompt->name, path)
                         : prompt_of_bytes(arena, prompt, path, text, ids, st);
  file_unmap(&text);
  return ok;
}

bool tokens_of_prompt(Arena *arena, const Prompt *prompt, const char *folder, int vocab, int32_t **token, int *T,
                      Status *st) {
  Ids ids;
  if (prompt->tokens) {
    const char *path = file_resolve(arena, folder, prompt->tokens);
    TRY(ids_of_file(arena, path, vocab, false, &ids, st));
    TRY(choose(prompt, path, ids.count, "tokens", T, st));
    *token = ids.id + prompt->offset;
    return true;
  }
  if (vocab != BYTE_VOCAB)
    return FAIL(
        st,
        "prompt '%.32s': text is bytes and needs a model with vocab_size 256, this one has %d; give `tokens`, a file "
        "of token ids (text or .npy int32), instead of `%s`",
        prompt->name, vocab, prompt->text ? "text" : "string");
  if (prompt->string)
    TRY(prompt_of_bytes(arena, prompt, "its string", (Bytes){prompt->string, strlen(prompt->string)}, &ids, st));
  else
    TRY(prompt_of_text(arena, prompt, file_resolve(arena, folder, prompt->text), &ids, st));
  *token = ids.id;
  *T = (int)ids.count;
  return true;
}
