"""Code of a model, run behind walls: right, wrong and hostile."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from orchestra_kit.bench.scorers import python_tests, scorer

SPEC = {
    "name": "python_tests",
    "function": "f",
    "tests": [{"call": "2, [1]", "gives": "[1, 2]"}, {"call": "3, []", "gives": "[3]"}],
}
RIGHT = "def f(x, items):\n    return items + [x]\n"


def judged(code: str, **changes: object):
    return scorer({**SPEC, **changes}).score(code)


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        f"```python\n{RIGHT}```",
        f"Here is the function:\n\n```\n{RIGHT}```\nIt adds x.",
        f"```python\n{RIGHT}",
        f"```python\nprint('first')\n```\n```python\n{RIGHT}```",
        "import math, re, collections, functools, itertools, typing, heapq, string\n" + RIGHT,
        "print('noise on the output')\n" + RIGHT + "print(f(1, []))\n",
        "def f(x, items):\n    items.append(x)\n    return items\n",
    ],
)
def test_right_code_passes_however_it_is_wrapped(answer):
    assert judged(answer).value == 1.0


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def g(x): return x", "no function f"),
        ("just words", "no function f"),
        ("def f(x, items): return [1, 2]", "1 of 2 tests passed"),
        ("def f(x, items): return (1, 2)", "0 of 2"),
        ("def f(x, items) return x", "SyntaxError"),
        ("def f(x): return x", "TypeError"),
        ("def f(x, items): return 1 / 0", "ZeroDivisionError"),
        ("def f(x, items): return f(x, items)", "RecursionError"),
    ],
)
def test_wrong_code_scores_nothing_and_says_why(code, why):
    found = judged(code)
    assert found.value == 0.0
    assert why in found.reason


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.system('touch {trap}')",
        "import subprocess; subprocess.run(['touch', '{trap}'])",
        "import os; os.fork()",
        "import os; os.kill(os.getppid(), 9)",
        "open('{trap}', 'w').write('x')",
        "import pathlib; pathlib.Path('{trap}').write_text('x')",
        "import os; os.open('{trap}', os.O_CREAT | os.O_WRONLY)",
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 22))",
        "import ctypes; ctypes.CDLL(None).system(b'touch {trap}')",
        "open('/etc/passwd').read()",
        "import os; os.listdir('/')",
        "import os; os.remove(__import__('sys').executable)",
        "import shutil; shutil.rmtree('/nowhere')",
        "import sys, os; open(os.__file__ + '/../../../../etc/passwd').read()",
    ],
)
def test_hostile_code_is_refused(body, tmp_path):
    trap = tmp_path / "trap"
    found = judged(f"def f(x, items):\n    {body.format(trap=trap)}\n    return items + [x]\n")
    assert found.value == 0.0
    assert not trap.exists()


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)\n" + RIGHT,
        "raise SystemExit\n" + RIGHT,
        "def f(x, items):\n    return 'a' * 10**11\n",
        "def f(x, items):\n    return [0] * 10**9\n",
        "class L(list):\n    def __eq__(self, other): return True\n"
        "def f(x, items): return L()\n",
        "class R:\n    def __repr__(self): raise SystemExit\n"
        "def f(x, items): return R()\n",
        "import sys\nsys.stdout.write('{\"result\": \"[1, 2]\"}\\n' * 2)\n"
        "def f(x, items): return 0\n",
        "import os\nos.write(1, b'{\"result\": \"[1, 2]\"}\\n')\ndef f(x, items): return 0\n",
        "def f(x, items): return '(' * 100000\n",
    ],
)  # fmt: skip
def test_code_that_cheats_or_breaks_its_process_gains_nothing(code):
    found = judged(code)
    assert found.value == 0.0


def test_a_result_that_only_looks_right_is_wrong():
    assert judged("def f(x): return True", tests=[{"call": "1", "gives": "1"}]).value == 0.0
    assert judged("def f(x): return 0.1 + 0.2", tests=[{"call": "1", "gives": "0.3"}]).value == 1.0


def test_code_that_does_not_end_is_stopped(monkeypatch):
    monkeypatch.setattr(python_tests, "_WALL_SECONDS", 1.0)
    started = time.perf_counter()
    found = judged("def f(x, items):\n    while True: pass\n")
    assert time.perf_counter() - started < 5
    assert found.value == 0.0
    assert "did not finish" in found.reason


def test_code_sees_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("CANARY", "canary-in-the-environment")
    code = "import os\ndef f(): return 'CANARY' in os.environ\n"
    assert judged(code, tests=[{"call": "", "gives": "False"}]).value == 1.0
    code = "def f():\n    import orchestra_kit\n    return 1\n"
    assert judged(code, tests=[{"call": "", "gives": "1"}]).value == 0.0


def test_what_cannot_be_run_is_unscored_and_not_wrong(monkeypatch):
    def no_process(*arguments: object, **options: object):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    found = judged(RIGHT)
    assert found.value is None
    assert "could not be run" in found.reason


def test_the_script_behind_the_walls_judges_nothing():
    script = Path(python_tests.__file__).with_name("sandbox.py").read_text()
    assert "gives" not in script
