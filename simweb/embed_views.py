"""/embed/: a stack, a race or a read in a frame on somebody else's page.

First comes a poster, the drawing and one button, with nothing of the player and no run begun; the button's
address (`run=1`) is the player itself in a small layout. The poster is also there as a picture (`.svg`), for
where no frame can be. `FrameMiddleware` sees to it that none of them reads or sets a cookie.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

import simcore
from simweb import diagram, poster
from simweb.context import THEMES
from simweb.views import ADDRESS, RefusedError, Show, address_of, playing, several, shown

CONTROLS = ("slim", "full", "none")
STATE = ("view", "t", "sel", "mode", "lang", "theme")
"""What the full page takes over from a frame."""
A_WHILE = "public, max-age=300"


@require_safe
def embed(request: HttpRequest, ref: str) -> HttpResponse:
    return _frame(request, lambda: shown(request, ref, diagram.SLIM))


@require_safe
def race(request: HttpRequest) -> HttpResponse:
    return _frame(request, lambda: several(request, four=diagram.SLIM))


@require_safe
def picture(request: HttpRequest, ref: str) -> HttpResponse:
    return _picture(request, shown(request, ref))


@require_safe
def race_picture(request: HttpRequest) -> HttpResponse:
    return _picture(request, several(request))


def _frame(request: HttpRequest, ask: Callable[[], Show]) -> HttpResponse:
    try:
        show = ask()
        context: dict[str, Any] = {
            **_addresses(request, show),
            **_choices(request),
            "title": poster.title_of(show.lanes, show.context["view"]),
        }
        if request.GET.get("run"):
            return render(request, "embed.html", playing(request, show) | context)
        told = zip(show.lanes, poster.figures(show.plan, show.lanes, _moment(request)), strict=True)
        context |= {"told": list(told), "view": show.context["view"]}
        response = render(request, "embed_poster.html", context)
        response.headers["Cache-Control"] = A_WHILE
        return response
    except RefusedError as error:
        return _refused(request, HTTPStatus.BAD_REQUEST, str(error))
    except Http404 as error:
        return _refused(request, HTTPStatus.NOT_FOUND, str(error.args[0]))
    except simcore.ScenarioError:
        message = _("This work or this machine does not go with the stack.")
        return _refused(request, HTTPStatus.UNPROCESSABLE_ENTITY, message)


def _refused(request: HttpRequest, status: HTTPStatus, message: str) -> HttpResponse:
    """In the frame too, where the site's own error page may not be shown."""
    context = {"message": message, "full_url": reverse("gallery"), **_choices(request)}
    return render(request, "embed_error.html", context, status=status)


def _moment(request: HttpRequest) -> int | None:
    text = request.GET.get("t", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _choices(request: HttpRequest) -> dict[str, str]:
    theme, controls = request.GET.get("theme", ""), request.GET.get("controls", "")
    return {
        "theme": theme if theme in THEMES else "",
        "controls": controls if controls in CONTROLS else CONTROLS[0],
    }


def _addresses(request: HttpRequest, show: Show) -> dict[str, str]:
    """Where the button leads, and where the same thing stands on a page of its own."""
    query = request.GET.copy()
    query["run"] = "1"
    by_id = request.resolver_match is not None and request.resolver_match.kwargs
    return {
        "full_url": address_of(request, "player" if by_id else "race", ADDRESS + STATE),
        "run_url": f"?{query.urlencode()}#play",
    }


def _picture(request: HttpRequest, show: Show) -> HttpResponse:
    told = poster.figures(show.plan, show.lanes, _moment(request))
    drawn = poster.drawn(show.lanes, show.context["view"], told)
    context = {"poster": drawn, "style": poster.style(), **_choices(request)}
    response = render(request, "poster.svg", context, content_type="image/svg+xml")
    response.headers["Cache-Control"] = A_WHILE
    response.headers["Content-Security-Policy"] = f"default-src 'none'; style-src {poster.style_hash()}"
    return response
