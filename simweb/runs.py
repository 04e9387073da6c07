"""How far a run is, for pages and sockets alike: one question, one fragment of HTML for the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.utils import translation

import simcore
from simweb import diagram, effects, presenters, store
from simweb.models import Scenario
from simweb.workers import JobError, Progress, Ticket, pool

__all__ = ["Run", "fragment", "plan_of", "query_of", "run_of"]


@dataclass(frozen=True)
class Run:
    """`result` when it is there, `error` when there will be none, else `ticket` to watch."""

    result: dict[str, Any] | None = None
    error: JobError | None = None
    ticket: Ticket | None = None

    @property
    def state(self) -> str:
        return "done" if self.result else "failed" if self.error else "running"

    @property
    def progress(self) -> Progress:
        return self.ticket.progress if self.ticket else Progress()


def query_of(plan: store.Plan) -> str:
    """Everything that is needed to ask for the run again, after a restart too."""
    return urlencode([("scenario", row.id) for row in plan.scenarios] + [("from", plan.start)])


def plan_of(ids: Sequence[str], start: str) -> store.Plan | None:
    """The plan that an address names; None if a scenario of it is not stored here."""
    start = start or simcore.RACE_STARTS[0]
    if not 1 <= len(ids) <= presenters.MOST_LANES or start not in simcore.RACE_STARTS:
        return None
    rows = Scenario.objects.in_bulk(list(ids))
    if len(rows) < len(ids):
        return None
    return store.Plan(tuple(rows[id_] for id_ in ids), start)


def run_of(plan: store.Plan, retry: bool = False) -> Run:
    """Where the run stands; begins it if nobody has. One that failed begins again only with `retry`."""
    if result := store.kept(plan):
        return Run(result=result)
    ticket = pool().get(plan.key)
    if ticket is None or (ticket.future.done() and (retry or ticket.future.exception() is None)):
        pool().forget(plan.key)
        try:
            ticket = store.start(plan)
        except JobError as error:
            return Run(error=error)
    if not ticket.future.done():
        return Run(ticket=ticket)
    failure = ticket.future.exception()
    if isinstance(failure, JobError):
        return Run(error=failure)
    return Run(result=store.kept(plan))


def fragment(plan: store.Plan, run: Run, lang: str) -> str:
    """The run's line on the page; once done also what the player needs to begin, and for a race the gap."""
    with translation.override(lang):
        context: dict[str, Any] = {"run": run, "query": query_of(plan), "lang": lang}
        if (reached := run.progress.now_ns) is not None:
            context["reached"] = simcore.show_time(reached)
        if run.result:
            size = diagram.FULL if len(plan.scenarios) < 3 else diagram.COMPACT
            lanes = [presenters.lane_of(number, row, lang, size) for number, row in enumerate(plan.scenarios)]
            context["data"] = presenters.player_data(lanes, run.result, lang)
            context["gaps"] = presenters.gaps_of(plan, run.result, lanes, lang)
            context["path"] = presenters.path_of(plan, lanes, lang)
            context["effects"] = effects.effects_of(plan.scenarios, lang)
            context["mode"] = "race" if plan.is_race else "player"
        return render_to_string("run.html", context)
