"""The conda environment asks for what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SAME = {"matplotlib-base": "matplotlib"}
"""conda-forge's name of a package, where it is not that of PyPI."""


def bounds(requirements: list[str]) -> dict[str, str]:
    """Lower bound by normalised name."""
    found = {}
    for requirement in requirements:
        name, _, bound = requirement.partition(">=")
        name = re.sub(r"[-_.]+", "-", name.strip().lower())
        found[SAME.get(name, name)] = bound.strip()
    return found


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))


def test_it_has_the_same_packages_and_lower_bounds(project: dict, environment: dict) -> None:
    listed = environment["dependencies"]
    pip = next(item["pip"] for item in listed if isinstance(item, dict))
    conda = [item for item in listed if isinstance(item, str) and item != "pip"]
    asked = bounds([*conda, *(item for item in pip if item != "-e .")])
    assert asked.pop("python") == project["requires-python"].removeprefix(">=")
    assert asked == bounds(project["dependencies"])


def test_it_installs_the_project_itself_from_conda_forge(environment: dict) -> None:
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert "-e ." in pip
    assert environment["name"] == "orchestra_kit"
    assert environment["channels"][0] == "conda-forge"
