/* columns: the columns of a table, made from the struct of its rows, which ROW names while a table
 * is made: a column's name, type, place and size are those of the member, so that a description
 * cannot disagree with its row. */
#ifndef DS_MEASURE_TABLES_COLUMNS_H
#define DS_MEASURE_TABLES_COLUMNS_H
#include "measure/tables/table.h"

#define MEMBER(row, member) ((row *)0)->member
#define TYPE_OF(row, member)                                                                       \
  _Generic(&MEMBER(row, member),                                                                   \
      int32_t *: COLUMN_I32,                                                                       \
      int64_t *: COLUMN_I64,                                                                       \
      double *: COLUMN_F64,                                                                        \
      default: COLUMN_TEXT)
#define NAMED(name, member)                                                                        \
  { name, TYPE_OF(ROW, member), offsetof(ROW, member), sizeof MEMBER(ROW, member) }

/* A member; with its interval; with its standard error; a change (END_FIELDS). */
#define X(member) NAMED(#member, member)
#define INTERVAL(name) X(name), X(name##_low), X(name##_high)
#define WITH_SE(name) X(name), X(name##_se)
#define CHANGE(name) INTERVAL(name), X(name##_holm), X(name##_needed)
/* Of PartErrors: the errors of a tensor's parts, called `part`. */
#define PART(part, member, name)                                                                   \
  {                                                                                                \
    name, TYPE_OF(PartErrors, member), offsetof(ROW, part) + offsetof(PartErrors, member),         \
        sizeof MEMBER(PartErrors, member)                                                          \
  }
#define PARTS(part)                                                                                \
  PART(part, median, #part "_median"), PART(part, p90, #part "_p90"),                              \
      PART(part, p99, #part "_p99"), PART(part, worst, #part "_worst"),                            \
      PART(part, worst_share, #part "_worst_share"), PART(part, left_out, #part "s_left_out"),     \
      PART(part, effective, #part "s_effective")

/* `keys`: so many columns, from the first, name a row. */
#define TABLE(id, keys, title, ...)                                                                \
  static const Column columns_##id[] = {__VA_ARGS__};                                              \
  const Table table_##id = {                                                                       \
      #id, title, sizeof(ROW), keys, sizeof columns_##id / sizeof *columns_##id, columns_##id}
#endif
