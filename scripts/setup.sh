#!/usr/bin/env bash
# make setup: .venv with the locked dependencies and the project itself, editable.
# Two notes in .venv say where it was made and from what; while both still hold, nothing is done.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
made_at=$venv/.made-at
made_from=$venv/.made-from
python=${PYTHON:-}
hash_of_inputs() { cat pyproject.toml requirements/dev.txt scripts/setup.sh | sha256sum; }

# An interpreter counts when it runs and is new enough: a version manager's shim may do neither.
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }

# A moved environment is broken (its scripts name the old place), and one of another interpreter is not what was asked for.
keep_environment() {
  [ "$(cat $made_at 2>/dev/null)" = "$PWD" ] && new_enough $venv/bin/python &&
    { [ -z "$python" ] || [ "$(version $venv/bin/python)" = "$(version "$python")" ]; }
}

make_environment() {
  for candidate in ${python:-python3 python3.11 python3.12 python3.13 python3.14}; do
    if new_enough "$candidate"; then found=$candidate; break; fi
  done
  if [ -z "${found:-}" ]; then
    echo "setup: needs Python 3.11 or newer; tried: ${python:-python3, python3.11 to python3.14}." >&2
    echo "setup: install one, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 1
  fi
  if ! "$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    minor=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "setup: $found ($minor) cannot make an environment: its venv or ensurepip module is missing." >&2
    echo "setup: Debian and Ubuntu keep them apart: apt-get install python3-venv  (or python$minor-venv)" >&2
    exit 1
  fi
  echo "setup: making $venv with $("$found" --version) ..." >&2
  "$found" -m venv --clear $venv
  echo "$PWD" >$made_at
}

if keep_environment; then
  [ "$(cat $made_from 2>/dev/null)" != "$(hash_of_inputs)" ] || exit 0
  echo "setup: bringing $venv up to date ..." >&2
else
  make_environment
fi

rm -f $made_from
pip="$venv/bin/python -m pip --disable-pip-version-check -qq"
# Wheels only: nothing here may need a C compiler, and no package's own build script runs.
$pip install --only-binary :all: --require-hashes --no-deps -r requirements/dev.txt
$pip install --no-build-isolation --no-deps --editable .
$pip check
hash_of_inputs >$made_from
echo "setup: done" >&2
