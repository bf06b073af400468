/* What is left of the memory, from made files of every kind of system, and sizes as people write
 * them. */
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "tests/model_files.h"

TestSuite(memory, .init = test_files_begin, .fini = test_files_end);

/* A file under the test's folder, with the folders above it. */
static void put(const char *path, const char *text) {
  Status st = {0};
  const char *full = test_path(path);
  cr_assert(file_make_folder(file_folder(&test_arena, full), &st), "%s", st.text);
  cr_assert(file_write(full, text, strlen(text), false, &st), "%s", st.text);
}

static size_t left(void) { return memory_free(test_path(""), 0); }

#define MEMINFO                                                                                    \
  "MemTotal:  16000000 kB\nMemFree:  1 kB\nMemAvailable:    8000000 kB\nBuffers: 5 kB\n"
static const size_t available = (size_t)8000000 * 1024, megabyte = (size_t)1 << 20;

Test(memory, without_groups_it_is_what_the_system_can_give) {
  cr_expect_eq(left(), process_room(), "nothing can be read: the process's own limits alone");
  put("proc/meminfo", MEMINFO);
  cr_expect_eq(left(), available);
  put("proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: lots\n");
  cr_expect_eq(left(), process_room());
}

/* Version 2: max 3000 MB at the service, of which 1000 are used, 400 of them page cache that goes
 * when asked. */
static void put_service(const char *folder) {
  put(arena_printf(&test_arena, "%s/memory.max", folder), "3145728000\n");
  put(arena_printf(&test_arena, "%s/memory.high", folder), "max\n");
  put(arena_printf(&test_arena, "%s/memory.current", folder), "1048576000\n");
  put(arena_printf(&test_arena, "%s/memory.stat", folder),
      "anon 600\nactive_file 7\ninactive_file 419430400\nslab 12\n");
}

Test(memory, a_group_has_its_limit_less_what_is_used_and_stays) {
  put("proc/meminfo", MEMINFO);
  put("proc/self/cgroup", "0::/system.slice/a.service\n");
  put_service("sys/fs/cgroup/system.slice/a.service");
  cr_expect_eq(left(), 2400 * megabyte);
  put("sys/fs/cgroup/system.slice/a.service/memory.high", "2097152000\n");
  cr_expect_eq(left(), 1400 * megabyte, "high slows down what goes beyond it");
  put("sys/fs/cgroup/system.slice/a.service/memory.current", "9097152000\n");
  cr_expect_eq(left(), 0, "more is used than may be");
  remove(test_path("sys/fs/cgroup/system.slice/a.service/memory.stat"));
  put("sys/fs/cgroup/system.slice/a.service/memory.current", "1048576000\n");
  cr_expect_eq(left(), 1000 * megabyte, "page cache that is not told counts as used");
}

Test(memory, of_nested_groups_the_one_with_the_least_left_decides) {
  put("proc/meminfo", MEMINFO);
  put("proc/self/cgroup", "0::/user.slice/job/step\n");
  put("sys/fs/cgroup/user.slice/job/step/memory.max", "max\n");
  put("sys/fs/cgroup/user.slice/job/step/memory.current", "5\n");
  put_service("sys/fs/cgroup/user.slice/job");
  put("sys/fs/cgroup/user.slice/memory.max", "4194304000\n");
  put("sys/fs/cgroup/user.slice/memory.current", "0\n");
  cr_expect_eq(left(), 2400 * megabyte);
  put("sys/fs/cgroup/user.slice/memory.current", "3145728000\n");
  cr_expect_eq(left(), 1000 * megabyte, "siblings have taken of what the slice has");
}

Test(memory, in_a_container_the_group_is_the_root_whatever_path_is_told) {
  static const char *const told[] = {"0::/\n", "0::/../../elsewhere\n",
                                     "0::/docker/0123456789abcdef\n", "0::/a/../..\n"};
  put("proc/meminfo", MEMINFO);
  put_service("sys/fs/cgroup");
  put("elsewhere/memory.max", "1\n");
  put("sys/elsewhere/memory.max", "1\n");
  for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
    put("proc/self/cgroup", told[i]);
    cr_expect_eq(left(), 2400 * megabyte, "%s: %zu", told[i], left());
  }
  remove(test_path("proc/self/cgroup"));
  cr_expect_eq(left(), 2400 * megabyte);
}

