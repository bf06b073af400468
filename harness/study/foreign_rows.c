/* foreign_rows: what the tables say of sources. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/grain.h"
#include "study/foreign.h"

SourceValues *foreign_values(Arena *arena, const Foreign *f, const char *prompt, int layer,
                             const Trace *trace, int *count) {
  const int all = f->sides * f->tensors->count;
  SourceValues *row = ARENA_NEW(arena, SourceValues, all);
  const Tensor **of = ARENA_NEW(arena, const Tensor *, all);
  *count = 0;
  for (int s = 0; s < f->sides; s++)
    for (int id = 0; id < f->tensors->count; id++) {
      const Tensor *t = &trace[s].t[id];
      if (!t->data) continue;
      SourceValues *r = &row[*count];
      of[(*count)++] = t;
      *r = (SourceValues){.layer = tensors_filed(f->tensors, id, layer, f->layers),
                          .n = (int64_t)t->rows * t->cols};
      table_text(r->prompt, sizeof r->prompt, prompt);
      table_text(r->source, sizeof r->source, f->side[s].plan->name);
      table_text(r->tensor, sizeof r->tensor, f->tensors->info[id].name);
    }
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < *count; i++) {
    const Grain g = grain_of(of[i]);
    row[i].as_f16 = g.as_f16;
    row[i].as_bf16 = g.as_bf16;
    row[i].grid_scale = g.grid;
    row[i].grid_levels = g.levels;
  }
  return row;
}

static const SourcePlan *plan_of(const Foreign *f, const char *name) {
  for (int s = 0; s < f->sides; s++)
    if (!strcmp(f->side[s].plan->name, name)) return f->side[s].plan;
  return NULL;
}

/* The tensor by which inputs are compared: what enters the first block, or the embedding. */
static bool is_input(const Foreign *f, const PairStats *row) {
  const char *embedding = tensors_role_name(f->tensors, ROLE_EMBEDDING),
             *block_in = tensors_role_name(f->tensors, ROLE_BLOCK_IN);
  return (row->layer == LAYER_EMBEDDING && !strcmp(row->tensor, embedding)) ||
         (row->layer == 0 && !strcmp(row->tensor, block_in));
}

/* The error of the worst token beside the size of a token. */
static double worst_token(const PairStats *row, int tokens) {
  return row->token.worst < 0 ? 0 : sqrt(row->token.worst_share * tokens) * row->rel_l2;
}

static int tokens_of(const Foreign *f, const PairStats *row) {
  const TensorInfo *info = &f->tensors->info[tensors_find(f->tensors, row->tensor)];
  for (int p = 0; p < f->prompts && info->rows == DIM_TOKEN; p++)
    if (!strcmp(f->prompt[p].name, row->prompt)) return f->prompt[p].T;
  return 0;
}

OtherInputs foreign_inputs(Arena *arena, const Foreign *f, const PairStats *row, size_t rows) {
  OtherInputs other = f->other_tokens;
  for (size_t i = 0; f->sides && i < rows && (!other.sentence || other.meant); i++) {
    const PairStats *r = &row[i];
    const SourcePlan *base = plan_of(f, r->base), *second = plan_of(f, r->other);
    const bool meant = (base && base->any_inputs) || (second && second->any_inputs);
    if (!is_input(f, r) || (!base && !second) || (other.sentence && meant)) continue;
    const double worst = worst_token(r, tokens_of(f, r));
    if (worst > FOREIGN_INPUT_MOST)
      other = (OtherInputs){
          arena_printf(arena,
                       "%s and %s were not given the same input: token %lld of prompt '%s' differs "
                       "in %s by %.3g of a token's size",
                       r->base, r->other, (long long)r->token.worst, r->prompt, r->tensor, worst),
          meant};
  }
  return other;
}

TableRows foreign_sources(Arena *arena, const Foreign *f) {
  SourceRow *row = ARENA_NEW(arena, SourceRow, f->sides);
  for (int s = 0; s < f->sides; s++) {
    const ForeignSide *side = &f->side[s];
    row[s] =
        (SourceRow){.arrays = side->dump.arrays, .used = side->used, .layers = side->layout.layers};
    for (int p = 0; p < side->layout.passes; p++)
      row[s].masked += side->mask[p].tokens - side->mask[p].kept;
    table_text(row[s].source, sizeof row[s].source, side->plan->name);
    table_text(row[s].dump, sizeof row[s].dump, side->plan->dump);
    table_text(row[s].names, sizeof row[s].names, side->layout.names);
  }
  return (TableRows){&table_sources, row, (size_t)f->sides};
}

/* "[1, 171, 768]" */
static void shape_text(const DumpArray *array, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "[");
  for (int i = 0; i < array->rank && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "",
                             (long long)array->size[i]);
  if (used < size) snprintf(text + used, size - used, "]");
}

/* Which arrays stand for a tensor, or are token ids. */
static bool *used_of(Arena *arena, const Foreign *f, const ForeignSide *side) {
  const DumpArray *first = side->dump.array;
  const size_t places = (size_t)f->prompts * (size_t)f->layers * (size_t)f->tensors->count;
  bool *used = ARENA_NEW(arena, bool, side->dump.arrays);
  for (size_t i = 0; i < places; i++)
    if (side->at[i]) used[side->at[i]->array - first] = true;
  for (int i = 0; i < side->layout.entries; i++)
    if (foreign_holds_tokens(&side->layout.entry[i]))
      used[side->layout.entry[i].array - first] = true;
  for (int p = 0; p < side->layout.passes; p++)
    if (side->mask[p].array) used[side->mask[p].array - first] = true;
  return used;
}

static SourceLeft left_row(const ForeignSide *side, const char *file, const char *name) {
  SourceLeft row = {.source = ""};
  table_text(row.source, sizeof row.source, side->plan->name);
  snprintf(row.array, sizeof row.array, "%s%s%s", file, *file && *name ? ": " : "", name);
  return row;
}

TableRows foreign_left(Arena *arena, const Foreign *f) {
  size_t most = 0, rows = 0;
  for (int s = 0; s < f->sides; s++)
    most += (size_t)f->side[s].dump.arrays + (size_t)f->side[s].dump.passed_over;
  SourceLeft *row = ARENA_NEW(arena, SourceLeft, most);
  for (int s = 0; s < f->sides; s++) {
    const ForeignSide *side = &f->side[s];
    Arena scratch = *arena;
    const bool *used = used_of(&scratch, f, side);
    for (int i = 0; i < side->dump.arrays; i++) {
      const DumpArray *array = &side->dump.array[i];
      if (used[i]) continue;
      SourceLeft *r = &row[rows++];
      *r = left_row(side, array->file, array->name);
      table_text(r->type, sizeof r->type, dump_type_name[array->type]);
      shape_text(array, r->shape, sizeof r->shape);
    }
    for (int i = 0; i < side->dump.passed_over; i++) {
      const DumpPassed *passed = &side->dump.passed[i];
      row[rows] = left_row(side, passed->file, passed->name);
      table_text(row[rows].type, sizeof row->type, "not read");
      table_text(row[rows].shape, sizeof row->shape, passed->why);
      rows++;
    }
  }
  return (TableRows){&table_source_left, row, rows};
}
