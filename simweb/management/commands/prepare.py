"""`manage.py prepare`: what lies between a checkout and a site that serves: tables, static files."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make the tables, and name, compress and collect the static files where they have changed."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        stamp, now = Path(settings.STATIC_ROOT, "prepared"), _state()
        if stamp.exists() and stamp.read_text() == now:
            return
        with self.settings_for_collecting():
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(now)

    def settings_for_collecting(self) -> Any:
        """The storage that names files by content, which a site not yet prepared does not use."""
        from django.test.utils import override_settings

        storages = settings.STORAGES | {"staticfiles": {"BACKEND": "simweb.static.Storage"}}
        return override_settings(STORAGES=storages)


def _state() -> str:
    """Changes with any static file's name, size or time."""
    folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
    lines = [f"{file} {(stat := file.stat()).st_size} {stat.st_mtime_ns}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
