"""Prompts that are the same one stay together: in splits, folds and clusters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.prompt_key import on_test_side, prompt_codes, prompt_key

PROMPTS = st.text(alphabet="abcAB \t\n\u00a0\u3000éÉßİ", max_size=12)


@given(PROMPTS)
def test_capitals_and_spaces_make_no_other_prompt(prompt: str) -> None:
    key = prompt_key(prompt)
    assert prompt_key(f"  {prompt}\n") == key
    assert prompt_key(prompt.lower()) == key
    assert prompt_key(key) == key


@given(st.lists(PROMPTS, min_size=1), st.integers(0, 3), st.floats(0.05, 0.95))
def test_equal_prompts_share_code_and_side(prompts: list[str], seed: int, share: float) -> None:
    codes, sides = prompt_codes(prompts), on_test_side(prompts, share, seed)
    by_key: dict[str, tuple[int, bool]] = {}
    for prompt, code, side in zip(prompts, codes, sides, strict=True):
        assert by_key.setdefault(prompt_key(prompt), (code, side)) == (code, side)
    assert sorted(set(codes)) == list(range(len(by_key)))


@given(st.lists(PROMPTS, min_size=1))
def test_a_prompt_lies_on_the_same_side_in_every_table(prompts: list[str]) -> None:
    whole = on_test_side(prompts, 0.3, 1)
    assert [bool(on_test_side([prompt], 0.3, 1)[0]) for prompt in prompts] == whole.tolist()


def test_a_larger_share_only_adds_to_the_test_side() -> None:
    prompts = [f"prompt {n}" for n in range(2000)]
    small, large = (on_test_side(prompts, share, 5) for share in (0.2, 0.5))
    assert not (small & ~large).any()
    assert 0.17 < small.mean() < 0.23
    assert 0.46 < large.mean() < 0.54


def test_another_seed_is_another_split() -> None:
    prompts = [f"prompt {n}" for n in range(200)]
    assert (on_test_side(prompts, 0.5, 0) != on_test_side(prompts, 0.5, 1)).any()
