/* The C helper of the probes: one subcommand a measurement, one sample in ns a line.
 *
 * A loop of Python would measure Python. A sample of something short is the mean of a batch, so that
 * reading the clock does not count. What cannot be measured is said on stderr, with exit code 1. */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Samples of `batch` repetitions of `body` each; the first sample warms up and is not printed. */
#define SAMPLES(count, batch, body)                                       \
    for (long sample_ = -1; sample_ < (count); sample_++) {               \
        double start_ = now();                                            \
        for (long i_ = 0; i_ < (batch); i_++) { body; }                   \
        double took_ = now() - start_;                                    \
        if (sample_ >= 0) printf("%.3f\n", took_ / (batch));              \
    }

static void measure_syscall(long count) { SAMPLES(count, 2000, syscall(SYS_getpid)) }

struct measurement {
    const char *name;
    void (*measure)(long count);
};

static const struct measurement measurements[] = {
    {"syscall", measure_syscall},
};

int main(int argc, char **argv) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    long count = argc > 2 ? atol(argv[2]) : 100;
    for (size_t i = 0; argc > 1 && i < sizeof measurements / sizeof *measurements; i++)
        if (strcmp(argv[1], measurements[i].name) == 0) {
            measurements[i].measure(count);
            return 0;
        }
    fprintf(stderr, "usage: native MEASUREMENT [COUNT]\n");
    return 2;
}
