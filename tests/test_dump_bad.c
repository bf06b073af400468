/* test_dump_bad: dumps that are damaged or made to mislead, each a good one with one change:
 * refused in one line that names the file and what is wrong with it; and changes at random, which
 * are refused or read, and nothing else. */
#include "base/file.h"
#include "source/dump/names.h"
#include "store/store.h"
#include "tests/draws.h"
#include "tests/dump_files.h"

static void begin(void) {
  test_files_begin();
  store_start();
}
TestSuite(dump_bad, .init = begin, .fini = test_files_end);

typedef enum Base { NPY_, STORED, DEFLATED, WIDE, SAFE, TORCH, HDF5, BASES } Base;
static const char *const base_name[BASES] = {"bad.npy",         "bad.npz", "bad.npz", "bad.npz",
                                             "bad.safetensors", "bad.pt",  "bad.h5"};

static Made file_of(const char *path) {
  Bytes bytes;
  Status st = {0};
  cr_assert(file_read(&test_arena, path, (size_t)1 << 20, &bytes, &st), "%s", st.text);
  return (Made){(unsigned char *)bytes.data, bytes.count};
}

static Made good(Base base) {
  static const float x[] = {1, 2, 3, 4, 5, 6};
  const Made npy = made_npy(NPY("<f4", "False", "(2, 3)"), x, sizeof x);
  const ZipPart part = {"x.npy", npy};
  const char *header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}";
  switch (base) {
    case NPY_: return npy;
    case STORED: return made_zip(&part, 1, ZIP_STORED);
    case DEFLATED: return made_zip(&part, 1, ZIP_DEFLATED);
    case WIDE: return made_zip(&part, 1, ZIP_64);
    case SAFE: return file_of(test_write_safetensors("good", header, x, sizeof x));
    case TORCH: return file_of("tests/dumps/views.pt");
    default: return file_of("tests/dumps/arrays.h5");
  }
}

/* Opened, its layers told, and every array read. */
static bool read_through(const char *path, Status *st) {
  const DumpAxes axes = {NULL, -1};
  Dump dump;
  DumpLayout layout;
  TRY(dump_open(&test_arena, path, &dump, st));
  const bool is_mixed = strstr(path, base_name[HDF5]) != NULL; /* its names are of no model */
  TRY(dump_layout(&test_arena, &dump, is_mixed ? "{tensor}" : NULL, &layout, st));
  for (int i = 0; i < dump.arrays; i++) {
    Arena scratch = test_arena;
    Tensor t;
    TRY(dump_read(&scratch, &dump, &dump.array[i], &axes, NULL, &t, st));
  }
  return true;
}

Test(dump_bad, the_good_ones_are_read) {
  for (Base base = 0; base < BASES; base++) {
    Status st = {0};
    cr_expect(read_through(write_made(base_name[base], good(base)), &st), "%s", st.text);
  }
}

