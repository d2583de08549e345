"""The tables of the store: a manual for whoever queries it by SQL.

**Units.** Moments (`at`, `until`, `started`, `ended`, `first_used` and all that end in `_at`) are
whole microseconds since 1970-01-01 UTC. Money (`cost`, `cost_upper`, `cost_reported`,
`cost_computed`, `cost_avoided`) is whole nano-dollars: divide by 1e9. NULL money is an unknown
amount, never 0. Durations (`seconds`, `first_token`) are seconds; `quality`, `confidence` and
`propensity` lie between 0 and 1, `complexity` between 0 and 100. Seeds are decimal text.
Structures are compact JSON text. In SQLite ``datetime(at / 1000000, 'unixepoch')`` and
``candidates ->> '$[0][0]'`` read them, in PostgreSQL ``to_timestamp(at / 1e6)`` and
``candidates::jsonb -> 0 ->> 0``. PostgreSQL wants the column ``"user"`` in quotes: without them
the word means whoever asks.

**Every row of what happened carries** `run_id`, the run that it belongs to, and `source`:
``simulated``, ``recorded`` or ``live``. Rows of different sources are never to be added up in one
figure.

**A request's identifier is unique within its run only** (two runs with one seed make the same
requests): join by both, ``JOIN attempts a ON a.request_id = r.id AND a.run_id = r.run_id``.

requests
    One row for each request that ended. `status` is ``answered``, ``queued``, ``review``,
    ``incomplete``, ``refused``, ``blocked`` or ``unavailable``. `choice` is the deployment to be
    tried first and `propensity` the probability that it was; `deployment`, `model` and `chain_tier`
    (0 primary, 1 secondary, 2 tertiary) say who answered, empty and NULL where nobody did.
    `attempts` counts sends. `cost` sums the attempts whose cost is known. `cost_upper` is what the
    others may have cost beside: 0 where there are none, NULL where one has no bound. `quality` is
    NULL where it could not be scored. `message` is what the requester was told when no model
    answered. `prompt_hash` is a keyed digest, alike for equal prompts within this store; `prompt`
    is NULL unless the store was opened to capture prompts in full. `feature`, `team` and `workflow`
    are whom its cost is put down to; `incident` is the incident that it was touched by. All are
    empty where there is none. `repeats` is when the answer was made that was given again, NULL
    where it was made for this request; nobody was asked then, `cost` is 0 and `cost_avoided` what
    the answer had cost, NULL where that is unknown.
decisions
    Why, for each request. `chain`: deployments in the order in which they were to be tried.
    `planned`: the same with every deployment available, NULL where equal. `candidates`: one array
    for each, ``[deployment, score, quality, cost, latency, dropped_because]``, with expected
    dollars and seconds, six significant figures, nulls where a figure is unknown; the last item is
    left out for those that were not dropped. `context`: the fields that conditions read.
attempts
    One row for each send, and for each that was decided against (`outcome` ``not_sent``). `state`
    is ``sending`` from before the send until its ending is known, then ``done``. `outcome` is
    ``answered``, ``refused``, ``failed``, ``unknown`` or ``not_sent``; `failure` is why, also for
    answers that the quality gate turned away. `unknown` means that the answer was never seen:
    `cost` is NULL and `cost_upper` what it may have cost. Counts of tokens
    are disjoint and add up: `input_tokens` (fresh text), `cached_tokens` (read from the provider's
    cache), `cache_write_tokens` and `cache_write_1h_tokens` (written to it), `input_audio_tokens`,
    `input_image_tokens`; `output_tokens` (visible text), `reasoning_tokens`, `output_audio_tokens`,
    `output_image_tokens`. `queries` are searches billed by the call. All are NULL where no usage is
    known, and those from `cache_write_tokens` on also in rows that version 0001 wrote.
    `cost_reported` is what the provider itself stated, `cost_computed` what usage and price book
    make; `cost` is the first where there is one. `first_token` is how long the first word took.
    `hedge` marks a send beside another that was slow. `dropped_parameters` lists parameters that
    the model does not take, NULL for none. Attempts of a process that was killed have no row in
    `requests`.
queue
    Requests that wait for a person or for a quieter hour, `state` ``open`` or ``done``. The text is
    kept whatever is captured elsewhere, and `asked` is what else was asked of the request, such as
    its user, parameters and region; both are erased when the entry is done.
notices
    What operators were told; `severity` is ``info``, ``warning`` or ``critical``.
incidents
    What went wrong for a while: `kind` is the entry of the playbook, `about` the deployment or
    task, `requests` how many it touched, `escalated` to whom it was handed, `state` ``open`` or
    ``closed``. `last_at` is when it was last seen. One that its process left open is closed by the
    next one to write, as of `last_at`.
runs
    `kind` is ``service`` (real use), ``traffic`` (generated), ``suite`` or ``recording``; `state`
    is ``running``, ``complete`` or ``failed``. Reports cover kinds service and traffic.
cells
    Results of a suite: one for each scenario and epoch.
days
    The days of generated traffic that are complete. A day's rows and its mark are written in one
    transaction; rows of a day without a mark are no part of any figure.
policies
    Every policy that was used, by content hash.
overrides
    What a person put in place of the rules: requests of `task` and `tier` (empty: of all) try `use`
    first, from `at` until `until` or until `ended_at`, whichever is earlier.
changes
    The journal of what was changed about routing: `kind` is ``override``, ``override_ended``,
    ``promotion``, ``rollback``, ``isolation``, ``closing`` or ``adaptation_off``.
breakers
    How each deployment's breaker stood at `at`, for the next process to go on with: `state`,
    consecutive `openings`, and until when it stays shut, NULL where it is not.
answers
    Answers that are kept to be given again until `until`, for tasks whose policy says so. `key` is
    a digest of everything that was sent and of who may share it. The text is the model's; that of
    the request is not kept. Left out of every export.
settings
    The store's own, such as the key of the prompt digests. Leave it out of every export.
"""

from __future__ import annotations

from orchestra_kit.store.tables import (
    answers,
    attempts,
    breakers,
    cells,
    changes,
    days,
    decisions,
    incidents,
    metadata,
    notices,
    overrides,
    policies,
    queue,
    requests,
    runs,
    settings,
)

__all__ = [
    "VERSIONS",
    "VERSION_TABLE",
    "answers",
    "attempts",
    "breakers",
    "cells",
    "changes",
    "days",
    "decisions",
    "incidents",
    "metadata",
    "notices",
    "overrides",
    "policies",
    "queue",
    "requests",
    "runs",
    "settings",
]

VERSIONS = ("0001", "0002", "0003")
"""Versions of these tables, oldest first; the last is what this package writes."""

VERSION_TABLE = "orchestra_version"
