"""Static files named by their content, the imports inside JavaScript modules included, and compressed."""

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class Storage(CompressedManifestStaticFilesStorage):
    """Only statements at the start of a line are imports: the word alone may stand in any comment."""

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "*.js",
        (
            (
                r"""(?m)^(?P<matched>(?P<what>(?:import|export)\b[^;'"]*?)['"](?P<url>\.[^'"]*)['"];)""",
                """%(what)s"%(url)s";""",
            ),
            (
                r"""(?P<matched>\bawait import\(['"](?P<url>\.[^'"]*)['"]\))""",
                """await import("%(url)s")""",
            ),
        ),
    )
    manifest_strict = False
