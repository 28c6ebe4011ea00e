# Timbre. The first two targets to know: make run, make test.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
export CGO_ENABLED := 1

# One set of tags everywhere: Fyne costs minutes for every other set.
#   migrated_fynedo, release   Fyne: we call fyne.Do ourselves; no debug drawing
#   lame                       MP3 encoder from libmp3lame
#   opus, nolibopusfile        the codec from libopus; what reads Ogg files is left out
#   speexdsp                   echo and noise of the microphone by libspeexdsp
TAGS := migrated_fynedo,release,lame,opus,nolibopusfile,speexdsp
GO := go
TIME := 14m

# Packages that link the Fyne driver: no race detector there, it would build OpenGL's C twice.
GUI := . ./app ./app/desktop

GOFUMPT := mvdan.cc/gofumpt@v0.9.2
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
FYNE := fyne.io/tools/cmd/fyne@v1.7.4

# Debian packages: what the build needs, then what the tests talk to.
BUILD_DEPS := libgl1-mesa-dev xorg-dev libwayland-dev libxkbcommon-dev libmp3lame-dev libopus-dev libspeexdsp-dev pkg-config \
	asterisk-core-sounds-es-g722 asterisk-core-sounds-en-g722
TEST_DEPS := baresip sip-tester sipvicious xvfb xauth openbox xdotool dbus dbus-x11 libgl1-mesa-dri \
	imagemagick postgresql sqlite3 iproute2 nftables pulseaudio libasound2-plugins python3-aiosmtpd

.PHONY: build run demo test test-race test-window check bench soak package deps build-deps clean

build: build-deps
	$(GO) build -tags $(TAGS) -o bin/timbre .
	$(GO) build -tags $(TAGS) -o bin/ ./internal/cmd/timbred

run: build
	$(GO) run -tags $(TAGS) ./internal/cmd/office run --bin bin

demo: build
	$(GO) run -tags $(TAGS) ./internal/cmd/office demo --bin bin

# Both halves at once: the real windows mostly wait.
test: deps
	@$(MAKE) --no-print-directory -j2 test-race test-window

test-race:
	$(GO) test -tags $(TAGS) -race -timeout $(TIME) $$($(GO) list -tags $(TAGS) ./... | grep -vxF "$$($(GO) list -tags $(TAGS) $(GUI))")

test-window:
	$(GO) test -tags $(TAGS) -timeout $(TIME) $(GUI)
	$(GO) test -tags $(TAGS) -timeout $(TIME) -run 'TestTraces|TestDelayDoesNotGrow' ./internal/officetest
	$(GO) test -tags $(TAGS) -timeout $(TIME) -run TestSchedules ./sync/engine -schedules 300

check: build-deps
	@out=$$($(GO) run $(GOFUMPT) -l .); test -z "$$out" || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	$(GO) run $(STATICCHECK) -tags $(TAGS) ./...
	$(GO) mod tidy -diff

# make bench PARTS="relay push" measures parts of it; PARTS=--help names them.
bench: build deps
	$(GO) run -tags $(TAGS) ./internal/cmd/office bench --bin bin $(PARTS)

# soak gives the sync many more schedules, its followers 100,000 commits, the server 2,000 calls and every parser of outside input a minute of fuzzing.
soak: deps
	$(GO) test -tags $(TAGS) -timeout 0 -run TestSchedules ./sync/engine -schedules 10000
	$(GO) test -tags $(TAGS) -timeout 0 -run 'TestPostgreSQL/followers' ./internal/store -commits 100000
	$(GO) test -tags $(TAGS) -timeout 0 -run TestNothingIsLeftOfManyCalls -v ./internal/server -calls 2000
	@grep -rho --include='*_test.go' 'func Fuzz[A-Za-z0-9]*' sync internal | sed 's/func //' | sort -u | while read -r f; do \
	  for p in $$(grep -rl --include='*_test.go' "func $$f(" sync internal | xargs -n1 dirname); do \
	    echo "$$p $$f"; $(GO) test -tags $(TAGS) -run '^$$' -fuzz "^$$f\$$" -fuzztime 60s ./$$p; \
	  done; \
	done

# package makes dist/Timbre.tar.xz (here), Timbre.app or Timbre.exe. The tool rewrites FyneApp.toml, so it works on a copy.
package: build
	rm -rf dist && mkdir -p dist/copy && git archive HEAD | tar x -C dist/copy
	cd dist/copy && $(GO) run $(FYNE) package --executable ../../bin/timbre
	mv dist/copy/Timbre.* dist/ && cp bin/timbred dist/ && rm -rf dist/copy

clean:
	rm -rf bin screenshots dist

# deps installs what is missing and does nothing, quickly, when nothing is.
build-deps: WANTED := $(BUILD_DEPS)
deps: WANTED := $(BUILD_DEPS) $(TEST_DEPS)
build-deps deps:
	@if command -v dpkg-query >/dev/null; then \
	  missing=""; have=$$(dpkg-query -W -f '$${db:Status-Abbrev} $${Package}\n' 2>/dev/null | sed -n 's/^ii *//p'); \
	  for p in $(WANTED); do grep -qxF "$$p" <<<"$$have" || missing="$$missing $$p"; done; \
	  if [ -n "$$missing" ]; then \
	    echo "installing:$$missing"; \
	    as=""; if [ "$$(id -u)" != 0 ]; then as=sudo; command -v sudo >/dev/null || { echo "run as root or install sudo, or install:$$missing"; exit 1; }; fi; \
	    $$as apt-get update -qq; \
	    $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  fi; \
	elif command -v brew >/dev/null; then \
	  echo "macOS: xcode-select --install; brew install go pkg-config lame opus speexdsp"; \
	else \
	  echo "Windows (MSYS2): pacman -S --needed make git mingw-w64-x86_64-{go,gcc,pkg-config,lame,opus,speexdsp}"; \
	fi
