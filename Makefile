# Every target does its own set-up: a fresh clone needs Python 3.11 or newer, make, git and package registries.
PYTHON ?= python3
PYTEST ?= --numprocesses auto --dist worksteal
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKED := $(PIP) install --require-hashes -r
# What is installed here was built from locked requirements: nothing is resolved again.
LOCAL  := $(PIP) install --no-deps --no-build-isolation
GOTOOL := $(BIN)/python packages/opa/gotool.py --go-from requirements/go.txt
OPA     = $$($(BIN)/python -c 'import pushpolicy_opa; print(pushpolicy_opa.binary())')
BUILDERS := tests/tools/builders
OPA_SOURCES := $(wildcard packages/opa/*.* packages/opa/src/pushpolicy_opa/*.py)

# Some container images set it. The tests run thousands of commands, each of which would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test large floor registries simulate flips mutants check bench pictures interop index lock tools builders install clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## run the main job on a sample application
	$(BIN)/pushpolicy demo

test: $(VENV)/tested-with tools ## run every test, with real OPA and real registries
	$(BIN)/python -m pytest $(PYTEST)

large: $(VENV)/tested-with ## judge a checkout of 100,000 files and 5 GB
	PUSHPOLICY_TEST_LARGE=1 $(BIN)/python -m pytest tests/large -s

floor: $(VENV)/tested-with ## compare the floor, and what is reused of decisions, with Rego over generated cases
	PUSHPOLICY_FLOOR_CASES=80000 PUSHPOLICY_REUSE_CASES=5000 $(BIN)/python -m pytest -n 2 tests/integration/test_floor.py tests/integration/test_reuse.py

registries: $(VENV)/tested-with tools ## every registry and kind of registry through all that a user does (minutes)
	$(BIN)/python -m tests.registry_table

flips: $(VENV)/tested-with ## every byte of every kept record changed: none is reproduced; a quarter of an hour
	$(BIN)/python -m tests.flips

mutants: $(VENV)/tested-with tools ## switch each check off in turn, and see that a test notices (half an hour)
	$(BIN)/python -m tests.mutants

simulate: $(VENV)/tested-with ## push in 100,000 drawn orders, with kills and lost answers (an hour)
	$(BIN)/python -m tests.simulation

check: $(VENV)/tested-with ## lint, format, types, and the policies' format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(OPA) fmt --list --fail policies
	$(OPA) check --strict $$(find policies -name '*.rego')

bench: $(VENV)/tested-with tools ## compare with opa, conftest, json.load, crane, oras, regctl (skopeo where installed)
	$(BIN)/python -m bench.check
	$(BIN)/python -m bench.policy
	$(BIN)/python -m bench.replay --records 10000 --sample 500
	$(BIN)/python -m bench.replay --records 10000 --sample 500 --policy pack
	$(BIN)/python -m bench.replay --records 1000 --findings 500 --sample 100
	$(BIN)/python -m bench.cluster
	$(BIN)/python -m bench.identity
	$(BIN)/python -m bench.gather
	$(BIN)/python -m bench.components
	$(BIN)/python -m bench.collection
	$(BIN)/python -m bench.push
	$(BIN)/python -m bench.archive
	$(BIN)/python -m bench.mirror --tags 1000
	$(BIN)/python -m bench.server

interop: $(VENV)/tested-with ## judge what the real syft, grype and trivy write about an image (builds them: minutes)
	$(GOTOOL) $(patsubst %/go.mod,%,$(wildcard tests/interop/tools/*/go.mod))
	$(BIN)/python -m tests.interop

pictures: $(VENV)/tested-with ## take the pictures of docs/audit.md anew (needs chromium)
	$(BIN)/python -m tests.pages

index: $(VENV)/installed ## write what is generated: the index of the shipped rules, what formats declare, docs/{rule-pack,evidence,rego,formats,ci-fields,tables}.md
	$(BIN)/python -m pushpolicy.evaluate.indexing
	$(BIN)/python -m pushpolicy.evaluate.authoring.reference
	$(BIN)/python -m pushpolicy.reports.catalogue
	$(BIN)/python -m pushpolicy.gather.ci.catalogue
	$(BIN)/python -m pushpolicy.audit.export.catalogue

lock: $(VENV)/python requirements/lock.txt ## resolve requirements/*.txt anew
	$(LOCKED) requirements/lock.txt
	$(BIN)/python requirements/lock.py

tools: $(VENV)/python ## build the programs that the tests run
	$(GOTOOL) $(patsubst %/go.mod,%,$(wildcard tests/tools/*/go.mod))

builders: $(VENV)/python ## build ko, BuildKit, cosign and Kyverno, fetch jib, sigstore-js and axe-core: what makes images, what verifies them, and what looks at pages (minutes; needs Maven, a JDK and npm)
	$(GOTOOL) $(patsubst %/go.mod,%,$(wildcard $(BUILDERS)/*/go.mod))
	rm -rf build/jib build/jib.unchecked
	mvn --batch-mode --quiet --strict-checksums -Dstyle.color=never --file $(BUILDERS)/jib \
	  dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/jib.unchecked
	cd build/jib.unchecked && sha256sum --check --strict --quiet $(CURDIR)/$(BUILDERS)/jib/SHA256SUMS
	mv build/jib.unchecked build/jib
	for name in sigstorejs axe; do \
	  rm -rf build/$$name && mkdir -p build/$$name && cp $(BUILDERS)/$$name/package*.json build/$$name && \
	  (cd build/$$name && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || exit 1; \
	done

install: $(VENV)/installed ## install pushpolicy with its OPA into .venv

clean: ## remove what was built in this checkout (compiled programs stay in the cache)
	rm -rf $(VENV) .venv-* dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pushpolicy needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: requirements/demo.txt pyproject.toml $(OPA_SOURCES) | $(VENV)/python
	$(LOCKED) requirements/demo.txt
	$(GOTOOL) packages/opa
	$(LOCAL) --force-reinstall ./packages/opa
	$(LOCAL) --editable .
	touch $@

$(VENV)/tested-with: requirements/test.txt $(VENV)/installed
	$(LOCKED) requirements/test.txt
	touch $@
