/* golden: tensors of data/golden/quamba_int8_kernels.h5, inputs and outputs of Quamba's CUDA
 * kernels. */
#ifndef DS_TESTS_GOLDEN_H
#define DS_TESTS_GOLDEN_H
#include "kernels/tensor.h"
#include <criterion/criterion.h>
#include <hdf5.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Memory filled with junk: what an operator does not write shows. */
static inline void *golden_junk(size_t bytes) {
  void *p = malloc(bytes ? bytes : 1);
  cr_assert_not_null(p);
  return memset(p, 0xa5, bytes);
}

static inline Tensor golden_junk_tensor(Format format, int rows, int cols, float scale) {
  return tensor_of(golden_junk((size_t)rows * (size_t)cols * format_size(format)), format, rows,
                   cols, scale);
}

static inline float golden_attribute(hid_t object, const char *name) {
  float value = 0;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  cr_assert(attribute >= 0 && H5Aread(attribute, H5T_NATIVE_FLOAT, &value) >= 0, "attribute %s",
            name);
  H5Aclose(attribute);
  return value;
}

/* Whether the file has it as [channel or state, token]. */
static inline bool golden_tokens_last(hid_t dataset) {
  hid_t attribute = H5Aopen(dataset, "axes", H5P_DEFAULT), type = H5Aget_type(attribute);
  char *axes = NULL;
  cr_assert(H5Tis_variable_str(type) > 0 && H5Aread(attribute, type, &axes) >= 0, "attribute axes");
  bool last = strstr(axes, ",token") != NULL;
  H5free_memory(axes);
  H5Tclose(type);
  H5Aclose(attribute);
  return last;
}

/* Dataset `path`, int8 with its scale or float16, as [token, channel]; a vector as one row. The
 * caller frees .data. */
static inline Tensor golden_read(const char *path) {
  hid_t file = H5Fopen("data/golden/quamba_int8_kernels.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert(file >= 0, "data/golden/quamba_int8_kernels.h5 cannot be opened");
  hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  cr_assert(dataset >= 0, "%s is missing", path);
  hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  hsize_t dims[2] = {1, 1};
  int rank = H5Sget_simple_extent_dims(space, dims, NULL);
  if (rank == 1) {
    dims[1] = dims[0];
    dims[0] = 1;
  }
  size_t size = H5Tget_size(type);
  Tensor t = golden_junk_tensor(size == 1 ? FORMAT_I8 : FORMAT_F16, (int)dims[0], (int)dims[1], 0);
  cr_assert(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, t.data) >= 0, "%s cannot be read",
            path);
  if (size == 1) t.scale.value = golden_attribute(dataset, "scale");
  if (rank == 2 && golden_tokens_last(dataset)) {
    Tensor turned = golden_junk_tensor(t.format, t.cols, t.rows, t.scale.value);
    for (int r = 0; r < t.rows; r++)
      for (int c = 0; c < t.cols; c++)
        memcpy((char *)turned.data + size * ((size_t)c * (size_t)t.rows + (size_t)r),
               (char *)t.data + size * ((size_t)r * (size_t)t.cols + (size_t)c), size);
    free(t.data);
    t = turned;
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
  return t;
}

/* Dataset `name` of a case, "scan/u" of "bytes10m_T171_layer0". */
static inline Tensor golden_tensor(const char *test_case, const char *name) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", test_case, name);
  return golden_read(path);
}
#endif
