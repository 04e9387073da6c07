/* The C helper for any system with a C compiler: the clock and the memory. ISO C11 only. */

#include "native.h"

#include <stdint.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

enum { LINE = 64 };

/* ns for a thousand operations that wait for each other and take a cycle each: the clock at work. */
static void measure_cycles(long count, char **more) {
    (void)more;
    uint64_t x = 1, y = 3;
#if defined(__x86_64__)
#define STEP __asm__ volatile("xor %1, %0" : "+r"(x) : "r"(y));
#elif defined(__aarch64__)
#define STEP __asm__ volatile("eor %0, %0, %1" : "+r"(x) : "r"(y));
#else
    errno = 0;
    fail("how long a cycle is can be measured on x86-64 and arm64 only");
#define STEP
#endif
#define TEN(body) body body body body body body body body body body
    SAMPLES(count, 100, TEN(TEN(TEN(STEP))))
}

static void *memory(size_t size) {
    void *at = malloc(size);
    errno = 0;
    if (!at) fail("there is not enough memory");
    memset(at, 1, size);
    return at;
}

/* ns a byte. MORE: bytes of source and destination together. */
static void measure_copy(long count, char **more) {
    size_t size = strtoull(more[0], NULL, 10) / 2;
    char *from = memory(size), *to = memory(size);
    long batch = size < (1 << 20) ? (1 << 20) / (long)size : 1;
    for (long i = -1; i < count; i++) {
        double start = now();
        for (long j = 0; j < batch; j++) {
            memcpy(to, from, size);
            __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
        }
        double took = now() - start;
        if (i >= 0) sample(took / batch / size);
    }
}

static uint64_t state = 88172645463325252u;

/* Marsaglia's xorshift: the same order everywhere. */
static uint64_t random_below(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

/* ns a load that waits for the one before: one ring through all lines, in random order. MORE: bytes. */
static void measure_latency(long count, char **more) {
    size_t lines = strtoull(more[0], NULL, 10) / LINE;
    char *start_of = memory(lines * LINE + LINE);
    char *at = start_of + LINE - (uintptr_t)start_of % LINE;
    uint32_t *order = memory(lines * sizeof *order);
    for (size_t i = 0; i < lines; i++) order[i] = (uint32_t)i;
    for (size_t i = lines - 1; i > 0; i--) { /* Sattolo: a permutation that is one ring */
        size_t j = random_below(i);
        uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (size_t i = 0; i < lines; i++) *(void **)(at + i * LINE) = at + (size_t)order[i] * LINE;
    void *here = at;
    for (size_t i = 0; i < lines; i++) here = *(void **)here;
    SAMPLES(count, 20000, here = *(void *volatile *)here)
    if (!here) fail("the ring is broken");
}

/* No measurement: the signature of the hypervisor below, or "none". */
static void show_hypervisor(long count, char **more) {
    (void)count, (void)more;
#if defined(__x86_64__) || defined(__i386__)
    unsigned a, said[3], features;
    __cpuid(1, a, said[0], features, said[2]);
    if (!(features >> 31 & 1)) {
        puts("none");
        return;
    }
    __cpuid(0x40000000, a, said[0], said[1], said[2]);
    printf("%.12s\n", (const char *)said);
#else
    errno = 0;
    fail("what hypervisor there is shows on x86 only");
#endif
}

static const struct measurement measurements[] = {
    {"cycles", measure_cycles},
    {"copy", measure_copy},
    {"latency", measure_latency},
    {"hypervisor", show_hypervisor},
};

int main(int argc, char **argv) { return measure_named(measurements, LENGTH(measurements), argc, argv); }
