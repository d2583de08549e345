from __future__ import annotations

import pytest

from orchestra_kit.policy.policy import Policy
from tests.routing.small import write_family, write_policy


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return write_policy(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The small policy, whose first link is a model of two deployments."""
    return write_family(tmp_path_factory.mktemp("twins"))
