# Wingcheck's commands; `make help` lists them. Whatever a target needs is installed on its first use.
#
# Set-up runs in three steps, each marked by a file that is written last: the interpreter, the locked packages, the
# front-end packages. A step whose mark is older than the file it depends on, or missing, is done again.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?=
ARGS ?=
SECONDS ?= 600
FILES ?= 20000

VENV := .venv
MARKS := $(VENV)/.set-up
PY := $(VENV)/bin/python
VENDOR := static/vendor/vendor.json
# uv, and what releases and audits need: apart, so that no package of theirs decides about one of ours.
TOOLS := .venv-tools
# One lock for every Python and machine that is supported; those of the images are parts of the first.
COMPILE := $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
NPM := PATH="$$PATH:$(CURDIR)/$(VENV)/bin" npm
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# What an image consists of, from its lock: packages, versions, hashes.
bill = $(TOOLS)/bin/cyclonedx-py requirements requirements-$(1).lock --pyproject pyproject.toml --output-reproducible \
	--output-format JSON --output-file dist/wingcheck-$(VERSION)-$(1).cdx.json
SOURCES := $(wildcard app ml migrations scripts tests benchmarks)

# Where bytecode is not kept, each of the many processes of a service, or of the tests, compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

# An environment that was moved, or whose Python was removed, is made anew: its scripts hold absolute paths.
ifneq ($(shell test -x $(PY) && cat $(MARKS)/interpreter 2>/dev/null),$(CURDIR))
.PHONY: $(MARKS)/interpreter
endif

##@ Use

.PHONY: run
run: setup ## Start web and worker and print the address (PORT=8000 HOST=127.0.0.1)
	@exec $(VENV)/bin/wingcheck run --host "$(HOST)" --port "$(PORT)"

.PHONY: setup
setup: $(MARKS)/project $(VENDOR) ## Install what is needed, no more (PYTHON=python3.12 picks the interpreter)

##@ Develop

.PHONY: test
test: setup ## Run the tests (ARGS="tests/app/review -k queue" for some)
	$(PY) -m pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder $(ARGS)

.PHONY: fuzz
fuzz: setup ## Changed bytes in photos by the thousand, and the service against its OpenAPI document for long (SECONDS=600)
	WINGCHECK_FUZZ_FILES="$(FILES)" $(PY) -m pytest tests/hostile/test_changed_files.py tests/hostile/test_requests.py
	WINGCHECK_FUZZ_SECONDS="$(SECONDS)" $(PY) -m pytest tests/app/test_schemathesis.py $(ARGS)

.PHONY: check
check: $(MARKS)/project ## Formatting, lint, types, direction of imports
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-cache

.PHONY: format
format: $(MARKS)/project ## Format the code and apply safe lint fixes
	$(PY) -m ruff check --fix-only $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

.PHONY: docs
docs: $(MARKS)/project ## Write the table of settings anew into docs/operations.md
	$(PY) scripts/settings_table.py

.PHONY: messages
messages: $(MARKS)/project ## Bring the translation catalogues up to date with templates and code
	$(PY) scripts/messages.py

.PHONY: hooks
hooks: $(MARKS)/project ## Have git run formatter, linter and types before each commit
	$(VENV)/bin/pre-commit install

##@ Model

.PHONY: train
train: $(MARKS)/project ## Train a model (ARGS="bundled_browns --data FOLDER")
	$(VENV)/bin/wingcheck train $(ARGS)

.PHONY: bench
bench: setup ## Measure speed and size (ARGS="--help" lists the measurements)
	$(PY) -m benchmarks $(ARGS)

##@ Release

.PHONY: wheel
wheel: setup ## Build the wheel and the source archive into dist/
	$(PY) -m hatchling build -d dist

.PHONY: release
release: $(TOOLS)/.set-up ## Build dist/ anew: wheel, source archive, bills of materials (CycloneDX), checksums
	rm -rf dist
	$(MAKE) wheel
	$(call bill,web)
	$(call bill,worker)
	$(NPM) sbom --package-lock-only --sbom-format cyclonedx --sbom-type application >dist/wingcheck-$(VERSION)-browser.cdx.json
	cd dist && sha256sum wingcheck* >SHA256SUMS

.PHONY: audit
audit: $(TOOLS)/.set-up $(VENDOR) ## Ask the registries whether a locked package has a known weakness
	$(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock $(ARGS)
	$(NPM) audit --package-lock-only

.PHONY: images
images: setup ## Build both container images, start them, and send photos through (ARGS="--engine buildah --debootstrap")
	$(PY) scripts/try_images.py $(ARGS)

.PHONY: pin
pin: $(MARKS)/interpreter ## Write the digests of base images and services behind their tags (needs skopeo or docker)
	$(PY) scripts/pin_images.py

.PHONY: lock
lock: $(TOOLS)/.set-up ## Resolve the dependencies anew into the lock files
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock $(ARGS)
	$(COMPILE) --group node -o requirements-node.lock $(ARGS)
	$(COMPILE) --group tools -o requirements-tools.lock $(ARGS)
	$(COMPILE) --extra redis --extra s3 --constraint requirements.lock pyproject.toml -o requirements-web.lock
	$(COMPILE) --extra redis --extra s3 --extra train --constraint requirements.lock pyproject.toml \
		-o requirements-worker.lock
	echo hatchling | $(COMPILE) --constraint requirements.lock - -o requirements-build.lock

.PHONY: clean
clean: ## Remove everything that was installed or built; data in var/ stays
	rm -rf $(VENV) $(TOOLS) .venv-litserve node_modules static/vendor dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## "; print "make <target>" } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z][a-z-]*:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The steps of set-up.

$(MARKS)/interpreter:
	@python=$$(PYTHON="$(PYTHON)" sh scripts/find_python.sh) \
		&& echo "Making $(VENV) with $$("$$python" --version)" \
		&& "$$python" -m venv --clear $(VENV)
	@mkdir -p $(MARKS) && printf '%s' '$(CURDIR)' >$@.part && mv $@.part $@

$(MARKS)/packages: requirements.lock $(MARKS)/interpreter
	@echo "Installing the locked packages; the first time takes a few minutes"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(MARKS)/project: pyproject.toml $(MARKS)/packages
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(TOOLS)/.set-up: requirements-tools.lock $(MARKS)/interpreter
	@echo "Installing the tools of releases and locks into $(TOOLS)"
	@$(PY) -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.lock
	@touch $@

$(VENDOR): package.json package-lock.json scripts/vendor.py requirements-node.lock $(MARKS)/interpreter
	@npm --version >/dev/null 2>&1 || test -x $(VENV)/bin/npm || { echo "No npm here: installing one into $(VENV)" \
		&& $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock; }
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --silent
	@$(PY) scripts/vendor.py
