#include "report/undone.h"

#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/words.h"

/* --- what was declared and cannot be ---------------------------------------------------------- */

/* Both errors are numbers: where values are not finite, nothing is told. */
static bool tells(const Undone *row) { return isfinite(row->rel_l2) && isfinite(row->other_l2); }

/* The first place that says so: where a tensor is contradicted, all its rows have that reason. */
static const Undone *contradiction(const ReportData *d) {
  for (size_t i = 0; i < d->undones; i++) {
    const Undone *row = &d->undone[i];
    if (!strcmp(row->reason, "contradicted") && tells(row) && row->other_l2 < row->rel_l2)
      return row;
  }
  return NULL;
}

/* How a name and a place are written: on the terminal and in Markdown. */
typedef struct Writing {
  const char *(*name)(Arena *arena, const char *text);
  const char *(*place)(Arena *arena, const ReportData *d, const char *tensor, int layer);
} Writing;
static const Writing plain = {words_plain, words_place_plain}, markdown = {md_text, words_place};

static const char *sentence(Arena *arena, const ReportData *d, const Undone *row,
                            const Writing *as) {
  const char *base = as->name(arena, row->base), *other = as->name(arena, row->other),
             *side = as->name(arena, row->side),
             *place = as->place(arena, d, row->tensor, row->layer),
             *said = md_short(arena, row->rel_l2), *else_l2 = md_short(arena, row->other_l2);
  if (row->rewritten == 1)
    return arena_printf(arena,
                        say(d->language,
                            "of %s and %s the weights of %s are said to be rewritten, and yet %s "
                            "differs by %s rotated back, and by %s as it stands: `rewrite` of the "
                            "spec or of a source is wrong"),
                        base, other, side, place, said, else_l2);
  return arena_printf(
      arena,
      say(d->language, "%s and %s are said to have weights rewritten alike, and yet %s differs by "
                       "%s as it stands, and by %s with that of %s rotated back: `rewrite` of the "
                       "spec or of a source is wrong"),
      base, other, place, said, else_l2, side);
}

const char *undone_warning(Arena *arena, const ReportData *d) {
  const Undone *row = contradiction(d);
  return row ? arena_printf(arena,
                            say(d->language, "> **Not the same basis.** Of prompt %s, %s.\n\n"),
                            md_text(arena, row->prompt), sentence(arena, d, row, &markdown))
             : "";
}

const char *undone_failed(Arena *arena, const ReportData *d) {
  const Undone *row = contradiction(d);
  return row ? sentence(arena, d, row, &plain) : NULL;
}

const char *undone_summary(Arena *arena, const ReportData *d) {
  const char *text = undone_failed(arena, d);
  return text ? arena_printf(arena, say(d->language, "NOT THE SAME BASIS: %s\n"), text) : "";
}

/* --- pair by pair ----------------------------------------------------------------------------- */

static bool is_of(const Undone *row, const ReportPair *pair) {
  return data_is_pair(pair, row->base, row->other);
}

/* The tensors of a pair whose rows have this reason. */
static const char *tensors_with(Arena *arena, const ReportData *d, const ReportPair *pair,
                                const char *reason) {
  const char *name[TENSORS_MOST];
  int count = 0;
  for (size_t i = 0; i < d->undones && count < TENSORS_MOST; i++) {
    const Undone *row = &d->undone[i];
    bool met = !is_of(row, pair) || strcmp(row->reason, reason) != 0;
    for (int n = 0; n < count && !met; n++) met = !strcmp(name[n], row->tensor);
    if (!met) name[count++] = row->tensor;
  }
  return count ? words_list(d->language, arena, name, count) : "";
}

/* Of all rows that were rotated back, the first that tells something, and the largest error. */
static const Undone *proof_of(const ReportData *d, const ReportPair *pair, double *back) {
  const Undone *first = NULL;
  *back = 0;
  for (size_t i = 0; i < d->undones; i++) {
    const Undone *row = &d->undone[i];
    if (!is_of(row, pair) || *row->reason) continue;
    if (!first && tells(row)) first = row;
    *back = fmax(*back, row->back);
  }
  return first;
}

static void write_undone(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  double back;
  const Undone *row = proof_of(d, pair, &back);
  if (!row) return;
  const char *again = back > 0 ? arena_printf(&scratch, say(d->language, " to %s of its size"),
                                              md_short(&scratch, back))
                               : say(d->language, " in every bit");
  fprintf(out,
          say(d->language, "- %s: the weights of %s are rewritten, and their stream is rotated. "
                           "Rotated back in float64: %s. Rotated again, each is what it was%s; "
                           "%s then differs by %s, and by %s as it stands.\n"),
          words_pair(d->language, &scratch, pair), md_text(&scratch, row->side),
          tensors_with(&scratch, d, pair, ""), again,
          words_place(&scratch, d, row->tensor, row->layer), md_short(&scratch, row->rel_l2),
          md_short(&scratch, row->other_l2));
}

static void write_left(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  static const struct {
    const char *key, *words;
  } reason[] = {
      {"gain", WORD("the gain of the norm stands in the weights behind it")},
      {"unknown", WORD("nobody says what a rewrite makes of it")},
      {"no_matrix", WORD("there is no Hadamard matrix of its size")},
      {"contradicted", WORD("what was said of the weights is contradicted by it")},
      {"unproved", WORD("rotated back it is no nearer to the other side than as it stands: another "
                        "rotation, or another input")}};
  for (size_t i = 0; i < sizeof reason / sizeof *reason; i++) {
    const char *list = tensors_with(&scratch, d, pair, reason[i].key);
    if (*list)
      fprintf(out, say(d->language, "- %s: not comparable, %s: %s.\n"),
              words_pair(d->language, &scratch, pair), say(d->language, reason[i].words), list);
  }
}

void undone_write(FILE *out, const ReportData *d, Arena scratch) {
  for (int p = 0; p < d->pairs; p++) {
    write_undone(out, d, &d->pair[p], scratch);
    write_left(out, d, &d->pair[p], scratch);
  }
}
