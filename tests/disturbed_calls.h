/* disturbed_calls: a process, and what it starts, whose n-th system call of a kind does not go as
 * it should: all of it is killed before the call is made or when half of a write's bytes are
 * written, or the call fails, or writes half of what it was given and says so. So a test can try
 * every one. The calls are stopped by a filter of the kernel's (seccomp), whose other end the test
 * holds: what libc and HDF5 do counts as what we do, whichever thread does it. Killed after call n
 * is killed before call n + 1. What is written to the standard streams and to pipes is not counted,
 * nor that those streams are closed. */
#ifndef DS_TESTS_DISTURBED_CALLS_H
#define DS_TESTS_DISTURBED_CALLS_H
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"

/* Kinds of calls, each ended by -1. */
static const int calls_that_write[] = {
#ifdef SYS_rename /* the calls that newer machines do not have */
    SYS_rename,    SYS_unlink,   SYS_mkdir,     SYS_rmdir,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    SYS_renameat2, SYS_unlinkat, SYS_mkdirat,   SYS_write, SYS_pwrite64,  SYS_writev, SYS_pwritev,
    SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, -1};

typedef enum Disturbance { KILLED, TORN, FAILING, FAILING_ON, SHORTENED } Disturbance;

typedef struct Disturb {
  const int *calls;
  int at;                  /* the call that is met, from 1; 0: none */
  Disturbance how;         /* FAILING_ON: and every one that follows */
  int error;               /* of a call that fails */
  bool from_main;          /* the loader's calls are not counted: from the first fcntl on */
  double limit_s;          /* killed after so long; 0: an hour */
  const char *const *ends; /* counts renames to names that end so; ended by NULL; may be NULL */
} Disturb;

enum { DISTURBED_MOST = 1 << 14, NO_FILTERS = 199 };

typedef struct Disturbed {
  int calls;  /* that were made or met */
  int status; /* of waitpid */
  int named;  /* renames to such names */
  bool late;
  short number[DISTURBED_MOST];  /* of the i-th call, from 0 */
  bool can_tear[DISTURBED_MOST]; /* it writes two bytes or more to a file */
} Disturbed;

/* --- in the process itself -------------------------------------------------------------------- */

/* The listener's descriptor; -1 where the kernel has no such filters. */
static inline int disturbed_filter(const Disturb *d) {
  struct sock_filter look[64];
  unsigned kinds = 0, n = 0;
  while (d->calls[kinds] >= 0) kinds++;
#define FILTER(...) look[n++] = (struct sock_filter)__VA_ARGS__
  FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
  if (d->from_main) FILTER(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, (uint8_t)(kinds + 6), 0));
  for (unsigned i = 0; i < kinds; i++) { /* of these it is asked which */
    const int call = d->calls[i];
    const bool of_file = call == SYS_write || call == SYS_writev || call == SYS_close;
    FILTER(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call,
                    (uint8_t)(kinds - 1 - i + (of_file ? 1 : 3)), 0));
  }
  FILTER(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])));
  FILTER(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 1));
  FILTER(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  FILTER(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  FILTER(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  FILTER(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
#undef FILTER
  struct sock_fprog program = {.len = (unsigned short)n, .filter = look};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                      &program);
}

/* Goes to the parent by sendmsg, which no kind has. */
static inline bool disturbed_pass(int socket, int descriptor) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {{0}};
  char byte = 0;
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control.room};
  control.header = (struct cmsghdr){
      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  return sendmsg(socket, &message, 0) == 1;
}

/* --- in the parent ---------------------------------------------------------------------------- */

static inline int disturbed_receive(int socket) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {{0}};
  char byte;
  int descriptor = -1;
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control.room};
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && message.msg_controllen)
    memcpy(&descriptor, CMSG_DATA(&control.header), sizeof descriptor);
  return descriptor;
}

/* Whether a call renames a file to a name with one of these ends. */
static inline bool disturbed_names(const struct seccomp_notif *call, const char *const *ends) {
  uint64_t at = 0;
  char name[512];
  if (call->data.nr == SYS_renameat2) at = call->data.args[3];
#ifdef SYS_renameat
  if (call->data.nr == SYS_renameat) at = call->data.args[3];
#endif
#ifdef SYS_rename
  if (call->data.nr == SYS_rename) at = call->data.args[1];
#endif
  if (!at || !ends) return false;
  struct iovec here = {name, sizeof name - 1}, there = {(void *)(uintptr_t)at, sizeof name - 1};
  ssize_t got = process_vm_readv((pid_t)call->pid, &here, 1, &there, 1, 0);
  if (got <= 0) return false;
  name[got] = 0;
  for (; *ends; ends++) {
    size_t length = strlen(name), wanted = strlen(*ends);
    if (length >= wanted && !strcmp(name + length - wanted, *ends)) return true;
  }
  return false;
}

/* Of a write, whether it is to a file, not to a pipe or to memory. */
static inline bool disturbed_to_file(const struct seccomp_notif *call) {
  char path[64], to[64] = "";
  if (call->data.nr != SYS_write && call->data.nr != SYS_writev) return true;
  snprintf(path, sizeof path, "/proc/%u/fd/%d", call->pid, (int)call->data.args[0]);
  return readlink(path, to, sizeof to - 1) > 0 && to[0] == '/' && strncmp(to, "/memfd:", 7) != 0;
}

