# make grade   grade the sample submissions
# make test    run every test, on two cores
# make check   check the rules of the house
# make bench   measure
# make site    all pages as a searchable site, in site/
# Each sets up what it needs in .venv first, and at once finds it the second time.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt
# the first Python that is new enough and not too new for TensorFlow
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUITS)' 2>/dev/null && echo $$p && break; done)

.PHONY: grade test check bench site
.DELETE_ON_ERROR:

grade: $(VENV)/.learner
	@$(PY) -m course grade --submission course/samples; code=$$?; [ $$code -le 1 ]

test: $(VENV)/.author $(VENV)/.browser
	$(PY) -m pytest -n 2 --dist loadscope

check: $(VENV)/.author
	$(PY) -m course check

bench: $(VENV)/.author
	$(PY) -m tests.benchmarks.run

site: $(VENV)/.author
	@$(PY) -m course.site

$(VENV)/.learner: requirements.txt constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11, 3.12 or 3.13 is needed: install one,\
	 or say make PYTHON=/path/to/python"; exit 1; }
	@[ -x $(PY) ] || $(PYTHON) -m venv $(VENV)
	@echo "installing the course's packages into $(VENV): some minutes, once"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.author: $(VENV)/.learner requirements-extra.txt
	@$(PIP) -r requirements.txt -r requirements-extra.txt
	@touch $@

# The tests look at the site in Chromium; where it is missing, Debian's is installed.
$(VENV)/.browser: $(VENV)/.learner
	@$(PY) -c 'from tests.course.browser import chromium; chromium()' 2>/dev/null || { \
	 apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	 --no-install-recommends chromium >/dev/null; } || { \
	 echo "the tests need Chromium or Chrome: install it"; exit 1; }
	@touch $@
