# `make` or `make help` lists what can be made: each target's line below, after ##.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/bash

# Where packages go: the virtual environment that is active, or else .venv here.
ENVIRONMENT := $(or $(VIRTUAL_ENV),.venv)
BIN := $(ENVIRONMENT)/bin
PYTHON := $(BIN)/python
# What makes .venv.
PYTHON3 ?= python3

# An empty file for each requirements file that is installed. Its name has a checksum of all of them, so that no change
# of requirements goes unnoticed, whatever the times of the files are.
SUM := $(shell cat requirements/*.txt | cksum | cut -d ' ' -f 1)
STAMP := $(ENVIRONMENT)/.installed-$(SUM)-
BASE := $(STAMP)base
TEST := $(STAMP)test
DOCS := $(STAMP)docs
DEV := $(STAMP)dev
MYSQL := $(STAMP)mysql
DATA := $(STAMP)data
SPARK := $(STAMP)spark

# Empty where both databases are SQLite files; the driver's stamp where a URL, in the environment or in .env, says mysql.
variable = $(or $(value $(1)),$(shell sed -n "s/^\(export \)\{0,1\} *$(1) *= *[\"']\{0,1\}//p" .env 2>/dev/null))
DRIVER := $(if $(filter mysql:%,$(call variable,DATABASE_URL) $(call variable,ANALYTICS_DATABASE_URL)),$(MYSQL))

# Written when the guides have been rendered. Sphinx warns of a copy that an earlier run has left.
GUIDES := docs/_build/json/last_build
RENDER = rm -f docs/_build/json/environment.pickle && $(BIN)/sphinx-build -q -b json docs docs/_build/json

# The pages' files, compressed. Each is named after its content, so that the old ones harm nothing.
STATIC := static/staticfiles.json

BIND ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 2
THREADS ?= 4
# For pytest; a part of the tests says nothing about coverage: make test ARGS="-k enrollment"
ARGS ?=

# Checks and generators must not depend on the databases or settings of the developer.
TEST_SETTINGS := DJANGO_SETTINGS_MODULE=analyticsdataserver.settings.test TEST_MYSQL_URL=

# As a site would set them, without anything that the developer has set.
PRODUCTION_SETTINGS = DJANGO_SETTINGS_MODULE=analyticsdataserver.settings.production \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))') ALLOWED_HOSTS=analytics.example.com \
	DATABASE_URL=sqlite:////nowhere/default.db ANALYTICS_DATABASE_URL=sqlite:////nowhere/analytics.db SQLITE_FOR_USERS=true \
	DEBUG= SECURE_SSL_REDIRECT= SECURE_HSTS_SECONDS= SECURE_PROXY_SSL_HEADER= CSRF_TRUSTED_ORIGINS= CORS_ALLOWED_ORIGINS=

export DJANGO_SETTINGS_MODULE ?= analyticsdataserver.settings.local

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: develop
develop: $(DEV) ## Install everything that work on the project takes
	@if $(MYSQL_HEADERS); then $(MAKE) --silent $(MYSQL); else echo $(MYSQL_HINT); fi

.PHONY: migrate
migrate: $(BASE) $(DRIVER) ## Make or update the tables of both databases
	@$(PYTHON) manage.py migrate
	@$(PYTHON) manage.py migrate --database analytics

.PHONY: loaddata
loaddata: migrate ## Load the sample data, over what an earlier run has loaded
	@$(PYTHON) manage.py load_sample_data

.PHONY: demo
demo: free-port loaddata $(GUIDES) $(STATIC) ## Serve the sample data on PORT, with the key "edx"
	@$(PYTHON) manage.py set_api_key edx edx
	@echo
	@echo "To look at the courses, open this link within 5 minutes, on this machine, once:"
	@echo
	@echo "  $$($(LOGIN_LINK))"
	@echo
	@echo "(\`make login-link\` prints another.) http://localhost:$(PORT)/docs/ takes the key edx; or paste:"
	@echo
	@echo "  curl -H 'Authorization: Token edx' http://localhost:$(PORT)/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
	@echo
	@LOGIN_LINKS=true $(SERVE)

LOGIN_LINK = $(PYTHON) manage.py make_login_link edx --url http://localhost:$(PORT)

.PHONY: login-link
login-link: $(BASE) ## Print a link that logs a browser on this machine in, while `make demo` runs
	@$(LOGIN_LINK)

# Databases and an event store of their own, so that those of the developer stay as they are.
DEMO_LOGS := .demo-logs
demo-logs: export DATABASE_URL := sqlite:///$(CURDIR)/$(DEMO_LOGS)/default.db
demo-logs: export ANALYTICS_DATABASE_URL := sqlite:///$(CURDIR)/$(DEMO_LOGS)/analytics.db
demo-logs: export LOAD_DATABASE_URL :=
demo-logs: export EVENT_STORE := $(CURDIR)/$(DEMO_LOGS)/events

.PHONY: demo-logs
demo-logs: free-port $(DATA) $(STATIC) ## Compute tables from the tracking log in fixtures/, and serve them on PORT, with the key "edx"
	@mkdir -p $(DEMO_LOGS)
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py migrate --verbosity 0 --database analytics
	$(PYTHON) manage.py ingest_logs fixtures/tracking/*.log.gz
	$(PYTHON) manage.py compute_tables --from 2025-09-01 --to 2025-09-29 --lms-files fixtures/tracking
	@$(PYTHON) manage.py set_api_key edx edx
	@echo
	@echo "Open http://localhost:$(PORT)/docs/ with the key edx, or paste:"
	@echo
	@echo "  curl -H 'Authorization: Token edx' http://localhost:$(PORT)/api/v1/courses/"
	@echo "  curl -H 'Authorization: Token edx' http://localhost:$(PORT)/api/v0/courses/course-v1:DemoX+Bio101+2025_T3/activity/"
	@echo
	@$(SERVE)

.PHONY: serve
serve: $(BASE) $(DRIVER) $(STATIC) ## Serve both databases as they are: BIND=127.0.0.1 PORT=8000 WORKERS=2 THREADS=4
	@$(SERVE)

SERVE = DEBUG=false exec $(PYTHON) -m analyticsdataserver.serving --bind $(BIND) --port $(PORT) --workers $(WORKERS) --threads $(THREADS)

# Before anything else is done, so that it is said at once.
.PHONY: free-port
free-port: $(BASE)
	@$(SERVE) --check

.PHONY: test
test: $(TEST) ## Run the tests on SQLite, and measure what they cover
	@TEST_MYSQL_URL= $(BIN)/pytest -n auto --dist loadgroup $(or $(ARGS),--cov)

# A process takes a file's tests together, which share what they make; none of these tests needs a process to itself.
# Compiled files are kept, as images of Python for Docker ask for none: to compile the tests takes 4 s in each process.
.PHONY: test-fast
test-fast: $(TEST) ## Run a part of the tests in under a minute: no server, database or browser, not all combinations
	@TEST_MYSQL_URL= PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist worksteal --fast --hypothesis-profile fast -p no:schemathesis $(ARGS)

.PHONY: fuzz
fuzz: $(TEST) ## Send requests that no run before has sent, drawn anew each time
	@TEST_MYSQL_URL= $(BIN)/pytest -n auto --dist loadgroup --hypothesis-profile fuzz $(or $(ARGS),analyticsdataserver/tests/test_bad_input.py)

.PHONY: test-mysql
test-mysql: $(TEST) $(MYSQL) ## Run the tests on a throwaway MariaDB server, or on the one that TEST_MYSQL_URL names
	@$(PYTHON) -m analyticsdataserver.testing.mariadb -- $(BIN)/pytest -n auto --dist loadgroup $(ARGS)

.PHONY: bench
bench: $(BASE) $(DATA) $(if $(filter sqlite,$(ARGS)),,$(MYSQL)) ## Measure speed against the least code that gives the same bytes: ARGS="--quick --database sqlite"
	@$(PYTHON) -m benchmarks.run $(or $(ARGS),--database both)
	@$(if $(ARGS),,$(PYTHON) -m benchmarks.lists --database both)

.PHONY: bench-data
bench-data: $(BASE) $(DATA) $(MYSQL) ## Measure how fast files are loaded, logs read and tables computed: ARGS="--database sqlite"
	@$(PYTHON) -m benchmarks.loads $(ARGS)
	@$(if $(ARGS),,$(PYTHON) -m benchmarks.ingest)
	@$(if $(ARGS),,$(PYTHON) -m benchmarks.computing)

.PHONY: soak
soak: $(BASE) $(MYSQL) ## Have many clients ask everything while the database restarts and the service reloads: ARGS="--seconds 60"
	@$(PYTHON) -m analyticsdataserver.testing.soak $(ARGS)

.PHONY: cluster
cluster: $(BASE) $(MYSQL) ## Serve the sample data from two servers, HAProxy and a cluster of three nodes, on PORT, until Ctrl-C
	@exec $(PYTHON) -m analyticsdataserver.testing.cluster --port $(PORT)

.PHONY: test-cluster
test-cluster: $(TEST) $(MYSQL) ## Run the tests of several servers and a cluster, which need galera-4, rsync and haproxy
	@TEST_MYSQL_URL= $(BIN)/pytest -n 0 -m cluster analyticsdataserver/tests/test_cluster.py $(ARGS)

.PHONY: spark
spark: $(SPARK) ## Run a cluster of Apache Spark on this machine, for ingest_logs and compute_tables, until Ctrl-C; needs Java 17
	@exec $(PYTHON) -m analyticsdataserver.testing.spark $(if $(filter command,$(firstword $(origin PORT))),--port $(PORT))

.PHONY: test-spark
test-spark: $(TEST) $(SPARK) ## Run the tests on a cluster of Apache Spark, which need Java 17
	@TEST_MYSQL_URL= $(BIN)/pytest -n 0 -m spark analyticsdataserver/tests/test_spark.py $(ARGS)

.PHONY: bench-spark
bench-spark: $(SPARK) ## Measure reading and computing on one and two workers of Spark, and by DuckDB: ARGS="--millions 8"
	@$(PYTHON) -m benchmarks.spark $(ARGS)

.PHONY: quality
quality: $(DEV) ## Check style, types, imports, settings, migrations and requirements
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(TEST_SETTINGS) $(PYTHON) manage.py check --fail-level WARNING
	$(PRODUCTION_SETTINGS) $(PYTHON) manage.py check --deploy --fail-level WARNING
	$(TEST_SETTINGS) $(PYTHON) manage.py makemigrations --check --dry-run
	@folder=$$(mktemp -d) && trap "rm -rf $$folder" EXIT && cp requirements/* $$folder && \
		$(foreach name,$(LOCKED),$(call LOCK,$(name),$$folder/$(name).txt) &&) { diff -r requirements $$folder || \
		{ echo >&2 "requirements/*.txt are not what pyproject.toml needs: run make requirements."; exit 1; }; }
	@echo "Looking for notes of work left undone"
	@! git grep --untracked -nIwE 'TO[D]O|FIX[M]E'

.PHONY: docs
docs: $(DOCS) ## Build the documentation into docs/_build/html
	$(BIN)/sphinx-build -q -W --keep-going -n docs docs/_build/html
	$(PYTHON) docs/check_links.py docs/_build/html
	$(RENDER)
	@echo "Open docs/_build/html/index.html"

# The guides as the service shows them at /docs/guides/.
$(GUIDES): $(wildcard docs/*.rst docs/*.inc docs/*.txt docs/conf.py docs/decisions/*.rst) | $(DOCS)
	@echo "Rendering the guides"
	@$(RENDER)

$(STATIC): $(BASE) $(shell find analytics_data_api analyticsdataserver -path '*/static/*' -type f)
	@$(PYTHON) manage.py collectstatic --no-input --verbosity 0

.PHONY: guides
guides: $(TEST) ## Write anew what the pages in docs/ show of the answers, the schema and the tables
	@$(TEST_SETTINGS) $(PYTHON) manage.py write_examples
	@$(BIN)/pytest -q --write-guides analyticsdataserver/tests/test_guides.py
	@$(BIN)/pytest -q --write-guides analyticsdataserver/tests/test_pages_browser.py -k picture

.PHONY: validate
validate: test quality docs test-mysql ## Run every check

.PHONY: requirements
requirements: $(DEV) ## Lock the packages that pyproject.toml names in requirements/*.txt; UPGRADE=1 takes the newest
	@$(foreach name,$(LOCKED),$(call LOCK,$(name),requirements/$(name).txt) $(if $(UPGRADE),--upgrade) &&) true

# The requirements files, and what of pyproject.toml each of them has. The first has the versions of all others.
LOCKED := dev base test docs mysql data spark production
LOCK_dev := pyproject.toml --group dev
LOCK_base := pyproject.toml
LOCK_test := pyproject.toml --group test
LOCK_docs := pyproject.toml --group docs
LOCK_mysql := --group mysql
LOCK_data := --group data
LOCK_spark := pyproject.toml --group spark
LOCK_production := pyproject.toml --group mysql
# $(1): a requirements file; $(2): where to write it. The versions that the written file has are kept where they fit.
# Certificates are the machine's, as for pip, which knows those of a proxy.
LOCK = $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header \
	--no-emit-index-url \
	$(if $(filter-out dev,$(1)),--constraint requirements/dev.txt) $(LOCK_$(1)) --output-file $(2)

.PHONY: clean
clean: ## Remove caches and reports; databases and .venv stay
	rm -rf .coverage .coverage.* htmlcov .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .tox docs/_build
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# Nothing below is meant to be named on the command line.

.venv/bin/python:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo >&2 "Python 3.11 or newer is needed: install it, or name it with PYTHON3=/path/to/python3."; exit 1; }
	@$(PYTHON3) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo >&2 "Python cannot make virtual environments here (Debian: apt-get install python3-venv)."; exit 1; }
	@echo "Making the virtual environment .venv"
	@$(PYTHON3) -m venv .venv

# Stamps of other requirements are removed first: what they stand for is about to be replaced.
INSTALL = @echo "Installing $(1)"; find $(ENVIRONMENT) -maxdepth 1 -name '.installed-*' ! -name '.installed-$(SUM)-*' -delete; \
	$(PYTHON) -m pip install -qq --disable-pip-version-check --requirement $(1) && touch

$(BASE): | $(PYTHON)
	$(call INSTALL,requirements/base.txt) $@

# The versions of one requirements file are those of the others, and each of these contains base.txt.
$(TEST): | $(PYTHON)
	$(call INSTALL,requirements/test.txt) $(BASE) $(DATA) $@

$(DOCS): | $(PYTHON)
	$(call INSTALL,requirements/docs.txt) $(BASE) $@

$(DEV): | $(PYTHON)
	$(call INSTALL,requirements/dev.txt) $(BASE) $(TEST) $(DOCS) $(DATA) $@

$(DATA): | $(PYTHON)
	$(call INSTALL,requirements/data.txt) $@

$(SPARK): | $(PYTHON)
	$(call INSTALL,requirements/spark.txt) $(BASE) $(DATA) $@

# The MySQL driver comes as source code.
MYSQL_HINT := "MySQL needs a driver that is built here, from a C compiler, pkg-config, and the headers of Python and of" \
	"the client library (Debian: apt-get install gcc pkg-config python3-dev libmariadb-dev). SQLite needs nothing."
MYSQL_HEADERS := pkg-config --exists libmariadb 2>/dev/null || pkg-config --exists mysqlclient 2>/dev/null

$(MYSQL): | $(PYTHON)
	@$(MYSQL_HEADERS) || { echo >&2 $(MYSQL_HINT); exit 1; }
	$(call INSTALL,requirements/mysql.txt) $@ || { echo >&2 $(MYSQL_HINT); exit 1; }
