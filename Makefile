# Each target sets up what it needs in .venv; `make PYTHON=python3.13 …` chooses the interpreter. Without it, an
# environment that is there is kept.
PYTHON ?= $(if $(wildcard .venv/ready-*),.venv/bin/python,python3)
RUN = .venv/bin/python
PIP_INSTALL = $(RUN) -m pip install --disable-pip-version-check -q

# What makes a .venv of another interpreter out of date; nothing if there is none or it is too old.
VERSION := $(shell $(PYTHON) -c 'import platform, sys; \
	print(platform.python_version() if sys.version_info >= (3, 9) else "")' 2>/dev/null)
CREATED = .venv/created-$(VERSION)
READY = .venv/ready-$(VERSION)

SYNTHETIC = data/synthetic

.PHONY: quickstart quickstart-topdown test test-all lint docs clean

# Train a small CPM on pictures made on the spot, score it and draw the people it finds.
quickstart: $(READY)
	$(RUN) scripts/make_synthetic.py --output $(SYNTHETIC)
	$(RUN) scripts/train_gluon_cpm.py --config=quickstart --gpus=-1 --overwrite
	$(RUN) scripts/evaluate.py --resume=output/quickstart/last.npz --gpus=-1 --subset=all --viz

# The same top-down: one person in each box, scored with the annotated boxes.
quickstart-topdown: $(READY)
	$(RUN) scripts/make_synthetic.py --output $(SYNTHETIC)
	$(RUN) scripts/train_pose_resnet.py --config=quickstart_topdown --gpus=-1 --overwrite
	$(RUN) scripts/evaluate_topdown.py --resume=output/quickstart_topdown/last.npz --gpus=-1 --boxes=truth --viz

# Two processes, for many tests wait for processes of their own; then one thread each, or the threads of MXNet would
# wait for each other. Whoever runs out of tests takes over half of the other's, so that what a module sets up stays.
PYTEST = OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist worksteal

# What a change needs while one works on it; test-all is everything.
test: $(READY)
	$(PYTEST) -m "not slow"

test-all: $(READY)
	$(PYTEST)

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	@# Not from here, where mypy would take the folder codecs/ for Python's own module of that name.
	@mkdir -p build/typed && ln -sfn ../../cpm build/typed/cpm
	cd build/typed && $(CURDIR)/$(RUN) -m mypy --config-file $(CURDIR)/pyproject.toml -p cpm

# The pages and the reference of the code as a site in build/site, which needs no network to be read.
docs: $(READY)
	$(PIP_INSTALL) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build

# Created and filled in two steps, so that what fails halfway is taken up again. MXNet is not a dependency from Python
# 3.13 on, see requirements.txt; where it is one, there is nothing left to install.
$(READY): setup.py pyproject.toml requirements.txt $(wildcard ops/*.pyx) | $(CREATED)
	@echo "installing what cpm needs in .venv; the first time takes some minutes"
	$(PIP_INSTALL) -e '.[dev]'
	$(PIP_INSTALL) --no-deps mxnet==1.9.1
	@touch $@

$(CREATED):
	@test -n "$(VERSION)" || { echo "error: $(PYTHON) is no Python 3.9 or newer; name one: make PYTHON=python3.13 …" >&2; exit 2; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

clean:
	rm -rf .venv build *.egg-info ops/*.so
