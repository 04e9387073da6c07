"""Views: fetch, decide, render. What is shown is computed in `presenters`, what is kept in `store`."""

import gzip
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseNotFound,
    HttpResponseNotModified,
    HttpResponseRedirect,
    HttpResponseServerError,
    JsonResponse,
)
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_safe

import simcore
from simweb import diagram, effects, presenters, store
from simweb.models import Trace
from simweb.runs import fragment, plan_of, query_of, run_of
from simweb.workers import JobError, pool

log = logging.getLogger(__name__)

ADDRESS = ("stack", "from", "machine", "seed")
"""The parameters that say which stack or race it is; all others say how it is shown."""
LONGEST_LIST = 4000
"""Letters of the component ids whose texts are asked for at once."""
FOR_EVER = "public, max-age=31536000, immutable"


def language() -> str:
    return get_language() or "en"


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks, and will put the answer into a page that is there already."""
    return bool(getattr(request, "htmx", False))


# Gallery and race picker: one template, whole or as the fragment that a button swaps


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    press = {name: request.GET.get(name, "") for name in ("toggle", "add", "remove", "up", "down")}
    lanes = presenters.reordered(request.GET.getlist("stack"), **press)
    cards = presenters.cards(language())
    by_id = {card.id: card for card in cards}
    machine = store.machine(request.GET.get("machine", ""))
    context = {
        "cards": cards,
        "groups": presenters.groups(cards),
        "lanes": [by_id[lane] for lane in lanes],
        "chosen": lanes,
        "most": presenters.MOST_LANES,
        "left_out": bool(press["remove"]) and is_fragment(request),
        "machine": machine,
        "machine_label": machine.texts(language())["label"] if machine else "",
    }
    response = render(request, "picker.html" if is_fragment(request) else "gallery.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


# Player and race


@dataclass(frozen=True)
class Show:
    """What an address asks to see, before anybody simulates it; `context` is the page's own."""

    lanes: list[presenters.Lane]
    plan: store.Plan
    context: dict[str, Any]


class RefusedError(Exception):
    """An address that names something which cannot be shown; the message says why."""


def shown(request: HttpRequest, ref: str, four: diagram.Size = diagram.COMPACT) -> Show:
    """What an id names: a stack, a scenario or a race; `four` is the size of so many drawings. Raises
    Http404, RefusedError or ScenarioError."""
    found = store.find_race(ref)
    return several(request, found, four) if found else one(request, ref)


def one(request: HttpRequest, ref: str) -> Show:
    """One stack. Raises as `shown` does."""
    found = store.find(ref)
    if found is None:
        raise unknown_stack(ref)
    has_own = bool(found.raw.get("workloads")) and not found.prebuilt
    itself = "own" if has_own else "boot" if ref == found.prebuilt else store.view_of(found)
    views = [name for name in store.VIEWS if name != "own" or itself == "own"]
    view = request.GET.get("view") or itself
    if view not in views:
        raise RefusedError(_("This stack has no view “%(view)s”.") % {"view": view[:40]})
    seed = _seed(request, found.seed)
    machine = _machine(request)
    scenario = store.chosen(found, view, machine)
    row = store.keep(scenario, seed, found.origin_on(machine))
    lane = presenters.lane_of(0, row, language(), diagram.FULL)
    context = {
        "view": view,
        "itself": itself,
        "tabs": _tabs(request, views),
        "view_word": presenters.view_words()[view],
        "title": lane.label,
        "kinds": presenters.kinds(scenario, language()),
    }
    return Show([lane], store.Plan((row,)), context)


def asked(request: HttpRequest) -> store.FoundRace:
    """The race whose lanes an address names one by one."""
    return store.FoundRace(tuple(dict.fromkeys(request.GET.getlist("stack"))))


