/* Flags that a command takes and this use of it has nothing for: each is refused by its name, none
 * is passed over. */
#include "tests/shell.h"

TestSuite(cli_flags, .init = shell_begin, .fini = shell_end);

typedef struct Refused {
  const char *line, *says;
} Refused;

#define VECTORS "micro scan --vectors data/golden/quamba_int8_kernels.h5 "
#define DUMPS "compare tests/dumps/views.pt tests/dumps/module.pt "

static const Refused refused[] = {
    {VECTORS "-o x", "--output: stands beside --vectors"},
    {VECTORS "--fresh", "--fresh: stands beside --vectors"},
    {VECTORS "--text data/text/test.txt", "--text: stands beside --vectors"},
    {VECTORS "--memory 1GB", "--memory: stands beside --vectors"},
    {"micro scan --mode 2-4", "--mode: is for --vectors alone"},
    {"micro exp --min-equal 0.5", "--min-equal: is for --vectors alone"},
    {"micro experiments/scan_micro.yaml --axes token-last", "--axes: is for --vectors alone"},
    {"micro experiments/scan_micro.yaml --length 9", "--length: is for an operator by its name"},
    {"micro experiments/scan_micro.yaml --model x", "--model: is for an operator by its name"},
    {DUMPS "--length 9", "--length: two dumps are compared as they stand"},
    {DUMPS "--backend cuda", "--backend: two dumps are compared as they stand"},
    {DUMPS "--names a --names b --names c", "--names: given more than 2 times"},
    {DUMPS "--names quomba", "--names: 'quomba' is neither a pattern"},
    {"compare 2-0 2-4 --names quamba", "--names: neither side is a dump"},
    {"compare 2-0 tests/dumps/views.pt --names auto --names auto", "--names: given twice, and "
                                                                   "there is one dump"},
    {"dump list tests/dumps/views.pt --names auto --names auto", "--names: given twice"},
    {"run experiments/all_modes.yaml --shard 1/2 --strict", "--strict: is for `merge`"},
    {"report a.h5 b.h5 -o x", "--output: is for one file"},
    {"report a.h5 b.h5 --strict", "--strict: is for one file"},
    {"verify a.h5 --length 9", "--length: is for the proof of a device"},
    {"eval --mode ''", "--mode: expected modes, found none in ''"},
    {"eval --mode ,", "--mode: expected modes, found none in ','"},
    {"compare 2-0 2-4 -o ''", "--output: expected a folder or a file, found nothing"},
    {"compare 2-0 2-4 --backend gpu", "--backend: expected auto, cpu or cuda, found 'gpu'"},
    {"eval --task x --windows 3", "--windows: is of a text"},
    {"tokens --text data/text/test.txt --pieces -o x.npy", "--pieces: is for standard output"},
    {"bench --model data/mamba-bytes-10m --growth", "--growth: stands beside --model"},
    {"bench --growth --length 9", "--length: stands beside --growth"},
    {"bench --growth --mode 2-0", "--mode: stands beside --growth"},
    {"bench --whole-job --mode 2-0", "--mode: `run` itself is timed with"},
};

Test(cli_flags, what_a_use_of_a_command_has_nothing_for_is_refused, .timeout = 60) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    cr_expect_eq(shell("%s %s 2>&1 >/dev/null", shell_program(), refused[i].line), 2, "%s",
                 refused[i].line);
    cr_expect(strstr(shell_output, refused[i].says), "%s: %s", refused[i].line, shell_output);
  }
}

/* By QUAMBA_MODE nobody gave a flag. */
Test(cli_flags, the_environment_is_no_flag) {
  cr_expect_eq(
      shell("QUAMBA_MODE=2-0 %s bench --growth --against transformers 2>&1", shell_program()), 2);
  SAYS("--against: stands beside --growth");
}
