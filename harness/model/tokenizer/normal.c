#include "model/tokenizer/normal.h"

#include <string.h>
#include <utf8proc.h>

/* Marks, compositions and compatible characters since Unicode 9, up to 18, and what the first of
 * them compose with: to tables of Unicode 9 they are strangers, which nothing reorders, composes or
 * takes apart. */
static const struct Range {
  int32_t first, last;
} stranger[] = {{0x558, 0x558},     {0x58b, 0x58c},     {0x5c8, 0x5c9},     {0x7fd, 0x7fd},
                {0x897, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},     {0xc3c, 0xc3c},
                {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1af0},
                {0x1df6, 0x1dfa},   {0x209d, 0x209f},   {0x32ff, 0x32ff},   {0xa7f1, 0xa7f4},
                {0xa82c, 0xa82c},   {0xab69, 0xab69},   {0x105c9, 0x105c9}, {0x105d2, 0x105d2},
                {0x105da, 0x105da}, {0x105e4, 0x105e4}, {0x10781, 0x10785}, {0x10787, 0x107b0},
                {0x107b2, 0x107bf}, {0x10d24, 0x10d27}, {0x10d69, 0x10d6d}, {0x10eab, 0x10eac},
                {0x10ecb, 0x10ecf}, {0x10ef0, 0x10efb}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50},
                {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x11382, 0x11385},
                {0x1138b, 0x1138b}, {0x1138e, 0x1138e}, {0x11390, 0x11391}, {0x113c2, 0x113c2},
                {0x113c5, 0x113c5}, {0x113c7, 0x113c8}, {0x113ce, 0x113d0}, {0x1145e, 0x1145e},
                {0x11839, 0x1183a}, {0x11935, 0x11935}, {0x11938, 0x11938}, {0x1193d, 0x1193e},
                {0x11943, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a34}, {0x11a47, 0x11a47},
                {0x11a99, 0x11a99}, {0x11d42, 0x11d42}, {0x11d44, 0x11d45}, {0x11d97, 0x11d97},
                {0x11f41, 0x11f42}, {0x1611e, 0x1611e}, {0x16121, 0x16129}, {0x1612f, 0x1612f},
                {0x16d63, 0x16d63}, {0x16d67, 0x16d6a}, {0x16ff0, 0x16ff1}, {0x1b123, 0x1b126},
                {0x1ccd6, 0x1ccf9}, {0x1d127, 0x1d128}, {0x1d250, 0x1d252}, {0x1d25b, 0x1d25c},
                {0x1d25f, 0x1d25f}, {0x1d280, 0x1d281}, {0x1d6a6, 0x1d6a6}, {0x1df95, 0x1df95},
                {0x1dfcd, 0x1dfff}, {0x1e030, 0x1e06d}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136},
                {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef}, {0x1e5ee, 0x1e5ef},
                {0x1e6e3, 0x1e6e3}, {0x1e6e6, 0x1e6e6}, {0x1e6ee, 0x1e6ef}, {0x1e6f5, 0x1e6f5},
                {0x1f16c, 0x1f16c}, {0x1fbf0, 0x1fbf9}};

bool normal_read(const Field *normalizer, NormalForms *forms, Status *st) {
  static const char *const names[] = {"NFC", "NFD", "NFKC", "NFKD"};
  const char *type;
  size_t count;
  if (!normalizer->value) return true;
  TRY(field_type(normalizer, &type, st));
  for (int i = 0; i < 4; i++) {
    if (strcmp(type, names[i]) != 0) continue;
    TRY(field_only(normalizer, FIELD_KEYS("type"), st));
    if (forms->count == FORMS_MOST)
      return field_fail(normalizer, st, "is the %dth normal form, at most %d are read",
                        FORMS_MOST + 1, FORMS_MOST);
    return forms->form[forms->count++] = (NormalForm)i, true;
  }
  if (strcmp(type, "Sequence") != 0)
    return field_unknown(normalizer, "normalizer", type, "NFC, NFD, NFKC, NFKD, Sequence", st);
  TRY(field_only(normalizer, FIELD_KEYS("type", "normalizers"), st));
  const Field list = field_at(normalizer, "normalizers");
  TRY(field_list(&list, FORMS_MOST, &count, st));
  for (size_t i = 0; i < count; i++) {
    const Field item = field_item(&list, i);
    if (!item.value) return field_fail(&item, st, "is no object");
    TRY(normal_read(&item, forms, st));
  }
  return true;
}