/* At so many bytes behind the n-th (from 0) of some bytes stand others. */
typedef struct Change {
  Base base;
  const char *find;
  int nth, at;
  const char *put;
  int bytes;
  const char *words;
} Change;
#define LOCAL "PK\3\4"
#define ENTRY "PK\1\2"
#define END "PK\5\6"
#define END64 "PK\6\6"
#define LOCATOR "PK\6\7"
#define PUT(text) text, sizeof(text) - 1
static const Change changes[] = {
    {NPY_, "\x93", 0, 6, PUT("\4"), "version 4.0"},
    {NPY_, "\x93", 0, 6, PUT("\0"), "version 0.0"},
    {NPY_, "\x93", 0, 7, PUT("\1"), "version 1.1"},
    {NPY_, "\x93", 0, 8, PUT("\377\377"), "header has 65535 bytes"},
    {NPY_, "\x93", 0, 8, PUT("\7\0"), "cannot be read"},
    {NPY_, "\x93", 0, 0, PUT("\x92"), "begins as no file"},
    {NPY_, "'descr'", 0, 0, PUT("'discr'"), "'discr' unexpectedly"},
    {NPY_, "'shape'", 0, 0, PUT("'descr'"), "'descr' unexpectedly"},
    {NPY_, "<f4", 0, 0, PUT("<f8"), "24 bytes of '<f8'"},
    {NPY_, "<f4", 0, 0, PUT("<f2"), "24 bytes of '<f2'"},
    {NPY_, "<f4", 0, 0, PUT("<f3"), "holds no array"},
    {NPY_, "<f4", 0, 0, PUT("|f4"), "holds no array"},
    {NPY_, "<f4", 0, 0, PUT("|O4"), "holds no array"},
    {NPY_, "'<f4'", 0, 0, PUT("[<f4]"), "holds no array"},
    {NPY_, "(2, 3)", 0, 0, PUT("(2, 4)"), "(2, 4)"},
    {NPY_, "(2, 3)", 0, 0, PUT("(0, 3)"), "(0, 3), 24 bytes"},
    {NPY_, "(2, 3)", 0, 0, PUT("(2,-3)"), "cannot be read"},
    {NPY_, "(2, 3)", 0, 0, PUT("(2  3)"), "cannot be read"},
    {NPY_, "(2, 3)", 0, 0, PUT("(2 3,)"), "cannot be read"},
    {NPY_, "(2, 3)", 0, 0, PUT("[2, 3]"), "cannot be read"},
    {NPY_, "(2, 3)", 0, 0, PUT("(2, 3 "), "cannot be read"},
    {NPY_, "False", 0, 0, PUT("Maybe"), "header cannot be read"},
    {NPY_, "{", 0, 0, PUT("["), "not a dictionary"},
    {NPY_, "}", 0, 0, PUT(" "), "header cannot be read"},
    {NPY_, "}", 0, 2, PUT("x"), "header cannot be read"},
    {STORED, END, 0, 0, PUT("PK\5\7"), "its end is missing"},
    {STORED, END, 0, 4, PUT("\1"), "several disks"},
    {STORED, END, 0, 6, PUT("\1"), "several disks"},
    {STORED, END, 0, 10, PUT("\2"), "too short for its entries"},
    {STORED, END, 0, 10, PUT("\0"), "longer than its entries"},
    {STORED, END, 0, 12, PUT("\377\377"), "not in the file"},
    {STORED, END, 0, 12, PUT("\0"), "too short for its entries"},
    {STORED, END, 0, 16, PUT("\377\377\377\377"), "not in the file"},
    {STORED, END, 0, 16, PUT("\1"), "what is no entry"},
    {STORED, END, 0, 20, PUT("\1"), "its end is missing"},
    {STORED, END, 0, 20, PUT("\377\377"), "its end is missing"},
    {STORED, ENTRY, 0, 0, PUT("PK\1\3"), "what is no entry"},
    {STORED, ENTRY, 0, 8, PUT("\1"), "is encrypted"},
    {STORED, ENTRY, 0, 8, PUT("\100"), "is encrypted"},
    {STORED, ENTRY, 0, 9, PUT("\40"), "is encrypted"},
    {STORED, ENTRY, 0, 10, PUT("\1"), "method 1"},
    {STORED, ENTRY, 0, 10, PUT("\16"), "method 14"},
    {STORED, ENTRY, 0, 10, PUT("\10"), "not where the directory says"},
    {STORED, ENTRY, 0, 16, PUT("\0\0\0\0"), "CRC"},
    {STORED, ENTRY, 0, 20, PUT("\1"), "is stored in"},
    {STORED, ENTRY, 0, 24, PUT("\1"), "is stored in"},
    {STORED, ENTRY, 0, 28, PUT("\6"), "cut off"},
    {STORED, ENTRY, 0, 28, PUT("\4"), "not where the directory says"},
    {STORED, ENTRY, 0, 30, PUT("\11"), "cut off"},
    {STORED, ENTRY, 0, 32, PUT("\1"), "cut off"},
    {STORED, ENTRY, 0, 42, PUT("\1"), "not where the directory says"},
    {STORED, ENTRY, 0, 42, PUT("\360\377\377\377"), "begins behind its end"},
    {STORED, ENTRY, 0, 46, PUT("y"), "not where the directory says"},
    {STORED, ENTRY, 0, 46, PUT("\0"), "holds a NUL"},
    {STORED, ENTRY, 0, 50, PUT("x"), "not where the directory says"},
    {STORED, LOCAL, 0, 0, PUT("PK\3\5"), "begins as no file"},
    {STORED, LOCAL, 0, 8, PUT("\10"), "not where the directory says"},
    {STORED, LOCAL, 0, 26, PUT("\4"), "not where the directory says"},
    {STORED, LOCAL, 0, 28, PUT("\1"), "ends behind the last"},
    {STORED, LOCAL, 0, 28, PUT("\377\377"), "ends behind the last"},
    {STORED, LOCAL, 0, 30, PUT("y"), "not where the directory says"},
    {STORED, "<f4", 0, 0, PUT("<f2"), "CRC"},
    {STORED, "\0\0\200\77", 0, 0, PUT("\1"), "CRC"},
    {DEFLATED, ENTRY, 0, 24, PUT("\227"), "more comes than is said"},
    {DEFLATED, ENTRY, 0, 24, PUT("\0\1"), "too early"},
    {DEFLATED, ENTRY, 0, 24, PUT("\377\377\377\177"), "more than deflate makes"},
    {DEFLATED, ENTRY, 0, 20, PUT("\20"), "damaged"},
    {DEFLATED, ENTRY, 0, 20, PUT("\0"), "damaged"},
    {DEFLATED, ENTRY, 0, 16, PUT("\0\0\0\0"), "CRC"},
    {DEFLATED, ENTRY, 0, 10, PUT("\0"), "is stored in"},
    {DEFLATED, LOCAL, 0, 35, PUT("\377"), "damaged"},
    {DEFLATED, LOCAL, 0, 28, PUT("\1"), "ends behind the last"},
    {WIDE, LOCATOR, 0, 8, PUT("\0"), "not where it is said to be"},
    {WIDE, LOCATOR, 0, 8, PUT("\377\377\377\377\377\377\377\377"), "not in the file"},
    {WIDE, LOCATOR, 0, 0, PUT("PK\6\10"), "not in the file"},
    {WIDE, END64, 0, 0, PUT("PK\6\10"), "not where it is said to be"},
    {WIDE, END64, 0, 16, PUT("\1"), "several disks"},
    {WIDE, END64, 0, 32, PUT("\5"), "too short for its entries"},
    {WIDE, END64, 0, 36, PUT("\1"), "holds 4294967297 members"},
    {WIDE, END64, 0, 47, PUT("\1"), "not in the file"},
    {WIDE, END64, 0, 55, PUT("\377"), "not in the file"},
    {WIDE, ENTRY, 0, 53, PUT("\377\377"), "is damaged"},
    {WIDE, ENTRY, 0, 53, PUT("\20"), "is damaged"},
    {WIDE, ENTRY, 0, 51, PUT("\2"), "begins behind its end"},
    {WIDE, ENTRY, 0, 55, PUT("\1"), "is stored in"},
    {WIDE, ENTRY, 0, 78, PUT("\377"), "begins behind its end"},
    {SAFE, "{", 0, -8, PUT("\377\377\377\377\377"), "header length"},
    {SAFE, "{", 0, -8, PUT("\377\377"), "the file is truncated"},
    {SAFE, "{", 0, -8, PUT("\10"), "not valid JSON"},
    {SAFE, "{", 0, 0, PUT("["), "not a JSON object"},
    {SAFE, "F32", 0, 0, PUT("F64"), "needs 48 bytes"},
    {SAFE, "F32", 0, 0, PUT("F31"), "holds no array"},
    {SAFE, "[2,3]", 0, 0, PUT("[2,4]"), "needs 32 bytes"},
    {SAFE, "[2,3]", 0, 0, PUT("[2,3}"), "not valid JSON"},
    {SAFE, "[2,3]", 0, 0, PUT("[-23]"), "negative"},
    {SAFE, "[0,24]", 0, 0, PUT("[0,25]"), "ends at byte 25"},
    {SAFE, "[0,24]", 0, 0, PUT("[4,24]"), "span 20"},
    {SAFE, "\"dtype\"", 0, 0, PUT("\"dtypo\""), "dtype is missing"},
    {TORCH, "little", 0, 0, PUT("middle"), "neither little nor big"},
    {TORCH, "torch._utils", 0, 0, PUT("torch._utilz"), "torch._utilz._rebuild_tensor_v2"},
    {TORCH, "FloatStorage", 0, 0, PUT("FloetStorage"), "torch.FloetStorage"},
    {TORCH, "FloatStorage", 0, 0, PUT("ShortStorage"), "data/0 has 96 bytes"},
    {TORCH, "storage", 0, 0, PUT("sturage"), "no storage"},
    {TORCH, "\200\2", 0, 1, PUT("\1"), "protocol 1"},
    {TORCH, "\200\2", 0, 2, PUT("."), "its stack"},
    {TORCH, "\200\2", 0, 2, PUT("i"), "instruction 0x69"},
    {TORCH, END, 0, 0, PUT("PK\5\7"), "its end is missing"},
    {HDF5, "\211HDF", 0, 8, PUT("\11"), "cannot be opened"},
    {HDF5, "TREE", 0, 0, PUT("TREX"), ""},
    {HDF5, "\211HDF", 0, 0, PUT("\210"), "begins as no file"}};

