# Two commands matter: `make demo` and `make test`. Both work from a clean clone with Python 3.11+ and pip.
#   make demo                      the whole loop on phantoms, then the site stays up (Ctrl-C ends it)
#   make demo DATA=folder-or.zip   the same with your own images
#   make test                      every check
#   TORCH=cpu                      with either: PyTorch's CPU build, much smaller (see docs/install.md)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH ?= default
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --require-hashes

.PHONY: demo serve test check unit postgres audit lock format clean-venv

demo: $(VENV)/.runtime
	$(BIN)/python manage.py demo $(if $(DATA),--data "$(DATA)") $(if $(SKIP_BAD),--skip-bad) $(if $(PORT),--port $(PORT))

serve: $(VENV)/.runtime
	$(BIN)/python manage.py serve

test: check unit postgres

# --- environment -----------------------------------------------------------------------------------------------
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; this is: $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV) && $(PYTHON) -m venv --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install pip; }

ifeq ($(TORCH),cpu)
LOCK_SUFFIX := -cpu
install_torch = sed -n 's/^\(torch\|torchvision\)==\([0-9.]*\).*/\1==\2/p' requirements/runtime.lock | \
	xargs $(BIN)/python -m pip --disable-pip-version-check install --index-url https://download.pytorch.org/whl/cpu
else
LOCK_SUFFIX :=
install_torch = true
endif

$(VENV)/.runtime: requirements/runtime$(LOCK_SUFFIX).lock | $(BIN)/python
	@echo "Installing the locked dependencies (the first time, PyTorch brings several GB: some minutes) ..."
	$(install_torch)
	$(PIP_INSTALL) -r $<
	@touch $@

$(VENV)/.dev: requirements/dev$(LOCK_SUFFIX).lock | $(BIN)/python
	@echo "Installing the locked dependencies (the first time, PyTorch brings several GB: some minutes) ..."
	$(install_torch)
	$(PIP_INSTALL) -r $<
	@touch $@ $(VENV)/.runtime

# --- checks ----------------------------------------------------------------------------------------------------
check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint templates --lint --check --quiet
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m tests.checks

# Two processes: one takes over what is left of the other's share (browser tests take long and stand together). Tests
# that kill processes and then wait run beside each other too, but those of a file, which share a site, in one process.
unit: $(VENV)/.dev
	$(BIN)/python -m tests.find_browser --install
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not faults"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m faults

# In the browser only the reading is repeated on PostgreSQL: what the other pages' scripts do does not depend on it.
postgres: $(VENV)/.dev
	$(BIN)/python -m tests.find_browser --install
	$(BIN)/python -m tests.with_postgres --volatile $(BIN)/python -m pytest -n 2 --dist worksteal -m "not faults" \
	  --ignore-glob='tests/browser/test_[!r]*.py' --ignore-glob='tests/browser/test_report*.py'
	$(BIN)/python -m tests.with_postgres $(BIN)/python -m pytest -n 2 --dist loadfile -m faults tests/turing

# Known vulnerabilities of the locked packages. Says so where the index of vulnerabilities cannot be asked.
audit: $(VENV)/.dev
	$(BIN)/python -m tests.audit

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet

# --- dependencies ----------------------------------------------------------------------------------------------
# torch and what only torch's CUDA build brings is left out of the -cpu locks.
UV_COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
WITHOUT_CUDA = $$(sed -n 's/^\(torch\|torchvision\|triton\|cuda-[a-z]*\|nvidia-[a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements/runtime.lock)

lock: | $(BIN)/python
	test -x $(BIN)/uv || $(BIN)/python -m pip install uv
	$(UV_COMPILE) pyproject.toml -o requirements/runtime.lock
	$(UV_COMPILE) --extra dev -c requirements/runtime.lock pyproject.toml -o requirements/dev.lock
	$(UV_COMPILE) -c requirements/runtime.lock pyproject.toml $(WITHOUT_CUDA) -o requirements/runtime-cpu.lock
	$(UV_COMPILE) --extra dev -c requirements/dev.lock pyproject.toml $(WITHOUT_CUDA) -o requirements/dev-cpu.lock

clean-venv:
	rm -rf $(VENV)
