"""The page's figures, in real Chromium against the real server."""

from __future__ import annotations

from typing import Any

from .figure import row


def figures() -> dict[str, dict[str, Any]]:
    return {}


__all__ = ["figures", "row"]
