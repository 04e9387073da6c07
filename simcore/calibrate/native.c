/* The C helper for Linux: what the kernel does for a process, one subcommand a measurement. */

#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL_PAGE = 4096, LARGE_PAGE = 2 << 20, AROUND = 64 << 10 };

/* ------------------------------------------------------------------------------------------ where to run */

/* The `which`-th CPU that this process may use, or the last if there are fewer. */
static int allowed_cpu(int which) {
    cpu_set_t allowed;
    int found = -1;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) fail("sched_getaffinity");
    for (int cpu = 0; cpu < CPU_SETSIZE && which >= 0; cpu++)
        if (CPU_ISSET(cpu, &allowed)) {
            found = cpu;
            which--;
        }
    return found;
}

static void run_on(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one)) fail("sched_setaffinity");
}

struct pair {
    int here, there;
};

static struct pair one_core(void) {
    int cpu = allowed_cpu(0);
    return (struct pair){cpu, cpu};
}

static struct pair two_cores(void) {
    struct pair pair = {allowed_cpu(0), allowed_cpu(1)};
    errno = 0;
    if (pair.here == pair.there) fail("only one CPU may be used");
    return pair;
}

/* ------------------------------------------------------------------------------------------ system calls */

static int open_or_fail(const char *path, int flags) {
    int fd = open(path, flags);
    if (fd < 0) fail(path);
    return fd;
}

static void measure_syscall(long count, char **more) {
    (void)more;
    SAMPLES(count, 2000, syscall(SYS_getpid))
}

static void measure_read(long count, char **more) {
    (void)more;
    char byte;
    int fd = open_or_fail("/dev/zero", O_RDONLY);
    SAMPLES(count, 1000, if (read(fd, &byte, 1) != 1) fail("read"))
}

static void measure_write(long count, char **more) {
    (void)more;
    int fd = open_or_fail("/dev/null", O_WRONLY);
    SAMPLES(count, 1000, if (write(fd, "", 1) != 1) fail("write"))
}

static void measure_clock_gettime(long count, char **more) {
    (void)more;
    struct timespec t;
    SAMPLES(count, 2000, clock_gettime(CLOCK_MONOTONIC, &t))
}

static volatile sig_atomic_t signals_seen;
static void on_signal(int number) {
    (void)number;
    signals_seen++;
}

static void measure_signal(long count, char **more) {
    (void)more;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    pid_t self = getpid();
    SAMPLES(count, 500, syscall(SYS_tgkill, self, self, SIGUSR1))
    errno = 0;
    if (signals_seen != 500 * (count + 1)) fail("not every signal arrived");
}

/* ------------------------------------------------------------------------------------- there and back again */

static void ping_pong_pipe(long count, struct pair cpus) {
    int to[2], from[2];
    char byte = 0;
    if (pipe(to) || pipe(from)) fail("pipe");
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        run_on(cpus.there);
        close(to[1]);
        while (read(to[0], &byte, 1) == 1)
            if (write(from[1], &byte, 1) != 1) break;
        _exit(0);
    }
    run_on(cpus.here);
    SAMPLES(count, 100, if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1) fail("pipe"))
    close(to[1]);
    waitpid(child, NULL, 0);
}

static void measure_pipe_one(long count, char **more) {
    (void)more;
    ping_pong_pipe(count, one_core());
}

static void measure_pipe_two(long count, char **more) {
    (void)more;
    ping_pong_pipe(count, two_cores());
}

static void futex_wait(int *word, int old) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}

