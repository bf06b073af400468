/* sources: which tensors of a dump are compared, which not, and of which precision they are. */
#include "report/sources.h"

#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/retold.h"
#include "report/sections.h"
#include "report/undone.h"
#include "report/words.h"

/* What the values of one tensor of a source are, over layers and prompts. */
typedef struct Values {
  int rows, on_grid, f16, bf16; /* rows: places; of these so many wholly so */
  double low, high;             /* of the grids' scales */
  double as_f16, as_bf16;       /* mean shares */
} Values;

static Values values_of(const ReportData *d, const char *source, const char *tensor) {
  Values v = {.low = INFINITY, .high = 0};
  for (size_t i = 0; i < d->source_valued; i++) {
    const SourceValues *row = &d->source_values[i];
    if (strcmp(row->source, source) || strcmp(row->tensor, tensor) || isnan(row->as_f16)) continue;
    v.rows++;
    v.f16 += row->as_f16 == 1, v.bf16 += row->as_bf16 == 1;
    v.as_f16 += row->as_f16, v.as_bf16 += row->as_bf16;
    if (isnan(row->grid_scale)) continue;
    v.on_grid++;
    v.low = fmin(v.low, row->grid_scale);
    v.high = fmax(v.high, row->grid_scale);
  }
  if (v.rows) v.as_f16 /= v.rows, v.as_bf16 /= v.rows;
  return v;
}

typedef enum Grain { GRAIN_UNKNOWN, GRAIN_INT8, GRAIN_BF16, GRAIN_F16, GRAIN_FINER } Grain;

/* That of all its places; the coarsest that holds. */
static Grain grain_of(const Values *v) {
  if (!v->rows) return GRAIN_UNKNOWN;
  return v->on_grid == v->rows ? GRAIN_INT8
         : v->bf16 == v->rows  ? GRAIN_BF16
         : v->f16 == v->rows   ? GRAIN_F16
                               : GRAIN_FINER;
}

static const char *grain_words(Language l, Grain grain) {
  static const char *const words[] = {WORD("not known"), WORD("on INT8 grids"),
                                      WORD("bfloat16 throughout"), WORD("float16 throughout"),
                                      WORD("of neither INT8 nor 16 bits")};
  return say(l, words[grain]);
}

/* The tensors that are of one precision in the one and of another in the other. */
static int tensors_of(const ReportData *d, const ReportPair *pair, Grain one, Grain two,
                      const char **name) {
  int count = 0;
  for (int id = 0; id < d->traced.count; id++) {
    const char *tensor = d->traced.info[id].name;
    const Values a = values_of(d, pair->base, tensor), b = values_of(d, pair->other, tensor);
    if (grain_of(&a) == one && grain_of(&b) == two) name[count++] = tensor;
  }
  return count;
}

const char *sources_show(Arena *arena, const ReportData *d, const ReportPair *pair) {
  enum { NAMED = 4 };
  const char *text = "", *name[TENSORS_MOST];
  if (!pair->made_elsewhere) return text;
  for (Grain one = GRAIN_INT8; one <= GRAIN_FINER; one++)
    for (Grain two = GRAIN_INT8; two <= GRAIN_FINER; two++) {
      const int count = one == two ? 0 : tensors_of(d, pair, one, two, name);
      if (!count) continue;
      const char *list = words_list(d->language, arena, name, count < NAMED ? count : NAMED);
      if (count > NAMED)
        list = arena_printf(arena, say(d->language, "%s and %d more"), list, count - NAMED);
      text = arena_printf(arena, say(d->language, "%s%s%s: of %s %s, of %s %s"), text,
                          *text ? say(d->language, "; ") : "", list, md_text(arena, pair->base),
                          grain_words(d->language, one), md_text(arena, pair->other),
                          grain_words(d->language, two));
    }
  return *text ? arena_printf(arena, say(d->language, "By their values, %s."), text) : text;
}

/* That two were not given the same: a sentence of the results file, told again by its parts. */
static const char *const told[] = WORDS(
    "%s and %s were given other tokens: token %s of prompt '%s' is %s and %s",
    "%s and %s were not given the same input: token %s of prompt '%s' differs in %s by %s of a "
    "token's size");

/* --- what is left out ------------------------------------------------------------------------- */

static long arrays_left(const ReportData *d, const char *side) {
  long count = 0;
  for (size_t i = 0; i < d->source_lefts; i++) count += !strcmp(d->source_left[i].source, side);
  return count;
}

static long tensors_had(const ReportData *d, const char *side) {
  long count = 0;
  for (size_t i = 0; i < d->tensors; i++) count += !strcmp(d->tensor[i].mode, side);
  return count;
}

