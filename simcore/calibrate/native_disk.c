/* Disk: reads and writes of one file, past the page cache (O_DIRECT) or through it. */

#define _GNU_SOURCE
#include "native.h"
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WARM_UP = 10, MIB = 1 << 20, PIECE = 4 * MIB, MOST = 64 };

static int file;
static long size;

static uint64_t draw(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static long random_place(long block) { return draw() % (size / block) * block; }

/* Memory that O_DIRECT takes, filled with what no disk can compress. */
static void *buffer(long bytes) {
    uint64_t *memory = NULL;
    if (posix_memalign((void **)&memory, 4096, bytes)) fail("memory");
    for (long i = 0; i < bytes / 8; i++) memory[i] = draw();
    return memory;
}

static void open_file(const char *path, int flags) {
    struct stat about;
    if ((file = open(path, flags | O_CLOEXEC)) < 0)
        fail(flags & O_DIRECT ? "this file system has no direct I/O" : "open");
    fstat(file, &about);
    size = about.st_size;
}

/* random MOST FILE read|write BLOCK SECONDS: direct, one at a time */
static void random_direct(long most, char **args) {
    int writes = !strcmp(args[1], "write");
    long block = atol(args[2]);
    void *memory = buffer(block);
    open_file(args[0], O_RDWR | O_DIRECT);
    double end = now() + atof(args[3]) * 1e9;
    for (long i = -WARM_UP; i < most && (i < 1 || now() < end); i++) {
        long place = random_place(block);
        double start = now();
        long done = writes ? pwrite(file, memory, block, place) : pread(file, memory, block, place);
        if (done != block) fail(args[1]);
        if (i >= 0) sample(now() - start);
    }
}

/* deep MOST FILE DEPTH BLOCK SECONDS: direct random reads with DEPTH of them always under way; the time per
 * read, taken over as many reads as there are under way */
static void deep(long most, char **args) {
    aio_context_t context = 0;
    struct iocb reads[MOST], *list[1];
    struct io_event events[MOST];
    long depth = atol(args[1]), block = atol(args[2]), done = 0;
    open_file(args[0], O_RDONLY | O_DIRECT);
    if (depth > MOST || syscall(SYS_io_setup, depth, &context)) fail("asynchronous I/O");
    for (long i = 0; i < depth; i++) {
        reads[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = file, .aio_nbytes = block};
        reads[i].aio_buf = (uintptr_t)buffer(block);
        reads[i].aio_offset = random_place(block);
        *list = &reads[i];
        if (syscall(SYS_io_submit, context, 1, list) != 1) fail("io_submit");
    }
    double last = now(), end = last + atof(args[3]) * 1e9;
    for (long samples = -2; samples < most && (samples < 1 || last < end);) {
        long got = syscall(SYS_io_getevents, context, 1, depth, events, NULL);
        if (got < 1) fail("io_getevents");
        for (long i = 0; i < got; i++) {
            if (events[i].res != block) fail("read");
            *list = (struct iocb *)(uintptr_t)events[i].obj;
            (*list)->aio_offset = random_place(block);
            if (syscall(SYS_io_submit, context, 1, list) != 1) fail("io_submit");
        }
        if ((done += got) < depth) continue;
        double at = now();
        if (samples++ >= 0) sample((at - last) / done);
        last = at, done = 0;
    }
}

/* cached COUNT FILE BLOCK: reads of what is in the page cache already */
static void cached(long count, char **args) {
    long block = atol(args[1]);
    void *memory = buffer(PIECE);
    open_file(args[0], O_RDONLY);
    size = PIECE;
    for (int i = 0; i < 2; i++)
        if (pread(file, memory, PIECE, 0) != PIECE) fail("read");
    SAMPLES(count, 64, if (pread(file, memory, block, random_place(block)) != block) fail("read"))
}

/* sequential MOST FILE direct|buffered SECONDS: from the beginning, with a cold page cache; the time per MiB,
 * taken over 4 MiB */
static void sequential(long most, char **args) {
    int direct = !strcmp(args[1], "direct");
    void *memory = buffer(MIB);
    open_file(args[0], O_RDONLY | (direct ? O_DIRECT : 0));
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    double last = now(), end = last + atof(args[2]) * 1e9;
    for (long i = -1; i < most && (i < 1 || last < end); i++) {
        for (long k = 0; k < PIECE / MIB; k++)
            if (read(file, memory, MIB) != MIB) return;
        double at = now();
        if (i >= 0) sample((at - last) / (PIECE / MIB));
        last = at;
    }
}

/* fsync MOST FILE SECONDS: after each write of 4 KiB through the page cache */
static void sync_writes(long most, char **args) {
    void *memory = buffer(4096);
    open_file(args[0], O_RDWR);
    double end = now() + atof(args[1]) * 1e9;
    for (long i = -WARM_UP; i < most && (i < 1 || now() < end); i++) {
        if (pwrite(file, memory, 4096, random_place(4096)) != 4096) fail("write");
        double start = now();
        if (fsync(file)) fail("fsync");
        if (i >= 0) sample(now() - start);
    }
}

int main(int argc, char **argv) {
    static const struct measurement all[] = {
        {"random", random_direct}, {"deep", deep},         {"cached", cached},
        {"sequential", sequential}, {"fsync", sync_writes},
    };
    return measure_named(all, LENGTH(all), argc, argv);
}
