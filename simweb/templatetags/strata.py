"""Template helpers: a stack as a drawing, and icons by name."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

NO_MARKS: Mapping[str, str] = {}


@register.inclusion_tag("stack.html")
def stack(
    drawing: Any,
    lane: int = 0,
    live: bool = False,
    label: str = "",
    chosen: str = "",
    marks: Mapping[str, str] = NO_MARKS,
) -> dict[str, Any]:
    """The diagram as SVG: `live` where every layer can be chosen; else a picture. `marks`: what is wrong with
    a layer, "error" or "warning"."""
    layers = [box.part.short for box in drawing.boxes]
    told = {"label": label, "layers": layers, "chosen": chosen, "marks": marks}
    return {"drawing": drawing, "lane": lane, "live": live, **told}


IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"\./([\w-]+\.js)";', re.M)


@register.simple_tag
def modulepreload(name: str) -> SafeString:
    """Links for all modules that one imports, fetched together, not one after the other."""
    return format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ((static(m),) for m in imports_of(name))
    )


@lru_cache(maxsize=8)
def imports_of(name: str) -> list[str]:
    """What a module imports, and what that imports, each once."""
    found: dict[str, None] = {}
    waiting = [Path(name)]
    while waiting:
        module = waiting.pop()
        file = next((Path(folder, module) for folder in settings.STATICFILES_DIRS), module)
        for other in IMPORT.findall(file.read_text(encoding="utf-8")):
            path = module.with_name(other)
            if str(path) not in found:
                found[str(path)] = None
                waiting.append(path)
    return list(found)


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 20 20" aria-hidden="true">'
        '<use href="#i-{1}"/></svg>',
        size,
        name,
    )


@register.filter
def marked(text: str) -> SafeString:
    """`code` and *emphasis* in a sentence of the engine's texts."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return mark_safe(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", html))


@register.filter
def lead(said: Sequence[str]) -> SafeString:
    """A sentence whose first words stand out."""
    return format_html("<b>{}</b> {}", said[0], marked(said[1]))


@register.filter
def key_of(key: str, table: Mapping[str, Any]) -> Any:
    return table.get(key, "")


@register.filter
def less(whole: float, part: float) -> float:
    """A difference of coordinates."""
    return round(whole - part, 1)