Test(memory, version_1_is_read_where_the_controller_is_mounted) {
  put("proc/meminfo", MEMINFO);
  put("proc/self/cgroup",
      "12:pids:/job\n7:cpu,memory,net:/slurm/uid_1\n1:name=systemd:/job\n0::/init.scope\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/slurm/uid_1/memory.limit_in_bytes", "3145728000\n");
  put("sys/fs/cgroup/memory/slurm/uid_1/memory.usage_in_bytes", "1048576000\n");
  put("sys/fs/cgroup/memory/slurm/uid_1/memory.stat",
      "inactive_file 1\ntotal_inactive_file 419430400\n");
  put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1\n");
  cr_expect_eq(left(), 2400 * megabyte);
  put("proc/self/cgroup", "7:cpu,memory_more:/slurm/uid_1\n");
  cr_expect_eq(left(), available, "another controller's path");
}

Test(memory, broken_files_set_no_limit) {
  put("proc/meminfo", MEMINFO);
  put("proc/self/cgroup", "\n:\n0\n0:\n0::\nmemory\n0::/x");
  put("sys/fs/cgroup/x/memory.max", "");
  put("sys/fs/cgroup/x/memory.current", "many\n");
  cr_expect_eq(left(), available);
  put("sys/fs/cgroup/x/memory.max", "1048576000");
  cr_expect_eq(left(), 1000 * megabyte, "use that is not told is none");
}

Test(memory, this_machine_has_some) {
  const size_t here = memory_free("/", 0);
  cr_expect(here > megabyte && here < (size_t)1 << 60, "%zu", here);
}

Test(memory, sizes_are_read_exactly_and_written_as_they_are_read) {
  static const struct {
    const char *text;
    int64_t bytes;
    const char *again;
  } sizes[] = {{"8 GB", 8000000000, "8 GB"},
               {"8GB", 8000000000, "8 GB"},
               {"512 MB", 512000000, "512 MB"},
               {"1.5 GiB", 1610612736, "1536 MiB"},
               {"0.001 kB", 1, "1"},
               {"2.5 TB", 2500000000000, "2500 GB"},
               {"1 TiB", (int64_t)1 << 40, "1 TiB"},
               {"4096", 4096, "4 KiB"},
               {"4097 B", 4097, "4097"},
               {"0", 0, "0"},
               {"0.333 GB", 333000000, "333 MB"},
               {"9223372 TB", 9223372000000000000, "9223372 TB"},
               {"8388607 TiB", (int64_t)8388607 << 40, "8388607 TiB"}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    int64_t bytes = -1, back = -1;
    char text[MEMORY_SIZE_TEXT];
    cr_expect(memory_size(sizes[i].text, &bytes) && bytes == sizes[i].bytes, "%s: %lld",
              sizes[i].text, (long long)bytes);
    cr_expect_str_eq(memory_size_text(bytes, text), sizes[i].again);
    cr_expect(memory_size(text, &back) && back == bytes, "%s is read back", text);
  }
}

Test(memory, what_is_no_size_is_refused) {
  static const char *const wrong[] = {"",
                                      " 8 GB",
                                      "8 gb",
                                      "8 G",
                                      "GB",
                                      "-8 GB",
                                      "+8 GB",
                                      "8  GB",
                                      "8 GB ",
                                      "1,5 GB",
                                      "1e9",
                                      "1.5",
                                      "1. GB",
                                      ".5 GB",
                                      "8 ",
                                      "1.5 B",
                                      "0x8 GB",
                                      "8 KB",
                                      "inf",
                                      "8 GBs",
                                      "9223373 TB",
                                      "8388608 TiB",
                                      "99999999999999999999",
                                      "1 PB"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int64_t bytes = 0;
    cr_expect_not(memory_size(wrong[i], &bytes), "'%s' became %lld", wrong[i], (long long)bytes);
  }
}