static size_t find(Made m, const Change *c) {
  const size_t length = strlen(c->find) ? strlen(c->find) : 4; /* a float that begins with 0 */
  for (size_t at = 0, met = 0; at + length <= m.count; at++)
    if (!memcmp(m.bytes + at, c->find, length) && (int)met++ == c->nth) return at;
  cr_assert(false, "'%s' is not in the good file", c->find);
  return 0;
}

Test(dump_bad, a_hundred_changes_are_refused_in_one_line) {
  const int count = sizeof changes / sizeof *changes;
  cr_assert_geq(count, 100);
  for (int i = 0; i < count; i++) {
    const Change *c = &changes[i];
    Made m = {0};
    Status st = {0};
    const Made whole = good(c->base);
    made_put(&m, whole.bytes, whole.count);
    memcpy(m.bytes + find(m, c) + c->at, c->put, (size_t)c->bytes);
    const bool ok = read_through(write_made(base_name[c->base], m), &st);
    cr_expect(!ok && st.failed && !strchr(st.text, '\n') && strstr(st.text, base_name[c->base]) &&
                  strstr(st.text, c->words),
              "change %d, '%s' at %+d of '%s': %s", i, c->put, c->at, c->find,
              ok ? "accepted" : st.text);
  }
}

/* Every length of the small ones; some of the others. */
Test(dump_bad, files_that_are_cut_off_or_go_on_are_refused) {
  for (Base base = 0; base < HDF5; base++) {
    const Made whole = good(base);
    const size_t step = base == TORCH ? 37 : 1;
    for (size_t count = 0; count < whole.count; count += step) {
      Status st = {0};
      const bool ok = read_through(write_made(base_name[base], (Made){whole.bytes, count}), &st);
      cr_expect(!ok && strstr(st.text, base_name[base]), "%s of %zu bytes: %s", base_name[base],
                count, ok ? "accepted" : st.text);
    }
    Made longer = {0};
    Status st = {0};
    made_put(&longer, whole.bytes, whole.count);
    made_put(&longer, "x", 1);
    cr_expect(!read_through(write_made(base_name[base], longer), &st),
              "%s: a byte more is accepted", base_name[base]);
  }
}

