# Each target sets up what it needs in .venv; `make PYTHON=python3.12 …` chooses the interpreter.
PYTHON ?= python3
RUN = .venv/bin/python
SYNTHETIC = data/synthetic

.PHONY: quickstart quickstart-topdown test test-all lint clean

# Train a small CPM on pictures made on the spot, score it and draw the people it finds.
quickstart: .venv/ready
	$(RUN) scripts/make_synthetic.py --output $(SYNTHETIC)
	$(RUN) scripts/train_gluon_cpm.py --config=quickstart --gpus=-1 --overwrite
	$(RUN) scripts/evaluate.py --resume=output/quickstart/last.npz --gpus=-1 --subset=all --viz

# The same top-down: one person in each box, scored with the annotated boxes.
quickstart-topdown: .venv/ready
	$(RUN) scripts/make_synthetic.py --output $(SYNTHETIC)
	$(RUN) scripts/train_pose_resnet.py --config=quickstart_topdown --gpus=-1 --overwrite
	$(RUN) scripts/evaluate_topdown.py --resume=output/quickstart_topdown/last.npz --gpus=-1 --boxes=truth --viz

# Two processes, for many tests wait for processes of their own; then one thread each, or the threads of MXNet would
# wait for each other. Whoever runs out of tests takes over half of the other's, so that what a module sets up stays.
PYTEST = OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist worksteal

# What a change needs while one works on it; test-all is everything.
test: .venv/ready
	$(PYTEST) -m "not slow"

test-all: .venv/ready
	$(PYTEST)

lint: .venv/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	@# Not from here, where mypy would take the folder codecs/ for Python's own module of that name.
	@mkdir -p build/typed && ln -sfn ../../cpm build/typed/cpm
	cd build/typed && $(CURDIR)/$(RUN) -m mypy --config-file $(CURDIR)/pyproject.toml -p cpm

.venv/ready: setup.py pyproject.toml requirements.txt $(wildcard ops/*.pyx)
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --disable-pip-version-check -q -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build *.egg-info ops/*.so
