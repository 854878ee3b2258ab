# netctl: `make help` says what there is. Everything works as root or with sudo.

SUITE ?=
FILE ?=
ROUNDS ?=
HOSTS ?=
PREFIX ?= /usr/local
DESTDIR ?=
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SOURCES := $(shell find cli daemon plugin src test lab bench bundle -name '*.ts' 2>/dev/null)
# The commands of root are not in the PATH of others, and sudo keeps the PATH that it is given here.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
RUN := node --enable-source-maps dist/test/run.js

.PHONY: help deps build lint unit test demo bench clean install uninstall deb
.DEFAULT_GOAL := help

help:
	@echo 'make demo    a lab host on this machine, and the walk-through on it (KEEP=1 leaves it up; HOSTS=3 shows three hosts)'
	@echo 'make test    types, lint and every test; SUITE=unit|contract|kernel|e2e or FILE=part/of/a/path for some of them'
	@echo 'make unit    the tests that need neither root nor Docker'
	@echo 'make bench   what netctl costs, measured against others; ROUNDS=10; results in bench/results/; a part of it with'
	@echo '             SUITE=connect|throughput|services|providers|program|churn|failover|docker|cli|memory|overlay|encrypted'
	@echo 'make lint    types, and the rules of eslint.config.js'
	@echo 'make build   compile to dist/, and bundle the programs in dist/bin/'
	@echo 'make deps    what all of these do first: Debian packages, npm packages, the build'
	@echo 'make clean   remove what was built'
	@echo 'make deb     a Debian package in .build/'
	@echo 'make install what the package has, below PREFIX (/usr/local), and DESTDIR if that is given; make uninstall'
	@echo '             removes it, and leaves the state, and the configuration if it was changed'
	@echo
	@echo 'On a machine with systemd, Debian starts Docker and etcd when it installs docker.io and etcd-server.'
	@echo 'Nothing here uses, starts or stops these: the lab and the tests have daemons of their own.'

deps: packages build

.PHONY: packages
packages:
	@bin/deps

# npm writes this file last, so it is the mark of a whole installation.
node_modules/.package-lock.json: package-lock.json | packages
	npm ci --no-audit --no-fund --loglevel=error
	@bin/raw-socket
	@touch $@

# Types are for `make lint` to check: without them all is compiled in one second of the processor's time, where the compiler of types takes ten.
# What that one noted of its last compilation is no longer so: it would leave out what has not changed since.
dist/.built: $(SOURCES) tsconfig.json node_modules/.package-lock.json
	@echo 'compiling to dist/'
	@rm -f dist/tsconfig.tsbuildinfo
	@node_modules/.bin/esbuild $(SOURCES) --outdir=dist --outbase=. --format=esm --platform=node --target=es2023 --sourcemap --sources-content=false --log-level=warning
	@chmod +x dist/cli/main.js dist/daemon/main.js
	@node dist/bundle/main.js
	@printf '{"gitCommit":"%s","buildTime":"%s"}\n' "$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "$$(date -u +%Y-%m-%dT%H:%M:%SZ)" >dist/build-info.json
	@touch $@

build: dist/.built

lint: deps
	@node --enable-source-maps dist/test/lint.js

unit: deps
	@SUITE=unit FILE='$(FILE)' $(RUN)

test: deps
	@SUITE='$(SUITE)' FILE='$(FILE)' $(RUN)

demo: deps
	@$(SUDO) env "PATH=$$PATH" LAB_NAME='$(LAB_NAME)' KEEP='$(KEEP)' HOSTS='$(HOSTS)' lab/demo

.PHONY: bench-packages
bench-packages: deps
	@bin/deps iperf3:iperf3 gcc:gcc libc6-dev
	@bin/peers

# Programs of the benchmark in C, which need no library, so that a container of any image can run them.
BENCH_TOOLS := .build/bench/accept .build/bench/connect .build/bench/reach
$(BENCH_TOOLS): .build/bench/%: bench/tools/%.c | bench-packages
	@mkdir -p $(@D)
	gcc -O2 -static -Wall -Wextra -Werror -o $@ $<

# What is installed is the bundle, and so it is measured, also where the compiler of types has left its note since.
bench: deps $(BENCH_TOOLS)
	@rm -f dist/tsconfig.tsbuildinfo
	@$(SUDO) env "PATH=$$PATH" SUITE='$(SUITE)' ROUNDS='$(ROUNDS)' $(if $(BENCH_SECONDS),BENCH_SECONDS='$(BENCH_SECONDS)') node --enable-source-maps dist/bench/main.js

# Root builds nothing here: what belongs to root in a clone is in its owner's way.
install: deps
	@$(if $(DESTDIR),,$(SUDO)) env "PATH=$$PATH" DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/install

uninstall:
	@$(if $(DESTDIR),,$(SUDO)) env DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/uninstall

deb: deps
	@packaging/deb

clean:
	rm -rf dist .build .tap
