"""What an agent says again and again: spoken once, kept, and there when no engine is."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from loguru import logger

from voice_agent.engines.base import Speaker
from voice_agent.errors import VoiceAgentError
from voice_agent.synthesis.chunks import EncodedChunk
from voice_agent.synthesis.requests import language_of
from voice_agent.synthesis.stream import synthesize, whole
from voice_agent.synthesis.text import spoken_text
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.tts import SynthesisOptions

ANSWER_SAMPLE_RATE_HZ = 24_000
# 25 tokens a second: chunks of 0.4 s keep an interruption and what was heard exact
_CHUNK_TOKENS = 10
# until the first ones are there, and after that: for a voice that was replaced
_SOON_S = 0.1
_LOOK_EVERY_S = 2.0
# the longest that a phrase may take; an engine that hangs in the middle is not waited for
_RENDERED_WITHIN_S = 60.0
_MAX_CHARS = 1000


def answer_options(voice_id: str) -> SynthesisOptions:
    """How an agent speaks: small chunks of int16."""
    return SynthesisOptions(
        voice_id=voice_id,
        chunk_size=_CHUNK_TOKENS,
        encoding="pcm_s16le",
        sample_rate=ANSWER_SAMPLE_RATE_HZ,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    voice_version: str
    chunks: tuple[EncodedChunk, ...]


class PromptCache:
    """Phrases in the agent's voice, as chunks of an answer (int16, 24 kHz).

    `keep` speaks them as soon as the speaker is ready, and again when the voice was
    replaced. What is kept stays when the speaker dies.

    Args:
        speaker: The process's engine; need not be loaded yet.
        voices: Its voices.
        voice_id: The agent's voice.
        phrases: Texts by name; an empty one is never said.
        speakable: Numbers and the like are put into words.
    """

    def __init__(
        self,
        speaker: Speaker,
        voices: VoiceRegistry,
        *,
        voice_id: str,
        phrases: Mapping[str, str],
        speakable: bool = True,
    ) -> None:
        self._speaker = speaker
        self._voices = voices
        self._options = answer_options(voice_id)
        self._texts = {name: text.strip() for name, text in phrases.items() if text.strip()}
        self._speakable = speakable
        self._kept: dict[str, _Kept] = {}
        self._trouble = ""

    @property
    def complete(self) -> bool:
        """Whether all phrases are there."""
        return all(text in self._kept for text in self._texts.values())

    def text(self, name: str) -> str:
        """What a phrase says; empty if it is not to be said."""
        return self._texts.get(name, "")

    async def spoken(self, text: str, *, session_id: str) -> AsyncGenerator[EncodedChunk]:
        """The audio of a phrase: what is kept, or else what the speaker says now.

        Raises:
            BadMessage: Nothing in the text can be spoken, or it is too long.
            EngineTimeout: It is not kept, and the speaker took too long.
            EngineUnavailable: It is not kept, and the speaker is not there.
        """
        kept = self._kept.get(text.strip())
        if kept is not None:
            for chunk in kept.chunks:
                yield chunk
            return
        async with aclosing(self._speak(text, self._options, session_id)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def keep(self) -> None:
        """Has all phrases spoken in the voice that there is; runs for ever."""
        while True:
            if self._speaker.ready:
                await self._refresh()
            waiting = not (self.complete or self._trouble)
            await asyncio.sleep(_SOON_S if waiting else _LOOK_EVERY_S)

    async def _refresh(self) -> None:
        try:
            voice = await self._voices.resolve(self._options.voice_id)
            version = voice.version if voice else ""
            for text in set(self._texts.values()):
                kept = self._kept.get(text)
                if kept is None or kept.voice_version != version:
                    self._kept[text] = await self._render(text, version)
        except (VoiceAgentError, TimeoutError) as error:
            self._complain(str(error) or "it took too long")
        except Exception as error:  # the engine's own
            self._complain(type(error).__name__)
        else:
            self._trouble = ""

    async def _render(self, text: str, version: str) -> _Kept:
        options = self._options.model_copy(update={"priority": "batch"})
        async with asyncio.timeout(_RENDERED_WITHIN_S):
            chunks = [chunk async for chunk in self._speak(text, options, "phrases")]
        return _Kept(voice_version=version, chunks=tuple(chunks))

    async def _speak(
        self, text: str, options: SynthesisOptions, session_id: str
    ) -> AsyncGenerator[EncodedChunk]:
        language = language_of(options, self._voices)
        spoken = spoken_text(text, _MAX_CHARS, language, rewrite=self._speakable)
        chunks = synthesize(
            self._speaker, options, whole(spoken), session_id=session_id, voices=self._voices
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            logger.warning("phrases cannot be spoken now, and later again: {}", trouble)
        self._trouble = trouble
