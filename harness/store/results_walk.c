#include "store/results_walk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "family/family.h"
#include "measure/tables.h"
#include "measure/tensors.h"
#include "store/hdf5.h"

typedef struct Walk {
  Results *results;
  Arena *keep;         /* for the rows of tables; NULL: they do not stay */
  Arena scratch;       /* behind it */
  Tensors tensors;     /* as the file tells them; those of the first family where it does not */
  int dims[DIMS_MOST]; /* of the prompt being walked; 0: not told */
  uint64_t left;       /* see spend */
  bool compared;       /* the tensors with their digests, already */
  Status *st;
} Walk;

/* One member of a group: `where` is the group's path with a slash at its end. */
typedef bool (*Visit)(Walk *walk, hid_t group, const char *where, const char *name);

static bool refuse(const Walk *walk, const char *where, const char *name, const char *reason) {
  return FAIL(walk->st, "%s: %s%.100s: %s", walk->results->path, where, name, reason);
}

/* An object may have a second name. But names that lead to the same objects again and again would
 * let a small file hold any amount of work, so what is visited may not exceed what the file can
 * hold, some times over. */
enum { NAMES_MOST = 8, OBJECT_BYTES = 64 /* fewer than any object takes */ };

static bool spend(Walk *walk, const char *where, const char *name, uint64_t bytes) {
  if (bytes > walk->left)
    return refuse(walk, where, name, "the file has the same objects under too many names");
  walk->left -= bytes;
  return true;
}

typedef struct Members {
  Walk *walk;
  Visit visit;
  const char *where;
} Members;

static herr_t member(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  (void)info; /* the kind of link is looked at where the object is opened */
  Members *members = data;
  return spend(members->walk, members->where, name, OBJECT_BYTES / 4) &&
                 members->visit(members->walk, group, members->where, name)
             ? 0
             : -1;
}

/* Native order: for the others HDF5 1.10.8 first builds a table of the links, and frees it wrongly
 * where one of them is broken. */
static bool each_member(hid_t group, Members *members, Status *why) {
  return H5(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, member, members));
}

/* Opens a group and visits its members. */
static bool enter(Walk *walk, hid_t at, const char *where, const char *name, Visit visit) {
  char inside[512];
  hid_t group = -1;
  Status reason = {0}, *why = &reason;
  snprintf(inside, sizeof inside, "%s%.128s/", where, name);
  if (!h5_open_group(at, name, &group, why)) return refuse(walk, where, name, why->text);
  Members members = {walk, visit, inside};
  bool ok = spend(walk, where, name, OBJECT_BYTES) &&
            (each_member(group, &members, why) || refuse(walk, where, name, why->text));
  h5_close(group, why);
  return ok;
}

static bool passed_over(void) { return true; }

static void note_unproved(Walk *walk, const char *where, const char *name) {
  Results *r = walk->results;
  if (r->unproved++ == 0)
    snprintf(r->first_unproved, sizeof r->first_unproved, "%s%.100s", where, name);
}

/* --- tensors ---------------------------------------------------------------------------------- */

/* Data is read only to be compared with its digest. */
static bool check_digest(Walk *walk, const Stored *stored, const char *where, const char *name) {
  Status why = {0};
  Arena scratch = walk->scratch;
  Digest digest;
  void *data;
  TRY(spend(walk, where, name, OBJECT_BYTES + stored->storage));
  if (!h5_has_digest(stored)) return note_unproved(walk, where, name), true;
  if (walk->compared) return true;
  return h5_get_data(&scratch, stored, &data, &digest, &why) || refuse(walk, where, name, why.text);
}

static bool has_length(const Walk *walk, const Stored *stored, int i, int dim) {
  return !walk->dims[dim] || (int)stored->dims[i] == walk->dims[dim];
}

static bool check_tensor(Walk *walk, hid_t group, const char *where, const char *name, int id) {
  const TensorInfo *info = &walk->tensors.info[id];
  Status why = {0};
  Stored stored;
  Format format;
  if (!h5_open_stored(group, name, &stored, &why)) return refuse(walk, where, name, why.text);
  const char *fault =
      !h5_tensor_type(stored.type, &format) ? "has an element type that no tensor has"
      : stored.rank != 2                    ? "does not have 2 dimensions"
      : !has_length(walk, &stored, 0, info->rows) || !has_length(walk, &stored, 1, info->cols)
          ? "does not have the lengths of its dimension scales"
          : NULL;
  bool ok = fault ? refuse(walk, where, name, fault) : check_digest(walk, &stored, where, name);
  h5_close_stored(&stored);
  return ok;
}

