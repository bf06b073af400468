/* Dimension scales of a results file: written at once, they are what the library's own calls make
 * of them one by one, in both directions, and the library goes on with them. */
#include <hdf5_hl.h>

#include "fixture_store.h"

typedef struct Seen {
  hid_t file;
  int dimensions;
} Seen;

/* Each dimension of a dataset lies along the scale of its prompt that its label names. */
static herr_t see(hid_t file, const char *name, const H5O_info_t *info, void *context) {
  Seen *seen = context;
  if (info->type != H5O_TYPE_DATASET || strncmp(name, "prompts/", 8) != 0 ||
      H5Aexists_by_name(file, name, "DIMENSION_LIST", H5P_DEFAULT) <= 0)
    return 0;
  const int prompt = (int)(strchr(name + 8, '/') - name);
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset);
  const int rank = H5Sget_simple_extent_ndims(space);
  for (unsigned i = 0; i < (unsigned)rank; i++, seen->dimensions++) {
    char label[128], path[256];
    cr_assert(H5DSget_label(dataset, i, label, sizeof label) > 0, "%s", name);
    snprintf(path, sizeof path, "%.*s/%s", prompt, name, label);
    hid_t scale = H5Dopen2(file, path, H5P_DEFAULT);
    cr_expect(scale >= 0 && H5DSis_scale(scale) > 0 && H5DSget_num_scales(dataset, i) == 1 &&
                  H5DSis_attached(dataset, scale, i) == 1,
              "%s, dimension %u: not along %s", name, i, path);
    H5Dclose(scale);
  }
  H5Sclose(space), H5Dclose(dataset);
  return 0;
}

static hid_t type_of(hid_t file, const char *path, const char *attribute) {
  hid_t a = H5Aopen_by_name(file, path, attribute, H5P_DEFAULT, H5P_DEFAULT), type = H5Aget_type(a);
  H5Aclose(a);
  return type;
}

static hid_t written(Fixture *f) {
  Status st = {0};
  *f = fixture_make();
  cr_assert(fixture_run(f, &st), "%s", st.text);
  return H5Fopen(f->results, H5F_ACC_RDWR, H5P_DEFAULT);
}

Test(dimensions, every_dataset_is_attached_to_the_scales_that_its_labels_name) {
  Fixture f;
  Seen seen = {.file = written(&f)};
  cr_assert(H5Ovisit(seen.file, H5_INDEX_NAME, H5_ITER_INC, see, &seen) >= 0);
  cr_expect_eq(seen.dimensions, 2 * PROMPTS * (LAYERS * (3 * 16 + 1) + 3 * 3) /* of tensors */ +
                                    PROMPTS * (LAYERS * (1 + 1 + 2) + 1) /* scales, token ids */);
  H5Fclose(seen.file);
  fixture_drop(&f);
}

/* Taken off and put on again by H5DS, the attributes have the types that they had. */
Test(dimensions, the_library_changes_them_and_writes_the_same_types) {
  static const char tensor[] = "prompts/address/2-4/layer_01/scan",
                    along[] = "prompts/address/token";
  Fixture f;
  hid_t file = written(&f), dataset = H5Dopen2(file, tensor, H5P_DEFAULT),
        scale = H5Dopen2(file, along, H5P_DEFAULT);
  const hid_t list = type_of(file, along, "REFERENCE_LIST"),
              ours = type_of(file, tensor, "DIMENSION_LIST");
  cr_assert(H5DSdetach_scale(dataset, scale, 0) >= 0);
  cr_expect_eq(H5DSis_attached(dataset, scale, 0), 0);
  cr_assert(H5DSattach_scale(dataset, scale, 0) >= 0);
  cr_expect_eq(H5DSis_attached(dataset, scale, 0), 1);
  cr_expect(H5Tequal(list, type_of(file, along, "REFERENCE_LIST")) > 0);
  cr_expect(H5Tequal(ours, type_of(file, tensor, "DIMENSION_LIST")) > 0);
  H5Dclose(scale), H5Dclose(dataset), H5Fclose(file);
  fixture_drop(&f);
}
