# Two targets are all a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test bench format clean install

install: $(STAMP)

# A second run installs nothing: the stamp is younger than what it depends on.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
	  --editable '.[train,render,mp4,plot,eval,onnx,hub,web,tfds,tpu,test]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/fewshot-mss demo --config=configs/demo.py --output=runs/demo

# Three on two cores: tests that start processes wait for them. In the order
# of conftest.py, where xdist would begin with the files of most tests.
test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 3 --dist=loadfile --no-loadscope-reorder

bench: $(STAMP)
	$(BIN)/fewshot-mss bench --config=configs/demo.py --output=runs/bench

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) runs build *.egg-info .ruff_cache .import_linter_cache
