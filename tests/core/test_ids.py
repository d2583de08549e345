"""Identifiers sort by time; hashes and seeds depend on content alone."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.ids import content_hash, new_id, stable_seed


@given(st.floats(1e9, 2e9), st.floats(0.002, 1e6))
def test_later_identifiers_sort_later(moment, delay):
    assert new_id("req", moment) < new_id("req", moment + delay)


def test_a_seeded_identifier_is_reproducible():
    assert new_id("req", 1.8e9, Random(3)) == new_id("req", 1.8e9, Random(3))
    assert new_id("req", 1.8e9, Random(3)) != new_id("req", 1.8e9, Random(4))


def test_the_order_of_keys_does_not_change_a_hash():
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})


def test_a_seed_is_alike_in_every_process():
    assert stable_seed("a", 1) == 9331952569449725121
    assert stable_seed("ab", "c") != stable_seed("a", "bc")
