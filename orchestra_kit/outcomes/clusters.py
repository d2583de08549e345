"""Which outcomes resemble each other because they come from one piece of work.

The same prompt asked again, the epochs of one scenario and the turns of one conversation are no new
evidence of what a model can do. They are one cluster: intervals and tests count clusters.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from orchestra_kit.outcomes.prompt_key import prompt_codes

__all__ = ["clusters_of", "stem"]

_AGAIN = re.compile(
    r"(?:[/_:.#-]|\s)\s*(?:turn|epoch|repeat|rep|sample|try|attempt)[ _:=-]?\d+$|\s#\d+$",
    re.IGNORECASE,
)
"""How the id of a query ends that is a turn or a repetition: ``mtbench/100/turn2``, ``q1 #3``, the
latter written by the imports of this kit."""


def stem(query_id: str) -> str:
    """The id without a turn or a repetition at its end: what its siblings share."""
    cut = _AGAIN.sub("", query_id)
    return cut or query_id


def clusters_of(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """A whole number from 0 for each row; rows of one cluster share it.

    Rows are of one cluster that share a prompt, whatever its capitals and spaces, or a query's id
    without its turn and repetition, in one dataset; and so is whatever these join. A blank prompt
    joins nothing. Needs the columns ``dataset``, ``query_id`` and ``prompt``.
    """
    queries, places = _queries(frame)
    n = len(queries)
    stems = pd.factorize(queries["dataset"].astype(str) + "\n" + queries["query_id"].map(stem))[0]
    prompts = prompt_codes(queries["prompt"])
    blank = ~queries["prompt"].str.strip().astype(bool).to_numpy()
    # One node for each query, stem and prompt; an edge from a query to both of its own.
    first_prompt = n + int(stems.max(initial=-1)) + 1
    nodes = first_prompt + int(prompts.max(initial=-1)) + 1
    told = np.flatnonzero(~blank)
    heads = np.concatenate([np.arange(n), told])
    tails = np.concatenate([n + stems, first_prompt + prompts[told]])
    edges = coo_array((np.ones(len(heads)), (heads, tails)), shape=(nodes, nodes))
    labels = connected_components(edges, directed=False)[1][:n]
    return np.asarray(pd.factorize(labels)[0], dtype=np.int64)[places]


def _queries(frame: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """The queries, and for each row its query; a query may be worded in several ways."""
    columns = frame[["dataset", "query_id", "prompt"]]
    whole = np.zeros(len(columns), dtype=np.int64)
    for name in columns:
        codes, values = pd.factorize(columns[name])
        # Numbered anew after each column, so that no product overflows.
        whole = pd.factorize(whole * (len(values) + 1) + codes)[0]
    first = np.unique(whole, return_index=True)[1]
    return columns.iloc[first].reset_index(drop=True), np.asarray(whole, dtype=np.int64)
