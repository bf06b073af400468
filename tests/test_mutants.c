/* A part of `make check-mutants`: each mutant is read, compared, reported and verified in a child,
 * as the program does it. Whatever HDF5 does with broken bytes, a child ends with one line; of
 * files that HDF5 itself has written, no child dies at all. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/child.h"
#include "command/verify_results.h"
#include "fixture_store.h"
#include "mutants/mutants.h"
#include "report/changes.h"
#include "report/report.h"

enum {
  EACH = 40,
  REPORTED = 6
}; /* mutants of a kind; of so many one is reported, which takes longest */

/* Few tensors: time goes to the mutants, not to the seed. */
static Fixture small_run(void) {
  static bool kept[LAYERS * T_COUNT];
  Fixture f = fixture_make();
  Status st = {0};
  for (int i = 0; i < LAYERS * T_COUNT; i++) kept[i] = i % T_COUNT == T_SCAN || i == T_EMBEDDING;
  f.shape.kept = kept;
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  return f;
}

typedef struct Looked {
  Arena arena;
  const char *mutant, *folder;
  bool reported;
} Looked;

/* What comes of it is not asked: done, a failed check, or a refusal that names the file. */
static bool look(const Looked *l) {
  static const int deaths[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
  Arena arena = l->arena;
  Report report;
  VerifiedRows rows;
  bool changed;
  Status ignored[3] = {0};
  FILE *nowhere = fopen("/dev/null", "w");
  omp_set_num_threads(1);
  for (int i = 0; i < 4; i++) signal(deaths[i], SIG_DFL); /* not the sanitizer's */
  changes_write(nowhere, LANGUAGE_ENGLISH, l->mutant, l->mutant, &changed, arena, &ignored[0]);
  verify_results(l->mutant, &rows, arena, &ignored[1]);
  if (l->reported)
    report_write(&arena, l->mutant, NULL, l->folder, LANGUAGE_ENGLISH, &report, &ignored[2]);
  fclose(nowhere);
  bool named = true;
  for (int i = 0; i < 3; i++)
    named = named && (!ignored[i].failed || strstr(ignored[i].text, l->folder));
  return named;
}

/* How many children died. */
static int look_at_all(const Seed *seed, MutantKind kind, Looked *l) {
  int died = 0;
  for (unsigned long n = 0; n < EACH; n++) {
    char says[MUTANT_SAYS];
    Status st = {0};
    cr_assert(mutant_write(seed, kind, n, l->mutant, says), "mutant %lu: %s", n, says);
    l->reported = n % REPORTED == 0;
    const int status = child_start(&l->mutant, 1, &st);
    if (status == CHILD_HERE) _exit(look(l) ? 0 : 3);
    cr_expect(status == 0 || status == CHILD_NONE, "%s mutant %lu (%s): %d",
              mutant_kind_names[kind], n, says, status);
    if (status != CHILD_NONE) continue;
    const bool death = strstr(st.text, "signal ") || strstr(st.text, "processor time");
    cr_expect(!strncmp(st.text, l->mutant, strlen(l->mutant)), "%s mutant %lu (%s): %s",
              mutant_kind_names[kind], n, says, st.text);
    cr_expect(!death || kind == MUTANT_BYTES, "%s mutant %lu (%s): %s", mutant_kind_names[kind], n,
              says, st.text);
    died += death;
  }
  return died;
}

Test(mutants, changed_results_files_end_nothing_but_a_child) {
  static Seed seed;
  static char mutant[128];
  Fixture f = small_run();
  struct rusage used;
  cr_assert(seed_read(f.results, &seed));
  cr_assert(seed.tables >= 2 && seed.blocks > 50, "%d tables, %d blocks", seed.tables, seed.blocks);
  snprintf(mutant, sizeof mutant, "%s/m.h5", f.folder);
  setenv("PATH", "", 1); /* no gnuplot: its plots are not what is looked at here */
  Looked l = {.arena = f.arena, .mutant = mutant, .folder = f.folder};
  int died[MUTANT_KINDS];
  for (int kind = 0; kind < MUTANT_KINDS; kind++)
    died[kind] = look_at_all(&seed, (MutantKind)kind, &l);
  getrusage(RUSAGE_CHILDREN, &used);
  cr_expect(used.ru_maxrss < 1 << 21, "%ld KiB", used.ru_maxrss);
  cr_log_info("%d children of %d died over broken bytes", died[MUTANT_BYTES], EACH);
  fixture_drop(&f);
}

Test(mutants, checksums_of_the_metadata_are_found_and_agree) {
  static Seed seed;
  Fixture f = small_run();
  cr_assert(seed_read(f.results, &seed));
  cr_expect_eq(lookup3((const unsigned char *)"Four score and seven years ago", 30), 0x17770551u);
  for (int i = 0; i < seed.blocks; i++)
    cr_expect(seed.block[i].at + seed.block[i].length <= seed.count, "block %d", i);
  int reached = 0; /* mutants that HDF5 opens, although bytes of its metadata are others */
  for (unsigned long n = 0; n < 40; n++) {
    char path[128], says[MUTANT_SAYS];
    snprintf(path, sizeof path, "%s/b.h5", f.folder);
    cr_assert(mutant_write(&seed, MUTANT_BYTES, n, path, says));
    const pid_t child = fork();
    if (child == 0) _exit(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT) >= 0 ? 7 : 8);
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    reached += WIFEXITED(status) && WEXITSTATUS(status) == 7;
  }
  cr_expect(reached > 20, "only %d of 40 are opened", reached);
  fixture_drop(&f);
}
