"""What a user touches first: the import, the public names, the floors."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import orchestra_kit

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ["numpy", "pandas", "matplotlib", "IPython", "sklearn", "scipy", "pyarrow", "sqlalchemy"]
LIGHT_FLOORS = ["core", "policy", "providers", "resilience", "routing", "cost", "engine"]


def _in_a_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout


def _modules(package: str) -> list[str]:
    root = importlib.import_module(package)
    found = [m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return sorted(name for name in found if ".migrations" not in name and "__main__" not in name)


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = (
        "import json, sys, orchestra_kit; "
        f"print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    assert json.loads(_in_a_new_process(code)) == []


def test_deciding_and_running_need_no_numbers_or_notebooks() -> None:
    names = [m for floor in LIGHT_FLOORS for m in _modules(f"orchestra_kit.{floor}")]
    heavy = [name for name in HEAVY if name != "sqlalchemy"]
    code = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    )
    assert json.loads(_in_a_new_process(code)) == []


def test_importing_the_package_is_quick() -> None:
    code = (
        "import time; start = time.perf_counter(); import orchestra_kit; "
        "print(time.perf_counter() - start)"
    )
    assert min(float(_in_a_new_process(code)) for _ in range(3)) < 0.3


def test_every_public_name_exists() -> None:
    for name in orchestra_kit.__all__:
        assert getattr(orchestra_kit, name) is not None
    assert dir(orchestra_kit) == sorted(orchestra_kit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Orchestrate'"):
        orchestra_kit.Orchestrate  # noqa: B018


@pytest.mark.parametrize("module", _modules("orchestra_kit"))
def test_a_module_lists_only_names_that_it_has(module: str) -> None:
    loaded = importlib.import_module(module)
    for name in getattr(loaded, "__all__", []):
        assert hasattr(loaded, name), f"{module} lists {name}, which it does not have"


def test_the_floors_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(linter)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
