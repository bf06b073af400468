#include "measure/tables/run.h"

#include <assert.h>
#include <string.h>

#include "family/family.h"
#include "measure/tables/columns.h"

#define ROW TensorRow
TABLE(tensors, 1, "Names: every tensor, what it is, its dimensions and its scale", X(name),
      X(long_name), X(place), X(rows), X(cols), X(scale), X(role), X(modes_only));
#undef ROW

#define ROW Performance
TABLE(performance, 1, "Performance: where the time went", X(what), X(time_s), X(bytes));
#undef ROW

/* --- modes ------------------------------------------------------------------------------------ */

#define ROW ModeRow
static Column columns_modes[MODE_COLUMNS + STAGE_COLUMNS] = {X(mode), X(first_layer),
                                                             X(last_layer)};
Table table_modes = {
    "modes", "Modes: the setting of every stage", sizeof(ModeRow), 2, MODE_COLUMNS, columns_modes};
#undef ROW

/* The column of a stage; 0 where there is none yet. */
static int column_of_stage(const char *key) {
  for (int i = MODE_COLUMNS; i < table_modes.columns; i++)
    if (!strcmp(columns_modes[i].name, key)) return i;
  return 0;
}

/* The families' tables are no constants of this file, so what is made from them is made when the
 * program starts. */
__attribute__((constructor)) static void name_stages(void) {
  for (const Family *const *family = families; *family; family++)
    for (int s = 0; s < (*family)->stages; s++) {
      const char *key = (*family)->stage[s].key;
      if (column_of_stage(key)) continue;
      const int at = table_modes.columns++;
      assert(at < MODE_COLUMNS + STAGE_COLUMNS);
      columns_modes[at] =
          (Column){key, COLUMN_TEXT, offsetof(ModeRow, setting[at - MODE_COLUMNS]), TEXT_SETTING};
    }
  assert(table_modes.columns == MODE_COLUMNS + STAGE_COLUMNS);
}

ModeRow mode_row(const Mode *mode, int first_layer, int last_layer) {
  const Mode *in = mode_in(mode, last_layer);
  ModeRow row = {.first_layer = first_layer, .last_layer = last_layer};
  table_text(row.mode, sizeof row.mode, mode->name);
  for (int s = 0; s < mode->family->stages; s++)
    table_text(row.setting[column_of_stage(mode->family->stage[s].key) - MODE_COLUMNS],
               TEXT_SETTING, mode_setting_name(in, s));
  return row;
}
