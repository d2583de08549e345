"""``orchestra outcomes evaluate`` from the command line."""

from __future__ import annotations

import json

import pytest

from tests.outcomes.routers.worlds import world


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "world.parquet"
    world(n=150).write(path)
    return path


def test_a_file_on_both_sides_is_parted_by_its_own_split(orchestra, file):
    done = orchestra(
        "outcomes", "evaluate", "--train", file, "--test", file, "--routers",
        "best_single,argmax", "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert (found["n_train"], found["n_test"]) == (100, 50)
    assert set(found["routers"]) == {"best_single", "argmax"}


def test_a_person_reads_a_table(orchestra, file):
    done = orchestra("outcomes", "evaluate", "--train", file, "--test", file, "--routers",
                     "argmax,threshold")  # fmt: skip
    assert done.status == 0, done.err
    assert "argmax (chosen)" in done.out
    assert "threshold: It chooses between two models; name a weak and a strong one." in done.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--weak", "small"], "give both --weak and --strong"),
        (["--weak", "small", "--strong", "small"], "a pair is two models"),
        (["--models", "small,large", "--weak", "other", "--strong", "large"], "add it to them"),
        (["--routers", "clever"], "no router “clever”"),
        (["--models", "huge"], "no model “huge”"),
    ],
)
def test_bad_input_is_one_sentence(orchestra, file, more, said):
    done = orchestra("outcomes", "evaluate", "--train", file, "--test", file, *more)
    assert done.status == 2
    assert said in done.err
    assert "Traceback" not in done.err
