# The verbs of this project, the same on a laptop and in CI. Everything happens in .venv, out/ and runs/.
# PyPI's torch brings the CUDA packages with it; where a CPU build is enough, set PIP_EXTRA_INDEX_URL to PyTorch's CPU index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := cpu,openvino,tensorrt-rtx,trust,video,dicom,station,train,export,bench,docs,dev

# What some tests drive for real; they are skipped, with the reason, where it is absent.
SYSTEM := aravis-tools aravis-tools-cli chromium dcmtk default-jdk-headless dicom3tools ffmpeg gir1.2-aravis-0.8 \
	gstreamer1.0-plugins-base gstreamer1.0-tools libcairo2-dev libgirepository1.0-dev libmono-system-net-http4.0-cil \
	mono-mcs orthanc pkg-config

.PHONY: help system setup demo test test-slow fuzz fuzz-service lint types imports check targets results gpu-check docs clean

help: ## what can be done here
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

system: ## Debian packages that some tests drive: a fake camera, DICOM's checker and servers, a browser, Java, Mono, GStreamer (as root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM)

setup: $(VENV)/.ready ## make .venv with everything this machine can use

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "edgeenh needs Python 3.11 or newer, found " + sys.version.split()[0]'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: setup ## the whole path: export --fp16, gate, RTX plan, stream a clip, benchmark every backend
	$(BIN)/python -m edgeenh_bench.demo --out out/demo

test: setup ## the test suite (under ten minutes on two cores)
	$(BIN)/python -m pytest -m 'not slow and not gpu' -n 2 --dist loadfile

test-slow: setup ## the tests that take longer: fresh installs, README commands
	$(BIN)/python -m pytest -m slow

INPUTS ?= 100000

fuzz: setup ## fuzz every reader of outside bytes; INPUTS=N per target (docs/fuzzing.md)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS),fuzz]'
	nice $(BIN)/python tests/fuzz/run.py --inputs $(INPUTS)

fuzz-service: setup ## the station's HTTP service against 10⁵ cases made from its own OpenAPI document
	EDGEENH_FUZZ_CASES=$$(( $(INPUTS) / 32 )) nice $(BIN)/python -m pytest tests/runtime/station/test_openapi.py

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

results: setup ## the tables of figures in README and benchmarks/results/README.md, from the results there
	$(BIN)/python -m edgeenh_bench.readme_table benchmarks/results README.md

gpu-check: setup ## on a machine with an NVIDIA GPU: CUDA, TensorRT and their graphs for real (docs/tensorrt.md)
	$(BIN)/python -m edgeenh_bench.gpu_check --out benchmarks/results

docs: setup ## the site of docs/, into out/site (nothing is fetched)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean: ## remove what make made
	rm -rf $(VENV) out build dist
