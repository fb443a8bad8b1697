# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo    installs danlu and tunes a small network on real data
#   make test    installs what the tests need and runs them
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO ?= .danlu

.PHONY: demo test retest check locked lock audit page check-page bench torture clean

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "danlu needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing danlu with PyTorch (some hundred MB the first time) ..."
	$(PIP) --editable '.[examples,plots]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "Installing what the tests need ..."
	$(PIP) --editable '.[examples,kit,plots,postgres,ray,frames,optuna,hyperopt,bayesopt,test,lint]'
	@touch $@

# What CI installs before all else: these versions, and no file whose hash is another. PyTorch is left
# out, since its CPU build does not come from where its hashes do; constraints.txt holds its version.
locked: $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--requirement requirements/ci.txt

# Needs uv: pip install uv
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --overrides requirements/without-torch.txt --output-file requirements/ci.txt \
		$(foreach extra,examples kit plots postgres ray frames optuna hyperopt bayesopt test lint,--extra $(extra))

# Needs pip-audit, and a network that reaches the database of known weaknesses.
audit:
	pip-audit --disable-pip --require-hashes --requirement requirements/ci.txt

demo: $(VENV)/.demo
	$(BIN)/danlu run examples/digits.toml --store $(DEMO)
	$(BIN)/danlu best digits --store $(DEMO)
	$(BIN)/danlu report digits --store $(DEMO) --output digits.html

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --quiet

retest: $(VENV)/.test
	$(BIN)/python -m pytest --quiet --last-failed --last-failed-no-failures none

check: $(VENV)/.test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/codespell src tests docs examples benchmarks README.md ARCHITECTURE.md CONTRIBUTING.md

# The page of the dashboard and the report; its build is committed, so that only those who change
# web/ui need Node (20.19 or newer).
PAGE := src/danlu/reporting/page

page:
	$(PYTHON) scripts/page_texts.py
	cd web/ui && npm ci --silent && npm run --silent build

check-page: page
	@git diff --exit-code --stat -- $(PAGE) || \
		{ echo "$(PAGE) is not what web/ui builds: run make page and commit it."; exit 1; }

bench: $(VENV)/.test
	$(BIN)/python benchmarks/overhead.py

torture: $(VENV)/.test
	$(BIN)/python benchmarks/torture.py --slice

clean:
	rm -rf $(VENV) .danlu digits.html
