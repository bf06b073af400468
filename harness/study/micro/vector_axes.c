#include "study/micro/vector_axes.h"

#include <string.h>

#include "base/number.h"

/* Zeros behind the last. */
typedef struct Axes {
  char letter[DUMP_RANK_MOST + 1]; /* 'B': a batch of one */
} Axes;

static bool fits(const Lengths *l, const DumpArray *a, const Axes *axes) {
  Lengths own = {0}; /* tokens may be several axes */
  for (int i = 0; i < a->rank; i++) {
    int64_t *length = &own.of[(int)axes->letter[i]];
    if (__builtin_mul_overflow(*length ? *length : 1, a->size[i], length)) return false;
  }
  for (int i = 0; i < a->rank; i++) {
    const unsigned char letter = (unsigned char)axes->letter[i];
    if (l->of[letter] && l->of[letter] != own.of[letter]) return false;
  }
  return own.of['B'] <= 1;
}

static const char *shape_text(Arena *arena, const DumpArray *a) {
  const char *text = "[";
  for (int i = 0; i < a->rank; i++)
    text = arena_printf(arena, "%s%s%lld", text, i ? ", " : "", (long long)a->size[i]);
  return arena_printf(arena, "%s]", text);
}

const char *vector_shape(Arena *arena, const VectorInfo *info, const Lengths *l) {
  const char *text = "[";
  if (!*info->dims) return "one number";
  for (int i = 0; info->dims[i]; i++) {
    const unsigned char letter = (unsigned char)info->dims[i];
    text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", vector_axis_name((char)letter));
    if (l->of[letter]) text = arena_printf(arena, "%s %lld", text, (long long)l->of[letter]);
  }
  return arena_printf(arena, "%s]", text);
}

static char letter_of(const VectorInfo *info, const char *name, size_t length) {
  for (const char *d = info->dims; *d; d++)
    if (strlen(vector_axis_name(*d)) == length && !strncmp(vector_axis_name(*d), name, length))
      return *d;
  return strlen(vector_axis_name('B')) == length && !strncmp(vector_axis_name('B'), name, length)
             ? 'B'
             : 0;
}

/* An attribute's "token,channel" or "token, channel"; false where it is not these dimensions. */
static bool told_axes(const VectorInfo *info, bool by_rows, const char *text, Axes *axes) {
  int count = 0;
  while (*text && count < DUMP_RANK_MOST) {
    const size_t length = strcspn(text, ",");
    char letter = letter_of(info, text, length);
    if (!letter) return false;
    if (letter == 'B' && by_rows) letter = 'T';
    axes->letter[count++] = letter;
    text += length + (text[length] == ',');
    text += strspn(text, " ");
  }
  for (const char *d = info->dims; *d; d++) {
    const char *at = strchr(axes->letter, *d);
    if (!at || (strchr(at + 1, *d) && !(by_rows && *d == 'T'))) return false;
  }
  return !*text;
}

/* The letters of `dims`, from the last axis on; what is in front is tokens, or batches of one. */
static bool usual_axes(const VectorInfo *info, bool by_rows, const DumpArray *a, Axes *axes) {
  const int dims = (int)strlen(info->dims);
  int left = a->rank - dims;
  const bool joins = by_rows && info->dims[0] == 'T';
  if (left == -1 && joins) return strcpy(axes->letter, info->dims + 1), true;
  if (left < 0 || a->rank > DUMP_RANK_MOST) return false;
  for (int i = 0, d = 0; i < a->rank; i++) {
    const bool more = left > 0 && (joins || a->size[i] == 1);
    axes->letter[i] = more ? joins ? 'T' : 'B' : d < dims ? info->dims[d] : 'B';
    if (more)
      left--;
    else
      d++;
  }
  return left == 0;
}

/* With the two letters in each other's place. */
static Axes turned(const VectorInfo *info, const Axes *axes) {
  Axes other = *axes;
  for (char *at = other.letter; *at; at++)
    *at = *at == info->dims[0] ? info->dims[1] : *at == info->dims[1] ? info->dims[0] : *at;
  return other;
}

