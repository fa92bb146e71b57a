"""What the process that reads foreign files may do: read what it was handed, calculate, answer.

Linux alone can take the rest away (seccomp, by architecture): from then on no file can be opened, no
connection made, no program started, no other process looked at. Elsewhere, on macOS above all, the limits of
setrlimit and the empty environment are all there is.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: load a word, jump if equal, return

# The number of the architecture (AUDIT_ARCH_*), and those of the calls in the order of the comment:
# read write close fstat newfstatat lseek mmap mprotect munmap mremap madvise brk rt_sigaction rt_sigprocmask
# rt_sigreturn ioctl fcntl pread64 readv writev getpid gettid sendto recvfrom sendmsg recvmsg exit exit_group
# getrusage futex restart_syscall clock_gettime gettimeofday getrandom sched_yield ppoll; poll on x86-64
# fmt: off
_X86_64: tuple[int, ...] = (
    0, 1, 3, 5, 262, 8, 9, 10, 11, 25, 28, 12, 13, 14, 15, 16, 72, 17, 19, 20, 39, 186, 44, 45, 46, 47, 60,
    231, 98, 202, 219, 228, 96, 318, 24, 271, 7,
)
_AARCH64: tuple[int, ...] = (
    63, 64, 57, 80, 79, 62, 222, 226, 215, 216, 233, 214, 134, 135, 139, 29, 25, 67, 65, 66, 172, 178, 206,
    207, 211, 212, 93, 94, 165, 98, 128, 113, 169, 278, 124, 73,
)
# fmt: on
_CALLS = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}


def limit(memory: int, seconds: int) -> None:
    """Lower the system's limits for this process.

    Args:
        memory: bytes of data, which Linux enforces and macOS does not.
        seconds: of processor time.
    """
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, 16)


def confine() -> bool:
    """Give up all but reading, calculating and answering; False where the system cannot take it away."""
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    architecture, numbers = _CALLS[platform.machine()]
    content = _program(architecture, numbers)
    program = ctypes.create_string_buffer(content, len(content))
    # struct sock_fprog: the number of instructions, and where they are.
    filters = struct.pack("HP", len(content) // 8, ctypes.addressof(program))
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filters, 0, 0) == 0)


def forget_environment() -> None:
    """Overwrite the environment that a fork inherits, wherever this process has it in memory.

    That is the block that the system gave it, and what `os.environ` was made of. Linux only.
    """
    libc = ctypes.CDLL(None)
    libc.strlen.restype, libc.strlen.argtypes = ctypes.c_size_t, (ctypes.c_void_p,)
    block = ctypes.POINTER(ctypes.c_void_p).in_dll(libc, "environ")
    place = 0
    while start := block[place]:
        ctypes.memset(start, 0, libc.strlen(start))
        place += 1
    for value in os.environb.values():
        if len(value) > 1:  # CPython has but one object for each shorter one
            ctypes.memset(id(value) + bytes.__basicsize__ - 1, 0, len(value))
    os.environb.clear()


def _program(architecture: int, numbers: tuple[int, ...]) -> bytes:
    """The filter: of the calls of this architecture, those with these numbers are allowed."""
    rows = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, 0)]
    for place, number in enumerate(numbers):
        rows.append((_EQUAL, len(numbers) - place, 0, number))
    rows += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *row) for row in rows)


def _lower(kind: int, value: int) -> None:
    # A limit may only be lowered: where this process has a lower one, that one holds.
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(ValueError, OSError):  # macOS knows some limits and refuses to set them
        resource.setrlimit(kind, (bound, bound))
