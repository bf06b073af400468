#include "store/dimensions.h"

#include <assert.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>

void dimensions_begin(Arena *arena, int scales_most, size_t uses_most, Dimensions *d) {
  *d = (Dimensions){.scale = ARENA_NEW(arena, DimensionScale, scales_most),
                    .scales_most = scales_most,
                    .use = arena_room(arena, uses_most, sizeof *d->use),
                    .uses_most = uses_most};
}

bool dimensions_add(Dimensions *d, const char *name, hid_t dataset, const char *text, Status *why) {
  assert(d->scales < d->scales_most);
  DimensionScale *s = &d->scale[d->scales++];
  snprintf(s->name, sizeof s->name, "%s", name);
  s->scale = dataset;
  return H5(H5DSset_scale(dataset, text)) &&
         H5(H5Rcreate(&s->reference, dataset, ".", H5R_OBJECT, -1));
}

int dimensions_find(const Dimensions *d, const char *name) {
  for (int i = 0; i < d->scales; i++)
    if (!strcmp(d->scale[i].name, name)) return i;
  return -1;
}

/* An attribute of one dimension; takes `type`, which it closes. */
static bool put_list(hid_t object, const char *name, hid_t type, hsize_t count, const void *values,
                     Status *why) {
  hid_t space = -1, attribute = -1;
  bool ok = h5_ok(type >= 0, why) && H5(space = H5Screate_simple(1, &count, NULL)) &&
            H5(attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT)) &&
            H5(H5Awrite(attribute, type, values));
  ok = h5_close(attribute, why) && ok;
  ok = h5_close(space, why) && ok;
  return h5_close(type, why) && ok;
}

static hid_t label_type(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0) H5Tset_size(type, H5T_VARIABLE);
  return type;
}

bool dimensions_attach(Dimensions *d, hid_t dataset, int rank, const int scale[], Status *why) {
  const char *label[DIMENSION_RANK_MOST];
  hvl_t list[DIMENSION_RANK_MOST];
  hobj_ref_t self;
  assert(rank <= DIMENSION_RANK_MOST && d->uses + (size_t)rank <= d->uses_most);
  TRY(H5(H5Rcreate(&self, dataset, ".", H5R_OBJECT, -1)));
  for (int i = 0; i < rank; i++) {
    DimensionScale *along = &d->scale[scale[i]];
    label[i] = along->name;
    list[i] = (hvl_t){1, &along->reference};
    d->use[d->uses++] = (DimensionUse){self, i, scale[i]};
  }
  return put_list(dataset, "DIMENSION_LABELS", label_type(), (hsize_t)rank, label, why) &&
         put_list(dataset, "DIMENSION_LIST", H5Tvlen_create(H5T_STD_REF_OBJ), (hsize_t)rank, list,
                  why);
}

/* As the library has it: without what stands behind the two in memory. */
typedef struct ListEntry {
  hobj_ref_t dataset;
  int dimension;
} ListEntry;

static hid_t entry_type(void) {
  hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(ListEntry));
  if (type >= 0 &&
      (H5Tinsert(type, "dataset", offsetof(ListEntry, dataset), H5T_STD_REF_OBJ) < 0 ||
       H5Tinsert(type, "dimension", offsetof(ListEntry, dimension), H5T_NATIVE_INT) < 0)) {
    H5Tclose(type);
    type = -1;
  }
  return type;
}

static bool put_uses(const Dimensions *d, int scale, Arena scratch, Status *why) {
  ListEntry *entry = ARENA_NEW(&scratch, ListEntry, d->uses + 1);
  size_t count = 0;
  for (size_t i = 0; i < d->uses; i++)
    if (d->use[i].of == scale) entry[count++] = (ListEntry){d->use[i].dataset, d->use[i].dimension};
  return !count ||
         put_list(d->scale[scale].scale, "REFERENCE_LIST", entry_type(), count, entry, why);
}

bool dimensions_end(Dimensions *d, bool ok, Arena scratch, Status *why) {
  for (int i = 0; i < d->scales; i++) {
    ok = ok && put_uses(d, i, scratch, why);
    ok = h5_close(d->scale[i].scale, why) && ok;
  }
  d->scales = 0;
  return ok;
}
