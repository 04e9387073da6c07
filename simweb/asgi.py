"""The door for uvicorn: HTTP to Django, /ws/ to the consumers, start and stop to the pool of workers."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simweb.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from simweb import workers  # noqa: E402
from simweb.urls import websocket_urlpatterns  # noqa: E402

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]


async def limited(scope: Message, receive: Receive, send: Send) -> None:
    """Django, which reads a whole body before any view may look at it. One that declares too much is
    thrown away as it comes (a middleware answers with a page), one of undeclared length is cut off."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    unread = declared.isdigit() and int(declared) > settings.LARGEST_POST_BYTES
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        if unread and not taken:
            taken = 1
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await receive()
        while unread and message["type"] == "http.request":
            message = await receive()
        taken += len(message.get("body", b""))
        if unread or taken <= settings.LARGEST_POST_BYTES:
            return message
        await send({"type": "http.response.start", "status": 413, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b"too large"})
        return {"type": "http.disconnect"}

    await http(scope, counted, send)


async def lifespan(scope: Message, receive: Receive, send: Send) -> None:
    """The first worker starts with the site, so that the first run need not wait for it."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            workers.pool().start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            workers.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {
        "http": limited,
        "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns)),
        "lifespan": lifespan,
    }
)
