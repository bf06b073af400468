#include "report/mode_layers.h"

#include <string.h>

#include "family/family.h"
#include "report/language.h"
#include "report/markdown.h"

const char *mode_layers_list(Language l, Arena *arena, const bool in[LAYERS_MOST], int layers) {
  const char *piece[LAYERS_MOST], *list = "";
  int pieces = 0, count = 0;
  for (int layer = 0, end; layer < layers; layer = end + 1) {
    for (end = layer; in[layer] && end + 1 < layers && in[end + 1];) end++;
    if (!in[layer]) continue;
    count += end - layer + 1;
    piece[pieces++] =
        end == layer ? arena_printf(arena, "%d", layer) : arena_printf(arena, "%d–%d", layer, end);
  }
  for (int i = 0; i < pieces; i++)
    list = arena_printf(arena, "%s%s%s", list,
                        i == 0 ? "" : say(l, i == pieces - 1 ? " and " : ", "), piece[i]);
  return arena_printf(arena, say(l, count == 1 ? "layer %s" : "layers %s"), list);
}

static const char *setting_of(const ModeRow *row, int column) {
  return row ? (const char *)row + table_modes.column[column].offset : "float64";
}

int mode_layers_differ(const ReportData *d, const ReportPair *pair, int column,
                       bool in[LAYERS_MOST]) {
  int count = 0;
  for (int layer = 0; layer < d->layers; layer++) {
    in[layer] = strcmp(setting_of(data_mode(d, pair->base, layer), column),
                       setting_of(data_mode(d, pair->other, layer), column)) != 0;
    count += in[layer];
  }
  return count;
}

/* Sorts the layers by what `same` finds alike; fills those of the first and of what is like it. */
static int take_alike(const ReportData *d, const char *mode, int column, int first,
                      bool taken[LAYERS_MOST], bool in[LAYERS_MOST]) {
  const ModeRow *row = data_mode(d, mode, first);
  int count = 0;
  for (int layer = 0; layer < d->layers; layer++) {
    const ModeRow *other = data_mode(d, mode, layer);
    in[layer] = layer >= first && !taken[layer] && row && other &&
                (column ? !strcmp(setting_of(row, column), setting_of(other, column))
                        : !memcmp(row->setting, other->setting, sizeof row->setting));
    taken[layer] |= in[layer];
    count += in[layer];
  }
  return count;
}

const char *mode_layers_setting(Arena *arena, const ReportData *d, const char *mode, int column) {
  bool taken[LAYERS_MOST] = {0}, in[LAYERS_MOST];
  const char *words = "", *text = setting_of(data_mode(d, mode, 0), column);
  if (!data_mode_parted(d, mode)) return *text ? md_code(arena, text) : "";
  for (int layer = 0; layer < d->layers; layer++) {
    if (taken[layer]) continue;
    const char *own = setting_of(data_mode(d, mode, layer), column);
    const int count = take_alike(d, mode, column, layer, taken, in);
    if (count == d->layers) return *own ? md_code(arena, own) : "";
    const char *here = arena_printf(arena, say(d->language, "%s in %s"), md_code(arena, own),
                                    mode_layers_list(d->language, arena, in, d->layers));
    words = arena_printf(arena, "%s%s%s", words, *words ? say(d->language, "; ") : "", here);
  }
  return words;
}

/* --- in words --------------------------------------------------------------------------------- */

static int differing(const ModeRow *a, const ModeRow *b) {
  int count = 0;
  for (int s = 0; s < STAGE_COLUMNS; s++) count += strcmp(a->setting[s], b->setting[s]) != 0;
  return count;
}

/* "`2-4`, but `state` `bf16`": the preset that differs in the fewest stages, the first of equal
 * ones. */
static const char *nearest(Arena *arena, const ReportData *d, const ModeRow *row) {
  ModeRow best = {0};
  int least = STAGE_COLUMNS + 1, told = 0;
  for (const Family *const *family = families; *family; family++)
    for (int p = 0; p < (*family)->presets; p++) {
      const ModeRow preset = mode_row(&(*family)->preset[p], 0, 0);
      if (differing(row, &preset) < least) least = differing(row, &preset), best = preset;
    }
  const char *words = md_code(arena, best.mode);
  for (int s = 0; s < STAGE_COLUMNS; s++)
    if (strcmp(row->setting[s], best.setting[s]) != 0)
      words = arena_printf(arena, "%s%s%s %s", words,
                           told++ ? say(d->language, ", ") : say(d->language, ", but "),
                           md_code(arena, table_modes.column[MODE_COLUMNS + s].name),
                           md_code(arena, row->setting[s]));
  return words;
}

const char *mode_layers_words(Arena *arena, const ReportData *d, const char *mode) {
  bool taken[LAYERS_MOST] = {0}, in[LAYERS_MOST];
  const char *words = "";
  for (int layer = 0; data_mode_parted(d, mode) && layer < d->layers; layer++) {
    if (taken[layer] || !take_alike(d, mode, 0, layer, taken, in)) continue;
    const char *here = arena_printf(arena, say(d->language, "%s as %s"),
                                    mode_layers_list(d->language, arena, in, d->layers),
                                    nearest(arena, d, data_mode(d, mode, layer)));
    words = arena_printf(arena, "%s%s%s", words, *words ? say(d->language, "; ") : "", here);
  }
  return words;
}
