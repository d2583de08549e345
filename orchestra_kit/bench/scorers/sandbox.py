"""Run by `python_tests` as a script of its own, in a process of its own: it judges nothing.

Reads ``{"code", "function", "calls", "memory", "seconds"}`` as JSON from standard input, defines
the code, makes each call with literal arguments and writes one line of JSON a call: the result's
`repr`, or the name of the error. Expected results stay outside, so code that lies can gain nothing
but a wrong answer.

The walls, in the order in which they go up: limits of processor time, memory, file size and
processes; a network namespace without a network where the kernel grants one; an audit hook, which
no Python code can take down, that refuses sockets, processes, foreign libraries, writing, and
reading outside the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

__all__: list[str] = []

_REFUSED = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg",
    "os.posix_spawn", "os.spawn", "os.system", "os.remove", "os.rename", "os.rmdir", "os.mkdir",
    "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.putenv", "shutil.",
    "ctypes.", "glob.", "pty.", "fcntl.", "syslog.", "webbrowser.", "sqlite3.", "mmap.",
    "signal.", "tempfile.", "resource.setrlimit", "resource.prlimit", "gc.get_objects",
    "gc.get_referrers",
)  # fmt: skip
_LONGEST_RESULT = 10_000


def _limit(memory: int, seconds: int) -> None:
    import resource

    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, value in limits.items():
        with contextlib.suppress(ValueError, OSError):  # macOS knows not every limit
            resource.setrlimit(limit, (value, value))


def _leave_the_network() -> None:
    """Best effort: needs user namespaces, which not every kernel grants."""
    import ctypes

    new_user, new_network = 0x10000000, 0x40000000
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(new_user | new_network)


def _guard() -> None:
    allowed = tuple(path + os.sep for path in sys.path)

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event} is not allowed here")
        if event in {"open", "os.listdir", "os.scandir"}:
            path, mode = arguments[0], arguments[1] if len(arguments) > 1 else None
            reading = mode is None or not set(str(mode)) & set("wax+")
            inside = isinstance(path, str) and f"{path}{os.sep}".startswith(allowed)
            if not (reading and inside and f"{os.sep}{os.pardir}" not in str(path)):
                raise PermissionError("files are not allowed here")

    sys.addaudithook(refuse)


def _serve() -> None:
    task = json.loads(sys.stdin.read())
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    _leave_the_network()
    _limit(task["memory"], task["seconds"])
    _guard()
    space: dict[str, object] = {"__name__": "answer"}
    error = ""
    try:
        exec(compile(task["code"], "<answer>", "exec"), space)
    except BaseException as fault:  # noqa: BLE001 - SystemExit and KeyboardInterrupt included
        error = type(fault).__name__
    for arguments in task["calls"]:
        line = {"error": error} if error else _call(space, task["function"], arguments)
        out.write(json.dumps(line) + "\n")
        out.flush()


def _call(space: dict[str, object], function: str, arguments: list[object]) -> dict[str, str]:
    import ast

    try:
        # Each call gets arguments of its own: code may change what it is given.
        values = [ast.literal_eval(str(text)) for text in arguments]
        result = space[function](*values)  # type: ignore[operator]
        return {"result": repr(result)[:_LONGEST_RESULT]}
    except BaseException as fault:  # noqa: BLE001
        return {"error": type(fault).__name__}


if __name__ == "__main__":
    _serve()
