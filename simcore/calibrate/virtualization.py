"""What KVM costs, without QEMU: a guest of a few instructions, driven through /dev/kvm.

How: the guest is in real mode and does one thing a thousand times, then writes to a port; the loop around
it and that last exit are subtracted. Its interrupts are messages through an irqfd, as for virtual PCI
devices, sent from another CPU; a halted guest is left alone for 2 ms first, longer than KVM polls. First
touches are to memory that the host has not given yet, in pages of 4 KiB. AMD and Intel have different
hypercall instructions; the one of this processor is used, and KVM's repair of the other one is timed by
itself. Disturbed by: other load; KVM inside a virtual machine, where every exit is carried out by the outer
one too; a KVM that emulates real mode (kvm_pvm): see the note on each number.
"""

from pathlib import Path

from .bench import Bench

TITLE = "Virtualization: a tiny guest under KVM"
EXITS = {
    "kvm_exit_user": ("exit_user", "port I/O to user space and back", 300, 2000),
    "kvm_exit_kernel": ("exit_kernel", "CPUID, handled in the kernel", 100, 500),
    "kvm_hypercall": ("hypercall", "a hypercall that KVM does not know, and says so", 100, 500),
    "kvm_hypercall_patch": (
        "hypercall_patch",
        "the other maker's hypercall is replaced in memory",
        300,
        1000,
    ),
    "kvm_ioeventfd": ("ioeventfd", "a port write that signals an eventfd", 100, 500),
    "kvm_first_touch": ("first_touch", "a page of 4 KiB; each sample is the mean of 512", 100, 500),
    "kvm_inject": ("inject", "write to an irqfd while the guest runs: the sender's part", 500, 3000),
    "kvm_interrupt": ("interrupt", "the same, until the running guest's handler has run", 500, 3000),
    "kvm_halt_wake": ("halt_wake", "the same, for a guest whose thread sleeps in HLT", 300, 1500),
    "kvm_create_vm": ("create_vm", "KVM_CREATE_VM", 100, 500),
    "kvm_create_vcpu": ("create_vcpu", "KVM_CREATE_VCPU, beside interrupt controllers", 100, 500),
}
QUANTITIES = tuple(EXITS)
SECONDS = (8, 30)
PORTABLE = False

MODULES = Path("/sys/module")


def measure(bench: Bench) -> None:
    kinds = [module.name for module in sorted(MODULES.glob("kvm_*"))]
    for name, (measurement, note, quick, full) in EXITS.items():
        with bench.attempt(name):
            samples = bench.native(measurement, bench.pick(quick, full), source="native_kvm")
            bench.timing(name, samples, note=f"{note} ({', '.join(kinds) or 'kvm'})")
