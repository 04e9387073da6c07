"""Building and changing: each edit posts the draft and gets the changed page part with the new draft. Nothing
is kept until somebody plays it."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

import simcore
from simweb import build_page, build_words, presenters, store
from simweb.views import bad_request_page, go, is_fragment, language, unknown_stack

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
        stacks = simcore.prebuilt().values()
        draft, changed = _with_fields(draft, given)
        draft = draft.with_own_texts(stacks)
        if verb == "play":
            said = "" if draft.is_legal else _("It cannot run yet: see what is wrong with it.")
            return Answer(draft, before.selected, said)
        draft, selected, said = (
            _edited(draft, verb, rest, before.selected) if verb else (draft, before.selected, changed)
        )
        return Answer(draft.with_own_texts(stacks), selected, said)
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
    if verb == "select":
        return draft, rest, ""
    if verb == "add":
        place, on, is_ = args
        new = draft.add(is_, on, place)
        fresh = [name for name in new.names if name not in draft.names]
        chosen = next((name for name in fresh if (made := new.node(name)) and made.is_ == is_), on)
    elif verb in ("remove", "lift"):
        node = draft.node(rest)
        chosen = str(getattr(node, "parent", None) or getattr(node, "on", ""))
        new = draft.remove(rest, keep=verb == "lift")
    elif verb == "move":
        chosen, onto = args
        new = draft.move(chosen, onto)
    elif verb in ("left", "right"):
        new, chosen = draft.shift(rest, -1 if verb == "left" else 1), rest
    elif verb == "double":
        new = draft.double(rest)
        chosen = next((name for name in new.names if name not in draft.names), rest)
    elif verb == "swap":
        chosen, is_ = args
        new = draft.swap(chosen, is_)
    elif verb == "aim":
        new, chosen = draft.aim(rest), rest
    elif verb == "mend":
        new, chosen = draft, selected
        for number in map(int, rest.split(",")):
            if 0 <= number < len(draft.findings):
                new = new.mended(draft.findings[number]) or new
    else:
        return draft, selected, ""
    texts = build_page.words_of(new, language()).of
    return new, chosen, build_words.said_of(draft, new, verb, args, texts)


def _with_fields(draft: Any, given: Any) -> tuple[Any, str]:
    """With the settings of the chosen layer, its name and the title as the form has them; and what of them is
    new, in words."""
    said = []
    if (title := given.get("title")) is not None and title != presenters.in_language(
        draft.raw.get("label"), language()
    ):
        draft = draft.titled(title[:200].strip())
        said.append(_("Name of the stack") + f": {title[:200].strip() or _('as usual')}")
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
            words = build_page.words_of(draft, language()).of[node.is_].get("settings", {})
            label = words.get(setting_name, {}).get("label", setting_name)
            said.append(f"{label}: {text.strip() or _('as usual')}")
            draft = draft.set(path, build_page.typed(setting, text.strip()))
    return draft, _("Changed: %(what)s.") % {"what": ", ".join(said)} if said else ""


def _play(request: HttpRequest, draft: Any, view: str, origin: str) -> HttpResponse:
    row = store.keep(store.scenario(draft.raw), 1)
    if view == "race":
        return go(request, f"{reverse('race')}?{urlencode([('stack', origin), ('stack', row.id)])}#play")
    query = f"?view={view}" if view in VIEWS else ""
    return go(request, f"{reverse('player', args=[row.id])}{query}#play")


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
