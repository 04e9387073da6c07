"""Building and changing: each edit posts the draft and gets the changed page part with the new draft. Nothing
is kept until somebody plays it."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

import simcore
from simweb import build_page, presenters, store, what_if
from simweb.views import bad_request_page, go, is_fragment, language, unknown_stack
from simweb.workers import JobError

START = "linux"
PREFIX = "s:"
"""Of the fields that hold a setting: `s:vm1.vcpus`."""
VIEWS = ("boot", "read")


@dataclass
class Answer:
    """What an edit comes to: the draft, what is chosen in it, what is said of it; and a text that could not
    be taken, with its findings."""

    draft: Any
    selected: str
    said: str = ""
    text: str | None = None
    findings: Sequence[Any] = ()


@require_http_methods(["GET", "HEAD", "POST"])
def build(request: HttpRequest) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    raw = _draft_of(given)
    if raw is None:
        return bad_request_page(request, _("This link holds no stack that could be read."))
    named = given.get("origin") or given.get("from", "")
    origin = named if named in simcore.prebuilt() else ""
    answer = Answer(simcore.Draft(raw), given.get("sel", ""))
    verb, _colon, rest = given.get("edit", "").partition(":")
    if request.method == "POST":
        answer = _answer(answer, verb, rest, given)
        if verb == "play" and answer.draft.is_legal:
            return _play(request, answer.draft, rest, origin)
    page = build_page.page_of(answer.draft, answer.selected, language())
    query = {"draft": page.packed, "sel": page.chosen.id if page.chosen else "", "origin": origin}
    link = f"{reverse('build')}?{urlencode({key: value for key, value in query.items() if value})}"
    if request.method == "POST" and not is_fragment(request) and answer.text is None:
        return HttpResponseRedirect(link)
    context = {
        "page": page,
        "sits": build_page.sits(),
        "chosen": page.chosen,
        "origin": origin,
        "link": link,
        "said": answer.said,
        "text": answer.text or build_page.yaml_of(answer.draft.raw, _schema_url(request)),
        "text_open": answer.text is not None,
        "text_findings": presenters.findings_of(answer.findings, language()),
    }
    if is_fragment(request):
        response = render(request, "build_draft.html", context)
    else:
        status = HTTPStatus.OK if answer.text is None else HTTPStatus.UNPROCESSABLE_ENTITY
        response = render(request, "build.html", context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _answer(before: Answer, verb: str, rest: str, given: Any) -> Answer:
    """To one press, or one changed field."""
    draft = before.draft
    if verb == "text":
        text = given.get("text", "")
        raw, findings = presenters.examine(text)
        if raw is None:
            return Answer(draft, before.selected, text=text, findings=findings)
        return Answer(simcore.Draft(raw), before.selected, _("The text is now the stack."))
    if not draft.is_editable:
        return Answer(draft, before.selected, _("Such a stack can only be changed as text."))
    try:
        draft = _with_fields(draft, given)
        if verb == "play":
            said = "" if draft.is_legal else _("It cannot run yet: see what is wrong with it.")
            return Answer(draft, before.selected, said)
        return Answer(*_edited(draft, verb, rest, before.selected))
    except (KeyError, ValueError):
        return Answer(draft, before.selected, _("That layer is not there any more."))


def _draft_of(given: Any) -> dict[str, Any] | None:
    """The raw scenario that an address or a form carries; that of the first stack if it carries none."""
    if text := given.get("raw"):
        try:
            raw = simcore.load(text.encode("utf-8", "replace"))
        except simcore.ScenarioError:
            return None
    elif packed := given.get("draft"):
        found = build_page.unpack(packed)
        if found is None:
            return None
        raw = found
    else:
        ref = given.get("from") or START
        stored = store.find(ref)
        if stored is None:
            raise unknown_stack(ref)
        raw = stored.raw
    store.meet(raw)
    return raw


def _edited(draft: Any, verb: str, rest: str, selected: str) -> tuple[Any, str, str]:
    """The draft after one press; what is chosen then, and what is to be said."""
    args = rest.split(":") if rest else []
    words = presenters.components(language())
    if verb == "select":
        return draft, rest, ""
    if verb == "add":
        place, on, is_ = args
        new = draft.add(is_, on, place)
        made = [
            name
            for name in new.names
            if name not in draft.names and new.node(name) and new.node(name).is_ == is_
        ]
        names = {"what": _name(words, is_), "where": on}
        return new, made[0] if made else on, _("Added: %(what)s at “%(where)s”.") % names
    if verb in ("remove", "lift"):
        node = draft.node(rest)
        below = str(getattr(node, "parent", None) or getattr(node, "on", ""))
        said = _("Removed: “%(what)s”.") % {"what": rest}
        return draft.remove(rest, keep=verb == "lift"), below, said
    if verb == "move":
        name, onto = args
        return (
            draft.move(name, onto),
            name,
            _("Moved: “%(what)s” onto “%(where)s”.") % {"what": name, "where": onto},
        )
    if verb in ("left", "right"):
        return draft.shift(rest, -1 if verb == "left" else 1), rest, _("Moved: “%(what)s”.") % {"what": rest}
    if verb == "double":
        new = draft.double(rest)
        twin = next((name for name in new.names if name not in draft.names), rest)
        return new, twin, _("Duplicated: “%(what)s”.") % {"what": rest}
    if verb == "swap":
        name, is_ = args
        return draft.swap(name, is_), name, _("Now in its place: %(what)s.") % {"what": _name(words, is_)}
    if verb == "aim":
        return draft.aim(rest), rest, _("The program runs in “%(what)s” now.") % {"what": rest}
    if verb == "mend":
        mended = draft.mended(draft.findings[int(rest)]) if 0 <= int(rest) < len(draft.findings) else None
        return mended or draft, selected, _("Mended.") if mended else ""
    return draft, selected, ""


def _name(words: Any, is_: str) -> str:
    return str(words[is_]["label"]) if is_ in words else is_


def _with_fields(draft: Any, given: Any) -> Any:
    """With the settings of the chosen layer, its name and the title as the form has them."""
    if (title := given.get("title")) is not None and title != presenters.in_language(
        draft.raw.get("label"), language()
    ):
        draft = draft.titled(title[:200], language())
    for key, text in given.items():
        if not key.startswith(PREFIX):
            continue
        path = key.removeprefix(PREFIX)
        name, _dot, setting_name = path.rpartition(".")
        node = draft.node(name)
        setting = node.entry.settings.get(setting_name) if node is not None else None
        if setting is None:
            continue
        before = given.get(f"was:{path}", "")
        if text.strip() != before:
            draft = draft.set(path, _typed(setting, text.strip()))
    return draft


def _typed(setting: Any, text: str) -> Any:
    """What somebody typed, as a scenario has it; what cannot be read stays text, and is found."""
    if text == "":
        return None
    if setting.type == "bool":
        return text == "true"
    if setting.type == "choice":
        return next((one for one in setting.choices if str(one) == text), text)
    if setting.type == "int" and text.lstrip("-").isdecimal() and len(text) < 20:
        return int(text)
    return text


def _play(request: HttpRequest, draft: Any, view: str, origin: str) -> HttpResponse:
    row = store.keep(store.scenario(draft.raw), 1)
    if view == "race":
        return go(request, f"{reverse('race')}?{urlencode([('stack', origin), ('stack', row.id)])}#play")
    query = f"?view={view}" if view in VIEWS else ""
    return go(request, f"{reverse('player', args=[row.id])}{query}#play")


# What if


@require_http_methods(["GET", "HEAD", "POST"])
def what_if_page(request: HttpRequest, ref: str) -> HttpResponse:
    """What can be changed of a layer of a scenario; posted, the race of the original and the changed one."""
    given = request.POST if request.method == "POST" else request.GET
    found, view = store.find(ref), given.get("view", VIEWS[0])
    if found is None or view not in store.VIEWS:
        raise unknown_stack(ref)
    node, said = given.get("node", ""), ""
    shown = what_if.of_node(found.raw, node, language())
    if shown is None:
        raise Http404(_("There is no such layer here."))
    if request.method == "POST":
        try:
            row = _changed(found, view, shown, given)
            original = store.keep(store.chosen(found, view), found.seed, found.origin_on(None))
            if row.id != original.id:
                stacks = [("stack", found.prebuilt or original.id), ("stack", row.id)]
                query = [*stacks, ("view", view), *what_if.branching_point(original, given.get("t", ""))]
                return go(request, f"{reverse('race')}?{urlencode(query)}#play")
            said = _("Nothing is different yet: change a setting first.")
        except simcore.ScenarioError as error:
            said = " ".join(
                one.message + " " + one.hint for one in presenters.findings_of(error.findings, language())
            )
    context = {"what": shown, "ref": ref, "view": view, "said": said}
    return render(request, "what_if.html", context)


def _changed(found: store.Found, view: str, shown: what_if.WhatIf, given: Any) -> Any:
    """The stored scenario with what the form says. Raises ScenarioError."""
    verb, _colon, fault = given.get("do", "").partition(":")
    raw = dict(store.chosen(found, view).canonical())
    at_ns = int(given["t"]) if given.get("t", "").isdecimal() else 0
    if verb == "fail" and fault in shown.faults:
        one = {"at": f"{max(1, at_ns)} ns", "on": shown.node, "do": "fail", "fault": fault}
        new = what_if.with_intervention(raw, one)
        new = what_if.told(new, lambda _lang: what_if.fault_said(fault) % {"node": shown.node})
        return store.keep(store.scenario(new), found.seed)
    node = simcore.Draft(raw).node(shown.node)
    texts = {
        field.name: text
        for field in shown.fields
        if (text := given.get(f"{PREFIX}{field.path}", field.value).strip()) != field.value
    }
    if not texts:
        return store.keep(store.scenario(raw), found.seed)
    values = {name: _typed(node.entry.settings[name], text) for name, text in texts.items()}

    def said(lang: str) -> str:
        settings = presenters.components(lang).get(node.is_, {}).get("settings", {})
        return ", ".join(
            f"{settings.get(name, {}).get('label', name)}: {text}" for name, text in texts.items()
        )

    new = what_if.told(what_if.changed(raw, shown.node, values, at_ns), said)
    return store.keep(store.scenario(new), found.seed)


@require_safe
def slide(request: HttpRequest, ref: str) -> HttpResponse:
    """While the finger is down: what the run comes to with another value."""
    found, path = store.find(ref), request.GET.get("path", "")
    place, view = request.GET.get("place", ""), request.GET.get("view", VIEWS[0])
    if found is None or view not in store.VIEWS or not place.isdecimal() or len(place) > 3:
        raise unknown_stack(ref)
    raw = dict(store.chosen(found, view).canonical())
    try:
        new, value = what_if.slid(raw, path, int(place))
        outcomes = [store.outcome_of(store.scenario(one).canonical(), found.seed) for one in (raw, new)]
    except KeyError:
        raise Http404(_("There is no such layer here.")) from None
    except simcore.ScenarioError as error:
        said = presenters.findings_of(error.findings, language())[0]
        return render(request, "slide.html", {"said": f"{said.message} {said.hint}"})
    except JobError as error:
        return render(request, "slide.html", {"said": str(error)})
    return render(request, "slide.html", {"value": value, "figures": what_if.figures(*outcomes)})


# The draft as a file, and what editors check it with


@require_safe
def scenario_file(request: HttpRequest) -> HttpResponse:
    raw = _draft_of(request.GET)
    if raw is None:
        return bad_request_page(request, _("This link holds no stack that could be read."))
    response = HttpResponse(
        build_page.yaml_of(raw, _schema_url(request)), content_type="application/yaml; charset=utf-8"
    )
    response.headers["Content-Disposition"] = 'attachment; filename="scenario.yaml"'
    return response


@require_safe
@cache_control(public=True, max_age=3600)
def schema(request: HttpRequest) -> HttpResponse:
    """JSON Schema of a scenario, for editors; anybody's page may read it."""
    response = JsonResponse(simcore.schema(), json_dumps_params={"ensure_ascii": False, "indent": 1})
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _schema_url(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("schema"))
