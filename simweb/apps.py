from django.apps import AppConfig


class SimwebConfig(AppConfig):
    name = "simweb"
    verbose_name = "Strata"
