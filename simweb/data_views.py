"""Views of the pages that show what the simulator rests on: its numbers, its machines, its errors."""

from collections.abc import Sequence
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

import simcore
from simweb import fidelity_page, glossary, ledger_page, machines_page, store
from simweb.views import go, is_fragment, language, unknown_machine


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """The ledger, or the part of it that an address asks for; to htmx the list alone."""
    context = ledger_page.page(ledger_page.Filter.of(request.GET), language())
    response = render(request, "number_list.html" if is_fragment(request) else "numbers.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


# Machines


@require_http_methods(["GET", "HEAD", "POST"])
def machines(request: HttpRequest) -> HttpResponse:
    """The machines of the catalogue, and where a profile is sent in."""
    if request.method != "POST":
        return _machines(request)
    text, faults = _sent(request)
    if not faults:
        try:
            return go(request, reverse("machine", args=[store.keep_machine(text).id]))
        except simcore.EntryError as error:
            faults = machines_page.faults_in_words(error.faults)
    return _machines(request, text, faults, HTTPStatus.UNPROCESSABLE_ENTITY)


def _machines(
    request: HttpRequest, text: str = "", faults: Sequence[str] = (), status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "cards": machines_page.cards_of(simcore.catalog().of_role("machine"), language()),
        "faults": faults,
        "text": text,
    }
    fragment = is_fragment(request) or request.headers.get("HX-Request") == "true"
    return render(request, "machine_faults.html" if fragment else "machines.html", context, status=status)


def too_large(request: HttpRequest) -> HttpResponse:
    """Called before anything of the post is read."""
    return _machines(request, faults=[_too_large()], status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _too_large() -> str:
    words = _("The file is larger than the %(most)s KiB that the site takes.")
    return words % {"most": simcore.LARGEST_PROFILE // 1024}


def _sent(request: HttpRequest) -> tuple[str, list[str]]:
    """The text of the file, or of the field, and why it cannot be one."""
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("text", "")
        return text, [] if text.strip() else [_("Choose the file that calibrate wrote, or paste its text.")]
    if (file.size or 0) > simcore.LARGEST_PROFILE:
        return "", [_too_large()]
    try:
        return file.read().decode(), []
    except UnicodeDecodeError:
        return "", [_("The file is not text in UTF-8.")]


@require_safe
def machine(request: HttpRequest, ref: str) -> HttpResponse:
    entry = store.machine(ref)
    if entry is None:
        raise unknown_machine(ref)
    context = machines_page.page(entry, language())
    return render(request, "machine.html", context | {"sent_in": store.is_sent_in(entry.id)})


@require_safe
def machine_text(request: HttpRequest, ref: str) -> HttpResponse:
    """A measured machine's profile, to keep or to run on the command line."""
    entry = store.machine(ref)
    if entry is None or not entry.is_profile:
        raise unknown_machine(ref)
    response = HttpResponse(store.text_of(entry), content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{entry.id}.toml"'
    return response


# Fidelity


@require_safe
def fidelity(request: HttpRequest) -> HttpResponse:
    """How far off the model is; to htmx only the cases that an address asks for."""
    context = fidelity_page.page(simcore.validation(), fidelity_page.Choice.of(request.GET), language())
    response = render(request, "fidelity_cases.html" if is_fragment(request) else "fidelity.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
def glossary_page(request: HttpRequest) -> HttpResponse:
    """The terms of the trade, each explained once."""
    return render(request, "glossary.html", {"groups": glossary.groups(language())})
