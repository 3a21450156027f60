# Two commands: `make demo` and `make test`. Both set up .venv first, and only when something it depends on changed.
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := hookspecs $(sort $(wildcard adapters/*))
READY := .venv/.ready
SOURCES := interhost hookspecs adapters tests docs benchmarks

.PHONY: demo test check format schema docs bench clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml constraints.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "interhost needs Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt \
	  $(addprefix -e ./,$(MEMBERS)) -e '.[dev]'
	touch $@

demo: $(READY)
	@$(BIN)/interhost demo

# Each of the two must be covered to what pyproject.toml says, not only both together.
test: $(READY)
	$(BIN)/python -m pytest -n 4 --dist loadgroup --cov --cov-report=
	$(BIN)/coverage report --include='*/interhost/host/*'
	$(BIN)/coverage report --include='*/interhost_hookspecs/*'

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/mypy adapters/tldr-swinton/tests/*.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(READY)
	$(BIN)/python -m interhost_hookspecs.schema > interhost/bus/interbus.schema.json

docs: $(READY)
	$(BIN)/python docs/generate.py

# Built distributions in a venv of their own, started where the checkout's sources are not in the way: an editable
# install would be measured with what it costs.
bench:
	rm -rf build $(addsuffix /build,$(MEMBERS))
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -c constraints.txt setuptools
	.venv-bench/bin/python -m pip install --quiet --no-build-isolation -c constraints.txt ./hookspecs '.[bench]' \
	  $(addprefix ./,$(filter adapters/%,$(MEMBERS)))
	rm -rf build $(addsuffix /build,$(MEMBERS)) # what pip leaves there, mypy would take for sources
	rm -rf .venv-bench/benchmarks && cp -R benchmarks .venv-bench/
	cd .venv-bench && bin/python -m benchmarks.run $(ONLY)

clean:
	rm -rf .venv .venv-bench build
