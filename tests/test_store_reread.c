/* Tensors of finished layers, read again while the run goes on: what was made, to the bit, and
 * named where it changed. */
#include "fixture_store.h"

/* NaN canonical, as element 1 of the fixture's floats is not. */
static void make_canonical(Tensor *t) {
  char *one = (char *)t->data + format_size(t->format);
  if (t->format == FORMAT_F64) memcpy(one, &(uint64_t){0x7ff8000000000000u}, 8);
  if (t->format == FORMAT_F32) memcpy(one, &(uint32_t){0x7fc00000u}, 4);
  if (t->format == FORMAT_F16) memcpy(one, &(uint16_t){0x7e00u}, 2);
}

static void expect_equal(const Tensor *got, const Tensor *want, const char *name) {
  const size_t size = format_size(want->format), row = (size_t)want->cols * size;
  cr_assert(got->data && got->format == want->format && got->rows == want->rows &&
                got->cols == want->cols && got->scale.axis == want->scale.axis,
            "%s", name);
  for (int r = 0; r < want->rows; r++) {
    const Tensor a = tensor_rows(got, r, 1), b = tensor_rows(want, r, 1);
    cr_expect(memcmp(a.data, b.data, row) == 0, "%s, row %d", name, r);
    for (int c = 0; c < want->cols; c++)
      cr_expect(scale_value(&a.scale, 0, c) == scale_value(&b.scale, 0, c), "%s, %d, %d", name, r,
                c);
  }
}

Test(store_reread, every_tensor_is_read_again_as_it_was_made) {
  Fixture f = fixture_make();
  Status st = {0};
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  for (int p = 0; p < PROMPTS; p++)
    for (int layer = 0; layer < LAYERS; layer++)
      for (int m = 0; m < MODES; m++) {
        Arena scratch = f.arena;
        Tensor t[TENSORS_MOST] = {{0}};
        cr_expect(store_holds(store, p, layer, m, TENSORS_ALL));
        cr_assert(store_reread(&scratch, store, p, layer, m, TENSORS_ALL, t, &st), "%s", st.text);
        for (int id = 0; id < T_COUNT; id++) {
          const char *name = family_mamba1.tensors.info[id].name;
          if (!fixture_has(layer, m, id)) {
            cr_expect_null(t[id].data, "%s", name);
            continue;
          }
          Tensor want = fixture_tensor(&scratch, &f.shape, p, layer, m, id);
          make_canonical(&want);
          expect_equal(&t[id], &want, name);
        }
      }
  store_close(store);
  fixture_drop(&f);
}

Test(store_reread, no_more_is_read_than_is_asked_for) {
  Fixture f = fixture_make();
  Status st = {0};
  Tensor t[TENSORS_MOST] = {{0}};
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  cr_assert(store_reread(&f.arena, store, 1, 2, 0, (TensorSet)1 << T_BLOCK_OUT, t, &st), "%s",
            st.text);
  for (int id = 0; id < T_COUNT; id++)
    cr_expect_eq(t[id].data != NULL, id == T_BLOCK_OUT, "%s", family_mamba1.tensors.info[id].name);
  store_close(store);
  fixture_drop(&f);
}

Test(store_reread, what_is_not_kept_or_kept_in_another_format_is_not_there) {
  static bool kept[LAYERS * T_COUNT];
  Fixture f = fixture_make();
  kept[T_BLOCK_OUT] = kept[T_GATED] = kept[T_EMBEDDING] = true; /* of layer 0 */
  f.shape.kept = kept;
  f.shape.f16_as_f32 = true;
  Store *store = fixture_start(&f);
  const TensorSet out = (TensorSet)1 << T_BLOCK_OUT, gated = (TensorSet)1 << T_GATED,
                  scan = (TensorSet)1 << T_SCAN, logits = (TensorSet)1 << T_LOGITS,
                  embedding = (TensorSet)1 << T_EMBEDDING, q8 = (TensorSet)1 << T_SSM_STATE_Q8;
  cr_expect(store_holds(store, 0, 0, 0, out | embedding));
  cr_expect(!store_holds(store, 0, 1, 0, out), "only layer 0 is kept");
  cr_expect(!store_holds(store, 0, 0, 0, out | scan));
  cr_expect(!store_holds(store, 0, 0, 0, gated), "a float16 tensor is stored as float32");
  cr_expect(store_holds(store, 0, 0, 1, gated), "the other mode has it as float32");
  cr_expect(store_holds(store, 0, 0, 1, out | q8), "which this mode does not make");
  cr_expect(store_holds(store, 0, 0, 0, out | logits), "which is made in the last layer");
  store_close(store);
  fixture_drop(&f);
}

Test(store_reread, a_place_that_changed_is_named) {
  Fixture f = fixture_make();
  Status st = {0};
  char partial[160], byte;
  snprintf(partial, sizeof partial, "%s.partial", f.results);
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, -1, &st) && store_settle(store, false, &st), "%s", st.text);
  hid_t file = H5Fopen(partial, H5F_ACC_RDONLY, H5P_DEFAULT),
        dataset = H5Dopen2(file, "prompts/odd_1-x/2-4/layer_01/scan", H5P_DEFAULT);
  const long at = (long)H5Dget_offset(dataset) + 9;
  H5Dclose(dataset), H5Fclose(file);
  FILE *bytes = fopen(partial, "r+b");
  fseek(bytes, at, SEEK_SET);
  cr_assert_eq(fread(&byte, 1, 1, bytes), 1);
  fseek(bytes, at, SEEK_SET);
  byte ^= 4;
  fwrite(&byte, 1, 1, bytes);
  fclose(bytes);
  Tensor t[TENSORS_MOST] = {{0}};
  cr_expect(store_reread(&f.arena, store, 1, 1, 1, (TensorSet)1 << T_GATED, t, &st), "%s", st.text);
  cr_expect(!store_reread(&f.arena, store, 1, 1, 1, TENSORS_ALL, t, &st));
  cr_expect(strstr(st.text, "r.h5.partial: prompt odd_1-x, layer 1: scan: its digest differs"),
            "%s", st.text);
  store_close(store);
  fixture_drop(&f);
}
