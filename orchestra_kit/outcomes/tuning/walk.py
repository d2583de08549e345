"""What a request gets as it walks its chain over recorded answers.

As the engine has it: an answer that is judged below its task's floor, or that is empty, hands the
request to the next link where the link's triggers say so. An empty answer is asked for once more
first, as its retry rule has it, and the recording gives the same again. Every send is paid for and
takes its time. Where nobody is left the best of the poor answers is delivered; where there was none
the sender gets no answer, which counts 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.errors import FailureClass
from orchestra_kit.outcomes.tuning.chains import NOBODY, ChainTable
from orchestra_kit.outcomes.tuning.recorded_answers import Recorded
from orchestra_kit.resilience.retry import RETRY_RULES

__all__ = ["Fates", "walked"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SENDS_OF_EMPTY = 1.0 + RETRY_RULES[FailureClass.MALFORMED].same_target


@dataclass(frozen=True, eq=False)
class Fates:
    """What became of each case, (cases,)."""

    node: Ints
    """Number of the deployment that answered; one past the last: nobody; two past: not known."""
    score: Floats
    """NaN where not known."""
    cost: Floats
    latency: Floats


def walked(
    recorded: Recorded,
    table: ChainTable,
    *,
    queries: Ints,
    chains: Ints,
    floors: Floats,
    deployments: int,
) -> Fates:
    """The fate of each case: its query, its chain, and its task's quality floor."""
    count = len(queries)
    node = np.full(count, deployments, dtype=np.int64)
    score, cost, latency = (np.zeros(count) for _ in range(3))
    best = np.full(count, -np.inf)
    here = np.arange(count)
    for link in range(table.deployment.shape[1]):
        chain = chains[here]
        there = table.deployment[chain, link] != NOBODY
        here, chain = here[there], chain[there]
        column = table.column[chain, link]
        lost = here[column == NOBODY]
        node[lost] = deployments + 1
        score[lost] = cost[lost] = latency[lost] = np.nan
        here, chain, column = (v[column != NOBODY] for v in (here, chain, column))
        at = (queries[here], column)
        empty = recorded.empty[at]
        sends = np.where(empty, _SENDS_OF_EMPTY, 1.0)
        cost[here] += sends * recorded.costs[at]
        latency[here] += sends * recorded.latencies[at]
        poor = empty | (recorded.judged[at] < floors[here])
        # A poor answer is kept until a better one comes, a good one ends the walk.
        kept = ~empty & (recorded.judged[at] > best[here])
        node[here[kept]] = table.deployment[chain[kept], link]
        score[here[kept]] = recorded.scores[at][kept]
        best[here[kept]] = recorded.judged[at][kept]
        on = poor & np.where(empty, table.malformed[chain, link], table.low[chain, link])
        here = here[on]
        if not len(here):
            break
    return Fates(node, score, cost, latency)
