# make demo    train and test image_zooms on drawn planes, from nothing;
#              DETECTOR=pool45_crops the other detector,
#              MODEL=glimpse_rnn the glimpse regressor on drawn cars;
#              SEED=1 with another seed, QUIRKS=published with the published faults
# make test    run all tests
# make test-fast
#              run those that start no program, need no other backend and train no
#              detector: about a minute
# make test-backends
#              run all tests on TensorFlow, JAX and PyTorch, which it installs
# make paper   the detectors' paper on PASCAL VOC: fetch, train, test and draw its figures;
#              says beforehand how long that takes, and goes on where it was stopped;
#              PAPER="--mirror ADDRESS" and other flags of studies.paper
# make notebooks
#              execute the notebooks, into runs/notebooks; WRITE=1 in place
# make lint    check style and types
# make results-small
#              the three demos and all small studies again, into results/
# make results-seeds
#              the demos with each of SEEDS, with and without the published faults,
#              their means and deviations, into results/
# make results-faults
#              image_zooms' demo with single FAULTS of the published program, into
#              results/
# make bench   measure speed and hold it against the committed ratios
#
# PYTHON names the interpreter that .venv is made with: 3.11, 3.12 or 3.13.

PYTHON ?= python3
DETECTOR ?= image_zooms
MODEL ?= $(DETECTOR)
WRITE ?= 0
SEED ?= 0
SEEDS ?= 0 1 2
QUIRKS ?=
PAPER ?=

# Every path is relative, so that a clone may lie in a folder with spaces.
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
INSTALLED_DEV := $(VENV)/installed-dev
INSTALLED_BACKENDS := $(VENV)/installed-backends

# Named so that `figures collect_means` knows which runs differ in their seed alone.
seed_name = $(if $(filter-out 0,$(1)),_seed_$(1))
empty :=
QUIRKS_NAME := $(if $(QUIRKS),_$(subst $(empty) $(empty),_,$(strip $(QUIRKS))))
DEMO := runs/demo_$(MODEL)$(QUIRKS_NAME)$(call seed_name,$(SEED))
DEMO_FLAGS := --seed $(SEED)$(if $(QUIRKS), --quirks $(QUIRKS))

# What make says before it starts, on 2 cores.
INSTALL_TIME := a few minutes, once
DEMO_TIME := 3 to 6 minutes
TEST_TIME := about 10 minutes
DEMO_DATA = drawn $(if $(filter glimpse_rnn,$(MODEL)),cars,aeroplanes)
say_install = test -e $(1) || echo "  First it installs what it needs into $(VENV): $(INSTALL_TIME)."

# A virtual environment that failed half-way must not pass for a whole one.
.DELETE_ON_ERROR:

.PHONY: demo say_demo demo_detector demo_glimpse_rnn paper test say_test test-fast \
    test-backends notebooks lint bench results-small results-seeds results-faults clean

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python {v[0]}.{v[1]} found, 3.11 to 3.13 needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.txt pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

