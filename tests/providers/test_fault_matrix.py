"""Every fault of the misbehaving server, met by a plain send and by a stream: class, outcome and
usage, as the table of outcomes wants them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestra_kit.core.answer import Answer
from orchestra_kit.core.errors import ProviderError
from orchestra_kit.providers.anthropic import Anthropic
from orchestra_kit.providers.gemini import Gemini
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from tests.loopback.faults import FAULTS
from tests.loopback.process import loopback_process
from tests.loopback.server import LoopbackServer
from tests.providers.calling import Streamed, a_call, adapter, read_stream, read_whole

CUT = "stream_cut unknown None"
GOOD = "answered reported"
GUESSED = "answered estimated"
NONE = "malformed answered estimated"

MATRIX = {
    # fault: (a plain send, a stream)
    "ok": (GOOD, GOOD),
    "latency:0.02,0.02": (GOOD, GOOD),
    "black_hole": ("silence", "silence"),
    "reset": (CUT, CUT),
    "reset_after_headers": (CUT, CUT),
    "cut:0": (CUT, CUT),
    "cut:1": (CUT, CUT),
    "cut:3": (CUT, "stream_cut unknown estimated"),
    "cut:7": (CUT, "stream_cut unknown estimated"),
    "cut:8": (CUT, "stream_cut unknown partial"),
    "hang_up:0": (CUT, CUT),
    "hang_up:3": (CUT, "stream_cut unknown estimated"),
    "stall:0": ("silence", "silence"),
    "stall:3": ("silence", "silence"),
    "slice:7,0.0005": (GOOD, GOOD),
    "drip": ("silence", "silence"),
    "length_short": ("malformed unknown None", "malformed unknown None"),
    "length_long": (CUT, GOOD),
    "bomb:20": (NONE, NONE),
    "large:20": (NONE, NONE),
    "bad_json": (NONE, "stream_garbled unknown None"),
    "truncated_json": (NONE, "stream_cut unknown estimated"),
    "html": (NONE, NONE),
    "empty": (NONE, CUT),
    "null": ("malformed answered reported", "malformed answered reported"),
    "blank": ("malformed answered reported", "malformed answered reported"),
    "no_usage": (GUESSED, GUESSED),
    "nonsense_usage": (GUESSED, GUESSED),
    "early_usage": (GOOD, GOOD),
    "content_filter": ("content refused reported", "content refused reported"),
    "garbled:1": (NONE, GOOD),
    "garbled:2": (NONE, "stream_garbled unknown estimated"),
    "no_end": (CUT, "stream_cut unknown partial"),
    "error_event:0": ("overloaded failed None", "overloaded failed None"),
    "error_event:3": ("overloaded failed None", "overloaded unknown estimated"),
    "status:400": ("bad_request refused None", "bad_request refused None"),
    "status:401": ("auth failed None", "auth failed None"),
    "status:429,2": ("rate failed None", "rate failed None"),
    "status:500": ("server failed None", "server failed None"),
    "status:529": ("overloaded failed None", "overloaded failed None"),
}


PARTIAL = "stream_cut unknown partial"

DIFFERENT = {
    # Anthropic counts the prompt in its first event.
    Anthropic: {
        "cut:1": PARTIAL, "cut:3": PARTIAL, "cut:7": PARTIAL, "cut:8": PARTIAL,
        "hang_up:3": PARTIAL, "truncated_json": PARTIAL, "no_end": PARTIAL,
        "garbled:2": "stream_garbled unknown partial",
        "error_event:3": "overloaded failed partial",
    },
    # Gemini begins with words, ends with a count, and has no event that only says the end.
    Gemini: {
        "cut:1": "stream_cut unknown estimated", "cut:7": PARTIAL, "length_long": PARTIAL,
        "no_end": "stream_cut unknown estimated",
    },
    OpenAICompatible: {},
}  # fmt: skip
"""What a stream of another protocol tells otherwise, for it tells more or less before it breaks."""


def told(ended: Answer | ProviderError) -> str:
    if isinstance(ended, Answer):
        return f"answered {ended.usage.status}"
    usage = ended.usage.status if ended.usage else None
    return f"{ended.failure} {ended.outcome} {usage}"


async def met(port: int, fault: str, *, streamed: bool, adapts: type = OpenAICompatible) -> str:
    async with adapter(port, adapts) as provider:
        call = a_call(text=f"fault={fault}")
        try:
            async with asyncio.timeout(0.3 if fault.split(":")[0] in SILENT else 20):
                if streamed:
                    return told((await read_stream(provider, call)).ended)
                return told(await read_whole(provider, call))
        except TimeoutError:
            return "silence"


SILENT = {"black_hole", "stall", "drip"}


@pytest.mark.parametrize("streamed", [False, True], ids=["send", "stream"])
@pytest.mark.parametrize("fault", MATRIX)
@pytest.mark.parametrize("adapts", DIFFERENT)
async def test_each_fault_has_its_class_outcome_and_usage(adapts, fault, streamed):
    expected = MATRIX[fault][streamed]
    if streamed:
        expected = DIFFERENT[adapts].get(fault, expected)
    async with LoopbackServer() as server:
        assert await met(server.port, fault, streamed=streamed, adapts=adapts) == expected
        assert len(server.requests) == 1


def test_the_matrix_leaves_out_no_fault():
    assert {fault.split(":")[0] for fault in MATRIX} == set(FAULTS)


async def test_the_words_before_a_break_are_handed_on_and_never_called_an_answer():
    async with LoopbackServer() as server, adapter(server.port) as provider:
        for broken in ("cut:4", "hang_up:4"):
            found = await read_stream(provider, a_call(text=f"fault={broken}"))
            assert found.text == "Hello there,"
            assert found.answer is None


@pytest.mark.parametrize("streamed", [False, True], ids=["send", "stream"])
async def test_a_port_where_nobody_listens_was_not_sent_to(streamed):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    assert await met(port, "ok", streamed=streamed) == "connect not_sent None"


async def test_a_server_that_is_down_for_a_while_is_reached_again():
    async with LoopbackServer() as server:
        assert await met(server.port, "ok", streamed=True) == GOOD
        async with server.refusing():
            assert await met(server.port, "ok", streamed=True) == "connect not_sent None"
        assert await met(server.port, "ok", streamed=True) == GOOD


async def test_our_books_are_never_below_what_the_server_bills():
    """What the server worked on is either paid for by report, or unknown and so estimated above."""
    async with LoopbackServer() as server, adapter(server.port) as provider:
        for number, fault in enumerate(f for f in MATRIX if f.split(":")[0] not in SILENT):
            call = a_call(request_id=f"req_{number}", text=f"fault={fault}")
            for read in (read_whole, read_stream):
                found = await read(provider, call)
                ended = found.ended if isinstance(found, Streamed) else found
                free = isinstance(ended, ProviderError) and ended.outcome in {"failed", "not_sent"}
                assert not (free and server.ledger.entries[-1].output_tokens), fault


CLIENT = """
import asyncio, resource, sys
from tests.providers.calling import a_call, adapter, read_stream, read_whole

async def meet(port, fault, streamed):
    async with adapter(port) as provider:
        await read_whole(provider, a_call())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = await (read_stream if streamed else read_whole)(
            provider, a_call(text=f"fault={fault}"))
        error = found.error if streamed else found
        assert error.failure == "malformed", error
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

asyncio.run(meet(int(sys.argv[1]), sys.argv[2], sys.argv[3] == "stream"))
"""


@pytest.mark.parametrize("fault", ["bomb:500", "large:50"])
@pytest.mark.parametrize("how", ["send", "stream"])
def test_a_body_that_is_a_trap_takes_little_memory(fault, how):
    """Peak growth of a process of its own, in kilobytes: the bound of 8 MB held twice, at most."""
    with loopback_process() as server:
        ran = subprocess.run(
            [sys.executable, "-c", CLIENT, str(server.port), fault, how],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert int(ran.stdout) < 30_000
