/* container: what each format begins with. Sources: PKZIP APPNOTE 4.3.7, torch.serialization's
 * magic number, the pickle, HDF5, Arrow, Parquet, Megatron and compression formats' own
 * descriptions. */
#include "model/container.h"

#include <string.h>

#define SAVE "numpy.save('ids.npy', ids)"

static bool begins(Bytes file, size_t at, const char *bytes, size_t count) {
  return file.count >= at + count && memcmp(file.data + at, bytes, count) == 0;
}
#define BEGINS(file, text) begins(file, 0, text, sizeof(text) - 1)

static bool ends(Bytes file, const char *bytes, size_t count) {
  return file.count >= count && memcmp(file.data + file.count - count, bytes, count) == 0;
}

static const struct Magic {
  const char *bytes;
  size_t count;
  const char *what;
} compressed[] = {{"\x1f\x8b\x08", 3, "gzip"},
                  {"\x28\xb5\x2f\xfd", 4, "zstd"},
                  {"\xfd"
                   "7zXZ\0",
                   6, "xz"}};

/* Name of a zip archive's first entry: its length stands at 26, the name at 30. */
static bool first_entry_ends(Bytes file, const char *end) {
  if (file.count < 30) return false;
  size_t length = (unsigned char)file.data[26] | (size_t)(unsigned char)file.data[27] << 8,
         n = strlen(end);
  return length >= n && begins(file, 30 + length - n, end, n);
}

/* NULL where it is none. */
static const char *array_container(Bytes file, const char **how) {
  *how = SAVE;
  if (BEGINS(file, "PK\3\4")) {
    *how = "numpy.save('ids.npy', numpy.load(FILE)[KEY])";
    if (first_entry_ends(file, ".npy")) return "a NumPy archive (.npz)";
    *how = "numpy.save('ids.npy', torch.load(FILE).numpy())";
    if (first_entry_ends(file, "/data.pkl") || first_entry_ends(file, "/version"))
      return "a PyTorch file (.pt, .bin)";
    *how = SAVE;
    return "a zip archive";
  }
  if (BEGINS(file, "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")) {
    *how = "numpy.save('ids.npy', torch.load(FILE).numpy())";
    return "a PyTorch file (.pt, .bin)";
  }
  if (file.count > 2 && BEGINS(file, "\x80") && file.data[1] >= 2 && file.data[1] <= 5)
    return "a Python pickle";
  if (BEGINS(file, "\x89HDF\r\n\x1a\n")) return "an HDF5 file";
  if (file.count > 10 && begins(file, 5, "\0\0\0{\"", 5)) return "a safetensors file";
  if (BEGINS(file, "ARROW1\0\0") || BEGINS(file, "\xff\xff\xff\xff\x10\0\0\0"))
    return "an Arrow file";
  if (BEGINS(file, "PAR1") && ends(file, "PAR1", 4)) return "a Parquet file";
  if (BEGINS(file, "MMIDIDX\0\0")) return "the index (.idx) of a Megatron data set";
  return NULL;
}

bool container_refuse(const char *path, Bytes file, Status *st) {
  for (size_t i = 0; i < sizeof compressed / sizeof *compressed; i++)
    if (begins(file, 0, compressed[i].bytes, compressed[i].count))
      return FAIL(st, "%s: is compressed with %s; unpack it first", path, compressed[i].what);
  const char *how, *what = array_container(file, &how);
  return !what ||
         FAIL(st, "%s: is %s, which is not read; save its token ids as .npy: %s", path, what, how);
}

bool container_refuse_raw(const char *path, Bytes file, Status *st) {
  for (size_t i = 0; i < file.count; i++) {
    unsigned char c = (unsigned char)file.data[i];
    if (c >= ' ' || (c >= '\t' && c <= '\r')) continue;
    return FAIL(
        st,
        "%s: is no text (byte %zu is 0x%02x): raw integers (.bin) do not say their type; save them "
        "as .npy: numpy.save('ids.npy', numpy.fromfile(FILE, 'uint16')), or what type they have",
        path, i, c);
  }
  return true;
}
