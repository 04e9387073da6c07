"""What every page shows: engine and ledger version, the language and the theme, which an address may name."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

import simcore
from simweb.store import ledger_version

THEMES = ("light", "dark")


def every_page(request: HttpRequest) -> dict[str, Any]:
    theme = request.GET.get("theme") or request.COOKIES.get("theme", "")
    return {
        "engine_version": simcore.ENGINE_VERSION,
        "ledger_version": ledger_version(),
        "lang": get_language() or "en",
        "theme": theme if theme in THEMES else "",
        "other_language_url": _other_language(request),
    }


def _other_language(request: HttpRequest) -> str:
    query = request.GET.copy()
    query["lang"] = "en" if get_language() == "zh-hans" else "zh-hans"
    return f"?{query.urlencode()}"