$(INSTALLED_BACKENDS): $(INSTALLED_DEV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[backends]'
	touch $@

ifeq ($(MODEL),glimpse_rnn)
demo: say_demo demo_glimpse_rnn
else
demo: say_demo demo_detector
endif

say_demo:
	@echo "make demo trains $(MODEL) on $(DEMO_DATA), tests it and leaves scores and pictures in"
	@echo "  $(DEMO)/results: $(DEMO_TIME) on 2 cores."
	@$(call say_install,$(INSTALLED))

demo_detector: $(INSTALLED)
	$(RUN) -m weights.fetch
	$(RUN) -m datasets.drawn.planes
	$(RUN) -m $(MODEL).train -n 0 --preset fast --epochs 1 --decay_epochs 1 \
	    --epsilon 0.5 $(DEMO_FLAGS) \
	    --path_voc drawn/planes --path_model $(DEMO)/models
	$(RUN) -m $(MODEL).test --preset fast --bool_draw 1 $(DEMO_FLAGS) \
	    --path_voc_test drawn/planes \
	    --path_model $(DEMO)/models --path_testing_folder $(DEMO)/results

demo_glimpse_rnn: $(INSTALLED)
	$(RUN) -m datasets.drawn.cars
	$(RUN) -m glimpse_rnn.train -n 0 --epochs 60 --keep_best 1 \
	    --image_size 128 --bandwidth 30 --radius 15 --cell gru --pooling none \
	    --prediction_offset 1 --batch_size 32 --decay 0.9 --decay_steps 45 \
	    $(DEMO_FLAGS) \
	    --path_data drawn/cars --path_model $(DEMO)/models
	$(RUN) -m glimpse_rnn.test --bool_draw 1 --model_name model_best $(DEMO_FLAGS) \
	    --path_data drawn/cars --path_model $(DEMO)/models \
	    --path_testing_folder $(DEMO)/results

say_test:
	@echo "make test runs all tests in tests/: $(TEST_TIME) on 2 cores."
	@$(call say_install,$(INSTALLED_DEV))

paper: $(INSTALLED)
	$(RUN) -m studies.paper $(PAPER)

# Two processes, each with modules of its own: modules share what is slow to make.
PYTEST := $(RUN) -m pytest -n 2 --dist loadfile

test: say_test $(INSTALLED_DEV)
	$(PYTEST)

test-fast: $(INSTALLED_DEV)
	$(PYTEST) -m 'not slow'

test-backends: $(INSTALLED_BACKENDS)
	for backend in tensorflow jax torch; do \
	    echo "Keras on $$backend"; KERAS_BACKEND=$$backend $(PYTEST) || exit; \
	done

notebooks: $(INSTALLED_DEV)
	$(RUN) -m weights.fetch
	$(RUN) -m datasets.drawn.planes
	$(RUN) -m notebooks.execute --write $(WRITE)

lint: $(INSTALLED_DEV)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(INSTALLED)
	$(RUN) -m benchmarks --json runs/benchmarks.json
	$(RUN) -m benchmarks.check runs/benchmarks.json

STUDIES := objective reward network policy glimpses resolution

results-small: $(INSTALLED)
	$(MAKE) demo MODEL=image_zooms
	$(MAKE) demo MODEL=pool45_crops
	$(MAKE) demo MODEL=glimpse_rnn
	$(RUN) -m figures collect --out results --name drawn --runs \
	    runs/demo_image_zooms/results runs/demo_pool45_crops/results \
	    runs/demo_glimpse_rnn/results
	for study in $(STUDIES); do \
	    $(RUN) -m studies.glimpses --study $$study --budget small \
	        --epochs 12 --jobs 2 --flags path_data=drawn/cars \
	        max_images=240 image_size=128 bandwidth=30 radius=15 cell=gru \
	        pooling=none prediction_offset=1 decay=0.9 decay_steps=20 \
	        --test_flags path_data=drawn/cars samples=2 && \
	    mkdir -p results/studies && \
	    cp runs/glimpse_rnn_studies/small/$$study/$$study.csv results/studies || exit; \
	done

SEED_RUNS := $(foreach run,image_zooms pool45_crops glimpse_rnn \
    image_zooms_published pool45_crops_published,$(foreach seed,$(SEEDS),\
    runs/demo_$(run)$(call seed_name,$(seed))/results))

results-seeds: $(INSTALLED)
	for seed in $(SEEDS); do \
	    for model in image_zooms pool45_crops glimpse_rnn; do \
	        $(MAKE) demo MODEL=$$model SEED=$$seed || exit; \
	    done; \
	    for model in image_zooms pool45_crops; do \
	        $(MAKE) demo MODEL=$$model SEED=$$seed QUIRKS=published || exit; \
	    done; \
	done
	for table in collect collect_means; do \
	    $(RUN) -m figures $$table --out results --name seeds \
	        --runs $(SEED_RUNS) || exit; \
	done

# Those that were measured; any row of FIDELITY.md can be named.
FAULTS ?= leaked_minibatch channel_order stale_state
FAULT_RUNS := runs/demo_image_zooms/results \
    $(foreach fault,$(FAULTS),runs/demo_image_zooms_$(fault)/results)

results-faults: $(INSTALLED)
	$(MAKE) demo MODEL=image_zooms
	for fault in $(FAULTS); do \
	    $(MAKE) demo MODEL=image_zooms QUIRKS=$$fault || exit; \
	done
	$(RUN) -m figures collect --out results --name faults --runs $(FAULT_RUNS)

clean:
	rm -rf $(VENV) runs build *.egg-info
