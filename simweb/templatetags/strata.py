"""Template helpers: a stack as a drawing, and icons by name."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.inclusion_tag("stack.html")
def stack(drawing: Any, lane: int = 0, live: bool = False, label: str = "") -> dict[str, Any]:
    """The diagram as SVG: `live` in the player, where every layer can be chosen; else a picture."""
    layers = [box.part.short for box in drawing.boxes]
    return {"drawing": drawing, "lane": lane, "live": live, "label": label, "layers": layers}


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 20 20" aria-hidden="true">'
        '<use href="#i-{1}"/></svg>',
        size,
        name,
    )
