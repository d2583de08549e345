"""litellm: one `Router` over two deployments that answer without a network."""

from __future__ import annotations

import asyncio
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it asks the network for prices otherwise

from litellm import Router

from benchmarks.peers.measuring import ANSWER, arguments, drive, prompt, tell


async def main() -> None:
    """Measure and tell."""
    asked = arguments()
    router = Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{name}", "api_key": "none"},
            }
            for name in ("gpt-4o", "gpt-4o-mini")
        ],
        fallbacks=[{"gpt-4o": ["gpt-4o-mini"]}],
    )

    async def one(number: int) -> None:
        reply = await router.acompletion(
            model="gpt-4o",
            messages=[{"role": "user", "content": prompt(number)}],
            mock_response=ANSWER,
        )
        if reply.choices[0].message.content != ANSWER:
            raise RuntimeError("litellm gave another answer")

    tell(await drive(one, asked.requests, asked.concurrent))


if __name__ == "__main__":
    asyncio.run(main())
