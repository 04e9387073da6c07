#!/usr/bin/env bash
# make lock: rewrite requirements/*.txt from pyproject.toml, every package with its version and hashes.
# The files name no registry: pip asks whichever one this machine is set up for.
# make lock UPGRADE=1 takes the newest versions that pyproject.toml admits.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
.venv/bin/python -m pip --disable-pip-version-check --quiet install --target "$tool" uv==0.13.9
for extra in web dev; do
  UV_CUSTOM_COMPILE_COMMAND="make lock" "$tool/bin/uv" pip compile pyproject.toml --extra $extra --output-file requirements/$extra.txt \
    --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --quiet ${UPGRADE:+--upgrade}
done
