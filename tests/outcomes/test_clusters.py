"""What counts as one piece of evidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.clusters import clusters_of, stem


def _frame(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["dataset", "query_id", "prompt"])


@pytest.mark.parametrize(
    ("query_id", "shared"),
    [
        ("mtbench/100/turn2", "mtbench/100"),
        ("q1 #3", "q1"),
        ("scenario-7/epoch-12", "scenario-7"),
        ("a:repeat=2", "a"),
        ("talk_Turn 4", "talk"),
        ("gsm/gsm8k-main-test-#10", "gsm/gsm8k-main-test-#10"),
        ("mmlu/anatomy/27", "mmlu/anatomy/27"),
        ("return2", "return2"),
        ("/turn2", "/turn2"),
    ],
)
def test_turns_and_repetitions_end_an_id_and_numbers_alone_do_not(
    query_id: str, shared: str
) -> None:
    assert stem(query_id) == shared


def test_equal_prompts_are_one_cluster_whatever_their_capitals_and_spaces() -> None:
    found = clusters_of(_frame(("d", "a", "Two  plus\ttwo"), ("d", "b", "two plus two"),
                               ("d", "c", "three")))  # fmt: skip
    assert found.tolist() == [0, 0, 1]


def test_turns_of_a_conversation_are_one_cluster_and_those_of_another_dataset_are_not() -> None:
    found = clusters_of(_frame(("d", "7/turn1", "one"), ("d", "7/turn2", "two"),
                               ("e", "7/turn1", "three")))  # fmt: skip
    assert found.tolist() == [0, 0, 1]


def test_what_is_joined_to_the_same_is_joined() -> None:
    # The first two share a prompt, the last two a conversation.
    found = clusters_of(_frame(("d", "a", "one"), ("d", "b/turn1", "ONE"), ("d", "b/turn2", "two")))
    assert found.tolist() == [0, 0, 0]


def test_blank_prompts_join_nothing() -> None:
    assert clusters_of(_frame(("d", "a", ""), ("d", "b", "  "))).tolist() == [0, 1]


def test_answers_of_several_models_to_one_query_share_its_cluster() -> None:
    rows = _frame(("d", "a", "one"), ("d", "b", "two"))
    assert clusters_of(pd.concat([rows, rows])).tolist() == [0, 1, 0, 1]


@given(
    st.lists(
        st.tuples(st.sampled_from("de"), st.sampled_from("abcdef"), st.sampled_from("uvwxyz")),
        min_size=1, max_size=20,
    ),
    st.randoms(),
)  # fmt: skip
def test_clusters_do_not_depend_on_the_order_of_rows(rows, random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    there = clusters_of(_frame(*rows))[order]
    again = clusters_of(_frame(*[rows[place] for place in order]))
    same = there[:, None] == there[None, :]
    assert (same == (again[:, None] == again[None, :])).all()
    assert len(np.unique(again)) == again.max() + 1