/* The order of an array's axes, by what the caller says or what fits. */
static bool choose_axes(Arena *arena, const AxesAsked *k, const DumpArray *a, const Lengths *l,
                        Axes *axes, const char **why) {
  const VectorInfo *info = k->info;
  if (!usual_axes(info, k->by_rows, a, axes))
    return *why = arena_printf(arena, "has %d dimension%s, %s was expected", a->rank,
                               plural(a->rank), vector_shape(arena, info, l)),
           false;
  const bool two =
      strlen(info->dims) == 2 && (int)strlen(info->dims) <= a->rank && !(k->by_rows && a->rank > 2);
  const Axes other = two ? turned(info, axes) : *axes;
  const bool is_told = two && info->dims[0] == 'T' && k->tokens != TOKENS_UNTOLD;
  const bool may = fits(l, a, axes) && !(is_told && k->tokens == TOKENS_LAST),
             may_turned = two && fits(l, a, &other) && !(is_told && k->tokens == TOKENS_FIRST);
  if (!may && !may_turned)
    return *why = arena_printf(arena, "is %s, %s was expected%s", shape_text(arena, a),
                               vector_shape(arena, info, l),
                               two && !is_told ? ", in this order or the other" : ""),
           false;
  if (may && may_turned && !info->open)
    return *why = arena_printf(arena,
                               "is %s, which does not tell %s from %s: attribute 'axes', or --axes "
                               "token-first or token-last",
                               shape_text(arena, a), vector_axis_name(info->dims[0]),
                               vector_axis_name(info->dims[1])),
           false;
  if (!may) *axes = other;
  return true;
}

static bool find_axes(Arena *arena, const AxesAsked *k, const DumpArray *a, Lengths *l, Axes *axes,
                      const char **why) {
  const VectorInfo *info = k->info;
  if (a->axes &&
      (!told_axes(info, k->by_rows, a->axes, axes) || (int)strlen(axes->letter) != a->rank))
    return *why = *a->axes ? arena_printf(arena, "its attribute 'axes' is '%.64s', %s was expected",
                                          a->axes, vector_shape(arena, info, l))
                           : "its attribute 'axes' is no text of up to 63 bytes",
           false;
  if (a->axes && !fits(l, a, axes))
    return *why = arena_printf(arena, "is %s, %s was expected, and its attribute 'axes' is '%.64s'",
                               shape_text(arena, a), vector_shape(arena, info, l), a->axes),
           false;
  if (!a->axes) TRY(choose_axes(arena, k, a, l, axes, why));
  Lengths own = {0};
  for (int i = 0; i < a->rank; i++) {
    int64_t *length = &own.of[(int)axes->letter[i]];
    *length = (*length ? *length : 1) * a->size[i];
  }
  for (const char *d = info->dims; *d; d++) l->of[(int)*d] = own.of[(int)*d] ? own.of[(int)*d] : 1;
  return true;
}

/* As dump_read takes it: rows are its tokens, columns its channels. */
static const char *order_of(Arena *arena, const VectorInfo *info, const Axes *axes) {
  const char row = info->dims[1] ? info->dims[0] : 0, *text = "";
  for (int i = 0; axes->letter[i]; i++)
    text = arena_printf(arena, "%s%s%s", text, i ? "," : "",
                        axes->letter[i] == 'B'   ? "batch"
                        : axes->letter[i] == row ? "token"
                                                 : "channel");
  return text;
}

bool vector_axes(Arena *arena, const AxesAsked *asked, const DumpArray *array, Lengths *lengths,
                 const char **order, const char **why) {
  Axes axes = {{0}};
  TRY(find_axes(arena, asked, array, lengths, &axes, why));
  *order = array->rank ? order_of(arena, asked->info, &axes) : NULL;
  return true;
}
