"""Simulated bandits whose truth is known: contexts, a logging policy, rewards of three actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from orchestra_kit.outcomes.off_policy import LoggedTraffic, Target

ACTIONS = ("cheap", "middle", "strong")


class Drawn(NamedTuple):
    """One log."""

    sessions: np.ndarray
    tasks: np.ndarray
    x: np.ndarray
    logging: np.ndarray
    target: np.ndarray
    taken: np.ndarray
    rewards: np.ndarray


@dataclass(frozen=True)
class Bandit:
    """A world with two tasks and one number of context, and the policy that is valued in it."""

    turns: int = 1
    """Requests of a session, which share a part of their luck."""
    curved: bool = False
    """Whether the best action changes with the context in a way that no straight line has."""
    floor: float = 0.1
    """The least propensity."""

    def expected(self, tasks, x):
        """Requests x actions: the mean reward."""
        slope = np.sin(3 * x) if self.curved else x
        base = np.array([[0.35, 0.5, 0.6], [0.6, 0.55, 0.5]])[tasks]
        return np.clip(base + 0.2 * slope[:, None] * np.array([-1.0, 0.2, 1.0]), 0.02, 0.98)

    def logging(self, tasks, x):
        """Requests x actions: the propensities, which favour what looks cheap."""
        raw = np.exp(np.column_stack([0.8 - x, np.zeros_like(x), x - 0.5 * tasks]))
        return self.floor + (1 - 3 * self.floor) * raw / raw.sum(axis=1, keepdims=True)

    def target(self, tasks, x):
        """Requests x actions: mostly the strong where x is high, the middle elsewhere."""
        strong = np.where(x > 0, 0.85, 0.15)
        return np.column_stack([np.full_like(x, 0.05), 0.95 - strong, strong])

    def truth(self) -> float:
        """The mean reward of the target over all contexts."""
        return self._mean(self.target)

    def truth_of_logging(self) -> float:
        """The same of the policy that logs."""
        return self._mean(self.logging)

    def _mean(self, policy) -> float:
        x = np.linspace(-1, 1, 20_001)
        both = [np.full(len(x), task) for task in (0, 1)]
        return float(
            np.mean([(policy(t, x) * self.expected(t, x)).sum(axis=1).mean() for t in both])
        )

    def arrays(self, n, seed) -> Drawn:
        """A log of n requests as plain arrays."""
        random = np.random.default_rng(seed)
        sessions = np.arange(n) // self.turns
        many = int(sessions[-1]) + 1
        tasks, x = random.integers(0, 2, many)[sessions], random.uniform(-1, 1, many)[sessions]
        logging = self.logging(tasks, x)
        taken = (logging.cumsum(axis=1) < random.random(n)[:, None]).sum(axis=1).clip(max=2)
        luck = 0.1 * random.choice([-1, 1], many)[sessions] * (self.turns > 1)
        mean = np.clip(self.expected(tasks, x)[np.arange(n), taken] + luck, 0, 1)
        rewards = (random.random(n) < mean).astype(float)
        return Drawn(sessions, tasks, x, logging, self.target(tasks, x), taken, rewards)

    def draw(self, n, seed) -> tuple[LoggedTraffic, Target]:
        """The same as logged traffic, and what the target would do at each request."""
        drawn = self.arrays(n, seed)
        frame = pd.DataFrame(
            {
                "task": np.array(["write", "sum up"])[drawn.tasks],
                "tier": "basic",
                "action": np.array(ACTIONS)[drawn.taken],
                "propensity": drawn.logging[np.arange(n), drawn.taken],
                "quality": drawn.rewards,
                "cluster": [f"s{session}" for session in drawn.sessions],
                "complexity": drawn.x,
            }
        )
        return LoggedTraffic.from_frame(frame), Target("target", ACTIONS, drawn.target)
