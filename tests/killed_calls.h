/* killed_calls: a process that is killed before its n-th writing call is made (write, rename,
 * unlink, …), by whichever of its threads, so that a test can try every one. The calls are stopped
 * by a filter of the kernel's, not by a library's: what libc and HDF5 write is counted as what we
 * write. What goes to the standard streams is not. */
#ifndef DS_TESTS_KILLED_CALLS_H
#define DS_TESTS_KILLED_CALLS_H
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const int writing_calls[] = {
#ifdef SYS_rename /* the calls that newer machines do not have */
    SYS_rename,    SYS_unlink,   SYS_mkdir,     SYS_rmdir,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    SYS_renameat2, SYS_unlinkat, SYS_mkdirat,   SYS_pwrite64, SYS_writev,   SYS_pwritev,
    SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_fsync,    SYS_fdatasync};

enum { WRITING_CALLS = sizeof writing_calls / sizeof *writing_calls };

/* In the child, before it does what it is to be killed in; false where the kernel has no such
 * filters. */
static inline bool killable(void) {
  struct sock_filter look[WRITING_CALLS + 7];
  int n = 0;
  look[n++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < WRITING_CALLS; i++)
    look[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)writing_calls[i],
                                             (uint8_t)(WRITING_CALLS - i + 3), 0);
  look[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 2);
  look[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           offsetof(struct seccomp_data, args[0]));
  look[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2, 1, 0);
  look[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  look[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog program = {.len = (unsigned short)n, .filter = look};
  return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 && raise(SIGSTOP) == 0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

typedef struct Killed {
  int calls;  /* writing calls seen, the one that was not made included */
  int status; /* of waitpid */
  int named;  /* files that were given a name with one of the ends asked for, by renameat */
} Killed;

/* Whether the call that stopped renames a file to a name with one of these ends; `ends` ends with
 * NULL. */
static inline bool names_file(pid_t pid, const char *const *ends) {
  struct __ptrace_syscall_info info;
  char name[512];
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 ||
      info.op != PTRACE_SYSCALL_INFO_SECCOMP)
    return false;
  bool renames = info.seccomp.nr == SYS_renameat2;
#ifdef SYS_renameat
  renames |= info.seccomp.nr == SYS_renameat;
#endif
  if (!renames) return false;
  struct iovec here = {name, sizeof name - 1},
               there = {(void *)(uintptr_t)info.seccomp.args[3], sizeof name - 1};
  ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
  if (got <= 0) return false;
  name[got] = 0;
  for (; *ends; ends++) {
    size_t length = strlen(name), wanted = strlen(*ends);
    if (length >= wanted && !strcmp(name + length - wanted, *ends)) return true;
  }
  return false;
}

/* In the parent: follows a child that called killable, and kills it with all that it started before
 * its n-th call (0: never). `ends`: see Killed. */
static inline Killed kill_at(pid_t child, int n, const char *const *ends) {
  Killed result = {0};
  enum { TRACED_MOST = 256 };
  pid_t traced[TRACED_MOST] = {child};
  int count = 1, status;
  const long follow = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                      PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
    return result.status = status, result;
  ptrace(PTRACE_SETOPTIONS, child, 0, follow);
  ptrace(PTRACE_CONT, child, 0, 0);
  for (;;) {
    pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return result.status = -1, result;
    if (!WIFSTOPPED(status)) {
      if (pid == child) return result.status = status, result;
      continue;
    }
    bool known = false;
    for (int i = 0; i < count; i++) known |= traced[i] == pid;
    if (!known && count < TRACED_MOST) traced[count++] = pid;
    const int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) {
      if (++result.calls == n)
        for (int i = count - 1; i >= 0; i--) kill(traced[i], SIGKILL);
      else
        result.named += names_file(pid, ends);
    }
    const bool ours = event || signal == SIGTRAP || (signal == SIGSTOP && !known);
    ptrace(PTRACE_CONT, pid, 0, ours ? 0 : signal);
  }
}
#endif
