"""Runs in the child, between fork and exec: default signals, another user, detached or dying with its parent.

Standard library only, and started by path: it must run before anything of ours is importable.
Not here: which program to start and why (processes.py, local_postgres.py).
"""

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

EXIT_PARENT_GONE = 124
EXIT_NOT_PERMITTED = 126


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def restore_signals() -> None:
    """Give the program the dispositions of a fresh login.

    A shell's ``&`` hands SIGINT=ignore down, and Dagster copies SIGINT's handler to SIGTERM: such a child
    can be stopped by neither.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when ``parent`` ends, however it ends (only Linux can).

    Exits with EXIT_PARENT_GONE if the parent had already gone before the kernel was asked.
    """
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(EXIT_PARENT_GONE)


def become(uid: int, gid: int, *, may_traverse: bool) -> None:
    """Drop root for good; with ``may_traverse`` keep the right to walk through and read any folder.

    The right is CAP_DAC_READ_SEARCH in the ambient set, the only one that survives exec as an ordinary user.

    Raises:
        OSError: the kernel or the container does not give that right.
    """
    if may_traverse:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if may_traverse:
        mask = 1 << CAP_DAC_READ_SEARCH
        header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
        data = (_CapabilityData * 2)(_CapabilityData(mask, mask, mask), _CapabilityData(0, 0, 0))
        _checked(_libc().capset(ctypes.byref(header), data), "capset")
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH)


def detach(log: str) -> None:
    """Go on in a grandchild with its own session, output appended to ``log``; its parent prints the new pid.

    Nobody's Ctrl-C, terminal or Python handle reaches a process that was started so.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.write(1, f"{pid}\n".encode())
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, 256)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc().prctl(option, *padded), f"prctl({option})")


def _checked(result: int, call: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def main(arguments: list[str]) -> None:
    """Parse the options before ``--``, apply them, and become the program after it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--die-with", type=int)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--may-traverse", action="store_true")
    parser.add_argument("--detach", metavar="LOG")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    restore_signals()
    if options.uid is not None:
        try:
            become(options.uid, options.gid, may_traverse=options.may_traverse)
        except OSError as error:
            print(f"cannot become user {options.uid}: {error}", file=sys.stderr)
            sys.exit(EXIT_NOT_PERMITTED)
    if options.die_with is not None:
        die_with(options.die_with)
    if options.detach is not None:
        detach(options.detach)
    try:
        os.execv(options.command[0], options.command)
    except PermissionError as error:
        print(f"{options.command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(EXIT_NOT_PERMITTED)


if __name__ == "__main__":
    main(sys.argv[1:])
