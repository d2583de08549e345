"""Logs of inspect_ai: ``.eval``, which is a zip of a document for each sample, and ``.json``.

The log's task is the dataset, its samples are the queries, each epoch a query of its own. Where a
sample has several scores the first scorer counts, with the values that inspect_ai gives its marks:
C 1, P 0.5, I and N 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestra_kit.outcomes.importing.batch import Batch, Row, outcomes_of
from orchestra_kit.outcomes.importing.messages import answer_text, content_text, prompt_text
from orchestra_kit.outcomes.importing.records import Fields, Record, first_value, records
from orchestra_kit.outcomes.importing.scales import usable_score
from orchestra_kit.outcomes.importing.zipped import is_zip, zipped_documents
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "find", "read"]

NAME = "inspect"
_TASKS = ("task", "category", "subject", "domain")
"""Keys of a sample's metadata that name its task."""
_CHUNKED = "sample.json"


def detect(path: Path) -> bool:
    """Whether the file is a log."""
    if is_zip(path):
        return path.suffix.lower() == ".eval" or "_journal/start.json" in _names(path)
    value = first_value(path) if path.suffix.lower() == ".json" else None
    evaluated = value.get("eval") if isinstance(value, dict) else None
    return isinstance(evaluated, dict) and {"task", "model"} <= evaluated.keys()


def read(path: Path | str) -> Outcomes:
    """The samples of a log as outcomes.

    Raises TableError, with every fault found.
    """
    return outcomes_of([find(Path(path))])


def find(path: Path) -> Batch:
    """What the file holds."""
    batch = Batch(path, NAME, cost_source="list_price")
    if is_zip(path):
        header, samples = _zipped(batch, path)
    else:
        document = next(iter(records(path)), Record(None)).value
        header = document if isinstance(document, dict) else {}
        listed = header.get("samples")
        samples = [
            Record(sample, 0, f"samples.{place}")
            for place, sample in enumerate(listed if isinstance(listed, list) else ())
        ]
    evaluated = Fields(batch, Record(header)).at("eval")
    model, task = evaluated.text("model"), evaluated.text("task")
    if model is None or task is None:
        batch.fault("is no log of inspect_ai: its header names no model and task.", key="eval")
        return batch
    if not samples:
        batch.leave_out("log without samples")
    for sample in sorted(samples, key=_epoch):
        _add(batch, Fields(batch, sample), model, task, evaluated)
    return batch


def _zipped(batch: Batch, path: Path) -> tuple[Mapping[str, object], list[Record]]:
    header: Mapping[str, object] = {}
    samples = []
    wanted = ("header.json", "_journal/start.json", "start.json")
    for name, value in zipped_documents(path, lambda n: n in wanted or n.startswith("samples/")):
        if name in wanted:
            if isinstance(value, dict) and "eval" in value:
                header = value
        elif name.count("/") == 1:
            samples.append(Record(value, 0, name))
        elif name.endswith(f"/{_CHUNKED}"):
            batch.leave_out("sample in pieces; write the log anew by inspect log convert --to json")
    return header, samples


def _add(batch: Batch, sample: Fields, model: str, task: str, evaluated: Fields) -> None:
    prompt = _prompt(sample)
    if prompt is None:
        batch.leave_out("sample without a text as input")
        return
    failed = sample.get("error") is not None
    output, metadata = sample.at("output"), sample.at("metadata")
    scorer, scored = _first_score(sample)
    score, reason = (None, None) if failed else usable_score(batch, scored.get("value"), scorer)
    usage = _usage(sample, output, model)
    completion = answer_text(output.values) or output.text("completion")
    batch.rows.append(
        Row(
            dataset=task,
            query_id=sample.text("id") or prompt[:80],
            task=next((t for t in map(metadata.text, _TASKS) if t), task),
            prompt=prompt,
            model=model,
            score=score,
            input_tokens=_fed(usage),
            output_tokens=usage.number("output_tokens"),
            cost_usd=usage.number("total_cost"),
            latency_s=None if failed else _seconds(sample, output),
            answer=scored.text("answer"),
            response=None if failed or completion is None else _attached(sample, completion),
            recorded_at=sample.moment("completed_at", "started_at") or evaluated.moment("created"),
            record_id=sample.text("uuid"),
            scorer=scorer if scored.values else None,
            reason=reason or scored.text("explanation"),
            failure=(sample.at("error").text("message") or "error") if failed else None,
        )
    )


def _prompt(sample: Fields) -> str | None:
    asked = prompt_text(sample.get("input"))
    if asked is None:
        return None
    choices = sample.get("choices")
    if isinstance(choices, list) and choices:
        letters = (f"{chr(65 + n % 26)}) {content_text(c)}" for n, c in enumerate(choices))
        asked = "\n".join([asked, "", *letters])
    return _attached(sample, asked)


def _attached(sample: Fields, text: str) -> str:
    """The text with what is kept apart of it put in its place."""
    if "attachment://" in text:
        for name, content in sample.at("attachments").values.items():
            if isinstance(content, str):
                text = text.replace(f"attachment://{name}", content)
    return text


def _first_score(sample: Fields) -> tuple[str, Fields]:
    several = sample.at("scores")
    name = next(iter(several.values), "")
    return (name, several.at(name)) if name else ("score", sample.at("score"))


def _usage(sample: Fields, output: Fields, model: str) -> Fields:
    """What the model itself used, without graders."""
    own = sample.at("model_usage").at(model)
    return own if own.values else output.at("usage")


def _fed(usage: Fields) -> float | None:
    """Tokens of the prompt, with those that a provider's cache held where they count apart."""
    fed, made = usage.number("input_tokens"), usage.number("output_tokens")
    cached = [usage.number(f"input_tokens_cache_{how}") or 0.0 for how in ("read", "write")]
    if fed is not None and usage.number("total_tokens") == fed + (made or 0.0) + sum(cached):
        return fed + sum(cached)
    return fed


def _seconds(sample: Fields, output: Fields) -> float | None:
    """Of the call where there was one; otherwise of all work on the sample."""
    messages = sample.get("messages")
    turns = _turns(messages) if isinstance(messages, list) else 1
    alone = output.number("time") if turns <= 1 else None
    return alone if alone is not None else sample.number("working_time", "total_time")


def _turns(messages: Iterable[object]) -> int:
    return sum(isinstance(m, dict) and m.get("role") == "assistant" for m in messages)


def _epoch(sample: Record) -> float:
    epoch = sample.value.get("epoch") if isinstance(sample.value, dict) else None
    return float(epoch) if isinstance(epoch, int) else 1.0


def _names(path: Path) -> Iterable[str]:
    return (name for name, _ in zipped_documents(path, lambda n: n == "_journal/start.json"))