def several(
    request: HttpRequest, race: store.FoundRace | None = None, four: diagram.Size = diagram.COMPACT
) -> Show:
    """A race. Raises as `shown` does."""
    race = race or asked(request)
    if not 2 <= len(race.refs) <= presenters.MOST_LANES:
        raise RefusedError(_("A race needs two to four different stacks. Choose them in the gallery."))
    view = request.GET.get("view") or race.view
    begins = starts_of(view)
    begin = request.GET.get("from") or (race.start if view == race.view else "") or begins[0]
    if view not in store.VIEWS or begin not in simcore.RACE_STARTS:
        raise RefusedError(_("There is no such race. Choose the stacks in the gallery."))
    machine = _machine(request)
    size = {2: diagram.FULL, 3: diagram.COMPACT, 4: four}[len(race.refs)]
    runners = []
    for ref in race.refs:
        if (found := store.find(ref)) is None:
            raise unknown_stack(ref)
        runners.append(found)
    seed = _seed(request, runners[0].seed)
    rows = [
        store.keep(store.chosen(found, view, machine), seed, found.origin_on(machine)) for found in runners
    ]
    plan = store.Plan(tuple(rows), begin)
    if len(set(plan.lanes)) < len(rows):
        raise RefusedError(_("Two of these stacks are the same scenario: a race needs different ones."))
    store.keep_race(plan)
    lanes = [presenters.lane_of(number, row, language(), size) for number, row in enumerate(rows)]
    tabs = [name for name in store.VIEWS if name != "own" or "own" in (view, race.view)]
    again = [("stack", row.origin or row.id) for row in rows] + ([("machine", machine)] if machine else [])
    context = {
        "view": view,
        "itself": view,
        "tabs": _tabs(request, tabs),
        "starts": [(name, _tab_url(request, **{"from": name})) for name in begins],
        "title": presenters.race_title(view),
        "change_url": f"{reverse('gallery')}?{urlencode(again)}#race",
    }
    return Show(lanes, plan, context)


def starts_of(view: str) -> tuple[str, ...]:
    """Where a race can start, the best first: to compare requests, what came before them is in the way."""
    host_ready, power_on, first_request = simcore.RACE_STARTS
    if view in ("boot", "own"):
        return (host_ready, power_on) if view == "boot" else (host_ready, power_on, first_request)
    return (first_request, host_ready, power_on)


@require_safe
def player(request: HttpRequest, ref: str) -> HttpResponse:
    return _page_of(request, lambda: shown(request, ref))


@require_safe
def race(request: HttpRequest) -> HttpResponse:
    return _page_of(request, lambda: several(request))


def _page_of(request: HttpRequest, ask: Callable[[], Show]) -> HttpResponse:
    try:
        return render(request, "player.html", playing(request, ask()))
    except RefusedError as error:
        return bad_request_page(request, str(error))
    except simcore.ScenarioError as error:
        return _findings(request, error.findings, HTTPStatus.UNPROCESSABLE_ENTITY)


def playing(request: HttpRequest, show: Show) -> dict[str, Any]:
    """What the player's templates need. Begins the run if nobody has."""
    lanes, plan = show.lanes, show.plan
    run, on = run_of(plan, retry=True), lanes[0].machine
    machines = presenters.machines_of(lanes, language())
    return {
        **show.context,
        "lanes": lanes,
        "machine": on if not machines and (request.GET.get("machine") or on.is_profile) else None,
        "machines": machines,
        "machine_label": on.texts(language())["label"],
        "mode": "race" if plan.is_race else "player",
        "id": plan.id,
        "run": run,
        "query": query_of(plan),
        "start": plan.start,
        "data": presenters.player_data(lanes, run.result, language()),
        "gaps": presenters.gaps_of(plan, run.result, lanes, language()) if run.result else [],
        "path": presenters.path_of(plan, lanes, language()) if run.result else None,
        "effects": effects.effects_of(plan.scenarios, language()) if run.result else [],
        "texts_url": presenters.texts_url(language(), lanes),
        "older": None if plan.is_race else store.older(plan.scenarios[0]),
        "legend": presenters.legend(lanes),
        "titles": presenters.titles(lanes),
        "embed_url": reverse("embed", args=[plan.id]) if plan.is_race else address_of(request, "embed"),
    }


def address_of(request: HttpRequest, name: str, keys: tuple[str, ...] = ADDRESS) -> str:
    """Another page of the same stack or race."""
    match = request.resolver_match
    query = urlencode([(key, value) for key in keys for value in request.GET.getlist(key)])
    return reverse(name, kwargs=match.kwargs if match else {}) + (f"?{query}" if query else "")


