"""/ws/run/: how far a run is, as fragments of HTML that htmx swaps in, until it has ended.

The socket carries nothing that a GET of /run/ with the same query would not say: it may break at any time.
"""

import asyncio
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from simweb import runs, store
from simweb.middleware import LANGUAGES
from simweb.workers import Progress, Ticket

UNKNOWN_RUN = 4404


class RunConsumer(AsyncWebsocketConsumer):
    """One page waiting for one run."""

    follower: "asyncio.Task[None] | None" = None

    async def connect(self) -> None:
        query = parse_qs(self.scope["query_string"].decode("utf-8", "replace"))
        asked = query.get("lang", [""])[-1]
        self.lang = asked if asked in LANGUAGES else "en"
        plan = await database_sync_to_async(runs.plan_of)(
            query.get("scenario", []), query.get("from", [""])[-1]
        )
        await self.accept()
        if plan is None:
            await self.close(UNKNOWN_RUN)
            return
        self.follower = asyncio.create_task(self.follow(plan))

    async def disconnect(self, code: int) -> None:
        if self.follower:
            self.follower.cancel()

    async def follow(self, plan: store.Plan) -> None:
        """Say where the run stands now, then every step as a worker reports it, then the end."""
        run = await database_sync_to_async(runs.run_of)(plan)
        if run.ticket:
            await self.report(run.ticket, plan)
            run = await database_sync_to_async(runs.run_of)(plan)
        await self.say(plan, run)
        await self.close()

    async def report(self, ticket: Ticket, plan: store.Plan) -> None:
        loop = asyncio.get_running_loop()
        steps: asyncio.Queue[Progress] = asyncio.Queue()

        def told(progress: Progress) -> None:
            """Called from a feeder thread."""
            asyncio.run_coroutine_threadsafe(steps.put(progress), loop)

        with ticket.watch(told):
            while not (await steps.get()).done:
                await self.say(plan, runs.Run(ticket=ticket))

    async def say(self, plan: store.Plan, run: runs.Run) -> None:
        html: Any = await database_sync_to_async(runs.fragment)(plan, run, self.lang)
        await self.send(text_data=html)
