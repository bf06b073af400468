/* json_rows: every column by its name; what does not apply is null. */
#include "command/json_rows.h"
#include "measure/tables/evaluation.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

Test(json_rows, columns_are_keys_and_numbers_that_do_not_apply_are_null) {
  EvaluationPair row[2] = {{.windows = 3, .diff = -0.125, .windows_needed = NAN},
                           {.windows = 4, .low = -INFINITY}};
  snprintf(row[0].base, sizeof row[0].base, "2-\"0");
  json_t *list = json_rows(&table_evaluation_pairs, row, 2), *first = json_array_get(list, 0);
  cr_assert_eq(json_array_size(list), 2);
  cr_expect_eq((int)json_object_size(first), table_evaluation_pairs.columns);
  cr_expect_str_eq(json_string_value(json_object_get(first, "base")), "2-\"0");
  cr_expect_eq(json_integer_value(json_object_get(first, "windows")), 3);
  cr_expect_eq(json_real_value(json_object_get(first, "diff")), -0.125);
  cr_expect(json_is_null(json_object_get(first, "windows_needed")));
  cr_expect(json_is_null(json_object_get(json_array_get(list, 1), "low")));
  json_decref(list);
}