static const char *listed(Language l, Arena *arena, const char *list, const char *next) {
  return *list ? arena_printf(arena, say(l, "%s, %s"), list, next) : next;
}

const char *sources_left(Arena *arena, const ReportData *d, const ReportPair *pair,
                         ShowName *show) {
  const Language l = d->language;
  const char *list = "";
  for (int s = 0; pair->made_elsewhere && s < 2; s++) {
    const char *side = s ? pair->other : pair->base, *name = show(arena, side);
    const long tensors = tensors_had(d, side) - data_tally(d, pair, NULL).rows,
               arrays = arrays_left(d, side);
    if (tensors > 0)
      list = listed(
          l, arena, list,
          arena_printf(arena, say(l, "%s of %s"), md_count(l, arena, tensors, "tensor"), name));
    if (arrays > 0)
      list = listed(l, arena, list,
                    arena_printf(arena, say(l, "%s of %s of no tensor"),
                                 md_count(l, arena, arrays, "array"), name));
  }
  return list;
}

const char *sources_inputs(Arena *arena, const ReportData *d, bool meant) {
  const char *sentence = d->about[ABOUT_DIFFERENT_INPUTS];
  return sentence && meant == (d->about[ABOUT_INPUTS_ALLOWED] != NULL)
             ? retold(d->language, arena, sentence, told, sizeof told / sizeof *told)
             : NULL;
}

const char *sources_summary(Arena *arena, const ReportData *d, bool meant) {
  const char *inputs = sources_inputs(arena, d, meant);
  if (!inputs) return "";
  return arena_printf(arena,
                      meant ? say(d->language, "other inputs, as is meant (inputs: any): %s\n")
                            : say(d->language, "NOT THE SAME QUESTION: %s\n"),
                      words_plain(arena, inputs));
}

const char *sources_failed(Arena *arena, const ReportData *d) {
  const char *inputs = sources_inputs(arena, d, false);
  return inputs ? words_plain(arena, inputs) : NULL;
}

/* --- the section ------------------------------------------------------------------------------ */

/* Rows of a table that stand open; more fold away. */
enum { LEFT_OPEN = 12, VALUES_OPEN = 24 };

bool asked_sources(const ReportData *d) { return d->sources > 0; }

static void write_sources(FILE *out, const ReportData *d, Arena scratch) {
  static const char *const heading[] =
      WORDS("source", "dump", "names", "arrays", "named", "layers");
  Grid grid = grid_new(&scratch, "lllrrr");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->sources; i++) {
    const SourceRow *row = &d->source[i];
    grid_add(&grid, md_text(&scratch, row->source));
    grid_add(&grid, md_code(&scratch, row->dump));
    grid_add(&grid, md_code(&scratch, row->names));
    grid_add(&grid, arena_printf(&scratch, "%d", row->arrays));
    grid_add(&grid, arena_printf(&scratch, "%d", row->used));
    grid_add(&grid, arena_printf(&scratch, "%d", row->layers));
  }
  grid_write(&grid, out);
  for (size_t i = 0; i < d->sources; i++)
    if (d->source[i].masked > 0)
      fprintf(out, say(d->language, "- Padding by its mask, and left out of %s: %s.\n"),
              md_text(&scratch, d->source[i].source),
              md_count(d->language, &scratch, d->source[i].masked, "token"));
}

static bool has(const ReportData *d, const char *side, const char *tensor) {
  for (size_t i = 0; i < d->tensors; i++)
    if (!strcmp(d->tensor[i].mode, side) && !strcmp(d->tensor[i].tensor, tensor)) return true;
  return false;
}

/* Int8 at the scale 1, which is also that of an array that has none. */
static void write_integers(FILE *out, const ReportData *d, const char *source, Arena scratch) {
  const char *name[TENSORS_MOST];
  int names = 0;
  long arrays = 0;
  for (int id = 0; id < d->traced.count; id++) {
    const long before = arrays;
    for (size_t i = 0; i < d->tensors; i++) {
      const TensorStats *row = &d->tensor[i];
      arrays += !strcmp(row->mode, source) && !strcmp(row->tensor, d->traced.info[id].name) &&
                !strcmp(row->type, "i8") && row->scale == 1;
    }
    if (arrays > before) name[names++] = d->traced.info[id].name;
  }
  if (names)
    fprintf(out,
            say(d->language, "- Int8 at the scale 1, and so compared as the integers that they "
                             "are, in %s: %s of %s (`NAME.scale` beside one, or `scales` in the "
                             "spec, says another).\n"),
            md_text(&scratch, source), md_count(d->language, &scratch, arrays, "array"),
            words_list(d->language, &scratch, name, names));
}

