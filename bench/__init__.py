"""How fast Strata is: `make bench` measures everything in one run, prints a table and writes bench.json.

Nothing here is a test: a figure that misses its target is shown, never hidden, and never fails a build.
"""
