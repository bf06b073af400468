/* refused_calls: a process in which one system call fails with an error that a test asks for, as it
 * does on file systems and machines that are not at hand; programs that it starts inherit that. */
#ifndef DS_TESTS_REFUSED_CALLS_H
#define DS_TESTS_REFUSED_CALLS_H
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* False where the kernel has no such filters. There is no way back: for a child of the test. */
static inline bool refuse_call(unsigned number, unsigned error) {
  struct sock_filter look[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof look / sizeof *look, .filter = look};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
             0; /* of all threads */
}

#endif