/* What one side of a pair has and the other has not. */
static void write_one_sided(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  for (int s = 0; s < 2; s++) {
    const char *own = s ? pair->other : pair->base, *other = s ? pair->base : pair->other;
    const char *name[TENSORS_MOST];
    int count = 0;
    for (int id = 0; id < d->traced.count; id++) {
      const char *tensor = d->traced.info[id].name;
      if (has(d, own, tensor) && !has(d, other, tensor)) name[count++] = tensor;
    }
    if (count)
      fprintf(out, say(d->language, "- In %s alone, and so not compared with %s: %s.\n"),
              md_text(&scratch, own), md_text(&scratch, other),
              words_list(d->language, &scratch, name, count));
  }
}

static void write_left(FILE *out, const ReportData *d, Arena scratch) {
  static const char *const heading[] = WORDS("source", "array", "type", "shape");
  Grid grid = grid_new(&scratch, "llll");
  if (!d->source_lefts) return;
  fprintf(out, say(d->language, "Of no tensor that is compared: %s.\n\n"),
          md_count(d->language, &scratch, (long)d->source_lefts, "array"));
  const bool fold = d->source_lefts > LEFT_OPEN;
  if (fold) md_fold(out, say(d->language, "Arrays that are not compared"));
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->source_lefts; i++) {
    grid_add(&grid, md_text(&scratch, d->source_left[i].source));
    grid_add(&grid, md_code(&scratch, d->source_left[i].array));
    grid_add(&grid, md_text(&scratch, d->source_left[i].type));
    grid_add(&grid, md_text(&scratch, d->source_left[i].shape));
  }
  grid_write(&grid, out);
  if (fold) md_fold_end(out);
}

static const char *grid_cell(Language l, Arena *arena, const Values *v) {
  if (!v->on_grid) return "—";
  const char *scale = v->low == v->high
                          ? arena_printf(arena, say(l, "at scale %s"), md_short(arena, v->low))
                          : arena_printf(arena, say(l, "at scales %s … %s"),
                                         md_short(arena, v->low), md_short(arena, v->high));
  return v->on_grid == v->rows
             ? arena_printf(arena, say(l, "all, %s"), scale)
             : arena_printf(arena, say(l, "%d of %d, %s"), v->on_grid, v->rows, scale);
}

static void write_values(FILE *out, const ReportData *d, Arena scratch) {
  static const char *const heading[] =
      WORDS("tensor", "source", "on an INT8 grid", "float16 holds", "bfloat16 holds");
  Grid grid = grid_new(&scratch, "lllrr");
  grid_head(d->language, &grid, heading);
  for (int id = 0; id < d->traced.count; id++)
    for (size_t s = 0; s < d->sources; s++) {
      const char *tensor = d->traced.info[id].name;
      const Values v = values_of(d, d->source[s].source, tensor);
      if (!v.rows) continue;
      grid_add(&grid, md_code(&scratch, tensor));
      grid_add(&grid, md_text(&scratch, d->source[s].source));
      grid_add(&grid, grid_cell(d->language, &scratch, &v));
      grid_add(&grid, md_percent(&scratch, v.as_f16));
      grid_add(&grid, md_percent(&scratch, v.as_bf16));
    }
  if (grid.count == grid.columns) return;
  fputs(say(d->language, "**By their values**: in how many layers and prompts all values of a "
                         "tensor lie on the grid of one INT8 scale, which was found from them; and "
                         "the share of values that float16 and bfloat16 hold exactly.\n\n"),
        out);
  const bool fold = grid.count > VALUES_OPEN * grid.columns;
  if (fold) md_fold(out, say(d->language, "Tensor by tensor"));
  grid_write(&grid, out);
  if (fold) md_fold_end(out);
}

void section_sources(FILE *out, const ReportData *d, Arena scratch) {
  fputs(say(d->language, "Nobody saw the programs that made these tensors: no kernel is known, and "
                         "what is said of them is said by their values.\n\n"),
        out);
  write_sources(out, d, scratch);
  for (size_t s = 0; s < d->sources; s++) write_integers(out, d, d->source[s].source, scratch);
  for (int p = 0; p < d->pairs; p++)
    if (d->pair[p].made_elsewhere) write_one_sided(out, d, &d->pair[p], scratch);
  undone_write(out, d, scratch);
  fputc('\n', out);
  write_left(out, d, scratch);
  write_values(out, d, scratch);
}
