"""Grids of made-up outcomes whose law is known, so that what is learnt can be held to it."""

from __future__ import annotations

import numpy as np

from orchestra_kit.core.answer import Source
from orchestra_kit.outcomes.grid import Grid

TOPICS = {
    "algebra": ("solve", "equation", "polynomial", "root", "variable", "factor", "matrix", "ring"),
    "history": ("king", "empire", "treaty", "war", "century", "revolt", "parliament", "colony"),
    "biology": ("cell", "protein", "membrane", "enzyme", "species", "nucleus", "tissue", "gene"),
}
FILLER = ("the", "a", "of", "which", "what", "is", "and", "to", "in", "for", "that", "with")
CHANCES = {
    "algebra": (0.2, 0.9, 0.5),
    "history": (0.9, 0.3, 0.5),
    "biology": (0.6, 0.6, 0.5),
}
MODELS = ("reader", "reckoner", "middling")


def grid(n: int = 600, seed: int = 5, *, hard: bool = True) -> Grid:
    """n prompts of three topics; each model's chance is its topic's, less for a hard prompt, which
    says “hardest”."""
    random = np.random.default_rng(seed)
    names = list(TOPICS)
    prompts, tasks, chances = [], [], []
    for number in range(n):
        task = names[number % len(names)]
        words = [*random.choice(TOPICS[task], 5), *random.choice(FILLER, 6)]
        difficult = hard and random.random() < 0.4
        random.shuffle(words)
        prompts.append(f"{'Hardest: ' if difficult else ''}{' '.join(words)} q{number}")
        tasks.append(task)
        chances.append([c * (0.4 if difficult else 1.0) for c in CHANCES[task]])
    scores = (random.random((n, len(MODELS))) < np.array(chances)).astype(np.float64)
    unknown = np.full((n, len(MODELS)), np.nan)
    return Grid(
        models=MODELS,
        queries=np.array([f"made_up/{k}" for k in range(n)], dtype=object),
        prompts=np.array(prompts, dtype=object),
        tasks=np.array(tasks, dtype=object),
        scores=scores,
        costs=unknown,
        latencies=unknown,
        answers=np.full((n, len(MODELS)), -1),
        lengths=unknown,
        responses=None,
        source=Source.RECORDED,
    )