def _tabs(request: HttpRequest, views: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each view with its address and its word."""
    words = presenters.view_words()
    return [(name, _tab_url(request, view=name), words[name]) for name in views]


def _tab_url(request: HttpRequest, **change: str) -> str:
    """This address with other values; the place in time does not carry over, nor does where another view
    starts."""
    query = request.GET.copy()
    for name in ("t", "sel", "lang", *(("from",) if "view" in change else ())):
        query.pop(name, None)
    for name, value in change.items():
        query[name] = value
    return f"?{query.urlencode()}"


def _machine(request: HttpRequest) -> str | None:
    """The machine that the stack is to stand on instead of its own."""
    name = request.GET.get("machine")
    if name and store.machine(name) is None:
        raise unknown_machine(name)
    return name or None


def _seed(request: HttpRequest, default: int) -> int:
    text = request.GET.get("seed", "")
    if not text:
        return default
    if text.isascii() and text.isdigit() and int(text[:20]) <= store.LARGEST_SEED:
        return int(text)
    raise RefusedError(_("The seed must be a whole number from 0 to 9223372036854775807."))


@require_safe
def run_state(request: HttpRequest) -> HttpResponse:
    """How far a run is, as the socket would say it: for browsers or networks without one."""
    plan = plan_of(request.GET.getlist("scenario"), request.GET.get("from", ""))
    if plan is None:
        raise Http404(_("There is no such run."))
    response = HttpResponse(fragment(plan, run_of(plan), language()))
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def told(request: HttpRequest, ref: str) -> HttpResponse:
    """The run in words: a transcript of what the player shows."""
    try:
        show = shown(request, ref)
        plan = show.plan
        run = run_of(plan, retry=True)
        if run.ticket is not None:
            pool().result(run.ticket)
        if plan.is_race:
            return _told_race(request, show)
        record = store.record_of(plan.scenarios[0])
        data = store.trace_bytes(record) if record else None
        if record is not None and data is None:
            pool().result(store.simulate_again(record))
            data = store.trace_bytes(record)
    except RefusedError as error:
        return bad_request_page(request, str(error))
    except simcore.ScenarioError as error:
        return _findings(request, error.findings, HTTPStatus.UNPROCESSABLE_ENTITY)
    except JobError as error:
        return render(request, "error.html", {"code": 503, "message": str(error)}, status=503)
    if data is None:
        raise Http404(_("There is no such run."))
    lane = show.lanes[0]
    trace = simcore.Trace.from_bytes(gzip.decompress(data))
    at = request.GET.get("t", "")
    at_ns = int(at) if at.isascii() and at.isdigit() and len(at) < 20 else None
    narration = simcore.narration(trace, language(), lane.follows, at_ns)
    context = {**show.context, "lane": lane, "narration": narration, "at_ns": at_ns}
    return render(request, "told.html", context)


def _told_race(request: HttpRequest, show: Show) -> HttpResponse:
    """The finish order, and what made the difference; each lane's own transcript is a link away."""
    if (result := store.kept(show.plan)) is None:
        raise Http404(_("There is no such run."))
    context = {
        **show.context,
        "id": show.plan.id,
        "start": show.plan.start,
        "finishes": presenters.finishes(show.lanes, result),
        "gaps": presenters.gaps_of(show.plan, result, show.lanes, language()),
        "effects": effects.effects_of(show.plan.scenarios, language()),
    }
    return render(request, "told_race.html", context)


# Traces and texts


@require_safe
async def trace(request: HttpRequest, trace_hash: str) -> HttpResponse:
    """The record of a run by its hash: never changes, made again when it had to give way to others."""
    tag = f'"{trace_hash}"'
    row = await Trace.objects.select_related("scenario").filter(hash=trace_hash).afirst()
    if row is None:
        raise Http404(_("There is no trace of this name here."))
    if tag in request.headers.get("If-None-Match", ""):
        return _for_ever(HttpResponseNotModified(), tag)
    data = await sync_to_async(store.trace_bytes)(row)
    if data is None:
        if (row.engine, row.ledger) != (simcore.ENGINE_VERSION, store.ledger_version()):
            return HttpResponse(
                _("Recorded with engine %(engine)s, ledger %(ledger)s, and no longer kept.")
                % {"engine": row.engine, "ledger": row.ledger},
                status=HTTPStatus.GONE,
                content_type="text/plain; charset=utf-8",
            )
        try:
            await pool().wait(await store.asimulate_again(row))
        except JobError as error:
            return HttpResponse(str(error), status=HTTPStatus.SERVICE_UNAVAILABLE, content_type="text/plain")
        data = await sync_to_async(store.trace_bytes)(row)
        if data is None:
            raise Http404(_("There is no trace of this name here."))
    return _for_ever(_gzipped(request, data, "application/octet-stream"), tag)


@require_safe
def texts(request: HttpRequest, lang: str, ledger: str) -> HttpResponse:
    if lang not in ("en", "zh-hans") or ledger != store.ledger_version():
        raise Http404(_("There are no such texts."))
    named = request.GET.get("of", "")[:LONGEST_LIST]
    of = tuple(sorted(set(named.split(",")) & set(presenters.components(lang)))) if named else ()
    tag = f'"{presenters.texts_version(lang, of)}"'
    if tag in request.headers.get("If-None-Match", ""):
        return _for_ever(HttpResponseNotModified(), tag)
    return _for_ever(_gzipped(request, presenters.texts_gz(lang, of), "application/json"), tag)


def _gzipped(request: HttpRequest, data: bytes, content_type: str) -> HttpResponse:
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(data, content_type=content_type)
        response.headers["Content-Encoding"] = "gzip"
        return response
    return HttpResponse(gzip.decompress(data), content_type=content_type)


def _for_ever(response: HttpResponse, tag: str) -> HttpResponse:
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Vary"] = "Accept-Encoding"
    return response


# Checking a scenario that somebody pasted


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "check.html", {"text": presenters.example_text(request.GET.get("from", ""))})
    text = request.POST.get("scenario", "")
    wants_to_play = "play" in request.POST
    raw, findings = presenters.examine(text)
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors and raw is not None and wants_to_play:
        row = store.keep(store.scenario(raw), 1)
        return go(request, reverse("player", args=[row.id]))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors and wants_to_play else HTTPStatus.OK
    return _findings(request, findings, status, text=text, raw=None if errors else raw)