static bool is_stranger(int32_t c) {
  const struct Range *from = stranger, *to = stranger + sizeof stranger / sizeof *stranger;
  while (from < to) {
    const struct Range *middle = from + (to - from) / 2;
    if (c > middle->last)
      from = middle + 1;
    else
      to = middle;
  }
  return from < stranger + sizeof stranger / sizeof *stranger && c >= from->first;
}

static const utf8proc_option_t options[] = {
    [FORM_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
    [FORM_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
    [FORM_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
    [FORM_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
};

int normal_growth(const NormalForms *forms) {
  int growth = 1;
  /* Three bytes become 33 (U+FDFA) in the compatible forms; otherwise two become six, or three
   * nine (U+0390, U+1D160). Of what one form has left, another makes no more. */
  for (int i = 0; i < forms->count; i++) {
    const int most = forms->form[i] == FORM_NFKC || forms->form[i] == FORM_NFKD ? 11 : 3;
    if (most > growth) growth = most;
  }
  return forms->count > 1 ? 2 * growth : growth;
}

/* A part of the text that what stands around it does not change. */
typedef struct Span {
  const utf8proc_uint8_t *text;
  size_t count;
} Span;

/* Appends the form of a span to `out`, which has room for it. */
static size_t append(Span span, NormalForm form, char *out, Arena scratch) {
  const utf8proc_ssize_t bytes = (utf8proc_ssize_t)span.count;
  utf8proc_ssize_t most = 2 * bytes + 16, codes;
  utf8proc_int32_t *code = arena_room(&scratch, (size_t)most, sizeof *code);
  codes = utf8proc_decompose(span.text, bytes, code, most, options[form]);
  if (codes > most) {
    code = arena_room(&scratch, (size_t)codes, sizeof *code);
    codes = utf8proc_decompose(span.text, bytes, code, codes, options[form]);
  }
  if (form == FORM_NFC || form == FORM_NFKC)
    codes = utf8proc_normalize_utf32(code, codes, options[form]);
  char *end = out;
  for (utf8proc_ssize_t i = 0; i < codes; i++)
    end += utf8proc_encode_char(code[i], (utf8proc_uint8_t *)end);
  return (size_t)(end - out);
}

static bool apply_one(Arena *arena, NormalForm form, const char *name, size_t first, Bytes text,
                      Bytes *result, Status *st) {
  const utf8proc_uint8_t *byte = (const utf8proc_uint8_t *)text.data;
  const NormalForms alone = {{form}, 1};
  size_t foreign = 0, i = 0, used = 0;
  for (size_t k = 0; k < text.count; k++) foreign += byte[k] >= 0x80;
  if (!foreign) return *result = text, true;
  char *out = arena_room(arena, text.count + foreign * (size_t)normal_growth(&alone) + 1, 1);
  while (i < text.count) {
    /* Before an ASCII character nothing composes or moves; the last one before others may compose.
     */
    size_t plain = i;
    while (plain < text.count && byte[plain] < 0x80) plain++;
    if (plain > i + 1 || plain == text.count) {
      const size_t copied = plain - i - (plain < text.count);
      memcpy(out + used, byte + i, copied);
      used += copied, i += copied;
      continue;
    }
    size_t end = i, marks = 0;
    utf8proc_int32_t c = 0;
    for (utf8proc_ssize_t n; end < text.count; end += (size_t)n) {
      n = utf8proc_iterate(byte + end, (utf8proc_ssize_t)(text.count - end), &c);
      if (end > i && c < 0x80) break;
      if (is_stranger(c)) break;
      marks = utf8proc_get_property(c)->combining_class ? marks + 1 : 0;
      if (marks > MARKS_MOST)
        return FAIL(st, "%s: more than %d combining marks in a row at byte %zu", name, MARKS_MOST,
                    first + end);
    }
    if (end > i) used += append((Span){byte + i, end - i}, form, out + used, *arena);
    i = end;
    if (i < text.count && is_stranger(c)) {
      const utf8proc_ssize_t n = utf8proc_encode_char(c, (utf8proc_uint8_t *)out + used);
      used += (size_t)n, i += (size_t)n;
    }
  }
  return *result = (Bytes){out, used}, true;
}

bool normal_apply(Arena *arena, const NormalForms *forms, const char *name, size_t first,
                  Bytes text, Bytes *result, Status *st) {
  *result = text;
  for (int i = 0; i < forms->count; i++)
    TRY(apply_one(arena, forms->form[i], name, first, *result, result, st));
  return true;
}
