"""The Linux calls that Python does not offer, each as one small function."""

import ctypes
import errno
import os
import platform
import struct
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_SUBREAPER = 1, 22, 36
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24

# name: (x86_64, aarch64)
SYSCALLS = {
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "mount_setattr": (442, 442),
    "pivot_root": (155, 41),
    "capset": (126, 91),
}
DENIED = {
    **{"ptrace": (101, 117), "bpf": (321, 280), "userfaultfd": (323, 282)},
    **{"keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426)},
    **{"io_uring_register": (427, 427), "perf_event_open": (298, 241)},
    **{"unshare": (272, 97), "setns": (308, 268), "mount": (165, 40)},
    **{"umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51)},
    **{"mount_setattr": (442, 442), "fsopen": (430, 430), "fsmount": (432, 432)},
    **{"move_mount": (429, 429), "open_tree": (428, 428)},
    **{"open_by_handle_at": (304, 265), "process_vm_readv": (310, 270)},
    **{"process_vm_writev": (311, 271), "pidfd_getfd": (438, 438)},
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447)},
    **{"shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190)},
    **{"mq_open": (240, 180), "personality": (135, 92), "acct": (163, 89)},
    **{"init_module": (175, 105), "finit_module": (313, 273)},
    **{"kexec_load": (246, 104), "kexec_file_load": (320, 294)},
    "socket": (41, 198),
}
OTHERS = {  # reaching processes and files of the same user
    **{"tkill": (200, 130), "pidfd_send_signal": (424, 424)},
    **{"rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)},
    **{"setpriority": (141, 140), "sched_setaffinity": (203, 122)},
    **{"sched_setscheduler": (144, 119), "sched_setparam": (142, 118)},
    **{"sched_setattr": (314, 274), "ioprio_set": (251, 30)},
    **{"chmod": (90, 53), "fchmod": (91, 52), "fchmodat": (268, 53)},
    **{"fchmodat2": (452, 452), "chown": (92, 54), "fchown": (93, 55)},
    **{"lchown": (94, 54), "fchownat": (260, 54), "truncate": (76, 45)},
    **{"utime": (132, 88), "utimes": (235, 88), "futimesat": (261, 88)},
    **{"utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6)},
    **{"fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15)},
    **{"fremovexattr": (199, 16), "setxattrat": (463, 463)},
    **{"removexattrat": (466, 466), "file_setattr": (469, 469)},
}
CLONE, CLONE3 = (56, 220), (435, 435)
KILL, TGKILL, PRLIMIT = (62, 129), (234, 131), (302, 261)
OWNERS = {  # call: what makes a descriptor signal any process of the same user
    (72, 25): (8, 10, 15),  # fcntl: F_SETOWN, F_SETSIG, F_SETOWN_EX
    (16, 29): (0x8901, 0x8902),  # ioctl: FIOSETOWN, SIOCSPGRP
}


def _check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _machine():
    machines = {"x86_64": 0, "aarch64": 1}
    if platform.machine() not in machines:
        raise OSError(errno.ENOSYS, f"no call numbers for {platform.machine()}")
    return machines[platform.machine()]


def _syscall(name, *args):
    number = SYSCALLS[name][_machine()]
    args = [
        a if isinstance(a, bytes | ctypes.Array) or a is None else _long(a)
        for a in args
    ]
    return _check(_libc.syscall(_long(number), *args), name)


def _long(value):
    return value if hasattr(value, "_obj") else ctypes.c_long(value)


def _prctl(option, *args):
    padded = [ctypes.c_ulong(a) for a in (*args, 0, 0, 0, 0)[:4]]
    return _check(_libc.prctl(option, *padded), f"prctl {option}")


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def mount(source, target, kind, flags, options=""):
    kind = kind.encode() if kind else None
    args = (source.encode(), target.encode(), kind, ctypes.c_ulong(flags))
    _check(_libc.mount(*args, options.encode()), f"mount {target}")


def bind(source, target, device=False):
    """Show a file or folder at another place, read-only unless it is a device."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    mount(source, target, None, MS_BIND | MS_REC)
    if not device:
        make_read_only(target)


def make_read_only(path):
    """Make one mount read-only; set-uid files and devices on it lose their power."""
    attributes = struct.pack("QQQQ", 1 | 2 | 4, 0, 0, 0)  # RDONLY, NOSUID, NODEV
    _syscall("mount_setattr", AT_FDCWD, path.encode(), 0, attributes, len(attributes))


def pivot_root():
    """Make the current folder the root and let the old one go."""
    _syscall("pivot_root", b".", b".")
    _check(_libc.umount2(b".", MNT_DETACH), "umount2")


def no_new_privileges():
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def become_subreaper():
    if platform.system() == "Linux":
        _prctl(PR_SET_SUBREAPER, 1)


def die_with_parent(sign=9):
    if platform.system() == "Linux":
        _prctl(PR_SET_PDEATHSIG, sign)


def drop_capabilities():
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, *map(ctypes.c_ulong, (capability, 0, 0, 0))):
            break
    header = struct.pack("Ii", 0x20080522, 0)
    _syscall("capset", header, bytes(24))


def landlock(readable, writable):
    """Close every file but these to this process and its children, for good."""
    create = "landlock_create_ruleset"
    abi = _syscall(create, None, 0, 1)
    everything = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
    ruleset = _syscall(create, struct.pack("Q", everything), 8, 0)
    read_file, read_folder = 1 | 4, 1 | 4 | 8  # execute, read, list
    files_only = everything & (1 | 2 | 4 | (1 << 14) | (1 << 15))
    for path in (*readable, *writable):
        folder = os.path.isdir(path)
        if path in writable:
            allowed = everything if folder else files_only
        else:
            allowed = read_folder if folder else read_file
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        rule = struct.pack("=Qi", allowed, descriptor)
        _syscall("landlock_add_rule", ruleset, 1, rule, 0)
        os.close(descriptor)
    _syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def seccomp(same_user=False):
    """Refuse the calls in DENIED with EPERM, for good.

    Args:
        same_user: also protect the other processes and the files of this user.
    """
    which = _machine()
    denied = DENIED | OTHERS if same_user else DENIED
    code = [
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 1, 0, (0xC000003E, 0xC00000B7)[which]),
        (0x06, 0, 0, 0x80000000),  # another one: kill
        (0x20, 0, 0, 0),  # load the call's number
    ]
    if which == 0:
        code += [(0x35, 0, 1, 0x40000000), _errno(errno.EPERM)]  # the x32 calls
    for numbers in denied.values():
        code += [(0x15, 0, 1, numbers[which]), _errno(errno.EPERM)]
    code += [(0x15, 0, 1, CLONE3[which]), _errno(errno.ENOSYS)]
    code += [(0x15, 0, 4, CLONE[which]), (0x20, 0, 0, 16)]
    code += [(0x45, 0, 1, CLONE_NEWUSER), _errno(errno.EPERM), _ALLOW]
    if same_user:
        for number, allowed in {
            KILL: os.getpid(),
            TGKILL: os.getpid(),
            PRLIMIT: 0,
        }.items():
            code += [(0x15, 0, 4, number[which]), (0x20, 0, 0, 16)]
            code += [(0x15, 1, 0, allowed), _errno(errno.EPERM), _ALLOW]
        for number, commands in OWNERS.items():
            code += [(0x15, 0, 2 * len(commands) + 2, number[which]), (0x20, 0, 0, 24)]
            for command in commands:
                code += [(0x15, 0, 1, command), _errno(errno.EPERM)]
            code += [_ALLOW]
    code += [_ALLOW]
    program = b"".join(struct.pack("HBBI", *line) for line in code)
    memory = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(code), ctypes.addressof(memory))
    buffer = ctypes.create_string_buffer(header)
    _prctl(PR_SET_SECCOMP, 2, ctypes.addressof(buffer))


def _errno(code):
    return (0x06, 0, 0, 0x00050000 | code)


_ALLOW = (0x06, 0, 0, 0x7FFF0000)


def kill(pid, sign):
    try:
        os.kill(pid, sign)
    except (ProcessLookupError, PermissionError):
        pass


def reap_all(wait=False):
    """Collect dead children; return whether any child is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, 0 if wait else os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def descendants(pid):
    """Return the ids of all processes below pid, where /proc tells."""
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found


def usage(pid):
    """Return (resident bytes, processor seconds) of one process; zeros if gone."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError, ValueError):
        return 0, 0.0
    ticks = sum(map(int, fields[11:15]))  # user, system, and of collected children
    return resident * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK")


def data_size():
    """Return how many bytes of RLIMIT_DATA this process uses, or None."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 64 << 30
    return int(status.split("VmData:")[1].split()[0]) << 10


def tasks_of(uid):
    """Return how many threads a user has: RLIMIT_NPROC counts them."""
    total = 0
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == uid:
                total += len(os.listdir(f"/proc/{entry}/task"))
        except OSError:
            continue
    return total