static inline bool disturbed_writes(const struct seccomp_notif *call) {
  return (call->data.nr == SYS_write || call->data.nr == SYS_pwrite64) && call->data.args[2] > 1;
}

/* The half of a write, made in the caller's place: into the open file that is its descriptor's.
 * Returns the bytes. */
static inline int64_t disturbed_half(const struct seccomp_notif *call) {
  char path[64], line[128], bytes[1 << 16];
  int group = 0;
  uint64_t count = call->data.args[2] / 2;
  if (count > sizeof bytes) count = sizeof bytes;
  snprintf(path, sizeof path, "/proc/%u/status", call->pid);
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file) && sscanf(line, "Tgid: %d", &group) != 1) {}
  if (file) fclose(file);
  int process = (int)syscall(SYS_pidfd_open, group, 0),
      to = (int)syscall(SYS_pidfd_getfd, process, (int)call->data.args[0], 0);
  struct iovec here = {bytes, count}, there = {(void *)(uintptr_t)call->data.args[1], count};
  ssize_t n = process_vm_readv((pid_t)call->pid, &here, 1, &there, 1, 0);
  if (n == (ssize_t)count)
    n = call->data.nr == SYS_write ? write(to, bytes, count)
                                   : pwrite(to, bytes, count, (off_t)call->data.args[3]);
  if (process >= 0) close(process);
  if (to >= 0) close(to);
  return n;
}

/* A close that fails has closed all the same, so that who reads a pipe hears its end: /dev/null
 * comes into the descriptor's place. */
static inline void disturbed_close(int listener, const struct seccomp_notif *call) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  struct seccomp_notif_addfd put = {.id = call->id,
                                    .flags = SECCOMP_ADDFD_FLAG_SETFD,
                                    .srcfd = (unsigned)null,
                                    .newfd = (unsigned)call->data.args[0],
                                    .newfd_flags = O_CLOEXEC};
  ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &put);
  close(null);
}

/* One call: what becomes of it. False: all is to be killed. */
static inline bool disturbed_answer(const Disturb *d, Disturbed *result, int listener,
                                    const struct seccomp_notif *call) {
  struct seccomp_notif_resp answer = {.id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  const int n = ++result->calls;
  if (n <= DISTURBED_MOST) {
    result->number[n - 1] = (short)call->data.nr;
    result->can_tear[n - 1] = disturbed_writes(call);
  }
  const bool met = n == d->at || (d->how == FAILING_ON && d->at && n > d->at);
  if (!met) result->named += disturbed_names(call, d->ends);
  if (met && d->how == TORN && disturbed_writes(call)) disturbed_half(call);
  if (met && (d->how == KILLED || d->how == TORN)) return false;
  const bool fails = met && (d->how == FAILING || d->how == FAILING_ON);
  if (fails && call->data.nr == SYS_close) disturbed_close(listener, call);
  if (fails)
    answer.flags = 0, answer.error = call->data.nr == SYS_brk ? 0 : -d->error; /* brk says 0 */
  if (met && d->how == SHORTENED && disturbed_writes(call))
    answer.flags = 0, answer.val = disturbed_half(call);
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  return true;
}

/* Answers its calls until the child has ended. */
static inline void disturbed_follow(const Disturb *d, Disturbed *result, pid_t child,
                                    int listener) {
  const double until = clock_s() + (d->limit_s > 0 ? d->limit_s : 3600);
  const int ended = (int)syscall(SYS_pidfd_open, child, 0);
  bool counting = !d->from_main, alive = true;
  while (alive) {
    struct pollfd ready[] = {{.fd = ended, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    const double left_s = until - clock_s();
    result->late = left_s <= 0;
    if (result->late) break;
    if (poll(ready, 2, (int)(1e3 * left_s) + 1) <= 0) continue;
    if (ready[0].revents) break;
    struct seccomp_notif call = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
    if (call.data.nr == SYS_fcntl || !counting || !disturbed_to_file(&call)) {
      counting |= call.data.nr == SYS_fcntl;
      struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
      ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    } else {
      alive = disturbed_answer(d, result, listener, &call);
    }
  }
  close(ended);
}

/* Runs `child` in a process of its own, whose calls are met as `d` says. Nothing that it started
 * lives when this returns. The exit status is NO_FILTERS where the kernel has none. */
static inline Disturbed disturbed(const Disturb *d, void (*child)(void *context), void *context) {
  static Disturbed result;
  int ends[2];
  result = (Disturbed){.status = -1};
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* what outlives its parent is ours to wait for */
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return result;
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) return result;
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int listener = disturbed_filter(d);
    if (listener < 0 || !disturbed_pass(ends[1], listener)) _exit(NO_FILTERS);
    close_range((unsigned)ends[0] < (unsigned)ends[1] ? (unsigned)ends[0] : (unsigned)ends[1],
                (unsigned)listener, 0);
    child(context);
    _exit(NO_FILTERS);
  }
  setpgid(pid, pid);
  close(ends[1]);
  int listener = disturbed_receive(ends[0]);
  if (listener >= 0) disturbed_follow(d, &result, pid, listener);
  if (listener >= 0) kill(-pid, SIGKILL);
  waitpid(pid, &result.status, 0);
  while (waitpid(-pid, NULL, 0) > 0) {}
  if (listener >= 0) close(listener);
  close(ends[0]);
  return result;
}

static inline bool disturbed_unfiltered(const Disturbed *result) {
  return WIFEXITED(result->status) && WEXITSTATUS(result->status) == NO_FILTERS;
}
#endif
