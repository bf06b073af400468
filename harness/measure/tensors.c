#include "measure/tensors.h"

#include <string.h>

static const char in_layer[] = "layer", at_end[] = "end";

TableRows tensors_rows(Arena *arena, const Tensors *tensors) {
  TensorRow *row = ARENA_NEW(arena, TensorRow, tensors->count);
  for (int id = 0; id < tensors->count; id++) {
    const TensorInfo *info = &tensors->info[id];
    TensorRow *r = &row[id];
    table_text(r->name, sizeof r->name, info->name);
    table_text(r->long_name, sizeof r->long_name, info->long_name);
    table_text(r->place, sizeof r->place, id < tensors->layer ? in_layer : at_end);
    table_text(r->rows, sizeof r->rows, tensors->dim[info->rows]);
    table_text(r->cols, sizeof r->cols, tensors->dim[info->cols]);
    table_text(r->scale, sizeof r->scale, info->scale == ABSENT ? "" : tensors->scale[info->scale]);
    table_text(r->role, sizeof r->role, role_names[info->role]);
    r->modes_only = info->modes_only;
  }
  return (TableRows){&table_tensors, row, (size_t)tensors->count};
}

/* The index of a name in a list that grows; the last one where it is full. */
static int met(const char **list, int *count, int most, const char *name) {
  for (int i = 0; i < *count; i++)
    if (!strcmp(list[i], name)) return i;
  if (*count < most) list[(*count)++] = name;
  return *count - 1;
}

static Role role_of(const char *name) {
  for (int role = 1; role < ROLE_COUNT; role++)
    if (!strcmp(role_names[role], name)) return (Role)role;
  return ROLE_NONE;
}

static TensorInfo info_of(const TensorRow *row, Tensors *t) {
  return (TensorInfo){.name = row->name,
                      .long_name = row->long_name,
                      .rows = met(t->dim, &t->dims, DIMS_MOST, row->rows),
                      .cols = met(t->dim, &t->dims, DIMS_MOST, row->cols),
                      .scale =
                          *row->scale ? met(t->scale, &t->scales, SCALES_MOST, row->scale) : ABSENT,
                      .role = role_of(row->role),
                      .modes_only = row->modes_only != 0};
}

Tensors tensors_of_rows(Arena *arena, const TensorRow *row, size_t count) {
  TensorInfo *info = ARENA_NEW(arena, TensorInfo, TENSORS_MOST);
  Tensors t = {.info = info, .dim = {[DIM_TOKEN] = "token"}, .dims = 1};
  for (int end = 0; end < 2; end++) {
    for (size_t i = 0; i < count && t.count < TENSORS_MOST; i++)
      if ((strcmp(row[i].place, at_end) == 0) == (end == 1)) info[t.count++] = info_of(&row[i], &t);
    if (!end) t.layer = t.count;
  }
  t.all = t.count;
  return t;
}