def go(request: HttpRequest, url: str) -> HttpResponse:
    """To another page: a redirect, or what htmx takes for one."""
    if is_fragment(request):
        response = HttpResponse(status=HTTPStatus.OK)
        response.headers["HX-Redirect"] = url
        return response
    return HttpResponseRedirect(url)


def _findings(
    request: HttpRequest,
    findings: list[Any],
    status: HTTPStatus,
    text: str | None = None,
    raw: dict[str, Any] | None = None,
) -> HttpResponse:
    lang = language()
    context = {
        "text": text,
        "checked": True,
        "findings": presenters.findings_of(findings, lang),
        "drawing": presenters.picture(store.scenario(raw), lang) if raw else None,
    }
    name = "findings.html" if is_fragment(request) else "check.html"
    return render(request, name, context, status=status)


def too_large(request: HttpRequest) -> HttpResponse:
    """Called before anything of the post is read."""
    finding = presenters.too_large(settings.LARGEST_POST_BYTES)
    fragment = request.headers.get("HX-Request") == "true"
    context = {"text": "", "checked": True, "findings": [finding], "drawing": None}
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return render(request, "findings.html" if fragment else "check.html", context, status=status)


# Health


@require_GET
@cache_control(no_store=True)
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@require_GET
@cache_control(no_store=True)
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the site can do its work: the database answers, the catalogue loads, the workers take jobs."""
    state: dict[str, Any] = {"engine": simcore.ENGINE_VERSION}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM simweb_scenario")
            state["database"] = "ok"
    except DatabaseError as error:
        state["database"] = type(error).__name__
    try:
        state["ledger"] = store.ledger_version()
        state["catalogue"] = "ok"
    except Exception as error:
        log.exception("the catalogue does not load")
        state["catalogue"] = type(error).__name__
    state["workers"] = "ok" if pool().is_open else "closed"
    ready = all(state[name] == "ok" for name in ("database", "catalogue", "workers"))
    return JsonResponse(state, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


# What went wrong


def unknown_stack(ref: str) -> Http404:
    near = presenters.nearest(ref)
    message = _("There is no stack, scenario or race “%(ref)s” here.") % {"ref": ref[:70]}
    if store.find_race(ref):
        near, message = [ref], _("“%(ref)s” is a race, not a stack: choose one of its lanes.") % {"ref": ref}
    error = Http404(message)
    error.nearest = near  # type: ignore[attr-defined]
    return error


def unknown_machine(ref: str) -> Http404:
    return Http404(_("There is no machine “%(ref)s” here.") % {"ref": ref[:70]})


def bad_request_page(request: HttpRequest, message: str) -> HttpResponse:
    return HttpResponseBadRequest(_error_page(request, HTTPStatus.BAD_REQUEST, message))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return bad_request_page(request, _("The site could not make sense of this request."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = _("You may not do this.")
    return HttpResponse(_error_page(request, HTTPStatus.FORBIDDEN, message), status=HTTPStatus.FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = _("The form was too old, or came from another site. Load the page again and send it once more.")
    return HttpResponse(_error_page(request, HTTPStatus.FORBIDDEN, message), status=HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    message = said or _("There is nothing at this address.")
    nearest = getattr(exception, "nearest", [])
    return HttpResponseNotFound(_error_page(request, HTTPStatus.NOT_FOUND, message, nearest=nearest))


def server_error(request: HttpRequest) -> HttpResponse:
    """Must not need anything that may just have failed: no database, no catalogue, no context processors."""
    message = _("Something went wrong on this side. It has been written down; trying again may help.")
    context = {"code": 500, "message": message, "lang": language()}
    return HttpResponseServerError(render_to_string("500.html", context))


def _error_page(request: HttpRequest, status: HTTPStatus, message: str, **context: Any) -> str:
    context |= {"code": status.value, "message": message}
    return render_to_string("error.html", context, request=request)
