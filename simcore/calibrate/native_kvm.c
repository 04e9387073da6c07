/* A tiny guest under KVM, to time its exits: a few instructions in real mode, as a CPU is after its reset, but
 * with data segments of 4 GiB, so that the guest reaches all of its memory and its interrupt controller. */

#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <signal.h>

#ifdef __x86_64__

#include <cpuid.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------- the guests */

enum {
    CODE = 0x1000, HANDLER = 0x1800, FAULT = 0x1900, STACK = 0x8000, SEEN = 0x9000,
    LOW_SIZE = 0x10000, HIGH = 0x1000000, PAGE = 4096, PAGES = 512, TIMES = 1000,
    FAULTS = 32, VECTOR = 0x30, GSI = 24, DONE_PORT = 0x10, KICK_PORT = 0x600,
};

/* Each begins at its name and ends with a port write, which is an exit to user space. */
__asm__(
    ".pushsection .rodata\n .code16\n"
    "guest_io:        out %al, $0x10\n jmp guest_io\n"
    "guest_loop:      mov $1000, %esi\n"
    "0:               dec %esi\n jnz 0b\n out %al, $0x10\n jmp guest_loop\n"
    "guest_cpuid:     mov $1000, %esi\n"
    "0:               xor %eax, %eax\n cpuid\n dec %esi\n jnz 0b\n out %al, $0x10\n jmp guest_cpuid\n"
    "guest_vmcall:    mov $1000, %esi\n"
    "0:               mov $0xffff, %eax\n vmcall\n dec %esi\n jnz 0b\n out %al, $0x10\n jmp guest_vmcall\n"
    "guest_vmmcall:   mov $1000, %esi\n"
    "0:               mov $0xffff, %eax\n vmmcall\n dec %esi\n jnz 0b\n out %al, $0x10\n jmp guest_vmmcall\n"
    "guest_foreign:   mov $0xffff, %eax\n nop\n nop\n nop\n out %al, $0x10\n jmp guest_foreign\n"
    "guest_kick:      mov $1000, %esi\n mov $0x600, %edx\n"
    "0:               out %al, (%dx)\n dec %esi\n jnz 0b\n out %al, $0x10\n jmp guest_kick\n"
    "guest_touch:     mov $512, %ecx\n mov $0x1000000, %edi\n"
    "0:               movb $1, (%edi)\n add $4096, %edi\n dec %ecx\n jnz 0b\n out %al, $0x10\n"
    "                 jmp guest_touch\n"
    "guest_busy:      mov $0xfee000f0, %ebx\n movl $0x1ff, (%ebx)\n sti\n" /* enables the local APIC */
    "0:               jmp 0b\n"
    "guest_idle:      mov $0xfee000f0, %ebx\n movl $0x1ff, (%ebx)\n"
    "0:               sti\n hlt\n jmp 0b\n"
    "guest_handler:   mov $0x9000, %ebx\n incl (%ebx)\n"
    "                 mov $0xfee000b0, %ebx\n movl $0, (%ebx)\n iret\n" /* end of interrupt */
    "guest_fault:     out %al, $0x11\n hlt\n"
    "guest_end:\n .code64\n .popsection\n");

extern const char guest_io[], guest_loop[], guest_cpuid[], guest_vmcall[], guest_vmmcall[], guest_foreign[],
    guest_kick[], guest_touch[], guest_busy[], guest_idle[], guest_handler[], guest_fault[], guest_end[];

enum { FOREIGN_AT = 6 }; /* where the hypercall stands in guest_foreign */
static const unsigned char vmcall[] = {0x0f, 0x01, 0xc1}, vmmcall[] = {0x0f, 0x01, 0xd9};

static bool amd(void) {
    unsigned a, b, c, d;
    __cpuid(0, a, b, c, d);
    return b == signature_AMD_ebx || b == 0x6f677948; /* Authentic(AMD), Hygo(nGenuine) */
}