/* "x_proj.scale", of this tensor. */
static bool check_scales(Walk *walk, hid_t group, const char *where, const char *name, int id) {
  const char *of = walk->tensors.info[id].name;
  Status why = {0};
  Stored tensor, scales;
  Scale scale;
  if (h5_has(group, of, &why) == 0) return refuse(walk, where, name, "has no tensor beside it");
  if (!h5_open_stored(group, of, &tensor, &why)) return refuse(walk, where, of, why.text);
  bool ok = h5_open_scales(group, of, &tensor, &scales, &scale, &why) ||
            refuse(walk, where, name, why.text);
  ok = ok && check_digest(walk, &scales, where, name);
  h5_close_stored(&scales);
  h5_close_stored(&tensor);
  return ok;
}

/* The tensor whose scales have this name; ABSENT where there is none. */
static int find_scales(const Tensors *tensors, const char *name) {
  for (int id = 0; id < tensors->count; id++) {
    const size_t length = strlen(tensors->info[id].name);
    if (!strncmp(name, tensors->info[id].name, length) && !strcmp(name + length, SCALES_OF))
      return id;
  }
  return ABSENT;
}

/* A tensor, or the scales of one, among those from `first` to `end`. */
static bool visit_tensor(Walk *walk, hid_t group, const char *where, const char *name, int first,
                         int end) {
  int id = tensors_find(&walk->tensors, name);
  if (id >= first && id < end) return check_tensor(walk, group, where, name, id);
  id = find_scales(&walk->tensors, name);
  return id >= first && id < end ? check_scales(walk, group, where, name, id) : passed_over();
}

static bool visit_block(Walk *walk, hid_t group, const char *where, const char *name) {
  return visit_tensor(walk, group, where, name, 0, walk->tensors.layer);
}

static bool is_layer(const char *name) {
  size_t digits = strncmp(name, "layer_", 6) ? 0 : strspn(name + 6, "0123456789");
  return digits >= 2 && digits <= 4 && !name[6 + digits] && atoi(name + 6) < LAYERS_MOST;
}

static bool visit_mode(Walk *walk, hid_t group, const char *where, const char *name) {
  if (is_layer(name)) return enter(walk, group, where, name, visit_block);
  return visit_tensor(walk, group, where, name, walk->tensors.layer, walk->tensors.count);
}

/* --- prompts ---------------------------------------------------------------------------------- */

static bool check_scale(Walk *walk, hid_t group, const char *where, int dim) {
  const char *name = walk->tensors.dim[dim];
  Status why = {0};
  Stored stored;
  walk->dims[dim] = 0;
  if (h5_has(group, name, &why) == 0) return true;
  if (!h5_open_length(group, name, &stored, &why)) return refuse(walk, where, name, why.text);
  hid_t wanted = dim == DIM_TOKEN ? H5T_STD_I32LE : H5T_IEEE_F32LE;
  bool same = H5Tequal(stored.type, wanted) > 0;
  walk->dims[dim] = (int)stored.dims[0];
  h5_close_stored(&stored);
  return same || refuse(walk, where, name, "has an element type that no dimension scale has");
}

static bool check_token_ids(Walk *walk, hid_t group, const char *where) {
  Status why = {0};
  Stored stored;
  if (!h5_open_stored(group, "token_id", &stored, &why))
    return refuse(walk, where, "token_id", why.text);
  const char *fault = H5Tequal(stored.type, H5T_STD_I32LE) <= 0 ? "does not hold 32-bit integers"
                      : stored.rank != 1 || !has_length(walk, &stored, 0, DIM_TOKEN)
                          ? "does not have the length of token"
                          : NULL;
  bool ok = fault ? refuse(walk, where, "token_id", fault)
                  : check_digest(walk, &stored, where, "token_id");
  h5_close_stored(&stored);
  return ok;
}

/* A mode has any name, so every group is one. */
static bool visit_prompt(Walk *walk, hid_t group, const char *where, const char *name) {
  for (int dim = 0; dim < walk->tensors.dims; dim++)
    if (!strcmp(name, walk->tensors.dim[dim])) return true; /* looked at before */
  if (!strcmp(name, "token_id")) return check_token_ids(walk, group, where);
  return h5_is_group(group, name) ? enter(walk, group, where, name, visit_mode) : passed_over();
}

