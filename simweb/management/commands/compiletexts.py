"""`manage.py compiletexts`: .po to .mo in Python, as msgfmt is not everywhere. The .mo is committed."""

import ast
import struct
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

MAGIC, HEADER_BYTES, PAIR_BYTES = 0x950412DE, 28, 8


class Command(BaseCommand):
    help = "Compile the site's message files."

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in settings.LOCALE_PATHS:
            for po in Path(folder).glob("*/LC_MESSAGES/*.po"):
                po.with_suffix(".mo").write_bytes(compiled(messages(po)))


def messages(po: Path) -> dict[str, str]:
    """msgid → msgstr as gettext wants them: plural forms joined by NUL. Fuzzy and empty ones are left out."""
    found: dict[str, str] = {}
    for block in po.read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if "#, fuzzy" in block or not lines:
            continue
        texts: dict[str, str] = {}
        keyword = ""
        for line in lines:
            if not line.startswith('"'):
                keyword, _, line = line.partition(" ")
            texts[keyword] = texts.get(keyword, "") + ast.literal_eval(line)
        key = texts["msgid"] + ("\0" + texts["msgid_plural"] if "msgid_plural" in texts else "")
        forms = [text for name, text in sorted(texts.items()) if name.startswith("msgstr")]
        if all(forms):
            found[key] = "\0".join(forms)
    return found


def compiled(texts: dict[str, str]) -> bytes:
    """The GNU .mo file: header, a table of (length, offset) for keys, one for values, then the texts."""
    pairs = sorted((key.encode(), value.encode()) for key, value in texts.items())
    keys_at = HEADER_BYTES
    values_at = keys_at + PAIR_BYTES * len(pairs)
    offset = values_at + PAIR_BYTES * len(pairs)
    tables, data = b"", b""
    for column in (0, 1):
        for pair in pairs:
            tables += struct.pack("<II", len(pair[column]), offset + len(data))
            data += pair[column] + b"\0"
    header = struct.pack("<7I", MAGIC, 0, len(pairs), keys_at, values_at, 0, offset)
    return header + tables + data
