# The habits of this house; `just` comes with the dev extra: .venv/bin/just

python := env("PYTHON", "python3")
bin := justfile_directory() / ".venv/bin"
export PATH := bin + ":" + env("PATH")

_default:
    @just --list --unsorted

# A virtual environment with everything, the package editable, the native encoder built
setup:
    {{ python }} -m venv .venv
    python -m pip install -e '.[dev]'
    python -c "from fapilog_otel.encode import select; print('native encoder:', select.NATIVE, select.NATIVE_MISSING)"

# The tests, or some of them: just test tests/unit -k redact
test *arguments:
    python -m pytest {{ arguments }}

# Everything that reads the code without running it
check: lint types
    lint-imports
    bandit -q -c pyproject.toml -r fapilog_otel exporters
    python -m pytest -q -p no:randomly tests/test_house.py tests/unit/test_api_snapshot.py

# Style alone
lint:
    ruff check .
    ruff format --check .

# Types alone
types:
    mypy
    pyright

# Repair what can be repaired without thinking
fix:
    ruff check --fix .
    ruff format .

# Line and branch coverage, with the encoder written in Python
coverage:
    coverage erase
    FAPILOG_OTEL_NATIVE=0 coverage run -m pytest -q -n 2 -p no:benchmark -m 'not receiver and not system' --ignore=tests/faults --ignore=tests/integration --ignore=tests/servers
    coverage combine -q
    coverage report

# Micro-benchmarks; the comparison with the stock SDK: python -m benchmarks.compare
bench *arguments:
    python -m pytest benchmarks/bench_*.py {{ arguments }}

# Machine instructions a log call takes, against the committed baseline; needs valgrind
instructions *arguments:
    python -m benchmarks.instructions {{ arguments }}

# The documentation, as strictly as in CI
docs:
    mkdocs build --strict

# The documentation, live
docs-serve:
    mkdocs serve

# Record a meant change of the public API
api:
    python -m tests.api_snapshot --write

# Compile the native encoder again after a change of a .pyx or .pxi file
native:
    python -m pip install -q --no-build-isolation -e .

# The native encoder under AddressSanitizer and UndefinedBehaviorSanitizer
memory:
    .ci/memory

# Build the real receivers ahead of the tests
receivers:
    python -m tests.receivers build

# Known vulnerabilities of the installed packages; needs pypi.org, or `just audit --vulnerability-service osv`
audit *arguments:
    python -m pip install -q pip-audit
    pip-audit --strict --skip-editable {{ arguments }}

# All of CI, in an environment of its own
ci *checks:
    .ci/run {{ checks }}
