from __future__ import annotations

import pytest

from orchestra_kit.policy.policy import Policy
from tests.routing.small import write_policy


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return write_policy(tmp_path_factory.mktemp("small"))
