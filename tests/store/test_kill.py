"""kill -9 at any moment: nothing that was acknowledged is lost, and the store is sound.

`ORCHESTRA_KILL_TRIALS` says how often (50 by default; no loss in n trials shows, at 95 %, a rate
of less than 3/n). At least every labelled point is tried.
"""

from __future__ import annotations

import os

from tests.store.crash_points import POINTS
from tests.store.kill_trials import trials

TRIALS = max(len(POINTS) + 2, int(os.environ.get("ORCHESTRA_KILL_TRIALS", "50")))


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path):
    done = list(trials(TRIALS, tmp_path, seed=20_261_123))
    assert [trial for trial in done if trial.lost or trial.problems] == []
    assert {trial.point for trial in done} == {"", *POINTS}
    assert sum(trial.acknowledged for trial in done) >= 10 * TRIALS
