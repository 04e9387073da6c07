/* For measurements that make things in the system: a world of its own, which ends with the process. */

#ifndef SANDBOX_H
#define SANDBOX_H

#define _GNU_SOURCE
#include "native.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

__attribute__((noreturn)) static inline void refuse(const char *why) {
    errno = 0;
    fail(why);
    _exit(1);
}

/* Memory that forked processes share. */
static inline void *shared(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return memory;
}

static inline void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) fail("sched_setaffinity");
}

static inline void die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

/* A fork into fresh namespaces; 0 for none. */
static inline pid_t fork_into(unsigned long namespaces) {
    pid_t pid = syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid < 0) fail("clone");
    if (pid == 0) die_with_parent();
    return pid;
}

/* Wait for a child; if it has failed, so have we, and it has said why. */
static inline void succeed(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) fail("waitpid");
    if (status) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static inline void put_text(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, text, strlen(text)) < 0) fail(strrchr(path, '/') + 1);
    close(file);
}

/* Go on as process 1 of fresh namespaces: whatever is started, mounted or made there ends with it, and it
 * ends with us. An ordinary user gets them inside a user namespace, where that is allowed. */
static inline void enter(int namespaces) {
    char map[64];
    int uid = geteuid(), gid = getegid();
    if (uid) namespaces |= CLONE_NEWUSER;
    if (unshare(namespaces | CLONE_NEWPID | CLONE_NEWNS))
        refuse(uid ? "user namespaces are closed to ordinary users here: run it as root"
                   : "this root may not make namespaces: run it outside the container");
    if (uid) {
        put_text("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %d 1", uid);
        put_text("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "0 %d 1", gid);
        put_text("/proc/self/gid_map", map);
    }
    pid_t pid = fork_into(0);
    if (pid) {
        succeed(pid);
        _exit(0);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("mount");
    mount("proc", "/proc", "proc", 0, NULL); /* where it may not, /proc shows the processes outside */
}

#endif
