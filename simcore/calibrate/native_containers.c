/* What containers are made of: namespaces, mounts, cgroups; and whole containers. */

#include "sandbox.h"
#include <sys/stat.h>

enum { WARM_UP = 5, SETTLE_US = 40000 };

static double *took; /* shared: what a child has measured */

typedef void job(void);

/* The job in a fresh child each time; it sets *took. */
static void each(long times, unsigned long namespaces, int pause_us, job *work) {
    for (int i = -WARM_UP; i < times; i++) {
        pid_t pid = fork_into(namespaces);
        if (pid == 0) {
            work();
            _exit(0);
        }
        succeed(pid);
        if (i >= 0) sample(*took);
        if (pause_us) usleep(pause_us);
    }
}

/* ------------------------------------------------------------------------------------------- namespaces */

static const struct kind {
    const char *name, *file;
    int flag;
} kinds[] = {
    {"mount", "mnt", CLONE_NEWNS}, {"uts", "uts", CLONE_NEWUTS},    {"ipc", "ipc", CLONE_NEWIPC},
    {"pid", "pid", CLONE_NEWPID},  {"net", "net", CLONE_NEWNET},    {"user", "user", CLONE_NEWUSER},
    {"time", "time", CLONE_NEWTIME}, {"cgroup", "cgroup", CLONE_NEWCGROUP},
};
static const struct kind *kind;

static void find_kind(const char *name) {
    for (unsigned i = 0; i < LENGTH(kinds); i++)
        if (!strcmp(kinds[i].name, name)) kind = &kinds[i];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind->file);
    if (access(path, F_OK)) refuse("this kernel has no such namespace");
}

static void unshare_once(void) {
    double start = now();
    if (unshare(kind->flag)) fail("unshare");
    *took = now() - start;
}

/* namespace TIMES KIND: unshare in a fresh child. The kernel takes a network namespace apart in the
 * background, so there is a pause for that. */
static void namespace(long times, char **args) {
    find_kind(args[0]);
    enter(0);
    each(times, 0, kind->flag == CLONE_NEWNET ? SETTLE_US : 0, unshare_once);
}

/* freed TIMES KIND: from leaving a namespace until the kernel has freed it. It is seen by a limit of one
 * such namespace for this user: only then can the next one be made. */
static void freed(long times, char **args) {
    char limit[64], place[64];
    find_kind(args[0]);
    snprintf(place, sizeof place, "/proc/self/ns/%s", kind->file);
    snprintf(limit, sizeof limit, "/proc/sys/user/max_%s_namespaces", kind->file);
    enter(0);
    pid_t pid = fork_into(CLONE_NEWUSER | kind->flag);
    if (pid) return succeed(pid);
    put_text(limit, "2"); /* the one that this process lives in, and one more */
    int home = open(place, O_RDONLY | O_CLOEXEC);
    if (home < 0) fail(place);
    prctl(PR_SET_TIMERSLACK, 1);
    double left = 0;
    for (int i = -WARM_UP - 1; i < times; i++) {
        double start;
        for (;;) {
            start = now();
            if (unshare(kind->flag) == 0) break;
            if (errno != ENOSPC) fail("unshare");
            nanosleep(&(struct timespec){0, 10000}, NULL);
        }
        if (i >= 0) sample(start - left);
        left = now();
        if (setns(home, kind->flag)) fail("setns");
    }
}

/* ----------------------------------------------------------------------------------------------- mounts */

static const char LAYERS[] = "lowerdir=lower,upperdir=upper,workdir=work";

/* In `place`, which is to be empty: the folders of an overlay, on a tmpfs of this process or as they are. */
static void lay_out(const char *place, int on_tmpfs) {
    if (on_tmpfs && mount("tmpfs", place, "tmpfs", 0, NULL)) fail("mount of a tmpfs");
    if (chdir(place)) fail("chdir");
    static const char *const folders[] = {"lower", "upper", "work", "merged"};
    for (unsigned i = 0; i < LENGTH(folders); i++)
        if (mkdir(folders[i], 0755)) fail(folders[i]);
}

static void timed_mount(const char *from, const char *type, unsigned long flags, const char *options) {
    double start = now();
    if (mount(from, "merged", type, flags, options)) fail("mount");
    *took = now() - start;
}

