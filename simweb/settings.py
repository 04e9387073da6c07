"""Settings of the site, all by environment and all with a default that works on a laptop.

STRATA_DB            file of the SQLite database (var/strata.sqlite3)
STRATA_VAR           folder for everything written at run time (var)
STRATA_SECRET_KEY    made once and kept in that folder unless given
STRATA_DEBUG         1: Django's debug pages
STRATA_ALLOWED_HOSTS names the site answers to, separated by commas (this machine only)
STRATA_WORKERS       processes that simulate (CPUs less one, at most 4; 0: in the calling thread, for tests)
STRATA_TRACE_QUOTA   MiB of traces kept on disk before the least recently used go (512)
STRATA_EMBED_ANCESTORS  who may show /embed/ in a frame, separated by spaces: sources of the content security
                     policy's frame-ancestors (*: everybody); the site itself always may
"""

import os
import secrets
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from simweb.prepared import is_prepared

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("STRATA_VAR", ROOT / "var"))
VAR.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    if given := os.environ.get("STRATA_SECRET_KEY"):
        return given
    file = VAR / "secret-key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


DEBUG = os.environ.get("STRATA_DEBUG", "0") == "1"
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = [
    host.strip()
    for host in os.environ.get("STRATA_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host.strip()
]
WORKERS = int(os.environ.get("STRATA_WORKERS", min(4, max(1, (os.cpu_count() or 2) - 1))))
TRACES = VAR / "traces"
TRACE_QUOTA_BYTES = int(os.environ.get("STRATA_TRACE_QUOTA", "512")) * 1024 * 1024
LARGEST_POST_BYTES = 1024 * 1024
EMBED_ANCESTORS = os.environ.get("STRATA_EMBED_ANCESTORS", "*").split()
if "*" not in EMBED_ANCESTORS:
    EMBED_ANCESTORS = ["'self'", *EMBED_ANCESTORS]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "simweb",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "simweb.middleware.FrameMiddleware",
    "simweb.middleware.FilesMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "simweb.middleware.LanguageMiddleware",
    "simweb.middleware.LargePostMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "simweb.urls"
ASGI_APPLICATION = "simweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "simweb.context.every_page",
            ]
        },
    }
]

# Writers wait their turn instead of failing, and readers never wait for them.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("STRATA_DB", VAR / "strata.sqlite3"),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file for the tests too: SQLite in memory knows no waiting between threads.
        "TEST": {"NAME": VAR / "test.sqlite3"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [ROOT / "simweb" / "locale"]
LANGUAGE_COOKIE_NAME = "lang"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
TIME_ZONE = "UTC"
USE_TZ = True

# With `manage.py prepare` files are named by their content, compressed and cached for ever; without it they
# are served as they are. Nothing else depends on which of the two it is.
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [ROOT / "static"]
PREPARED = not DEBUG and is_prepared(STATIC_ROOT, STATICFILES_DIRS)
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PREPARED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "simweb.static.Storage"
        if PREPARED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "simweb.views.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST_POST_BYTES

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
