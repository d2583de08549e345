"""The recording that ships: whole, consistent with its prompts, and as its README tells it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestra_kit.bench.prompts import Prompts
from orchestra_kit.bench.recorded_capabilities import capabilities_from
from orchestra_kit.core.answer import Source
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = ("qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "gemma-3-270m")


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return Outcomes.read(EXAMPLES / "recorded" / "outcomes.parquet")


def test_every_prompt_was_answered_by_every_model(outcomes):
    prompts = Prompts.load(EXAMPLES / "recorded" / "prompts.yaml").prompts
    frame = outcomes.frame
    assert outcomes.source is Source.RECORDED
    assert len(frame) == len(prompts) * len(MODELS) == 360
    assert set(frame["model"]) == set(MODELS)
    assert set(frame["prompt"]) == {prompt.prompt for prompt in prompts}
    assert frame["score"].between(0, 1).all()
    assert (frame["latency_s"] > 0).all()
    assert (frame["cost_usd"] >= 0).all()


def test_the_scores_are_what_the_scorers_give_to_the_responses(outcomes):
    scorers = {
        prompt.id: prompt.scorer
        for prompt in Prompts.load(EXAMPLES / "recorded" / "prompts.yaml").prompts
    }
    for row in outcomes.frame.itertuples():
        again = scorers[row.query_id].score(row.response)
        assert again.value == pytest.approx(row.score), (row.query_id, row.model)


def test_larger_models_score_higher_over_all(outcomes):
    means = outcomes.frame.groupby("model", observed=True)["score"].mean()
    assert means[MODELS[0]] > means[MODELS[1]] > means[MODELS[2]]


def test_no_task_is_all_right_or_all_wrong(outcomes):
    means = outcomes.frame.groupby("task", observed=True)["score"].mean()
    assert means.between(0.1, 0.9).all()


def test_the_readme_states_the_figures_of_the_table(outcomes):
    text = (EXAMPLES / "recorded" / "README.md").read_text("utf-8")
    frame = outcomes.frame
    for task in frame["task"].unique():
        rows = re.findall(rf"^\| {task} \| (.+) \|$", text, re.MULTILINE)
        stated = [cell.split()[0] for cell in rows[0].split(" | ")]
        seconds = rows[1].split(" | ")
        for model, quality, latency in zip(MODELS, stated, seconds, strict=True):
            cell = frame[(frame["task"] == task) & (frame["model"] == model)]
            assert quality == f"{cell['score'].mean():.2f}"
            assert latency == f"{cell['latency_s'].median():.1f}"


def test_the_capabilities_of_the_local_policy_are_those_of_the_recording(outcomes):
    policy = Policy.load(EXAMPLES / "local")
    assert policy.capabilities == capabilities_from(outcomes, policy).capabilities


def test_the_examples_that_train_the_classifier_are_none_of_the_prompts(outcomes):
    policy = Policy.load(EXAMPLES / "local")
    prompts = set(outcomes.frame["prompt"])
    for task in policy.tasks:
        assert len(policy.examples(task)) >= 40
        assert not prompts & set(policy.examples(task))
