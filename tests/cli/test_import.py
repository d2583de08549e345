"""``orchestra outcomes import``: what came in is told, and what did not."""

from __future__ import annotations

import json
from pathlib import Path

from orchestra_kit.outcomes import Outcomes
from tests.outcomes.importing.test_litellm import lines, request
from tests.outcomes.importing.test_suite import cell, run


def test_what_came_in_and_what_did_not_is_told(orchestra, tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        request(),
        request(request_id="r2", model="gpt-5", metadata={}, spend=0.0),
        request(request_id="r3", call_type="aembedding"),
    )
    ended = orchestra("outcomes", "import", path, "--to", tmp_path / "out.parquet")
    assert ended.status == 0
    assert ended.err == ""
    for words in ("2 recorded", "2: gpt-5-mini, gpt-5", "1 of 2 (50.0 %)", "aembedding", "cost of"):
        assert words in ended.out
    assert len(Outcomes.read(tmp_path / "out.parquet")) == 2


def test_json_says_the_same(orchestra, tmp_path: Path) -> None:
    path = lines(tmp_path, request(), request(request_id="r3", cache_hit="True"))
    out = tmp_path / "out.parquet"
    told = json.loads(orchestra("outcomes", "import", path, "--to", out, "--json").out)
    assert told["to"] == str(out)
    assert (told["rows"], told["queries"], told["models"]) == (1, 1, ["gpt-5-mini"])
    assert (told["scored"], told["cost_known"], told["source"]) == (1, 1, "recorded")
    assert told["origins"] == {"litellm:spend.jsonl": 1}
    assert [left["n"] for left in told["left_out"]] == [1]


def test_a_run_that_the_command_printed_is_imported(orchestra, contentforge, tmp_path) -> None:
    printed = orchestra("suite", "run", contentforge / "suite.yaml", "--epochs", "1", "--json")
    (tmp_path / "run.json").write_text(printed.out)
    out = tmp_path / "out.parquet"
    assert orchestra("outcomes", "import", tmp_path / "run.json", "--to", out).status == 0
    assert Outcomes.read(out).source.value == "simulated"


def test_a_store_gives_the_runs_that_it_keeps(orchestra, contentforge, tmp_path) -> None:
    store = tmp_path / "store.db"
    printed = orchestra("suite", "run", contentforge / "suite.yaml", "--epochs", "2",
                        "--store", store, "--json")  # fmt: skip
    (tmp_path / "run.json").write_text(printed.out)
    for name in ("store.db", "run.json"):
        out = tmp_path / f"{name}.parquet"
        ended = orchestra("outcomes", "import", tmp_path / name, "--to", out)
        assert ended.status == 0, ended.err
    one, two = (Outcomes.read(tmp_path / f"{n}.parquet").frame for n in ("store.db", "run.json"))
    keys = ["query_id", "model", "score", "cost_usd", "latency_s", "prompt"]
    rows = [f[keys].sort_values(["query_id", "model"], ignore_index=True) for f in (one, two)]
    assert rows[0].equals(rows[1])


def test_bad_input_ends_with_status_2_and_writes_nothing(orchestra, tmp_path: Path) -> None:
    good, out = run(tmp_path, cell("one")), tmp_path / "out.parquet"
    bad = lines(tmp_path, request(spend="free"))
    for arguments, words in (
        ((bad, "--to", out), "spend.jsonl:1: spend: is “free” where a number belongs."),
        ((good, "--to", tmp_path / "out.csv"), "does not end in .parquet"),
        ((good, "--to", out, "--format", "csv"), "There is no format “csv”"),
        ((tmp_path / "absent.json", "--to", out), "there is no such file"),
    ):
        ended = orchestra("outcomes", "import", *arguments)
        assert ended.status == 2, ended
        assert ended.out == ""
        assert words in ended.err
    assert not out.exists()


def test_a_file_to_import_is_never_overwritten(orchestra, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    assert orchestra("outcomes", "import", run(tmp_path, cell("one")), "--to", out).status == 0
    before = out.read_bytes()
    ended = orchestra("outcomes", "import", out, "--to", out)
    assert ended.status == 2
    assert "is one of the files to import" in ended.err
    assert out.read_bytes() == before
