"""`manage.py prepare`: what lies between a checkout and a site that serves: tables, static files."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.test.utils import override_settings

from simweb.prepared import STAMP, is_prepared, state


class Command(BaseCommand):
    help = "Make the tables, and name, compress and collect the static files where they have changed."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        if is_prepared(settings.STATIC_ROOT, settings.STATICFILES_DIRS):
            return
        with self.settings_for_collecting():
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        (settings.STATIC_ROOT / STAMP).write_text(state(settings.STATICFILES_DIRS))

    def settings_for_collecting(self) -> Any:
        """The storage that names files by content, which a site not yet prepared does not use."""
        storages = settings.STORAGES | {"staticfiles": {"BACKEND": "simweb.static.Storage"}}
        return override_settings(STORAGES=storages)
