/* seeds: the good files that mutants are made of. */
#include "mutants.h"
#include "store/hdf5.h"
#include "tests/made_model.h"

static const char spec[] =
    "title: Seed\n"
    "question: What can be made of it?\n"
    "model: .\n"
    "calibration: {tokens: text.txt, windows: 2, length: 8}\n"
    "prompts:\n"
    "  - {name: a, tokens: text.txt, length: 9}\n"
    "  - {name: b, tokens: text.txt, offset: 20, length: 7}\n"
    "modes:\n"
    "  own: {base: 2-0, layers: {1: fp32}}\n"
    "pairs: [[2-0, 2-4], [2-0, own]]\n"
    "keep: {tensors: [scan, out_proj, block_out], layers: [0, 2]}\n"
    "budget: all\n"
    "swaps: {pair: [2-0, 2-4], combinations: true}\n"
    "restore: {mode: 2-4, to: fp32, limit: 1e-9}\n"
    "events: {share: 0.2, repair: 2}\n"
    "repair: {mode: 2-4, to: fp64, prompt: a, layer: 1, tensor: scan, token: 2, channel: 1}\n"
    "mend: [2-0]\n"
    "grid: {alpha: [0.9, 0.9999], modes: [2-0, fp32], length: [4, 7]}\n"
    "gate:\n"
    "  - {pair: [fp64, 2-0], rel_l2: 1}\n"
    "  - {pair: [2-0, 2-4], growth: 100}\n"
    "micro:\n"
    "  - {operator: conv1d, inputs: [captured, uniform], layers: [0], modes: [2-0]}\n"
    "  - {operator: scan, inputs: [captured], layers: [1], modes: [2-4]}\n"
    "evaluation: {tokens: text.txt, windows: 2, length: 8}\n"
    "cost: {lengths: [4], repeats: 1}\n";

static void make_results(const char *program, const char *path) {
  static const char text[] = "0 3 5 1 1 4 2 0 5 5 3 1 0 2 4 4 1 3 0 5 2 2 1 4 3 0 1 5 4 2 3 3 0 1";
  char line[1024];
  test_files_begin();
  write_shard(model_of_layers("F32", 3), "model.safetensors", 0, false);
  CONFIG("num_hidden_layers", "3");
  test_write("text.txt", text, strlen(text));
  test_write("s.yaml", spec, strlen(spec));
  snprintf(line, sizeof line,
           "PATH=/bin:/usr/bin OMP_WAIT_POLICY=passive '%s' run %s/s.yaml -q -o %s/out >/dev/null; "
           "cp %s/out/results.h5 '%s'",
           program, test_folder, test_folder, test_folder, path);
  if (system(line) != 0) fprintf(stderr, "%s: the run of the seed failed\n", program);
  test_files_end();
}

/* --- vectors ---------------------------------------------------------------------------------- */

enum { T = 6, E = 5, N = 3, K = 4 };

static void put_vector(hid_t group, const char *name, hid_t type, int rows, int cols) {
  static signed char value[64];
  Status ignored = {0}, *why = &ignored;
  hid_t dataset, space = H5Screate(H5S_SCALAR);
  for (int i = 0; i < 64; i++) value[i] = (signed char)(i * 37 % 101 - 50);
  if (h5_put_array(group, name, type, cols ? 2 : 1,
                   (hsize_t[]){(hsize_t)rows, (hsize_t)(cols ? cols : 1)}, value, &dataset, why)) {
    put_attribute(dataset, "scale", H5T_IEEE_F32LE, space, &(float){0.02f});
    H5Dclose(dataset);
  }
  H5Sclose(space);
}

static void make_vectors(const char *path) {
  static const struct {
    const char *op, *name;
    int rows, cols;
  } all[] = {{"conv1d", "x", E, T},      {"conv1d", "weight", E, K}, {"conv1d", "bias", E, 0},
             {"conv1d", "y_silu", E, T}, {"scan", "u", E, T},        {"scan", "dt", E, T},
             {"scan", "A_log", E, N},    {"scan", "B", N, T},        {"scan", "C", N, T},
             {"scan", "D", E, 0},        {"scan", "z", E, T},        {"scan", "dt_bias", E, 0},
             {"scan", "state_q8", E, N}};
  Status ignored = {0}, *why = &ignored;
  hid_t file = h5_create_file(path, why), group;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char at[32];
    snprintf(at, sizeof at, "case/%s", all[i].op);
    if (!h5_make_path(file, at, &group, why)) continue;
    put_vector(group, all[i].name, H5T_STD_I8LE, all[i].rows, all[i].cols);
    H5Gclose(group);
  }
  H5Fclose(file);
}

void seeds_make(const char *program, const char *folder) {
  char path[512];
  mkdir(folder, 0700);
  snprintf(path, sizeof path, "%s/results.h5", folder);
  if (access(path, F_OK) != 0) make_results(program, path);
  snprintf(path, sizeof path, "%s/vectors.h5", folder);
  if (access(path, F_OK) != 0) make_vectors(path);
}