static void futex_set(int *word, int value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

enum { STOP = -1 };

struct partner {
    int cpu;
    double woken;
    int ping __attribute__((aligned(64))), pong __attribute__((aligned(64)));
};

/* Answers each change of `ping` with the same change of `pong`, and notes when it ran. */
static void *answer(void *argument) {
    struct partner *self = argument;
    run_on(self->cpu);
    for (int round = 0;; round++) {
        futex_wait(&self->ping, round);
        self->woken = now();
        if (__atomic_load_n(&self->ping, __ATOMIC_ACQUIRE) == STOP) return NULL;
        futex_set(&self->pong, round + 1);
    }
}

static void begin(pthread_t *thread, struct partner *partner, struct pair cpus) {
    partner->cpu = cpus.there;
    if (pthread_create(thread, NULL, answer, partner)) fail("pthread_create");
    run_on(cpus.here);
}

static void end(pthread_t thread, struct partner *partner) {
    futex_set(&partner->ping, STOP);
    pthread_join(thread, NULL);
}

static void ping_pong_futex(long count, struct pair cpus) {
    struct partner partner = {0};
    pthread_t thread;
    int round = 0;
    begin(&thread, &partner, cpus);
    SAMPLES(count, 100, futex_set(&partner.ping, round + 1); futex_wait(&partner.pong, round); round++)
    end(thread, &partner);
}

static void measure_futex_one(long count, char **more) {
    (void)more;
    ping_pong_futex(count, one_core());
}

static void measure_futex_two(long count, char **more) {
    (void)more;
    ping_pong_futex(count, two_cores());
}

/* From the call that wakes a sleeping thread until that thread runs. */
static void wake(long count, struct pair cpus) {
    struct partner partner = {0};
    pthread_t thread;
    struct timespec pause = {0, 300000};
    begin(&thread, &partner, cpus);
    for (long round = 0; round <= count; round++) {
        nanosleep(&pause, NULL);
        double start = now();
        futex_set(&partner.ping, round + 1);
        futex_wait(&partner.pong, round);
        if (round > 0) sample(partner.woken - start);
    }
    end(thread, &partner);
}

static void measure_wake_one(long count, char **more) {
    (void)more;
    wake(count, one_core());
}

static void measure_wake_two(long count, char **more) {
    (void)more;
    wake(count, two_cores());
}

/* How late a sleep of 1 ms ends. MORE: the timer slack in ns; 0 is what the process was given. */
static void measure_timer(long count, char **more) {
    unsigned long slack = more[0] ? strtoul(more[0], NULL, 10) : 0;
    if (slack) prctl(PR_SET_TIMERSLACK, slack);
    for (long i = -1; i < count; i++) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_nsec += 1000000;
        if (at.tv_nsec >= 1000000000) {
            at.tv_sec++;
            at.tv_nsec -= 1000000000;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        double late = now() - (at.tv_sec * 1e9 + at.tv_nsec);
        if (i >= 0) sample(late);
    }
}

/* ---------------------------------------------------------------------------------- threads and processes */

static void *nothing(void *argument) { return argument; }

static void measure_thread(long count, char **more) {
    (void)more;
    pthread_t thread;
    SAMPLES(count, 1, if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
                          fail("pthread_create"))
}

/* Fork; the child executes `program` if there is one, and ends. */
static double child(char **program) {
    int status;
    double start = now();
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        if (program && program[0]) execv(program[0], program);
        _exit(program && program[0] ? 127 : 0);
    }
    if (waitpid(pid, &status, 0) != pid) fail("waitpid");
    double took = now() - start;
    errno = 0;
    if (status) fail("the child failed");
    return took;
}

static void measure_fork(long count, char **more) {
    (void)more;
    for (long i = -1; i < count; i++) {
        double took = child(NULL);
        if (i >= 0) sample(took);
    }
}

static void measure_fork_exec(long count, char **more) {
    for (long i = -1; i < count; i++) {
        double took = child((char *[]){more[0], NULL});
        if (i >= 0) sample(took);
    }
}

/* A program that executes itself fifty times more, against one that does not (see tiny.c). */
static void measure_exec(long count, char **more) {
    enum { TIMES = 50 };
    char *chain[TIMES + 2] = {0};
    for (int i = 0; i <= TIMES; i++) chain[i] = more[0];
    for (long i = -1; i < count; i++) {
        double once = child((char *[]){more[0], NULL});
        double again = child(chain);
        if (i >= 0) sample((again - once) / TIMES);
    }
}

/* MORE is a command: until its first byte on standard output; then it is killed. */
static void measure_first_output(long count, char **more) {
    for (long i = -1; i < count; i++) {
        int out[2];
        char byte;
        if (pipe(out)) fail("pipe");
        double start = now();
        pid_t pid = fork();
        if (pid < 0) fail("fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            dup2(out[1], 1);
            close(out[0]);
            close(out[1]);
            execvp(more[0], more);
            _exit(127);
        }
        close(out[1]);
        ssize_t got = read(out[0], &byte, 1);
        double took = now() - start;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(out[0]);
        if (got != 1) exit(1); /* what it said on stderr is the reason */
        if (i >= 0) sample(took);
    }
}

/* ------------------------------------------------------------------------------------------------- memory */