Test(dump_bad, changes_at_random_are_refused_or_read) {
  for (Base base = 0; base < BASES; base++) {
    const Made whole = good(base);
    const int rounds = base == HDF5 ? 40 : 400;
    gsl_rng *rng = draws_from((unsigned long)base + 1);
    for (int i = 0; i < rounds; i++) {
      Made m = {0};
      Status st = {0};
      made_put(&m, whole.bytes, whole.count);
      for (int k = 0; k < 1 + i % 3; k++) {
        const size_t at = (size_t)(gsl_rng_get(rng) % m.count);
        m.bytes[at] = (unsigned char)gsl_rng_get(rng);
      }
      Arena before = test_arena;
      if (!read_through(write_made(base_name[base], m), &st))
        cr_expect(st.failed && *st.text && !strchr(st.text, '\n'), "%s", st.text);
      test_arena = before;
    }
  }
}

/* --- dumps of several files ------------------------------------------------------------------- */

static const char *const float_dictionary = NPY("<f4", "False", "(1, 1)");

static void put_npy(const char *path, const char *dictionary, const void *data, size_t bytes) {
  write_made(path, made_npy(dictionary, data, bytes));
}

static void refuse_folder(const char *const *words) {
  Status st = {0};
  test_refused(read_through(test_path("d"), &st), &st, words);
}

