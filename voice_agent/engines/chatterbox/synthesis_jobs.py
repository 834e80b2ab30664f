"""Which utterances of the engine belong to which job, from the event loop's side."""

import asyncio
from collections.abc import Callable, Sequence

from voice_agent.engines.base import SpokenChunk
from voice_agent.engines.chatterbox.model_thread import Broken, ModelThread
from voice_agent.engines.chatterbox.synthesis_job import SynthesisJob
from voice_agent.engines.chatterbox.utterance import AllDrawn, Audio, Event, Refused, Request
from voice_agent.engines.clauses import Clause
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported, VoiceAgentError

_NAME = "chatterbox"


class SynthesisJobs:
    """The open jobs; belongs to the event loop.

    Args:
        make_request: Makes an utterance of a job's clause.

    Attributes:
        owner: Of the model.
    """

    def __init__(self, make_request: Callable[[SynthesisJob, Clause], Request]) -> None:
        self.owner = ModelThread(self._hear)
        self._make_request = make_request
        self._by_number: dict[int, SynthesisJob] = {}  # bounded by the jobs that are let in

    def begin(self, speech: SynthesisJob) -> None:
        """Gives the engine the job's next clause, if there is one.

        Raises:
            EngineUnavailable: The model fails again and again.
        """
        clause = speech.next_clause()
        if clause is None:
            return
        request = self._make_request(speech, clause)
        speech.begin(clause, request)
        self._by_number[request.number] = speech
        self.owner.admit(request)

    async def read(self, speech: SynthesisJob) -> SpokenChunk | None:
        """The job's next chunk; None at its end.

        Raises:
            EngineTimeout: It did not come within the job's time.
            VoiceAgentError: The job failed.
        """
        timeout_s = speech.job.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                chunk = await speech.read()
        except TimeoutError:
            raise EngineTimeout(f"{_NAME} took longer than {timeout_s:g} s") from None
        if speech.request is not None:
            self.owner.heard(speech.request, speech.heard_s)
        return chunk

    def drop(self, speech: SynthesisJob) -> None:
        """Takes all of the job out of the engine."""
        for number in speech.open_numbers:
            if self._by_number.pop(number, None) is not None:
                self.owner.cancel(number)

    def forget(self, session_id: str) -> None:
        """Ends the session's jobs; whoever still reads them gets `engine_unavailable`."""
        for speech in set(self._by_number.values()):
            if speech.job.session_id == session_id:
                self.drop(speech)
                speech.fail(EngineUnavailable("the session is gone"))

    def fail_all(self, error: VoiceAgentError) -> None:
        """Ends every job with an error."""
        for speech in set(self._by_number.values()):
            speech.fail(error)
        self._by_number.clear()

    def _hear(self, events: Sequence[Event | Broken]) -> None:
        for event in events:
            if isinstance(event, Broken):
                self.fail_all(EngineUnavailable(f"{_NAME} failed, try again"))
                continue
            speech = self._by_number.get(event.number)
            if speech is None:
                continue
            match event:
                case Refused():
                    speech.fail(Unsupported(f"this cannot be spoken: {event.why}"))
                case AllDrawn():
                    speech.hear(event)
                    self._go_on(speech)
                case Audio():
                    speech.hear(event)
                    if event.last:
                        del self._by_number[event.number]

    def _go_on(self, speech: SynthesisJob) -> None:
        try:
            self.begin(speech)
        except EngineUnavailable as error:
            speech.fail(error)