/* -------------------------------------------------------------------------------------------- the machine */

struct guest {
    int vm, vcpu;
    char *low, *high;
    struct kvm_run *run;
};

static int kvm = -1;

static int call(int fd, unsigned long request, void *argument, const char *what) {
    int result = ioctl(fd, request, argument);
    if (result < 0) fail(what);
    return result;
}

static void open_kvm(void) {
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0 && errno == EACCES) {
        errno = 0;
        fail("/dev/kvm may not be opened: join the group kvm, or be root");
    }
    if (kvm < 0 && errno == ENOENT) {
        errno = 0;
        fail("there is no /dev/kvm: load kvm-amd or kvm-intel; in a virtual machine, allow nesting");
    }
    if (kvm < 0) fail("/dev/kvm");
}

static char *memory(struct guest *guest, int slot, uint64_t at, size_t size) {
    char *host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host == MAP_FAILED) fail("mmap");
    madvise(host, size, MADV_NOHUGEPAGE);
    struct kvm_userspace_memory_region region = {
        .slot = slot, .guest_phys_addr = at, .memory_size = size, .userspace_addr = (uintptr_t)host};
    call(guest->vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
    return host;
}

static void create_vm(struct guest *guest) {
    guest->vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (guest->vm < 0) fail("KVM_CREATE_VM");
}

