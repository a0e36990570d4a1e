# `make run` goes the whole way once, on real input; `make test` runs every check. Both set up what they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Label Studio has an environment of its own: it pins old versions of what Rasid uses too.
SERVER := .venv-label-studio/.installed
ARTICLE := 000_dfce59b01cfaae11
DEMO := runs/demo

.PHONY: run test lint bench bench-scale bench-training engines model ner check-ner hydrate evaluate agreement install server browser label-studio round-trip loop clean

install: $(INSTALLED)

# torch goes first and by its exact version: a wider request may bring gigabytes of GPU libraries.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable '.[dev]'
	touch $@

$(SERVER): constraints-label-studio.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --constraint $< label-studio
	touch $@

server: $(SERVER)

# Where there is no Chromium: from Debian's packages where we may install them, else the build that Playwright brings.
browser: $(INSTALLED)
	@$(BIN)/python tests/label_studio_server.py --browser >/dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq --yes chromium >/dev/null; } \
		|| $(BIN)/playwright install --with-deps chromium
	@$(BIN)/python tests/label_studio_server.py --browser

# Check the annotated articles, train without one of them, read that one, score the answer, show it.
run: $(INSTALLED)
	$(BIN)/rasid annotations check annotations/corpus
	$(BIN)/rasid annotations stats annotations/corpus
	rm -rf $(DEMO)
	$(BIN)/rasid train configs/seeds.yaml --hold-out $(ARTICLE) --output $(DEMO)
	$(BIN)/rasid predict --model $(DEMO)/model --output $(DEMO)/predicted.jsonl $(DEMO)/held-out.jsonl
	$(BIN)/rasid evaluate $(DEMO)/held-out.jsonl $(DEMO)/predicted.jsonl --output $(DEMO)/report.json
	$(BIN)/rasid predict --model $(DEMO)/model --format text $(DEMO)/held-out.jsonl

# The two environments are installed side by side, and two processes test; each computes on a thread of its own, since
# threads of both on the same two cores would wait for each other.
test:
	$(MAKE) --jobs 2 lint $(SERVER)
	$(MAKE) browser
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadgroup

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What README quotes: the predictor beside its peers, and the shipped model's speed, memory and start-up.
bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.predictor

# A job of 100,000 articles, killed and resumed; and how fast training is.
bench-scale: hydrate
	$(BIN)/python -m benchmarks.scale $(SPLITS) $(SEEDS)

bench-training: $(INSTALLED)
	$(BIN)/python -m benchmarks.training

# A Label Studio with the five seed articles, for a person to try.
label-studio: $(INSTALLED) $(SERVER)
	$(BIN)/python tests/label_studio_server.py

# Every document of the corpus through a real Label Studio and back, as an annotation and as a suggestion: 0 may differ.
round-trip: hydrate $(SERVER)
	$(BIN)/python tests/label_studio_server.py -- $(BIN)/python benchmarks/label_studio.py $(SPLITS) $(SEEDS) \
		--articles --output runs/round-trip.json

# One round of annotation, as README tells it: suggest, correct, pull, retrain; scores before and after.
loop: hydrate $(SERVER)
	$(BIN)/python tests/label_studio_server.py -- $(BIN)/python benchmarks/loop.py configs/compact.yaml

# Put the text back into the annotations that are published without it. POOL is a pool file, or clones of the corpora.
POOL ?= ../shared/data/articles/conflict-pool.jsonl.xz
DETACHED := $(wildcard annotations/corpus/detached/*.jsonl annotations/readings/pool-*.jsonl annotations/readings/test-*.jsonl \
	annotations/readings/train-*.jsonl)

SPLITS := $(patsubst %,annotations/hydrated/%.jsonl,train development test)

hydrate: $(INSTALLED)
	$(BIN)/rasid annotations hydrate $(DETACHED) --pool $(POOL) --output annotations/hydrated
	$(BIN)/rasid annotations check $(SPLITS)
	$(BIN)/rasid annotations review $(SPLITS) annotations/corpus/seeds.jsonl --settled annotations/settled.jsonl

# What the shipped model is worth on the articles of the pool that it has never seen, as its card tells it.
evaluate: hydrate
	$(BIN)/python benchmarks/held_out.py annotations/hydrated/test.jsonl --check benchmarks/results/test.json \
		--trained-on annotations/corpus/seeds.jsonl annotations/hydrated/train.jsonl

# Every engine against the plain torch model, on all articles of the corpus.
engines: hydrate
	test -d $(DEMO)/model || $(MAKE) run
	$(BIN)/python -m benchmarks.engines $(DEMO)/model $(SPLITS) $(SEEDS) --output runs/engines.json

# How far the readings of one article agree, as the data card tells it.
agreement: hydrate
	$(BIN)/rasid annotations agreement annotations/hydrated/test-first.jsonl annotations/hydrated/test-second.jsonl \
		--output benchmarks/results/agreement-test.json
	$(BIN)/rasid annotations agreement annotations/hydrated/test.jsonl annotations/hydrated/test-fresh.jsonl --common \
		--output benchmarks/results/agreement-fresh.json
	$(BIN)/rasid annotations agreement annotations/hydrated/train.jsonl annotations/hydrated/train-blind.jsonl --common \
		--output benchmarks/results/agreement-train.json
	$(BIN)/rasid annotations agreement annotations/readings/seeds-first.jsonl annotations/readings/seeds-second.jsonl \
		--output benchmarks/results/agreement-seeds.json

# How the model inside the package is made: trained and tuned on the corpus, the seed articles left out in turn, and the
# test articles read once.
SEEDS := annotations/corpus/seeds.jsonl
RESULTS := benchmarks/results

model: hydrate
	$(BIN)/rasid train configs/compact.yaml --resume
	$(BIN)/rasid export runs/compact/model runs/compact/thin
	$(BIN)/python benchmarks/held_out.py annotations/hydrated/test.jsonl --model runs/compact/thin --output $(RESULTS)/test.json
	$(BIN)/rasid crossvalidate configs/compact.yaml --leave-out $(SEEDS) --resume
	$(BIN)/rasid evaluate $(SEEDS) runs/compact/crossvalidation/predictions-seed-0.jsonl --output $(RESULTS)/seeds.json
	$(BIN)/rasid export runs/compact/model inference/rasid/model \
		--scores "the test articles, which it was neither trained nor tuned on=$(RESULTS)/test.json" \
		--scores "the seed articles, by models made like this one without the article in question=$(RESULTS)/seeds.json"

# The published benchmarks of entity recognition. NER is the folder of the files, which are not in this repository.
NER ?= ../shared/data/ner

ner: $(INSTALLED)
	$(BIN)/python benchmarks/ner.py configs/anercorp.yaml --test $(NER)/anercorp-camel-test.txt
	$(BIN)/python benchmarks/ner.py configs/cleananercorp.yaml --test $(NER)/cleananercorp-test.txt

# Two epochs on the real files, scored on their development share.
check-ner: $(INSTALLED)
	$(BIN)/python benchmarks/ner.py configs/anercorp.yaml --seeds 1 --epochs 2 --runs runs/check-ner --least 0.6

clean:
	rm -rf $(VENV) $(dir $(SERVER)) runs