static char *map(size_t size, int fd) {
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    char *at = mmap(NULL, size, fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ, flags, fd, 0);
    if (at == MAP_FAILED) fail("mmap");
    return at;
}

/* One sample for each 2 MiB of new memory: the first write to each of its 512 pages. */
static void measure_fault_4k(long count, char **more) {
    (void)more;
    for (long i = -1; i < count; i++) {
        char *at = map(LARGE_PAGE, -1);
        madvise(at, LARGE_PAGE, MADV_NOHUGEPAGE);
        double start = now();
        for (size_t page = 0; page < LARGE_PAGE; page += SMALL_PAGE) at[page] = 1;
        double took = now() - start;
        if (i >= 0) sample(took / (LARGE_PAGE / SMALL_PAGE));
        munmap(at, LARGE_PAGE);
    }
}

static long faults(void) {
    long minor = 0;
    FILE *stat = fopen("/proc/self/stat", "r");
    if (!stat || fscanf(stat, "%*d %*[^)]) %*c %*d %*d %*d %*d %*d %*u %ld", &minor) != 1) fail("/proc/self/stat");
    fclose(stat);
    return minor;
}

/* The first write to a huge page: one fault, if the kernel gives one. */
static void measure_fault_2m(long count, char **more) {
    (void)more;
    for (long i = -1; i < count; i++) {
        char *whole = map(2 * LARGE_PAGE, -1);
        char *at = (char *)(((size_t)whole + LARGE_PAGE - 1) & ~(size_t)(LARGE_PAGE - 1));
        errno = 0;
        if (madvise(at, LARGE_PAGE, MADV_HUGEPAGE)) fail("transparent huge pages");
        double start = now();
        at[0] = 1;
        double took = now() - start;
        long before = faults();
        for (size_t page = 0; page < LARGE_PAGE; page += SMALL_PAGE) at[page] = 1;
        errno = 0;
        if (faults() - before > LARGE_PAGE / SMALL_PAGE / 2) fail("the kernel gave no huge page (transparent_hugepage)");
        if (i >= 0) sample(took);
        munmap(whole, 2 * LARGE_PAGE);
    }
}

/* MORE is a file of 2 MiB in the page cache. Linux maps up to 16 pages around a fault, so one in 16 is touched;
 * large folios may map more, so the faults are counted. */
static void measure_fault_file(long count, char **more) {
    int fd = open_or_fail(more[0], O_RDONLY);
    volatile char seen;
    for (long i = -1; i < count; i++) {
        char *at = map(LARGE_PAGE, fd);
        madvise(at, LARGE_PAGE, MADV_NOHUGEPAGE);
        long before = faults();
        double start = now();
        for (size_t page = 0; page < LARGE_PAGE; page += AROUND) seen = at[page];
        double took = now() - start;
        long taken = faults() - before;
        errno = 0;
        if (taken < 1) fail("reading the mapped file caused no fault");
        if (i >= 0) sample(took / taken);
        munmap(at, LARGE_PAGE);
    }
    (void)seen;
}

static void measure_mmap(long count, char **more) {
    (void)more;
    SAMPLES(count, 200, munmap(map(SMALL_PAGE, -1), SMALL_PAGE))
}

/* ---------------------------------------------------------------------------------------------------- main */

static const struct measurement measurements[] = {
    {"syscall", measure_syscall},
    {"read_1_byte", measure_read},
    {"write_1_byte", measure_write},
    {"clock_gettime", measure_clock_gettime},
    {"signal", measure_signal},
    {"pipe_round_trip_one_core", measure_pipe_one},
    {"pipe_round_trip_two_cores", measure_pipe_two},
    {"futex_round_trip_one_core", measure_futex_one},
    {"futex_round_trip_two_cores", measure_futex_two},
    {"wake_one_core", measure_wake_one},
    {"wake_two_cores", measure_wake_two},
    {"timer", measure_timer},
    {"thread", measure_thread},
    {"fork", measure_fork},
    {"fork_exec", measure_fork_exec},
    {"exec", measure_exec},
    {"first_output", measure_first_output},
    {"fault_4k", measure_fault_4k},
    {"fault_2m", measure_fault_2m},
    {"fault_file", measure_fault_file},
    {"mmap", measure_mmap},
};

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return measure_named(measurements, LENGTH(measurements), argc, argv);
}
