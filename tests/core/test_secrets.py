"""Canaries: values that must be found in no text, however they travelled."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import ConfigError, MissingSecret
from orchestra_kit.core.secrets import HIDDEN, Secrets, scrub, secret

CANARIES = ("canary-1a2b3c4d5e", 'quo"te%per\\cent/9f8e', "plus+and=slash/77aa", "with space 4d4d")


@pytest.fixture
def secrets() -> Secrets:
    found = Secrets()
    for canary in CANARIES:
        found.add(canary)
    return found


def forms(value: str, before: bytes = b"") -> dict[str, str]:
    return {
        "raw": value,
        "json": json.dumps({"key": value}),
        "json twice": json.dumps(json.dumps({"key": value})),
        "url": quote(value, safe=""),
        "url path": quote(value),
        "url form": quote_plus(value),
        "url in small letters": quote(value, safe="").replace("%2F", "%2f").replace("%22", "%22"),
        "base64": base64.b64encode(before + value.encode() + b":rest").decode(),
        "base64 for URLs": base64.urlsafe_b64encode(before + value.encode() + b":rest").decode(),
    }


@pytest.mark.parametrize("value", CANARIES)
@pytest.mark.parametrize("name", list(forms("x")))
def test_a_registered_value_is_hidden_in_every_form(secrets, value, name):
    text = forms(value)[name]
    shown = secrets.scrub(f"before {text} after")
    assert HIDDEN in shown
    assert value not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("before", [b"", b"u", b"us", b"usr", b"user:"])
def test_base64_is_found_at_every_offset(secrets, before):
    value = CANARIES[0]
    encoded = base64.b64encode(before + value.encode() + b" and more").decode()
    shown = secrets.scrub(encoded)
    assert HIDDEN in shown
    longest_left = max(len(part) for part in shown.split(HIDDEN))
    assert longest_left < len(encoded) - len(value)


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijklmnop1234",
        "Authorization: Bearer abc.def-ghi_jkl",
        "bearer ABCDEFGHIJ",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIB never ends",
        "gsk_abcdefghijklmnopqrst",
    ],
)
def test_what_looks_like_a_key_is_hidden_without_being_registered(text):
    shown = scrub(f"x {text}")
    assert shown.startswith("x ")
    assert HIDDEN in shown
    assert text[-6:] not in shown


@pytest.mark.parametrize(
    "text",
    ["", "Bring a task-oriented risk-averse mind.", "The bearer of news", "sk-8", "AKIA", "eyJ."],
)
def test_ordinary_words_stay(text):
    assert scrub(text) == text


def test_a_value_is_read_from_the_environment_and_hidden_from_then_on():
    value = secret("env:CANARY_KEY", {"CANARY_KEY": "  canary-ee11dd22cc33 \n"})
    assert value == "canary-ee11dd22cc33"
    assert scrub(f"{{'key': '{value}'}}") == f"{{'key': '{HIDDEN}'}}"


def test_no_key_is_an_empty_value():
    assert secret("none", {}) == ""


@pytest.mark.parametrize("environment", [{}, {"A_KEY": ""}, {"A_KEY": "  "}])
def test_an_absent_key_names_the_variable(environment):
    with pytest.raises(MissingSecret, match="A_KEY"):
        secret("env:A_KEY", environment)


@pytest.mark.parametrize("value", ["two\nlines of canary", "canary\x00zero", "canary-é"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(value):
    with pytest.raises(MissingSecret) as caught:
        secret("env:A_KEY", {"A_KEY": value})
    assert value not in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("reference", ["sk-abc", "env:", "file:/etc/passwd", ""])
def test_a_key_itself_is_no_reference(reference):
    with pytest.raises(ConfigError) as caught:
        secret(reference, {"": "x"})
    assert "sk-abc" not in str(caught.value)


def test_the_registry_shows_and_gives_away_nothing(secrets):
    assert repr(secrets) == "Secrets()"
    assert str(secrets) == "Secrets()"
    assert not any(canary.encode() in pickle.dumps(secrets) for canary in CANARIES)
    assert copy.deepcopy(secrets).scrub(CANARIES[0]) == CANARIES[0]


def test_short_values_do_not_tear_words_apart():
    found = Secrets()
    found.add("tea")
    assert found.scrub("a teapot") == "a teapot"


@given(st.text(min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_value_survives_whatever_surrounds_it(value, before, after):
    found = Secrets()
    found.add(value)
    kept = found.scrub(before + value + after)
    assert value not in kept or value in HIDDEN + after or value in before + HIDDEN
