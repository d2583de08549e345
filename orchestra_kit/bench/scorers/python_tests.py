"""Python code, judged by what it does.

The code of the answer is run in a process of its own (`sandbox`): isolated from the installation
(``python -I``), with an empty environment, limits on time and memory, no network and no files.
Results come back as literals and are compared here, so the code never sees what is expected. This
holds off careless and mischievous code; it is not a wall against somebody who attacks the kernel.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestra_kit.bench.scorers.scorer import Scorer, unfenced
from orchestra_kit.core.answer import Score
from orchestra_kit.policy.schema import _Strict

__all__ = ["PythonTests", "Test"]

_SANDBOX = Path(__file__).with_name("sandbox.py")
_MEMORY = 512 * 1024 * 1024
_PROCESSOR_SECONDS = 5
_WALL_SECONDS = 10.0
_LARGEST_OUTPUT = 1_000_000


class Test(_Strict):
    """A call of the function and what it must return, both as Python literals."""

    __test__ = False

    call: str
    """Arguments as between the parentheses, such as ``[1, 2], 3``."""
    gives: str


class PythonTests(Scorer):
    """1 when `function` exists in the answer's code and returns what every test says, else 0.

    The reason tells how many tests passed. Unscored where the process could not be started.
    """

    name: Literal["python_tests"] = "python_tests"
    function: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    tests: Annotated[tuple[Test, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _are_literals(self) -> PythonTests:
        for test in self.tests:
            try:
                _arguments(test.call)
                ast.literal_eval(test.gives)
            except (ValueError, SyntaxError) as fault:
                raise ValueError(f"the test {test.call} → {test.gives} is no literal") from fault
        return self

    def _judge(self, answer: str) -> Score:
        code = self._code(answer)
        if code is None:
            return self._scored(0.0, f"holds no function {self.function}")
        try:
            lines = self._run(code)
        except OSError as fault:
            return Score.unscored(self.name, f"the code could not be run ({fault.strerror})")
        if lines is None:
            return self._scored(0.0, f"did not finish within {_WALL_SECONDS:g} s")
        passed = [
            _same(line, ast.literal_eval(test.gives))
            for line, test in zip(lines, self.tests, strict=False)
        ]
        if sum(passed) == len(self.tests):
            return self._scored(1.0)
        errors = sorted({e for line in lines if isinstance(e := line.get("error"), str) and e})
        why = f" ({', '.join(errors)})" if errors else ""
        return self._scored(0.0, f"{sum(passed)} of {len(self.tests)} tests passed{why}")

    def _code(self, answer: str) -> str | None:
        """The fenced block that defines the function, or the whole answer where it is code."""
        head = f"def {self.function}("
        for block in (*unfenced(answer), answer):
            if head in block.replace(f"{self.function} (", f"{self.function}("):
                return block
        return None

    def _run(self, code: str) -> list[dict[str, object]] | None:
        """One line a call; fewer where the process died, None where it had to be stopped."""
        task = {
            "code": code,
            "function": self.function,
            "calls": self._calls,
            "memory": _MEMORY,
            "seconds": _PROCESSOR_SECONDS,
        }
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_SANDBOX)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        ) as process:
            try:
                out, _ = process.communicate(json.dumps(task).encode(), timeout=_WALL_SECONDS)
            except subprocess.TimeoutExpired:
                return None
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
        return list(_lines(out[:_LARGEST_OUTPUT]))

    @cached_property
    def _calls(self) -> list[list[str]]:
        return [_arguments(test.call) for test in self.tests]


def _arguments(call: str) -> list[str]:
    """The arguments of a call, each as the source of a literal."""
    parsed = ast.parse(f"f({call})", mode="eval").body
    if not isinstance(parsed, ast.Call) or parsed.keywords:
        raise ValueError("takes positional arguments only")
    return [repr(ast.literal_eval(argument)) for argument in parsed.args]


def _lines(out: bytes) -> list[dict[str, object]]:
    found = []
    for line in out.decode("utf-8", "replace").splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _same(line: dict[str, object], expected: object) -> bool:
    result = line.get("result")
    if not isinstance(result, str):
        return False
    try:
        value = ast.literal_eval(result)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    if isinstance(expected, float) and isinstance(value, (int, float)):
        return not isinstance(value, bool) and math.isclose(value, expected, rel_tol=1e-9)
    return type(value) is type(expected) and bool(value == expected)
