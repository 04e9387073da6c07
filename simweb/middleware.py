"""Language by `?lang=`, static files for ASGI, frames without cookies, and an early, friendly end for posts
that are too large."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]
from whitenoise.responders import StaticFile  # type: ignore[import-untyped]

LANGUAGES = ("en", "zh-hans")
FRAMES = "/embed/"
FOR_FRAMES = (FRAMES, "/run/")
"""What a frame on somebody else's page is, and what it asks for besides files that carry no cookie anyway."""
FROM_FRAMES = re.compile(r"/$|/(s|race|glossary|numbers|machines)/")
"""What a frame leads to. A sandboxed one may open such a page only if it does not want to be on its own."""


class LanguageMiddleware(LocaleMiddleware):
    """`?lang=` decides and is remembered in a cookie; then the cookie; then what the browser asks for."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if (chosen := request.GET.get("lang")) in LANGUAGES:
            translation.activate(str(chosen))
            request.LANGUAGE_CODE = translation.get_language()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if (chosen := request.GET.get("lang")) in LANGUAGES:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                str(chosen),
                max_age=settings.LANGUAGE_COOKIE_AGE,
                samesite="Lax",
            )
        return super().process_response(request, response)


class FrameMiddleware:
    """What stands in a frame is the same for everybody: it reads no cookie and sets none, and answers to any
    origin, since a sandboxed frame has none. Only /embed/ may be framed, by those that a setting names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(FOR_FRAMES):
            response = self.get_response(request)
            if FROM_FRAMES.match(request.path_info):
                response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
            return response
        request.META.pop("HTTP_COOKIE", None)
        response = self.get_response(request)
        response.cookies.clear()
        response.headers["Access-Control-Allow-Origin"] = "*"
        if request.path_info.startswith(FRAMES):
            response._csp_replace = {"frame-ancestors": settings.EMBED_ANCESTORS}  # type: ignore[attr-defined]
            response.headers.pop("X-Frame-Options", None)
        return response


class FilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise streams chunk by chunk from a thread; small files suit an event loop better whole."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        streamed = WhiteNoiseMiddleware.serve(static_file, request)
        response = HttpResponse(b"".join(streamed), status=streamed.status_code, headers=streamed.headers)
        streamed.close()
        return response


class LargePostMiddleware:
    """A post that declares more than the site takes is answered before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if request.method == "POST" and length.isdigit() and int(length) > settings.LARGEST_POST_BYTES:
            from simweb import data_views, views  # import models, which are not loaded when middleware is

            send_in = request.path.startswith("/machines/")
            return data_views.too_large(request) if send_in else views.too_large(request)
        return self.get_response(request)
