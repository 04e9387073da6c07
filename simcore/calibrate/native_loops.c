/* Loops to be run twice, by the processor and by an emulator. Prints "NAME NS", NS for one turn, many times.
 *
 * As the first process of a guest (its /init) it powers the machine off at the end. */

#define _GNU_SOURCE
#include "native.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORDS = 1 << 16, TURNS = 200000, CALLS = 5000, BLOCKS = 2000, SAMPLES_EACH = 9 };

static volatile uint64_t kept;
static volatile double kept_float;

/* Adds, shifts, compares and branches that a processor predicts: what kernels mostly do. */
static void integer(void) {
    uint64_t a = kept, b = 1, c = 2;
    for (int i = 0; i < TURNS; i++) {
        a += b ^ ((uint64_t)i << 3);
        b = (b >> 7) + (a & 0xff);
        if ((i & 7) < 5) c += a - b;
        else c ^= b << 2;
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c)); /* no vectors, no shortcuts */
    }
    kept = a + b + c;
}

static void floating(void) {
    double x = kept_float, y = 1;
    for (int i = 0; i < TURNS; i++) {
        x = x * 0.999999 + y;
        y = y / 1.0000001 + x * 1e-9;
    }
    kept_float = x - y;
}

static uint64_t words[WORDS];

static void memory(void) {
    uint64_t sum = 0;
    for (int i = 0; i < TURNS; i++) {
        uint64_t *at = &words[(i * 2654435761u) % WORDS];
        sum += *at;
        *at = sum;
    }
    kept = sum;
}

static void system_call(void) {
    for (int i = 0; i < CALLS; i++) syscall(SYS_getppid);
}

static void report(const char *name, void (*loop)(void), int turns) {
    for (int i = -1; i < SAMPLES_EACH; i++) {
        double start = now();
        loop();
        double took = now() - start;
        if (i >= 0) printf("%s %.3f\n", name, took / turns);
    }
}

/* Fresh code, eight instructions a block: its first execution against the second, a block. */
static void translate(void) {
#ifdef __x86_64__
    static const unsigned char block[] = {
        0x48, 0x01, 0xf8, 0x48, 0x31, 0xf0, 0x48, 0xff, 0xc0, 0x48, 0x01, 0xf0, /* add xor inc add */
        0x48, 0x31, 0xf8, 0x48, 0xff, 0xc0, 0x48, 0x01, 0xf8, 0xeb, 0x00,       /* xor inc add, jmp to the next */
    };
    for (int i = -1; i < SAMPLES_EACH; i++) {
        size_t size = BLOCKS * sizeof block + 1;
        unsigned char *code =
            mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (code == MAP_FAILED) return;
        for (int j = 0; j < BLOCKS; j++) memcpy(code + j * sizeof block, block, sizeof block);
        code[size - 1] = 0xc3; /* ret */
        uint64_t (*function)(uint64_t, uint64_t) = (uint64_t(*)(uint64_t, uint64_t))(uintptr_t)code;
        double start = now();
        kept = function(1, 2);
        double between = now();
        kept = function(1, 2);
        double took = (between - start) - (now() - between);
        if (i >= 0) printf("translate %.3f\n", took / BLOCKS);
        munmap(code, size);
    }
#endif
}

int main(void) {
    report("integer", integer, TURNS);
    report("float", floating, TURNS);
    report("memory", memory, TURNS);
    report("syscall", system_call, CALLS);
    translate();
    fflush(stdout);
    if (getpid() == 1) reboot(RB_POWER_OFF);
}