static bool visit_prompts(Walk *walk, hid_t prompts, const char *where, const char *name) {
  char inside[512];
  hid_t group = -1;
  Status why = {0};
  if (!h5_is_group(prompts, name)) return passed_over();
  snprintf(inside, sizeof inside, "%s%.128s/", where, name);
  bool ok = h5_open_group(prompts, name, &group, &why) || refuse(walk, where, name, why.text);
  for (int dim = 0; ok && dim < walk->tensors.dims; dim++)
    ok = check_scale(walk, group, inside, dim);
  h5_close(group, &why);
  return ok && enter(walk, prompts, where, name, visit_prompt);
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool visit_tables(Walk *walk, hid_t group, const char *where, const char *name) {
  for (int i = 0; tables[i]; i++) {
    if (strcmp(tables[i]->name, name)) continue;
    TableRows *kept = walk->results->kept;
    Status why = {0};
    Arena scratch = walk->scratch;
    void *rows;
    size_t count;
    bool unproved;
    if (!h5_get_rows(walk->keep ? walk->keep : &scratch, group, tables[i], &rows, &count, &unproved,
                     &why))
      return refuse(walk, where, name, why.text);
    if (walk->keep && kept) {
      kept[i] = (TableRows){tables[i], rows, count};
      walk->scratch = *walk->keep;
    }
    if (unproved) note_unproved(walk, where, name);
    return true;
  }
  return passed_over();
}

/* --- the root --------------------------------------------------------------------------------- */

/* A file without a version was written before there was one, and is read like the first. */
static bool check_version(Walk *walk, hid_t file) {
  Status why = {0};
  int32_t version = 0;
  if (H5Aexists(file, "format_version") == 0) return true;
  if (!h5_get_scalar(file, "format_version", H5T_STD_I32LE, &version, &why))
    return refuse(walk, "/", "", why.text);
  return (version >= 0 && version <= FORMAT_VERSION) ||
         FAIL(walk->st,
              "%s: has format version %d; this driftscope reads up to %d: a newer one is needed",
              walk->results->path, version, FORMAT_VERSION);
}

/* A group that numbers its links as they are made tells how many it once had. */
static int links_removed(hid_t group) {
  H5G_info_t info;
  Status ignored = {0}, *why = &ignored;
  if (!(h5_link_order(group) & H5P_CRT_ORDER_TRACKED) || !H5(H5Gget_info(group, &info))) return 0;
  const int64_t removed = info.max_corder - (int64_t)info.nlinks;
  return removed > 0 && removed < INT_MAX ? (int)removed : 0;
}

static bool enter_tables(Walk *walk, hid_t group, const char *where, const char *name) {
  Status why = {0};
  hid_t inside = -1;
  if (h5_open_group(group, name, &inside, &why)) walk->results->removed = links_removed(inside);
  h5_close(inside, &why);
  return enter(walk, group, where, name, visit_tables);
}

static bool visit_root(Walk *walk, hid_t group, const char *where, const char *name) {
  return !strcmp(name, "prompts")  ? enter(walk, group, where, name, visit_prompts)
         : !strcmp(name, "tables") ? enter_tables(walk, group, where, name)
                                   : passed_over();
}

/* What tensors the file holds, it tells itself; a file of the first version does not. */
static bool read_tensors(Walk *walk, Arena *arena, Status *st) {
  void *rows;
  size_t count;
  Status later = {0}; /* where the table is visited */
  walk->tensors = families[0]->tensors;
  if (!results_rows(arena, walk->results, &table_tensors, &rows, &count, &later)) return true;
  const TensorRow *row = rows;
  for (size_t i = 0; i < count; i++)
    if (!name_valid(row[i].name) || !name_valid(row[i].rows) || !name_valid(row[i].cols))
      return FAIL(st, "%s: tables/tensors: row %zu has a name that no tensor or dimension has",
                  walk->results->path, i);
  if (count) walk->tensors = tensors_of_rows(arena, row, count);
  return true;
}

bool results_walk(Results *results, uint64_t bytes, Arena *keep, bool compared, Arena scratch,
                  Status *st) {
  Status reason = {0}, *why = &reason;
  Walk walk = {.results = results,
               .keep = keep,
               .scratch = keep ? *keep : scratch,
               .compared = compared,
               .left = NAMES_MOST * bytes,
               .st = st};
  TRY(check_version(&walk, results->file));
  TRY(read_tensors(&walk, keep ? keep : &walk.scratch, st));
  if (keep) walk.scratch = *keep;
  Members members = {&walk, visit_root, "/"};
  return each_member(results->file, &members, why) || refuse(&walk, "/", "", why->text);
}
