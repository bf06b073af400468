/* Input: the entry of a finished layer, without its seal. Of an accepted one every record and every
 * table that there is can be read, and no row that is out of its column's range is handed on. */
#include "fuzz.h"
#include "journal.h"
#include "measure/ranges.h"
#include "measure/tables.h"

static volatile unsigned seen; /* so that nothing is left unread */

static void look(const Entry *entry) {
  unsigned sum = 0;
  for (size_t i = 0; i < entry->tensors; i++)
    sum += (unsigned)strlen(entry->tensor[i].kernel) + (unsigned)entry->tensor[i].digest.hex[32];
  for (int t = 0; tables[t]; t++) {
    size_t count;
    Status why = {0};
    const char *rows = entry_rows(entry, tables[t], &count);
    if (rows) sum += (unsigned char)rows[0];
    if (rows && !rows_in_range(tables[t], rows, count, &why)) fuzz_refused(&why, "row ");
  }
  seen = sum;
}

/* Two records, and a row of each of two tables. */
Bytes made_entry(Arena *arena) {
  Store store = {0};
  TensorStats *stats;
  Status st = {0};
  const Table *const table[] = {&table_scales, &table_token_errors};
  TableRows rows[2];
  for (int t = 0; t < 2; t++) {
    char *row = arena_alloc(arena, 1, table[t]->row_size);
    for (int c = 0; c < table[t]->columns; c++) column_clear(table[t], &table[t]->column[c], row);
    rows[t] = (TableRows){table[t], row, 1};
  }
  const StoreLayer layer = {.rows = rows, .tables = 2};
  FUZZ_CHECK(entry_begin(&store, 0, 1, &layer, 2, &stats, &st), "%s", st.text);
  const size_t bytes = entry_size(&layer, 2);
  char *kept = memcpy(arena_alloc(arena, bytes, 1), store.entry, bytes);
  free(store.entry);
  return (Bytes){kept, bytes};
}

bool fuzz_entry(const uint8_t *data, size_t count) {
  Entry entry;
  Status why = {0};
  char *body = journal_aligned(data, count);
  const bool ok = entry_of((Bytes){body, count}, 0, 1, &entry, &why);
  if (ok)
    look(&entry);
  else
    fuzz_refused(&why, NULL);
  journal_free(body, count);
  return ok;
}
