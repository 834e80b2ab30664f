"""What a job asks, in the words of the engine."""

import secrets
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from voice_agent.engines.base import ClonedVoice, Priority, SpeakJob
from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles
from voice_agent.engines.chatterbox.guards import longest_tokens
from voice_agent.engines.chatterbox.romanization import unreadable
from voice_agent.engines.chatterbox.spec import (
    LEAST_CHARS,
    MAX_TEXT_TOKENS,
    TOKENS_PER_S,
)
from voice_agent.engines.chatterbox.text import without_tags
from voice_agent.engines.chatterbox.utterance import Lead, Request
from voice_agent.engines.clauses import Clause, ClauseLimits, clauses, is_speakable
from voice_agent.errors import Unsupported
from voice_agent.settings import ChatterboxSettings

if TYPE_CHECKING:
    from voice_agent.engines.chatterbox.model import ChatterboxModel

OWN_VOICE = "default"
_LEAST_CHUNK_TOKENS = 10
_SPARE_TOKENS = 10  # a window needs a little more than its chunk before it can be rendered
_SEED_BITS = 62  # of a signed 64-bit number, with room to count on


class RequestBuilder:
    """Makes requests.

    Args:
        files: Of the model.
        settings: How it speaks when a job does not say.

    Attributes:
        unreadable: Why it does not speak some of the model's languages, by their codes.
    """

    def __init__(self, files: CheckpointFiles, settings: ChatterboxSettings) -> None:
        self._spec = spec = files.spec
        self._settings = settings
        self.unreadable = unreadable(files)
        self._numbers = count(1)
        self._sampling = replace(
            spec.sampling, cfg_weight=settings.cfg_weight, temperature=settings.temperature
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes that can be spoken here."""
        return tuple(code for code in self._spec.languages if code not in self.unreadable)

    def language(self, language: str | None) -> str:
        """The code that the model knows a language by; None for its first one.

        Raises:
            Unsupported: It does not speak it.
        """
        codes = self._spec.languages
        code = (language or codes[0]).lower().replace("_", "-").partition("-")[0]
        if code not in codes:
            raise Unsupported(f"{self._spec.family} does not speak the language {language}")
        if why := self.unreadable.get(code):
            raise Unsupported(f"{self._spec.family} cannot read the language {language}: {why}")
        return code

    def limits(self, model: "ChatterboxModel | None", language: str = "") -> ClauseLimits:
        """How long a clause may be; its tokens count once there is a model to count them.

        Args:
            model: Has the tokenizer.
            language: Code of the text's language; empty for the model's first.
        """
        if model is None:
            return ClauseLimits(least_chars=LEAST_CHARS)
        ids, code = model.text.ids, language or self.languages[0]
        return ClauseLimits(
            least_chars=LEAST_CHARS,
            max_tokens=MAX_TEXT_TOKENS,
            count_tokens=lambda text: len(ids(text, code)),
        )

    def clauses(self, job: SpeakJob, model: "ChatterboxModel") -> list[Clause]:
        """What of a job's text is spoken, one by one.

        Raises:
            Unsupported: The language is not spoken, or there is nothing but tags.
        """
        language = self.language(job.language)
        if not is_speakable(without_tags(job.text)):
            raise Unsupported("the text has nothing but tags: add something to say")
        found = clauses(job.text, language=language, limits=self.limits(model, language))
        return [c for c in found if is_speakable(without_tags(c.text, self._spec.tags))]

    def request(
        self, job: SpeakJob, clause: Clause, model: "ChatterboxModel", ahead: Lead
    ) -> Request:
        """A clause of a job.

        Args:
            job: Whose.
            clause: What.
            model: Knows voices and ids.
            ahead: Of the job's reader.
        """
        spoken = without_tags(clause.text, self._spec.tags)
        seed = secrets.randbits(_SEED_BITS) if job.seed is None else job.seed % (1 << _SEED_BITS)
        most = int(self._settings.ahead_s * TOKENS_PER_S) - _SPARE_TOKENS
        wished = max(int(job.chunk_s * TOKENS_PER_S), _LEAST_CHUNK_TOKENS)
        return Request(
            number=next(self._numbers),
            text=model.text.ids(spoken, self.language(job.language)),
            voice=_voice(job.voice, model),
            emotion=job.emotion,
            sampling=self._sampling,
            seed=seed + clause.start,
            chunk_tokens=min(wished, most),
            longest=longest_tokens(len(spoken)),
            patient=job.priority is Priority.BATCH,
            ahead=ahead,
        )


def _voice(cloned: ClonedVoice | None, model: "ChatterboxModel") -> Any:
    if cloned is not None:
        return model.voice(f"{cloned.voice_id}@{cloned.version}", cloned.conditioning)
    assert model.own_voice is not None
    return model.voice(OWN_VOICE, model.own_voice)
