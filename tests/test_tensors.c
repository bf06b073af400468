/* The names of tensors in a results file: a family's table comes back from its rows, and a report
 * takes roles from the file, whatever the tensors are called there. */
#include <criterion/criterion.h>
#include <string.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "measure/tensors.h"
#include "report/data.h"

static char memory[1 << 20];
static Arena new_arena(void) {
  return (Arena){.next = memory, .end = memory + sizeof memory, .base = memory};
}

static const char *scale_of(const Tensors *t, int id) {
  return t->info[id].scale == ABSENT ? "none" : t->scale[t->info[id].scale];
}

Test(tensors, every_kind_of_model_comes_back_from_its_rows) {
  const Family *family;
  for (int i = 0; (family = family_kind(i)); i++) {
    Arena arena = new_arena();
    const Tensors *want = &family->tensors;
    const TableRows rows = tensors_rows(&arena, want);
    const Tensors got = tensors_of_rows(&arena, rows.rows, rows.count);
    cr_assert(got.layer == want->layer && got.count == want->count && got.all == want->count, "%s",
              family->name);
    for (int id = 0; id < want->count; id++) {
      const TensorInfo *a = &got.info[id], *b = &want->info[id];
      cr_expect_str_eq(a->name, b->name);
      cr_expect_str_eq(a->long_name, b->long_name);
      cr_expect_str_eq(got.dim[a->rows], want->dim[b->rows], "%s", b->name);
      cr_expect_str_eq(got.dim[a->cols], want->dim[b->cols], "%s", b->name);
      cr_expect_str_eq(scale_of(&got, id), scale_of(want, id), "%s", b->name);
      cr_expect((a->rows == DIM_TOKEN) == (b->rows == DIM_TOKEN), "%s", b->name);
      cr_expect(a->role == b->role && a->modes_only == b->modes_only, "%s", b->name);
    }
  }
}

Test(tensors, ends_stand_behind_the_layer_whatever_the_order_of_the_rows) {
  Arena arena = new_arena();
  static const TensorRow rows[] = {
      {"wte", "", "end", "token", "hidden", "", "embedding", 0},
      {"resid_post", "", "layer", "token", "hidden", "", "block_out", 0},
      {"lm_logits", "", "end", "token", "words", "", "logits", 0},
      {"ssm", "", "layer", "hidden", "state", "s_h", "", 1}};
  const Tensors t = tensors_of_rows(&arena, rows, 4);
  static const char *const want[] = {"resid_post", "ssm", "wte", "lm_logits"};
  cr_assert(t.layer == 2 && t.count == 4);
  for (int id = 0; id < 4; id++) cr_expect_str_eq(t.info[id].name, want[id]);
  int computed[TENSORS_MOST];
  tensors_computed(&t, computed);
  cr_expect_str_eq(t.info[computed[0]].name, "wte");
  cr_expect(t.info[1].modes_only && t.info[1].rows != DIM_TOKEN && t.info[0].rows == DIM_TOKEN);
  cr_expect_eq(tensors_filed(&t, 2, 3, 8), LAYER_EMBEDDING);
  cr_expect_eq(tensors_filed(&t, 3, 7, 8), 8);
  cr_expect_eq(tensors_filed(&t, 1, 3, 8), 3);
}

Test(tensors, more_rows_than_any_family_has_are_left_out) {
  Arena arena = new_arena();
  TensorRow rows[2 * TENSORS_MOST];
  memset(rows, 0, sizeof rows);
  for (int i = 0; i < 2 * TENSORS_MOST; i++) {
    snprintf(rows[i].name, sizeof rows[i].name, "t%d", i);
    snprintf(rows[i].cols, sizeof rows[i].cols, "d%d", i);
    snprintf(rows[i].scale, sizeof rows[i].scale, "s%d", i);
    strcpy(rows[i].place, "layer");
    strcpy(rows[i].role, "no role of ours");
  }
  const Tensors t = tensors_of_rows(&arena, rows, 2 * TENSORS_MOST);
  cr_expect(t.count == TENSORS_MOST && t.dims == DIMS_MOST && t.scales == SCALES_MOST);
  cr_expect_eq(t.info[TENSORS_MOST - 1].role, ROLE_NONE);
}

Test(tensors,
     a_report_takes_the_roles_from_the_file_and_those_of_the_first_family_where_it_has_none) {
  Arena arena = new_arena();
  static const TensorRow rows[] = {
      {"resid_post", "", "layer", "token", "hidden", "", "block_out", 0}};
  static const Drift drift[] = {{.base = "a", .other = "b", .tensor = "resid_post", .layer = 6}};
  TableRows tables_of_file[] = {{&table_tensors, rows, 1}, {&table_drift, drift, 1}};
  ReportData d = {.tables = tables_of_file, .table_count = 2};
  data_arrange(&arena, &d);
  cr_expect_str_eq(data_role(&d, ROLE_BLOCK_OUT), "resid_post");
  cr_expect_str_eq(data_role(&d, ROLE_SCAN), "", "no tensor of this file is a scan");
  cr_expect_eq(d.layers, 7, "counted by what leaves a block: %d", d.layers);
  d = (ReportData){.tables = &tables_of_file[1], .table_count = 1};
  data_arrange(&arena, &d);
  cr_expect_str_eq(data_role(&d, ROLE_BLOCK_OUT),
                   tensors_role_name(&families[0]->tensors, ROLE_BLOCK_OUT));
}
