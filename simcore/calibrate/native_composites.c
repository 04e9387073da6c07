/* Whole results of the local system, to be predicted from its primitives and never an input. */

#include "sandbox.h"
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    WARM_UP = 3,
    OLD_KINDS = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER,
};

static double cpu_time(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return at.tv_sec * 1e9 + at.tv_nsec;
}

/* Every namespace that this kernel has */
static int all_namespaces(void) {
    return OLD_KINDS | (access("/proc/self/ns/cgroup", F_OK) ? 0 : CLONE_NEWCGROUP) |
           (access("/proc/self/ns/time", F_OK) ? 0 : CLONE_NEWTIME);
}

/* unshare_exec TIMES PROGRAM PAUSE_US: fork, unshare of all namespaces, exec, exit, until it is waited for */
static void unshare_exec(long times, char **args) {
    int flags = all_namespaces();
    for (int i = -WARM_UP; i < times; i++) {
        usleep(atoi(args[1]));
        double start = now();
        pid_t pid = fork_into(0);
        if (pid == 0) {
            if (unshare(flags)) fail("unshare");
            execl(args[0], args[0], NULL);
            fail("exec");
        }
        succeed(pid);
        if (i >= 0) sample(now() - start);
    }
}

static void put_file(const char *folder, const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    put_text(path, text);
}

/* quota TIMES GROUP v1|v2: 100 ms of CPU time in a fresh cgroup of 20 ms every 100 ms, begun at any moment
 * of the period */
static void quota(long times, char **args) {
    double *took = shared(sizeof *took);
    srand(now());
    for (int i = -1; i < times; i++) {
        if (mkdir(args[0], 0755)) fail("a cgroup cannot be made");
        if (!strcmp(args[1], "v2")) {
            put_file(args[0], "cpu.max", "20000 100000");
        } else {
            put_file(args[0], "cpu.cfs_period_us", "100000");
            put_file(args[0], "cpu.cfs_quota_us", "20000");
        }
        int pause_us = rand() % 100000;
        pid_t pid = fork_into(0);
        if (pid == 0) {
            put_file(args[0], "cgroup.procs", "0");
            usleep(pause_us);
            double start = now(), used = cpu_time();
            while (cpu_time() - used < 100000000) continue;
            *took = now() - start;
            _exit(0);
        }
        succeed(pid);
        for (int k = 0; rmdir(args[0]) && errno == EBUSY && k < 1000; k++) usleep(1000);
        if (i >= 0) sample(*took);
    }
}

/* nice MILLISECONDS CPU NICE...: spinners on one CPU for that long; the CPU time of each */
static void nice_shares(long milliseconds, char **args) {
    struct { int go; double used[8]; } *all = shared(sizeof *all);
    int count = 0;
    pid_t pids[8];
    for (char **level = args + 1; *level && count < 8; level++, count++) {
        pids[count] = fork_into(0);
        if (pids[count]) continue;
        pin(atoi(args[0]));
        if (setpriority(PRIO_PROCESS, 0, atoi(*level))) fail("setpriority");
        while (!__atomic_load_n(&all->go, __ATOMIC_ACQUIRE)) usleep(1000);
        double end = now() + milliseconds * 1e6, used = cpu_time();
        while (now() < end) continue;
        all->used[count] = cpu_time() - used;
        _exit(0);
    }
    usleep(50000);
    __atomic_store_n(&all->go, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < count; i++) succeed(pids[i]);
    for (int i = 0; i < count; i++) sample(all->used[i]);
}

/* pipe TIMES CPU_A CPU_B: one byte there and back through two pipes, between two processes each in process,
 * network and mount namespaces of its own */
static void pipe_namespaces(long times, char **args) {
    int there[2], back[2];
    unsigned long apart = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS;
    enter(0);
    if (pipe(there) || pipe(back)) fail("pipe");
    char byte = 0;
    pid_t answers = fork_into(apart);
    if (answers == 0) {
        close(there[1]), close(back[0]);
        pin(atoi(args[1]));
        while (read(there[0], &byte, 1) == 1)
            if (write(back[1], &byte, 1) != 1) fail("write");
        _exit(0);
    }
    pid_t asks = fork_into(apart);
    if (asks == 0) {
        close(there[0]), close(back[1]);
        pin(atoi(args[0]));
        SAMPLES(times, 100, if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) fail("pipe"))
        fflush(stdout);
        _exit(0);
    }
    close(there[0]), close(there[1]), close(back[0]), close(back[1]);
    succeed(asks);
    succeed(answers);
}

/* until TIMES MARKER COMMAND...: two samples a time: from exec until the program prints the marker; and the
 * number that it prints behind it. Then it is waited for. */
static void until(long times, char **args) {
    static char text[1 << 20];
    for (; times > 0; times--) {
        int output[2], length = 0;
        char *found = NULL;
        double start = now(), seen = 0;
        if (pipe2(output, O_CLOEXEC)) fail("pipe");
        pid_t pid = fork_into(0);
        if (pid == 0) {
            dup2(open("/dev/null", O_RDONLY), 0);
            dup2(output[1], 1);
            execvp(args[1], args + 1);
            fail("exec");
        }
        close(output[1]);
        for (int got; (got = read(output[0], text + length, sizeof text - 1 - length)) > 0;) {
            length += got;
            text[length] = 0;
            if (!found && (found = strstr(text, args[0]))) seen = now();
        }
        close(output[0]);
        succeed(pid);
        if (!found) refuse("the program ended before it said what was waited for");
        sample(seen - start);
        sample(atof(found + strlen(args[0])));
    }
}

/* As /init of a guest: say that the guest has come up and how long its kernel took, and switch off */
static void init(void) {
    printf("strata-init %.0f\n", now());
    fflush(stdout);
    reboot(RB_POWER_OFF);
}

int main(int argc, char **argv) {
    static const struct measurement all[] = {
        {"unshare_exec", unshare_exec}, {"quota", quota}, {"nice", nice_shares},
        {"pipe", pipe_namespaces},      {"until", until},
    };
    if (!strcmp(argv[0], "/init")) init();
    die_with_parent();
    return measure_named(all, LENGTH(all), argc, argv);
}
