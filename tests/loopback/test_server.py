"""The misbehaving server itself, seen by bare sockets: does each fault do what its name says."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import os
import signal
import socket
import time

import pytest

from tests.loopback.faults import FAULTS, fault
from tests.loopback.process import loopback_process
from tests.loopback.server import LoopbackServer, Reaction, completion, refusal, streamed

MOST_SECONDS = 2.0


class Seen:
    """What came over one connection, and how it ended."""

    def __init__(self, data: bytes, ending: str, seconds: float) -> None:
        self.head, _, self.body = data.partition(b"\r\n\r\n")
        self.data, self.ending, self.seconds = data, ending, seconds

    @property
    def whole(self) -> bytes:
        """The body out of its chunks."""
        rest, body = self.body, b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        return body

    @property
    def events(self) -> list[str]:
        parts = self.whole.decode().split("\n\n")
        return [part.removeprefix("data: ") for part in parts if part]


def ask(port: int, name: str = "", *, stream: bool = False, patience: float = 0.3) -> Seen:
    """One request over a socket of its own; `silence` where nothing more comes."""
    body = json.dumps({"model": "m", "stream": stream, "prompt": f"fault={name}" if name else ""})
    head = "POST /v1/chat/completions HTTP/1.1\r\nX-Client-Request-Id: req_1.here.0\r\n"
    data, began, ending = b"", time.monotonic(), "closed"
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as raw:
        raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        try:
            while piece := raw.recv(65536):
                data += piece
                if time.monotonic() - began > MOST_SECONDS:
                    raise TimeoutError
        except TimeoutError:
            ending = "silence"
        except ConnectionResetError:
            ending = "reset"
    return Seen(data, ending, time.monotonic() - began)


@pytest.fixture(scope="module")
def port():
    with LoopbackServer().on_thread() as server:
        yield server.port


def test_a_healthy_answer_keeps_its_connection(port):
    seen = ask(port)
    assert seen.ending == "silence"
    assert seen.head.startswith(b"HTTP/1.1 200")
    assert json.loads(seen.body)["choices"][0]["message"]["content"] == "Hello there, friend."


def test_a_healthy_stream_ends_with_done_and_its_last_chunk(port):
    seen = ask(port, stream=True)
    assert seen.events[-1] == "[DONE]"
    assert seen.body.endswith(b"0\r\n\r\n")
    assert b"text/event-stream" in seen.head


def test_latency_comes_before_the_first_byte(port):
    assert ask(port, "latency:0.2", patience=0.4).seconds >= 0.2 + 0.4
    jittered = {round(ask(port, "latency:0,0.1", patience=0.2).seconds, 3) for _ in range(4)}
    assert len(jittered) > 1


def test_a_black_hole_says_nothing(port):
    seen = ask(port, "black_hole")
    assert (seen.data, seen.ending) == (b"", "silence")


def test_resets_come_where_they_say(port):
    assert (ask(port, "reset").data, ask(port, "reset").ending) == (b"", "reset")
    after = ask(port, "reset_after_headers")
    assert after.head.startswith(b"HTTP/1.1 200")
    assert (after.body, after.ending) == (b"", "reset")


@pytest.mark.parametrize(
    ("name", "ending"), [("cut", "reset"), ("hang_up", "closed"), ("stall", "silence")]
)
def test_a_broken_stream_breaks_after_its_events(port, name, ending):
    seen = ask(port, f"{name}:3", stream=True)
    assert (len(seen.events), seen.ending) == (3, ending)
    assert not seen.body.endswith(b"0\r\n\r\n")
    half = ask(port, name)
    assert half.ending == ending
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(half.body)


def test_slices_and_drops_take_their_time(port):
    whole = len(ask(port).data)
    sliced = ask(port, "slice:50,0.03", patience=0.3)
    assert sliced.seconds >= 0.3 + 0.03 * (whole // 50 - 1)
    assert len(sliced.data) == whole
    dripped = ask(port, "drip", patience=1.5)
    assert 2 <= len(dripped.data) <= 4


def test_lengths_lie_in_both_directions(port):
    for name, sign in (("length_short", -1), ("length_long", 1)):
        seen = ask(port, name)
        declared = int(seen.head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert (declared - len(seen.body)) * sign > 0
        assert seen.ending == "closed"


def test_a_bomb_is_small_on_the_wire_and_large_when_it_unfolds(port):
    seen = ask(port, "bomb:5")
    assert len(seen.body) < 10_000
    assert len(gzip.decompress(seen.body)) == 5_000_000
    assert len(ask(port, "large:5", patience=1).body) == 5_000_000


def test_bodies_are_wrong_in_the_way_they_are_named(port):
    for name in ("bad_json", "truncated_json", "html", "empty", "garbled"):
        with pytest.raises(ValueError, match=r"."):
            json.loads(ask(port, name).body)
    assert json.loads(ask(port, "null").body)["choices"][0]["message"]["content"] is None
    assert not json.loads(ask(port, "blank").body)["choices"][0]["message"]["content"].strip()
    assert "usage" not in json.loads(ask(port, "no_usage").body)
    assert json.loads(ask(port, "nonsense_usage").body)["usage"]["prompt_tokens"] < 0
    refused = json.loads(ask(port, "content_filter").body)
    assert refused["choices"][0]["finish_reason"] == "content_filter"
    assert "error" in json.loads(ask(port, "error_event:0").body)


def test_events_are_wrong_in_the_way_they_are_named(port):
    assert "[DONE]" not in ask(port, "no_end", stream=True).events
    assert "error" in json.loads(ask(port, "error_event:2", stream=True).events[2])
    early = ask(port, "early_usage", stream=True).events
    assert [bool(json.loads(e).get("usage")) for e in early[:-1]].index(True) == 3
    torn = ask(port, "garbled:2", stream=True).events
    with pytest.raises(ValueError, match=r"."):
        json.loads(torn[2])
    assert torn[2] == torn[3]


def test_a_status_and_its_wait_are_sent(port):
    seen = ask(port, "status:429,7")
    assert seen.head.startswith(b"HTTP/1.1 429")
    assert b"retry-after: 7" in seen.head


def test_a_fault_that_does_not_exist_is_no_fault_of_the_tests():
    with pytest.raises(KeyError):
        fault("gremlin")
    assert all(callable(fault(name, "1,1")) for name in FAULTS)


def test_a_header_may_ask_for_a_fault_too(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/v1/chat/completions", b"{}", {"x-fault": "status:503"})
    assert connection.getresponse().status == 503
    connection.close()


async def test_reactions_come_in_order_and_the_last_one_stays():
    script = (refusal(500), completion("a"), streamed("x"))
    async with LoopbackServer(*script) as server:
        seen = [await asyncio.to_thread(ask, server.port) for _ in range(4)]
    assert [one.head.split()[1] for one in seen] == [b"500", b"200", b"200", b"200"]
    assert seen[2].events == seen[3].events == ["x"]


async def test_the_books_tell_accepted_from_answered_and_billed():
    async with LoopbackServer() as server:
        for name in ("ok", "cut:3", "black_hole", "status:500", "reset"):
            await asyncio.to_thread(ask, server.port, name, stream=True)
        assert server.ledger.totals() == {
            "accepted": 5, "answered": 2, "input_tokens": 24, "output_tokens": 7,
        }  # fmt: skip
        assert len(server.ledger.of("req_1.here.0")) == 5
        assert [entry.fault for entry in server.ledger.entries][1] == "cut"
        assert server.ledger.entries[2].status is None


async def test_nobody_listens_while_it_refuses():
    async with LoopbackServer() as server:
        async with server.refusing():
            with pytest.raises(ConnectionRefusedError):
                await asyncio.to_thread(ask, server.port)
        assert (await asyncio.to_thread(ask, server.port)).head


async def test_a_response_of_raw_bytes_is_sent_as_it_is():
    async with LoopbackServer(Reaction(raw=b"SSH-2.0\r\n")) as server:
        assert (await asyncio.to_thread(ask, server.port)).data == b"SSH-2.0\r\n"


def test_a_process_of_its_own_keeps_books_that_outlive_its_clients():
    with loopback_process() as server:
        assert ask(server.port).head
        assert ask(server.port, "cut:3", stream=True).ending == "reset"
        os.kill(server.pid, signal.SIGSTOP)
        assert ask(server.port).ending == "silence"
        os.kill(server.pid, signal.SIGCONT)
        books = server.ledger()
    assert books["totals"]["accepted"] in {2, 3}
    assert [entry["fault"] for entry in books["entries"]][:2] == ["ok", "cut"]
