"""pydantic-ai: an `Agent` on a `FallbackModel` whose first model answers at once."""

from __future__ import annotations

import asyncio

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import AgentInfo, FunctionModel

from benchmarks.peers.measuring import ANSWER, arguments, drive, prompt, tell


async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Answer at once."""
    return ModelResponse(parts=[TextPart(ANSWER)])


async def main() -> None:
    """Measure and tell."""
    asked = arguments()
    agent = Agent(FallbackModel(FunctionModel(answer), FunctionModel(answer)))

    async def one(number: int) -> None:
        if (await agent.run(prompt(number))).output != ANSWER:
            raise RuntimeError("pydantic-ai gave another answer")

    tell(await drive(one, asked.requests, asked.concurrent))


if __name__ == "__main__":
    asyncio.run(main())
