/* What the C helpers share: the clock, samples, and how to say that something cannot be measured. */

#ifndef NATIVE_H
#define NATIVE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now(void) {
    struct timespec t;
#ifdef CLOCK_MONOTONIC
    clock_gettime(CLOCK_MONOTONIC, &t);
#else
    timespec_get(&t, TIME_UTC);
#endif
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* One sample: a line of its own. The first one of a measurement warms up and is left out by its caller. */
static inline void sample(double ns) { printf("%.3f\n", ns); }

/* The last line on stderr of a helper that fails is why the quantity is missing. */
static inline void fail(const char *what) {
    if (errno) fprintf(stderr, "%s: %s\n", what, strerror(errno));
    else fprintf(stderr, "%s\n", what);
    exit(1);
}

/* `count` samples, each the mean of `batch` times `body`. */
#define SAMPLES(count, batch, body)                                       \
    for (long sample_ = -1; sample_ < (count); sample_++) {               \
        double start_ = now();                                            \
        for (long i_ = 0; i_ < (batch); i_++) { body; }                   \
        double took_ = now() - start_;                                    \
        if (sample_ >= 0) sample(took_ / (batch));                        \
    }

#define LENGTH(array) (sizeof(array) / sizeof *(array))

struct measurement {
    const char *name;
    void (*measure)(long count, char **more);
};

/* MEASUREMENT [COUNT [MORE ...]] */
static inline int measure_named(const struct measurement *all, size_t n, int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < n; i++)
        if (strcmp(argv[1], all[i].name) == 0) {
            all[i].measure(argc > 2 ? atol(argv[2]) : 100, argc > 3 ? argv + 3 : argv + argc);
            return 0;
        }
    fprintf(stderr, "there is no measurement %s\n", argc > 1 ? argv[1] : "without a name");
    return 2;
}

#endif
