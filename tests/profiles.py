"""Machine profiles for tests: small, and as `calibrate` writes them."""

LAPTOP = """\
model = "simcore.hardware.machine:Machine"
role = "machine"
family = "test-cpu-1"
provides = ["x86-64", "hw-virtualization"]

[machine]
label = "Test CPU 1, 4 CPUs, 8 GiB"
date = "2026-01-02"
system = "Debian GNU/Linux 12 (bookworm)"
kernel = "6.1.0"
arch = "x86-64"
cpu = "Test CPU 1"
cpus = 4
memory = "7.7 GiB"
clock = "3000 MHz"
clock_source = "tsc"
hypervisor = "none"
mitigations = ["meltdown: Mitigation: PTI"]
load = 0.1
root = true
quick = false

[machine.tools]
gcc = "12.2.0"

[settings.cpus]
type = "int"
default = 4
min = 1
max = 64

[timings.syscall]
time = "400 ns"
spread = "p99=1.3x"
n = 2000
outliers = 12
status = "measured"
probe = "cpu"

[timings.kvm_exit_kernel]
time = "1.5 us"
spread = "p99=2x"
n = 2000
outliers = 3
status = "measured"
probe = "kvm"

[constants.clock]
value = "3 GHz"
n = 1
status = "measured"
probe = "cpu"

[composites.runc_run]
time = "31.2 ms"
spread = "p99=1.4x"
n = 40
outliers = 1
note = "one after the other"

[[missing]]
probe = "disk"
quantity = "disk_fsync"
reason = "there is no room for a test file"
"""

WITH_NAMES = LAPTOP.replace(
    "[machine]\n",
    '[machine]\nhostname = "alices-laptop"\nuser = "alice"\nserial = "SN-0815"\nmac = "02:42:ac:11:00:02"\n',
).replace('role = "machine"\n', 'role = "machine"\nhost = "alices-laptop"\n')
"""The same with what calibrate never writes."""

FAULTY = """\
role = "kernel"
timings.syscall = {time = "5", status = "rumour"}
[machine]
label = "x"
"""