/* What Intel's KVM asks for, and the interrupt controllers, as QEMU makes them. */
static void equip(struct guest *guest) {
    call(guest->vm, KVM_SET_TSS_ADDR, (void *)0xfffbd000, "KVM_SET_TSS_ADDR");
    call(guest->vm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");
}

static struct kvm_segment segment(unsigned limit, int type) {
    return (struct kvm_segment){.limit = limit, .type = type, .present = 1, .s = 1, .g = limit > 0xffff};
}

static void start_at(struct guest *guest, const char *code) {
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 2};
    memcpy(guest->low + CODE, code, HANDLER - CODE < guest_end - code ? HANDLER - CODE : guest_end - code);
    call(guest->vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
    sregs.cs = segment(0xffff, 0xb);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = segment(0xffffffff, 0x3);
    sregs.ss = segment(0xffff, 0x3);
    sregs.idt = (struct kvm_dtable){.base = 0, .limit = 0x3ff};
    call(guest->vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
    call(guest->vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

static struct guest make(const char *code) {
    struct guest guest;
    open_kvm();
    create_vm(&guest);
    equip(&guest);
    guest.low = memory(&guest, 0, 0, LOW_SIZE);
    guest.high = memory(&guest, 1, HIGH, PAGES * PAGE);
    guest.vcpu = ioctl(guest.vm, KVM_CREATE_VCPU, 0);
    if (guest.vcpu < 0) fail("KVM_CREATE_VCPU");
    int size = call(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
    guest.run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest.vcpu, 0);
    if (guest.run == MAP_FAILED) fail("mmap of the vCPU");
    memcpy(guest.low + HANDLER, guest_handler, guest_end - guest_handler);
    memcpy(guest.low + FAULT, guest_fault, guest_end - guest_fault);
    uint32_t *vectors = (uint32_t *)guest.low; /* all in segment 0 */
    for (int i = 0; i < FAULTS; i++) vectors[i] = FAULT;
    vectors[VECTOR] = HANDLER;
    start_at(&guest, code);
    return guest;
}

/* Until the guest says that it is done. */
static void run(struct guest *guest) {
    static char said[64];
    if (ioctl(guest->vcpu, KVM_RUN, 0) < 0) fail("KVM_RUN");
    bool port = guest->run->exit_reason == KVM_EXIT_IO;
    if (port && guest->run->io.port == DONE_PORT) return;
    errno = 0;
    if (port) fail("this KVM does not carry out an instruction of the guest");
    snprintf(said, sizeof said, "the guest left with KVM exit reason %u", guest->run->exit_reason);
    fail(said);
}

static void too_late(int number) {
    static const char said[] = "the guest does not answer\n";
    (void)number;
    if (write(2, said, sizeof said - 1) < 0) _exit(2);
    _exit(1);
}

enum { FIRST_S = 2, WHOLE_S = 20 };

/* What this KVM cannot execute may keep it busy for ever. */
static void first_run(struct guest *guest) {
    signal(SIGALRM, too_late);
    alarm(FIRST_S);
    run(guest);
    alarm(WHOLE_S);
}

static double timed_run(struct guest *guest) {
    double start = now();
    run(guest);
    return now() - start;
}

/* --------------------------------------------------------------------------------------------- the exits */

static void measure_exit_user(long count, char **more) {
    (void)more;
    struct guest guest = make(guest_io);
    SAMPLES(count, 100, run(&guest))
}

/* A thousand of something in the guest, less the loop around it and the one exit to user space. */
static void measure_thousand(long count, const char *code, struct guest *guest) {
    for (long i = -1; i < count; i++) {
        start_at(guest, guest_loop);
        first_run(guest);
        double without = timed_run(guest);
        start_at(guest, code);
        first_run(guest);
        double with = timed_run(guest);
        if (i >= 0) sample((with - without) / TIMES);
    }
}

static void measure_exit_kernel(long count, char **more) {
    (void)more;
    struct guest guest = make(guest_cpuid);
    measure_thousand(count, guest_cpuid, &guest);
}

static void measure_hypercall(long count, char **more) {
    (void)more;
    struct guest guest = make(guest_loop);
    measure_thousand(count, amd() ? guest_vmmcall : guest_vmcall, &guest);
}

/* The other maker's hypercall is an invalid instruction, which KVM replaces by the right one. */
static void measure_hypercall_patch(long count, char **more) {
    (void)more;
    struct guest guest = make(guest_foreign);
    char *place = guest.low + CODE + FOREIGN_AT;
    memcpy(place, amd() ? vmcall : vmmcall, 3);
    first_run(&guest);
    for (long i = -1; i < count; i++) {
        memcpy(place, amd() ? vmcall : vmmcall, 3);
        double first = timed_run(&guest);
        errno = 0;
        if (memcmp(place, amd() ? vmmcall : vmcall, 3)) fail("this KVM does not patch hypercalls");
        double second = timed_run(&guest);
        if (i >= 0) sample(first - second);
    }
}

static void measure_ioeventfd(long count, char **more) {
    (void)more;
    struct guest guest = make(guest_kick);
    struct kvm_ioeventfd kick = {
        .addr = KICK_PORT, .len = 1, .fd = eventfd(0, EFD_CLOEXEC), .flags = KVM_IOEVENTFD_FLAG_PIO};
    call(guest.vm, KVM_IOEVENTFD, &kick, "KVM_IOEVENTFD");
    measure_thousand(count, guest_kick, &guest);
}

/* One sample for 512 pages. Taking them from the host process also takes them from the guest. */
static void measure_first_touch(long count, char **more) {
    (void)more;
    struct guest guest = make(guest_touch);
    for (long i = -1; i < count; i++) {
        if (madvise(guest.high, PAGES * PAGE, MADV_DONTNEED)) fail("madvise");
        double took = timed_run(&guest);
        if (i >= 0) sample(took / PAGES);
    }
}

/* ---------------------------------------------------------------------------------------------- interrupts */

static cpu_set_t allowed;

static void run_on(int which) {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && which-- == 0) CPU_SET(cpu, &one);
    errno = 0;
    if (!CPU_COUNT(&one)) fail("only one CPU may be used");
    sched_setaffinity(0, sizeof one, &one);
}

static void *vcpu(void *argument) {
    struct guest *guest = argument;
    run_on(1);
    run(guest);
    return NULL;
}

/* An eventfd whose writing interrupts the guest, by a message as PCI devices send it. */
static int bind_irqfd(struct guest *guest) {
    struct {
        struct kvm_irq_routing table;
        struct kvm_irq_routing_entry entry;
    } routing = {
        .table = {.nr = 1},
        .entry = {.gsi = GSI, .type = KVM_IRQ_ROUTING_MSI,
                  .u.msi = {.address_lo = 0xfee00000, .data = VECTOR}},
    };
    struct kvm_irqfd bound = {.fd = eventfd(0, EFD_CLOEXEC), .gsi = GSI};
    call(guest->vm, KVM_SET_GSI_ROUTING, &routing, "KVM_SET_GSI_ROUTING");
    call(guest->vm, KVM_IRQFD, &bound, "KVM_IRQFD");
    return bound.fd;
}

enum { PATIENCE_NS = 1000000000 };

/* Interrupts a guest that runs on another CPU after each pause. `sent`: the time of the write alone; else
 * until the guest's handler has run. */
static void interrupts(long count, const char *code, long pause_ns, bool sent) {
    struct guest guest = make(code);
    volatile uint32_t *seen = (volatile uint32_t *)(guest.low + SEEN);
    struct timespec pause = {0, pause_ns};
    pthread_t thread;
    uint64_t one = 1;
    int fd = bind_irqfd(&guest);
    if (sched_getaffinity(0, sizeof allowed, &allowed)) fail("sched_getaffinity");
    run_on(0);
    if (pthread_create(&thread, NULL, vcpu, &guest)) fail("pthread_create");
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    for (long i = -1; i < count; i++) {
        nanosleep(&pause, NULL);
        uint32_t before = *seen;
        double start = now();
        if (write(fd, &one, sizeof one) != sizeof one) fail("eventfd");
        double written = now();
        errno = 0;
        while (*seen == before)
            if (now() - start > PATIENCE_NS) fail("the guest did not see its interrupt within a second");
        double handled = now();
        if (i >= 0) sample((sent ? written : handled) - start);
    }
}

static void measure_inject(long count, char **more) {
    (void)more;
    interrupts(count, guest_busy, 100000, true);
}

static void measure_interrupt(long count, char **more) {
    (void)more;
    interrupts(count, guest_busy, 100000, false);
}

static void measure_halt_wake(long count, char **more) {
    (void)more;
    interrupts(count, guest_idle, 2000000, false); /* longer than KVM polls */
}

/* ------------------------------------------------------------------------------------- making and unmaking */

static void measure_create_vm(long count, char **more) {
    (void)more;
    struct guest guest;
    open_kvm();
    for (long i = -1; i < count; i++) {
        double start = now();
        create_vm(&guest);
        double took = now() - start;
        close(guest.vm);
        if (i >= 0) sample(took);
    }
}

static void measure_create_vcpu(long count, char **more) {
    (void)more;
    struct guest guest;
    open_kvm();
    for (long i = -1; i < count; i++) {
        create_vm(&guest);
        equip(&guest);
        double start = now();
        guest.vcpu = ioctl(guest.vm, KVM_CREATE_VCPU, 0);
        double took = now() - start;
        if (guest.vcpu < 0) fail("KVM_CREATE_VCPU");
        close(guest.vcpu);
        close(guest.vm);
        if (i >= 0) sample(took);
    }
}

static const struct measurement measurements[] = {
    {"exit_user", measure_exit_user},
    {"exit_kernel", measure_exit_kernel},
    {"hypercall", measure_hypercall},
    {"hypercall_patch", measure_hypercall_patch},
    {"ioeventfd", measure_ioeventfd},
    {"first_touch", measure_first_touch},
    {"inject", measure_inject},
    {"interrupt", measure_interrupt},
    {"halt_wake", measure_halt_wake},
    {"create_vm", measure_create_vm},
    {"create_vcpu", measure_create_vcpu},
};

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return measure_named(measurements, LENGTH(measurements), argc, argv);
}

#else

int main(void) {
    errno = 0;
    fail("the tiny guest is written for x86-64 only");
}

#endif