Test(dump_bad, scales_that_are_none_are_refused) {
  static const float scales[] = {0, -1, INFINITY, NAN};
  const int8_t q = 1;
  make_folder("d");
  put_npy("d/l0.npy", NPY("|i1", "False", "(1, 1)"), &q, 1);
  for (int i = 0; i < 4; i++) {
    put_npy("d/l0.scale.npy", float_dictionary, &scales[i], 4);
    refuse_folder(WORDS("d/l0.scale.npy: 'l0.scale': is the scale", "above 0"));
  }
}

Test(dump_bad, a_missing_layer_and_two_of_one_name_are_refused) {
  const float x = 1;
  make_folder("d");
  put_npy("d/l0.npy", float_dictionary, &x, 4);
  put_npy("d/l2.npy", float_dictionary, &x, 4);
  refuse_folder(WORDS("layer 1 is missing"));
  put_npy("d/l1.npy", float_dictionary, &x, 4);
  put_npy("d/l01.npy", float_dictionary, &x, 4);
  refuse_folder(WORDS("'l01'", "'l1'", "both the tensor 'l' of layer 1"));
}

Test(dump_bad, two_files_of_one_name_are_refused) {
  const float x = 1;
  make_folder("d");
  put_npy("d/l0.npy", float_dictionary, &x, 4);
  put_npy("d/l0.pt", float_dictionary, &x, 4);
  refuse_folder(WORDS("'l0'", "two of that name"));
}

Test(dump_bad, folders_without_arrays_and_paths_that_are_none_are_refused) {
  make_folder("d");
  refuse_folder(WORDS("d: holds no file that is read"));
  test_write("d/notes.txt", "x", 1);
  refuse_folder(WORDS("d: holds no file that is read"));
  refuse_dump(test_path("none"), WORDS("none: cannot be opened"));
  refuse_dump("/dev/null", WORDS("/dev/null: is not a regular file"));
}

/* Two members of an archive with the same bytes: 46 kB that are said to be many times as much. */
Test(dump_bad, members_that_lie_upon_each_other_are_refused) {
  const float x[] = {1, 2, 3, 4, 5, 6};
  const Made npy = made_npy(NPY("<f4", "False", "(2, 3)"), x, sizeof x);
  const ZipPart parts[] = {{"x.npy", npy}, {"x.npy", npy}};
  Made zip = made_zip(parts, 2, ZIP_STORED);
  const Change second = {STORED, ENTRY, 1, 0, "", 0, ""};
  memset(zip.bytes + find(zip, &second) + 42, 0, 4);
  refuse_dump(write_made("bad.npz", zip), WORDS("bad.npz: ", "lies upon 'x.npy'"));
}

/* 16 MB of zeros in 16 kB: the header says 24 bytes, and no more than the header is unpacked. */
Test(dump_bad, a_bomb_is_refused_by_what_its_header_says) {
  static float zeros[1 << 22];
  const ZipPart part = {"x.npy", made_npy(NPY("<f4", "False", "(2, 3)"), zeros, sizeof zeros)};
  refuse_dump(write_made("bad.npz", made_zip(&part, 1, ZIP_DEFLATED)),
              WORDS("bad.npz/x.npy: ", "shape is (2, 3), 16777216 bytes"));
}
