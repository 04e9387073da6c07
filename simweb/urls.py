"""Every address of the site."""

from django.contrib import admin
from django.urls import path, re_path

from simweb import build_views, data_views, embed_views, views, what_if_views
from simweb.consumers import RunConsumer

urlpatterns = [
    path("", views.gallery, name="gallery"),
    path("s/<slug:ref>/text/", views.told, name="told"),
    path("s/<slug:ref>/what-if/", what_if_views.what_if_page, name="what-if"),
    path("s/<slug:ref>/slide/", what_if_views.slide, name="slide"),
    path("build/", build_views.build, name="build"),
    path("build/scenario.yaml", build_views.scenario_file, name="scenario-file"),
    path("schema/scenario-1.json", build_views.schema, name="schema"),
    path("s/<slug:ref>/", views.player, name="player"),
    path("race/", views.race, name="race"),
    path("embed/race/", embed_views.race, name="embed-race"),
    path("embed/race.svg", embed_views.race_picture, name="embed-race-picture"),
    path("embed/<slug:ref>/", embed_views.embed, name="embed"),
    path("embed/<slug:ref>.svg", embed_views.picture, name="embed-picture"),
    path("run/", views.run_state, name="run"),
    path("glossary/", data_views.glossary_page, name="glossary"),
    path("check/", views.check, name="check"),
    path("numbers/", data_views.numbers, name="numbers"),
    path("fidelity/", data_views.fidelity, name="fidelity"),
    path("machines/", data_views.machines, name="machines"),
    path("machines/<slug:ref>/", data_views.machine, name="machine"),
    path("machines/<slug:ref>.toml", data_views.machine_text, name="machine-text"),
    re_path(r"^traces/(?P<trace_hash>[0-9a-f]{64})$", views.trace, name="trace"),
    re_path(r"^texts/(?P<lang>en|zh-hans)-(?P<ledger>[0-9a-f]+)\.json$", views.texts, name="texts"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]
websocket_urlpatterns = [path("ws/run/", RunConsumer.as_asgi())]

handler400 = "simweb.views.bad_request"
handler403 = "simweb.views.forbidden"
handler404 = "simweb.views.not_found"
handler500 = "simweb.views.server_error"
