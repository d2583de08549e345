"""Recording: every prompt to every deployment, through the live backend, scored and kept.

::

    record(policy, prompts=Path("prompts.yaml"), out=Path("outcomes.parquet"),
           journal=Path("journal.jsonl"))

Calls are made one at a time, prompt by prompt and deployment after deployment: what shares a
machine would slow each other down, and its other load then falls on all of them alike. Answers go
to a journal as they come, so that a recording that was stopped goes on where it was. Scores are
made from the journal, never while asking: after a scorer was mended, `rescore` makes the table
again without asking anybody.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tqdm.auto import tqdm

from orchestra_kit.bench.journal import Entry, Journal, read_journal
from orchestra_kit.bench.prompts import Prompt, Prompts
from orchestra_kit.bench.recorded_rows import write_rows
from orchestra_kit.core.answer import Answer, Call
from orchestra_kit.core.clock import Clock, SystemClock
from orchestra_kit.core.errors import AttemptOutcome, BenchError, FailureClass, ProviderError
from orchestra_kit.core.ids import content_hash, new_id
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.live import Live
from orchestra_kit.providers.openai_compatible import EMPTY_MESSAGE
from orchestra_kit.providers.provider import Backend

__all__ = ["record", "rescore"]

MOST_OUTPUT_TOKENS = 256
"""Enough for every answer that is asked for; what rambles on is cut."""
_TIMEOUT = 180.0
"""Seconds for one answer: several times what the slowest takes here."""
_HOPELESS = frozenset(
    {FailureClass.CONNECT, FailureClass.AUTH, FailureClass.NOT_FOUND, FailureClass.QUOTA}
)
"""Failures that every further prompt would meet again."""


def record(
    policy: Policy,
    *,
    prompts: Path,
    out: Path,
    journal: Path,
    deployments: Sequence[str] | None = None,
    backend: Backend | None = None,
    clock: Clock | None = None,
    seed: int = 7,
    progress: bool = True,
) -> int:
    """Ask what the journal does not hold yet, then write the table; gives its number of rows.

    Sends temperature 0 and `seed` with every call. A failure becomes a row without a score and is
    asked again by the next run. Raises BenchError when a deployment cannot be reached at all, with
    everything answered so far in the journal; ConfigError for a file or an environment that is
    not in order; KeyError for a deployment that the policy does not have.
    """
    clock = clock or SystemClock()
    asked = Prompts.load(prompts)
    names = [policy.resolve(name) for name in deployments or policy.deployments]
    campaign = _Campaign(policy, backend or Live(policy, clock=clock), clock, seed)
    with Journal(journal) as book:
        known = read_journal(journal)
        clock.run_sync(campaign.run(asked.prompts, names, book, known, progress=progress))
    return rescore(policy, prompts=prompts, out=out, journal=journal, seed=seed)


def rescore(policy: Policy, *, prompts: Path, out: Path, journal: Path, seed: int = 7) -> int:
    """Write the table from the journal alone, with the scorers as they are now; gives its rows.

    Raises BenchError when the journal holds no answer to these prompts.
    """
    asked = Prompts.load(prompts)
    known = read_journal(journal)
    rows = [
        (prompt, entry)
        for prompt in asked.prompts
        for deployment in policy.deployments
        if (entry := known.get(_setup(policy, deployment, prompt, seed).key))
    ]
    if not rows:
        raise BenchError(f"{journal} holds no answer to {prompts}.", hint="Record some first.")
    return write_rows(rows, dataset=asked.dataset, prices=policy.prices, out=out)


@dataclass(frozen=True, slots=True)
class _Setup:
    """What is sent for a prompt beside its text."""

    prompt: Prompt
    deployment: str
    served_as: str
    most_tokens: int
    parameters: Mapping[str, object]

    @property
    def settings(self) -> str:
        return content_hash([self.served_as, self.most_tokens, dict(self.parameters)])

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.prompt.digest, self.settings, self.deployment)


def _setup(policy: Policy, deployment: str, prompt: Prompt, seed: int) -> _Setup:
    serving = policy.deployments[deployment]
    task = policy.tasks.get(prompt.task)
    allowed = task.max_output_tokens if task else MOST_OUTPUT_TOKENS
    return _Setup(
        prompt,
        deployment,
        serving.served_as or serving.model,
        min(allowed, MOST_OUTPUT_TOKENS),
        MappingProxyType({**serving.parameters, "temperature": 0, "seed": seed}),
    )


class _Campaign:
    """One recording under way."""

    def __init__(self, policy: Policy, backend: Backend, clock: Clock, seed: int) -> None:
        self._policy = policy
        self._backend = backend
        self._clock = clock
        self._seed = seed

    async def run(
        self,
        prompts: Sequence[Prompt],
        deployments: Sequence[str],
        journal: Journal,
        known: Mapping[tuple[str, str, str], Entry],
        *,
        progress: bool,
    ) -> None:
        """Ask everything that was not answered before."""
        setups = [_setup(self._policy, d, p, self._seed) for p in prompts for d in deployments]
        open_ones = [s for s in setups if s.key not in known or known[s.key].text is None]
        bar = tqdm(
            total=len(setups), initial=len(setups) - len(open_ones), disable=not progress,
            desc="recording", unit="answer",
        )  # fmt: skip
        try:
            await self._warm_up(open_ones)
            for setup in open_ones:
                bar.set_postfix_str(f"{setup.prompt.id} {setup.deployment}", refresh=False)
                journal.append(await self._ask(setup))
                bar.update()
        finally:
            bar.close()
            await self._backend.close()

    async def _warm_up(self, setups: Sequence[_Setup]) -> None:
        """One unrecorded call to each deployment, so that no prompt pays for its first loading."""
        for setup in {s.deployment: s for s in setups}.values():
            # What fails here fails again, and tells, in the recording itself.
            with contextlib.suppress(ProviderError, TimeoutError):
                await self._send(setup)

    async def _ask(self, setup: _Setup) -> Entry:
        started, moment = self._clock.monotonic(), self._clock.now()
        answer: Answer | None = None
        failure: ProviderError | None = None
        try:
            answer = await self._send(setup)
        except TimeoutError:
            failure = ProviderError(
                f"no answer within {_TIMEOUT:g} s",
                failure=FailureClass.TIMEOUT,
                outcome=AttemptOutcome.UNKNOWN,
            )
        except ProviderError as error:
            if error.failure in _HOPELESS:
                raise BenchError(
                    f"The recording stopped at {setup.deployment}: {error.args[0]}.",
                    hint="What was answered is kept; start again to go on.",
                ) from error
            failure = error
        seconds = self._clock.monotonic() - started
        # A model that answers with nothing has answered: that is its score, not our fault.
        empty = failure is not None and failure.code == EMPTY_MESSAGE
        return Entry(
            prompt_id=setup.prompt.id,
            digest=setup.prompt.digest,
            settings=setup.settings,
            deployment=setup.deployment,
            model=self._policy.deployments[setup.deployment].model,
            served_as=setup.served_as,
            at=moment,
            seconds=round(seconds, 4),
            text=answer.text if answer else "" if empty else None,
            finish=answer.finish if answer else "",
            failure="" if failure is None or empty else failure.failure.value,
            message="" if failure is None or empty else str(failure.args[0]),
            usage=answer.usage if answer else failure.usage if failure else None,
            dropped=answer.dropped_parameters if answer else (),
        )

    async def _send(self, setup: _Setup) -> Answer:
        call = Call(
            request_id=new_id("rec", self._clock.now().timestamp()),
            deployment=setup.deployment,
            model=setup.served_as,
            text=setup.prompt.prompt,
            task=setup.prompt.task,
            tier="",
            context=MappingProxyType({}),
            attempt=0,
            max_output_tokens=setup.most_tokens,
            parameters=setup.parameters,
            seed=self._seed,
        )
        async with self._clock.timeout(_TIMEOUT):
            return await self._backend.provider(setup.deployment).send(call)
