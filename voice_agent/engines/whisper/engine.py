"""Whisper as a `Recognizer`: what sessions ask becomes windows, and hypotheses become text."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from voice_agent import metrics
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    PARTIAL_EVERY_S,
    EngineInfo,
    Priority,
    RecognizeJob,
    Transcript,
)
from voice_agent.engines.whisper.batch_loop import BatchLoop
from voice_agent.engines.whisper.decode_job import DecodeJob, silence_of
from voice_agent.engines.whisper.families import window_rule
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.memory import keep_freed_memory
from voice_agent.engines.whisper.model import AUTO, LoadedModel, Window, confidence
from voice_agent.engines.whisper.placement import cpu_threads, placement
from voice_agent.engines.whisper.tokens import longest_samples
from voice_agent.engines.whisper.turn import Turn, left_out
from voice_agent.engines.whisper.window import FULL, MAX_SAMPLES, WindowRule, pieces
from voice_agent.errors import EngineUnavailable, Unsupported
from voice_agent.settings import WhisperSettings

# less than this is not cut again for want of tokens: no language says so much in so little time
_SHORTEST_CUT_SAMPLES = 3 * ASR_SAMPLE_RATE_HZ
# beyond the minute after which a batch counts as stuck
_LOST_AFTER_S = 60.0


class WhisperRecognizer:
    """The shared recogniser.

    Args:
        models: Folders by name, the default first. Others can be asked for by name, and
            smaller ones stand in when memory runs out.
        settings: Device, precision, windows and limits.
        load: Loads a model; its keywords are those of `LoadedModel`.
    """

    def __init__(
        self,
        models: Mapping[str, Path],
        settings: WhisperSettings,
        load: Callable[..., LoadedModel] = LoadedModel,
    ) -> None:
        self._load_model = load
        self._folders = dict(models)
        self._settings = settings
        self._device, self._compute_type = placement(settings)
        on_gpu = self._device == "cuda"
        self._beam_size = settings.beam_size or (5 if on_gpu else 1)
        self._max_batch = settings.max_batch or (16 if on_gpu else 2)
        self._owner = BatchLoop(self._load_all, max_batch=self._max_batch)
        self._turns: dict[tuple[str, int], Turn] = {}
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        default = next(iter(self._folders))
        loaded = self._owner.models.get(default)
        return EngineInfo(
            name="whisper",
            role="hears",
            model=default,
            device=self._device,
            precision=loaded.compute_type if loaded else self._compute_type,
            sample_rate_hz=ASR_SAMPLE_RATE_HZ,
            languages=tuple(self.languages(default)) if loaded else (),
            capacity=self._max_batch,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the loaded models, the default first."""
        return tuple(self._folders)

    def languages(self, model: str) -> Sequence[str]:
        """Codes that a model understands, English first."""
        loaded = self._owner.models.get(model)
        return loaded.languages if loaded else ()

    @property
    def ready(self) -> bool:
        """Whether a new session would be served: loaded, not failing, not overloaded."""
        return self._owner.healthy and self._owner.pressure.level < 4

    @property
    def lost(self) -> bool:
        """Whether the model hangs, and has for longer than it could need."""
        return self._owner.stuck_s > _LOST_AFTER_S

    @property
    def degraded(self) -> Mapping[str, str]:
        """What gives way just now; see `LoadShedder`."""
        found: dict[str, str] = {}
        stretch = self._owner.pressure.partial_stretch
        if stretch != 1:
            how = f"come {stretch} times less often" if stretch else "are not made"
            found["partials"] = f"partials {how}: finals were waiting"
        for model, smaller in self._owner.stand_ins.items():
            found[f"model {model}"] = f"out of memory: {smaller} stands in"
        return found

    async def load(self) -> None:
        """Loads all models; raises EngineUnavailable if one cannot be loaded."""
        await self._owner.open()

    async def warm_up(self) -> None:
        """Decodes silence in the windows that finals and partials will have, and in the full one.

        What long turns need is allocated then, and memory does not grow when the first comes.
        """
        for model in self._owner.models.values():
            usual = {self._rule(model, is_partial=partial) for partial in (True, False)}
            for rule in (*usual, FULL):
                await self._owner.run_alone([silence_of(1.0, rule)], model)

    async def close(self) -> None:
        """Fails what waits."""
        self._closed = True
        await self._owner.close()

    def release(self, session_id: str, turn_id: int) -> None:
        """Forgets the turn's language."""
        self._turns.pop((session_id, turn_id), None)

    def forget(self, session_id: str) -> None:
        """Drops the session's waiting jobs and its turns."""
        self._owner.forget(session_id)
        for key in [key for key in self._turns if key[0] == session_id]:
            del self._turns[key]

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        """Runs one job; see `Recognizer`.

        Raises:
            Unsupported: The model or the language is not there.
        """
        model = self._model_for(job)
        key = job.session_id, job.turn_id
        turn = self._turns.get(key, Turn())
        if job.priority is Priority.PARTIAL:
            self._turns[key] = turn  # not for a final: who has no partials releases no turn
            return await self._partial(job, model, turn)
        return await self._final(job, model, turn)

    async def _final(self, job: RecognizeJob, model: LoadedModel, turn: Turn) -> Transcript | None:
        found: list[tuple[float, Hypothesis]] = []
        deadline_s = time.monotonic() + job.timeout_s
        longest = longest_samples(turn.language_for(job), model.prompt(job.prompt, job.hotwords))
        waiting = list(pieces(job.samples, longest))
        while waiting:
            start, samples = waiting.pop(0)
            window = self._window(replace(job, samples=samples), model, turn)
            work = DecodeJob(window=window, model=model.name, beam_size=self._beam_size)
            piece = replace(job, timeout_s=max(0.0, deadline_s - time.monotonic()))
            hypothesis = await self._run(work, piece)
            if hypothesis is None:  # the session is gone
                return None
            turn.hear(hypothesis)
            if hypothesis.cut and len(samples) > _SHORTEST_CUT_SAMPLES:
                # more was said than there are tokens for
                halves = pieces(samples, len(samples) * 2 // 3)
                waiting[:0] = [(start + at, half) for at, half in halves]
                continue
            found.append((start / ASR_SAMPLE_RATE_HZ, hypothesis.cleaned()))
        return _transcript(found, turn)

    async def _partial(
        self, job: RecognizeJob, model: LoadedModel, turn: Turn
    ) -> Transcript | None:
        length_s = len(job.samples) / ASR_SAMPLE_RATE_HZ
        stretch = self._owner.pressure.partial_stretch
        skipped = left_out(job)
        samples = job.samples[skipped:]
        if not stretch or length_s < turn.next_partial_s or len(samples) > MAX_SAMPLES:
            return None
        turn.next_partial_s = length_s + (stretch - 0.5) * PARTIAL_EVERY_S if stretch > 1 else 0.0
        window = self._window(replace(job, samples=samples), model, turn)
        hypothesis = await self._run(
            DecodeJob(window=window, model=model.name, is_final=False), job
        )
        if hypothesis is None:
            return None
        shown = turn.shown(hypothesis)
        metrics.partials_total.labels("hidden" if shown is None else "shown").inc()
        if shown is None:
            return None
        turn.hear(hypothesis)
        return _transcript([(skipped / ASR_SAMPLE_RATE_HZ, shown)], turn)

    def _window(self, job: RecognizeJob, model: LoadedModel, turn: Turn) -> Window:
        rule = self._rule(model, is_partial=job.priority is Priority.PARTIAL)
        return Window(
            samples=job.samples,
            frames=rule.frames(len(job.samples)),
            language=turn.language_for(job),
            prompt=model.prompt(job.prompt, job.hotwords),
        )

    def _rule(self, model: LoadedModel, *, is_partial: bool) -> WindowRule:
        """How long the windows of a model are: as set, else what is safe for it."""
        settings = self._settings
        wanted = settings.partial_window if is_partial else settings.final_window
        return window_rule(wanted, model.family)

    async def _run(self, work: DecodeJob, job: RecognizeJob) -> Hypothesis | None:
        return await self._owner.run(
            work, session_id=job.session_id, priority=job.priority, timeout_s=job.timeout_s
        )

    def _model_for(self, job: RecognizeJob) -> LoadedModel:
        name = job.model or self.models[0]
        model = self._owner.models.get(name)
        if self._closed or not self._owner.models:
            raise EngineUnavailable("whisper is not running")
        if model is None:
            raise Unsupported(f"model {name} is not loaded; loaded: {', '.join(self.models)}")
        if job.language not in (AUTO, *model.languages):
            raise Unsupported(f"{name} does not understand the language {job.language}")
        return model

    def _load_all(self) -> list[LoadedModel]:
        loaded = [
            self._load_model(
                name,
                folder,
                device=self._device,
                compute_type=self._compute_type,
                threads=cpu_threads(self._settings),
            )
            for name, folder in self._folders.items()
        ]
        # not before: what loading frees would be holes, and slowly be filled
        keep_freed_memory()
        return loaded


def _transcript(found: Sequence[tuple[float, Hypothesis]], turn: Turn) -> Transcript:
    """Joins the pieces of a turn, each with its offset in seconds."""
    language = found[0][1].language
    separator = " " if found[0][1].spaced else ""
    said = [hypothesis for _, hypothesis in found if hypothesis.text]
    words = tuple(
        replace(w, start_s=round(w.start_s + at_s, 3), end_s=round(w.end_s + at_s, 3))
        for at_s, hypothesis in found
        for w in hypothesis.words
    )
    return Transcript(
        words=words,
        text=separator.join(hypothesis.text for hypothesis in said),
        language=language,
        confidence=min((confidence(hypothesis) for hypothesis in said), default=0.0),
        language_probability=turn.language_probability,
        separator=separator,
    )
