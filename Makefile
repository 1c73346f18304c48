# The verbs of this project, the same on a laptop and in CI. Everything happens in .venv, out/ and runs/.
# PyPI's torch brings the CUDA packages with it; where a CPU build is enough, set PIP_EXTRA_INDEX_URL to PyTorch's CPU index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := cpu,openvino,tensorrt-rtx,trust,video,train,export,bench,dev

.PHONY: help setup demo test test-slow fuzz lint types imports check targets gpu-check clean

help: ## what can be done here
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## make .venv with everything this machine can use

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "edgeenh needs Python 3.11 or newer, found " + sys.version.split()[0]'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: setup ## the whole path: export --fp16, gate, RTX plan, stream a clip, benchmark every backend
	$(BIN)/python -m edgeenh_bench.demo --out out/demo

test: setup ## the test suite (under ten minutes on two cores)
	$(BIN)/python -m pytest -m 'not slow and not gpu'

test-slow: setup ## the tests that take longer: fresh installs, README commands
	$(BIN)/python -m pytest -m slow

INPUTS ?= 100000

fuzz: setup ## fuzz every reader of outside bytes; INPUTS=N per target (docs/fuzzing.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS),fuzz]'
	nice $(BIN)/python tests/fuzz/run.py --inputs $(INPUTS)

lint: setup ## ruff: style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy --strict
	$(BIN)/mypy --strict

imports: setup ## import-linter: which package may import which
	$(BIN)/lint-imports

check: lint types imports ## all three

targets: setup ## measure the figures that benchmarks/README.md promises, into benchmarks/results/
	$(BIN)/python -m edgeenh_bench.targets --out benchmarks/results

gpu-check: setup ## on a machine with an NVIDIA GPU: CUDA, TensorRT and their graphs for real (docs/tensorrt.md)
	$(BIN)/python -m edgeenh_bench.gpu_check --out benchmarks/results

clean: ## remove what make made
	rm -rf $(VENV) out build dist