static void mount_overlay(void) { timed_mount("overlay", "overlay", 0, LAYERS); }
static void mount_tmpfs(void) { timed_mount("tmpfs", "tmpfs", MS_NOSUID, NULL); }
static void mount_proc(void) { timed_mount("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL); }
static void mount_bind(void) { timed_mount("lower", NULL, MS_BIND, NULL); }

static void pivot(int then_detach) {
    if (mount("lower", "lower", NULL, MS_BIND, NULL) || chdir("lower")) fail("mount");
    double start = now();
    if (syscall(SYS_pivot_root, ".", ".")) fail("pivot_root");
    double end = now();
    if (then_detach) {
        start = end;
        if (umount2(".", MNT_DETACH)) fail("umount");
        end = now();
    }
    *took = end - start;
}
static void pivot_root(void) { pivot(0); }
static void detach_old_root(void) { pivot(1); }

/* mount TIMES WHAT PLACE: in a fresh child in fresh mount and process namespaces each time */
static void mounts(long times, char **args) {
    static const struct { const char *name; job *work; } known[] = {
        {"overlay", mount_overlay}, {"tmpfs", mount_tmpfs},    {"proc", mount_proc},
        {"bind", mount_bind},       {"pivot_root", pivot_root}, {"detach_old_root", detach_old_root},
    };
    enter(0);
    lay_out(args[1], 1);
    for (unsigned i = 0; i < LENGTH(known); i++)
        if (!strcmp(known[i].name, args[0])) each(times, CLONE_NEWNS | CLONE_NEWPID, 0, known[i].work);
}

/* The first opening of a file of the lower layer for writing, which copies it to the upper one */
static void copy_up_once(void) {
    if (mount("overlay", "merged", "overlay", 0, LAYERS)) fail("mount of an overlay");
    double start = now();
    int file = open("merged/file", O_WRONLY);
    if (file < 0) fail("open");
    *took = now() - start;
    close(file);
    if (umount("merged")) fail("umount");
    if (unlink("upper/file")) fail("nothing was copied up");
}

/* copy_up TIMES PLACE BYTES tmpfs|disk */
static void copy_up(long times, char **args) {
    static char block[65536];
    enter(0);
    lay_out(args[0], !strcmp(args[2], "tmpfs"));
    int file = open("lower/file", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) fail("lower/file");
    memset(block, 'x', sizeof block);
    for (long left = atol(args[1]); left > 0; left -= sizeof block)
        if (write(file, block, left < (long)sizeof block ? left : (long)sizeof block) < 0) fail("write");
    if (fsync(file)) fail("fsync");
    close(file);
    each(times, CLONE_NEWNS, 0, copy_up_once);
}

/* ---------------------------------------------------------------------------------------------- cgroups */

static void join(const char *group) {
    char path[4096];
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    put_text(path, "0");
}

static int read_text(const char *path, char *text, int size) {
    int file = open(path, O_RDONLY), length = file < 0 ? -1 : read(file, text, size - 1);
    if (file >= 0) close(file);
    text[length > 0 ? length : 0] = 0;
    return length;
}

/* A new group of the old cpuset controller has no CPUs and no memory, and nobody can join it: as runc does,
 * give it its parent's. */
static void fill_cpuset(const char *group) {
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    char path[4096], text[4096];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", group, files[i]);
        if (read_text(path, text, sizeof text) != 1) continue; /* no such file, or filled */
        snprintf(path, sizeof path, "%s/../%s", group, files[i]);
        read_text(path, text, sizeof text);
        snprintf(path, sizeof path, "%s/%s", group, files[i]);
        put_text(path, text);
    }
}

static void remove_group(const char *group) {
    for (int i = 0; rmdir(group) && errno == EBUSY && i < 1000; i++) usleep(1000);
}

/* cgroup TIMES GROUP...: three samples a time: making the groups, one in each hierarchy; a process joining
 * them all; removing them */
static void cgroup(long times, char **args) {
    int count = 0;
    while (args[count]) count++;
    for (int i = -WARM_UP; i < times; i++) {
        double start = now();
        for (int g = 0; g < count; g++)
            if (mkdir(args[g], 0755)) fail("a cgroup cannot be made");
        double made = now();
        for (int g = 0; g < count; g++) fill_cpuset(args[g]);
        pid_t pid = fork_into(0);
        if (pid == 0) {
            double before = now();
            for (int g = 0; g < count; g++) join(args[g]);
            *took = now() - before;
            _exit(0);
        }
        succeed(pid);
        double ended = now();
        for (int g = 0; g < count; g++) remove_group(args[g]);
        double removed = now();
        if (i >= 0) sample(made - start), sample(*took), sample(removed - ended);
    }
}

/* ------------------------------------------------------------------------------------------- programs */

/* Start a program as process `number` of several: "{}" in an argument becomes that digit. */
static pid_t start(char **argv, int number) {
    static char text[64][256];
    char *own[64];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), count = 0;
    for (; argv[count] && strcmp(argv[count], "--") && count < 63; count++) {
        own[count] = text[count];
        snprintf(text[count], sizeof text[count], "%s", argv[count]);
        for (char *at = text[count]; (at = strstr(at, "{}"));) {
            *at++ = '0' + number;
            memmove(at, at + 1, strlen(at));
        }
    }
    own[count] = NULL;
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(null, 0);
        dup2(null, 1);
        execvp(own[0], own);
        _exit(127);
    }
    close(null);
    if (pid < 0) fail("fork");
    return pid;
}

/* spawn TIMES apart|here TOGETHER COMMAND [-- COMMAND]...: a sample for each command, from fork until its
 * end; TOGETHER of each start at once, until the last has ended. Apart: in a process namespace of their own.
 * Before the last command, all that the others left running (a container's process) is waited for. */
static void spawn(long times, char **args) {
    int together = atoi(args[1]);
    pid_t pids[10];
    if (!strcmp(args[0], "apart")) {
        enter(0);
        umount2("/sys/fs/cgroup/unified", MNT_DETACH); /* beside version 1; crun refuses to run where it is */
        mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);  /* podman's locks would stay, */
        mount("tmpfs", "/run/crun", "tmpfs", 0, NULL); /* and crun's state of containers that podman ran */
    }
    for (long i = -2; i < times; i++) {
        for (char **command = args + 2, **next;; command = next + 1) {
            for (next = command; *next && strcmp(*next, "--");) next++;
            while (!*next && waitpid(-1, NULL, 0) > 0) continue;
            double begun = now();
            for (int k = 0; k < together; k++) pids[k] = start(command, k);
            for (int k = 0; k < together; k++) succeed(pids[k]);
            if (i >= 0) sample(now() - begun);
            if (!*next) break;
        }
    }
}

int main(int argc, char **argv) {
    static const struct measurement all[] = {
        {"namespace", namespace}, {"freed", freed},   {"mount", mounts},
        {"copy_up", copy_up},     {"cgroup", cgroup}, {"spawn", spawn},
    };
    die_with_parent();
    took = shared(sizeof *took);
    return measure_named(all, LENGTH(all), argc, argv);
}
