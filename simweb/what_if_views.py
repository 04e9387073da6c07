"""What if, asked in the player: the form of a layer, the race of the original and the changed one, and the
figures while a finger slides."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

import simcore
from simweb import presenters, store, what_if
from simweb.build_views import PREFIX
from simweb.views import go, language, starts_of, unknown_stack
from simweb.workers import JobError

SHOWN = "was:"
"""Of the fields that hold what the form showed: `was:vm1.vcpus`."""


@require_http_methods(["GET", "HEAD", "POST"])
def what_if_page(request: HttpRequest, ref: str) -> HttpResponse:
    """What can be changed of a layer of a scenario, with the changes so far; posted, one change more or less,
    or the race of the original and the changed one."""
    given = request.POST if request.method == "POST" else request.GET
    found, view, raw = _asked(ref, given)
    node, at_ns = given.get("node", ""), _moment(given)
    changes, misfits = _changes(raw, given, at_ns)
    verb, _colon, rest = given.get("do", "").partition(":")
    if verb == "back" and rest.isdecimal():
        changes = [one for number, one in enumerate(changes) if number != int(rest[:4])]
    shown = what_if.of_node(raw, node, changes, at_ns, language(), misfits)
    if shown is None:
        raise Http404(_("There is no such layer here."))
    fault = rest if verb == "fail" and rest in shown.faults else ""
    said = ""
    if not shown.wrongs and (fault or (verb == "race" and changes)):
        try:
            new = what_if.branch(raw, changes, fault, node, at_ns)
            row = store.keep(store.scenario(new), found.seed)
        except simcore.ScenarioError as error:
            said = _said(error.findings)
        else:
            original = store.keep(store.chosen(found, view), found.seed, found.origin_on(None))
            moments = [one.at_ns for one in changes] + ([at_ns] if fault else [])
            start, point = what_if.branching_point(original, moments, starts_of(view)[0])
            branched = store.keep_race(store.Plan((original, row), start))
            query = f"?{urlencode({'t': point})}" if point else ""
            return go(request, f"{reverse('player', args=[branched.id])}{query}")
    context = {
        "what": shown,
        "ref": ref,
        "view": view,
        "said": said,
        "refused": verb in ("race", "fail"),
        "changes": what_if.packed(changes),
    }
    return render(request, "what_if.html", context)


@require_safe
def slide(request: HttpRequest, ref: str) -> HttpResponse:
    """While the finger is down: what the run comes to with another value, and with the changes so far."""
    given = request.GET
    found, _view, raw = _asked(ref, given)
    path, at_ns = given.get("path", ""), _moment(given)
    value = given.get(f"{PREFIX}{path}", "")
    changes = what_if.unpacked(given.get("changes", ""))
    after, misfits = what_if.merged(raw, changes, {path: value}, at_ns)
    if not value or not what_if.has(raw, after, path):
        raise Http404(_("There is no such layer here."))
    if misfits:
        said = what_if.wrong_value(raw, after, misfits, language())
        return render(request, "slide.html", {"said": said})
    try:
        scenarios = [store.scenario(one) for one in (raw, what_if.applied(raw, after))]
        outcomes = [store.outcome_of(one.canonical(), found.seed) for one in scenarios]
    except simcore.ScenarioError as error:
        return render(request, "slide.html", {"said": _said(error.findings[:1])})
    except JobError as error:
        return render(request, "slide.html", {"said": str(error)})
    return render(request, "slide.html", {"figures": what_if.figures(*outcomes)})


def _asked(ref: str, given: Any) -> tuple[store.Found, str, dict[str, Any]]:
    """The scenario of that address and view, with the view's workload in it."""
    found, view = store.find(ref), given.get("view", "boot")
    if found is None or view not in store.VIEWS:
        raise unknown_stack(ref)
    try:
        return found, view, dict(store.chosen(found, view).canonical())
    except simcore.ScenarioError as error:
        raise Http404(_said(error.findings)) from None


def _moment(given: Any) -> int:
    """Where the playhead stood, in ns since power-on."""
    text = given.get("t", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _changes(
    raw: dict[str, Any], given: Any, at_ns: int
) -> tuple[list[what_if.Change], dict[str, what_if.Misfit]]:
    """Those so far, and those that the fields of the form hold: what differs from what the form showed, or
    was changed before; and what in them is no value."""
    changes = what_if.unpacked(given.get("changes", ""))
    known = {one.path for one in changes}
    posted = {}
    for key, text in given.items():
        path = key.removeprefix(PREFIX)
        if path != key and (path in known or text.strip() != given.get(f"{SHOWN}{path}", "")):
            posted[path] = text
    return what_if.merged(raw, changes, posted, at_ns)


def _said(findings: Any) -> str:
    """All of it, each with the path of what it is about."""
    shown = presenters.findings_of(findings, language())
    return " ".join(" ".join(filter(None, (one.path, one.message, one.hint))) for one in shown)
