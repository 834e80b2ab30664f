"""What a job asks, in the words of the engine."""

import secrets
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from voice_agent.engines.base import ClonedVoice, Priority, SpeakJob
from voice_agent.engines.chatterbox.guards import longest_tokens
from voice_agent.engines.chatterbox.spec import (
    LEAST_CHARS,
    MAX_TEXT_TOKENS,
    TOKENS_PER_S,
    EngineSpec,
)
from voice_agent.engines.chatterbox.text import tidy, without_tags
from voice_agent.engines.chatterbox.utterance import Ahead, Request
from voice_agent.engines.clauses import Clause, ClauseLimits, clauses, is_speakable
from voice_agent.errors import Unsupported
from voice_agent.settings import ChatterboxSettings

if TYPE_CHECKING:
    from voice_agent.engines.chatterbox.model import ChatterboxModel

OWN_VOICE = "default"
_LEAST_CHUNK_TOKENS = 10
_SPARE_TOKENS = 10  # a window needs a little more than its chunk before it can be rendered
_SEED_BITS = 62  # of a signed 64-bit number, with room to count on


class Asking:
    """Makes requests.

    Args:
        spec: Of the model.
        settings: How it speaks when a job does not say.
    """

    def __init__(self, spec: EngineSpec, settings: ChatterboxSettings) -> None:
        self._spec = spec
        self._settings = settings
        self._numbers = count(1)
        self._sampling = replace(
            spec.sampling, cfg_weight=settings.cfg_weight, temperature=settings.temperature
        )

    def language(self, language: str | None) -> str:
        """The code that the model knows a language by; None for its first one.

        Raises:
            Unsupported: It does not speak it.
        """
        codes = self._spec.languages
        code = (language or codes[0]).lower().replace("_", "-").partition("-")[0]
        if code not in codes:
            raise Unsupported(f"{self._spec.family} does not speak the language {language}")
        return code

    def limits(self, model: "ChatterboxModel | None") -> ClauseLimits:
        """How long a clause may be; its tokens count once there is a model to count them."""
        if model is None:
            return ClauseLimits(least_chars=LEAST_CHARS)
        # the language's own tag is as long in every language
        ids, language = model.text.ids, self._spec.languages[0]
        return ClauseLimits(
            least_chars=LEAST_CHARS,
            max_tokens=MAX_TEXT_TOKENS,
            count_tokens=lambda text: len(ids(tidy(text), language)),
        )

    def clauses(self, job: SpeakJob, model: "ChatterboxModel") -> list[Clause]:
        """What of a job's text is spoken, one by one.

        Raises:
            Unsupported: The language is not spoken, or there is nothing but tags.
        """
        language = self.language(job.language)
        if not is_speakable(without_tags(job.text)):
            raise Unsupported("the text has nothing but tags: add something to say")
        found = clauses(job.text, language=language, limits=self.limits(model))
        return [c for c in found if is_speakable(without_tags(c.text, self._spec.tags))]

    def request(
        self, job: SpeakJob, clause: Clause, model: "ChatterboxModel", ahead: Ahead
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
            text=model.text.ids(tidy(spoken), self.language(job.language)),
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
