"""LangGraph: decide, call and judge as three nodes; with ``--store``, checkpoints in SQLite."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.peers.measuring import ANSWER, arguments, drive, prompt, tell


class State(TypedDict, total=False):
    """What the nodes hand on."""

    text: str
    target: str
    answer: str
    score: float


async def decide(state: State) -> State:
    """Choose a target."""
    return {"target": "first" if "article" in state["text"] else "second"}


async def call(state: State) -> State:
    """Answer at once."""
    return {"answer": ANSWER}


async def judge(state: State) -> State:
    """Score the answer."""
    return {"score": 0.9 if state["answer"] else 0.0}


async def main() -> None:
    """Measure and tell."""
    asked = arguments(store="file of the checkpoints; none are kept without")
    plan = StateGraph(State)
    for node in (decide, call, judge):
        plan.add_node(node.__name__, node)
    plan.add_edge(START, "decide")
    plan.add_edge("decide", "call")
    plan.add_edge("call", "judge")
    plan.add_edge("judge", END)
    async with AsyncExitStack() as stack:
        saver = None
        if asked.store:
            saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(asked.store))
        graph = plan.compile(checkpointer=saver)
        # As with our ledger, what was done is on the disk before the next step begins.
        durable = {"durability": "sync"} if asked.store else {}

        async def one(number: int) -> None:
            thread = {"configurable": {"thread_id": str(number)}}
            found = await graph.ainvoke({"text": prompt(number)}, thread, **durable)
            if found["answer"] != ANSWER:
                raise RuntimeError("LangGraph gave another answer")

        tell(await drive(one, asked.requests, asked.concurrent))


if __name__ == "__main__":
    asyncio.run(main())
