"""What is made of the audio of a session's turns: partials while one is open, then its final."""

import asyncio
import time

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import ProposedUserStoppedSpeakingFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.time import time_now_iso8601

from processors.recognizer_session import Decoded, RecognizerSession
from processors.turn_state import (
    LONG_POST_ROLL_SAMPLES,
    TurnState,
    between_words,
    end_of_audio,
    final_frame,
    sound_in_pause,
    wants_second_final,
)
from voice_agent import metrics
from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, PARTIAL_EVERY_S, Transcript
from voice_agent.errors import VoiceAgentError
from voice_agent.frames import PartialFrame, PauseTextFrame, ServerMessageFrame, TurnEndFrame
from voice_agent.turns.audio_buffer import AudioBuffer
from voice_agent.turns.pause_decision import PauseText

_HZ = ASR_SAMPLE_RATE_HZ
# Audio before the first detected speech: the detector is sure 0.2 s after the onset and
# soft beginnings score low.
_PRE_ROLL_SAMPLES = _HZ // 2
# What may have been speech when the client says that there was some goes back 12.8 s
# (`Segmenter.cut`): 0.9 MB a session.
_KEPT_SAMPLES = _PRE_ROLL_SAMPLES + 13 * _HZ
# audio after the last detected speech, for soft endings
_POST_ROLL_SAMPLES = _HZ // 5
# a hypothesis on less than this is noise
_FIRST_PARTIAL_SAMPLES = int(0.7 * _HZ)
_PARTIAL_EVERY_SAMPLES = int(PARTIAL_EVERY_S * _HZ)
# turns of one session whose final is being made; the next one waits for the first
_MAX_PENDING_FINALS = 4


class TurnDecoder:
    """Keeps a session's audio and has the recogniser decode it, as its turns come and go.

    Finals come in the order of their turns; no partial of a turn comes after its final or
    before the final of the turn before. The final is begun at a pause, beside the judging
    of the turn, and is cancelled when speech goes on; when it is there, a partial says what
    it would be (`at_pause`).

    Args:
        owner: Pushes the frames, and its task manager runs the tasks.
        recognition: The session's handle on the shared engine.
    """

    def __init__(self, owner: FrameProcessor, recognition: RecognizerSession) -> None:
        self._owner = owner
        self._recognition = recognition
        self._tape = AudioBuffer()
        self._turn: TurnState | None = None
        self._speaking = False
        self._last_end = 0  # where the last turn ended
        self._last_speech = 0  # where the last segment ended
        self._turns = 0
        self._finals: list[asyncio.Task[None]] = []

    @property
    def now(self) -> int:
        """All samples so far."""
        return self._tape.end

    @property
    def turn_start(self) -> int | None:
        """Where the open turn began."""
        return None if self._turn is None else self._turn.start

    async def finish(self) -> None:
        """Waits for the finals that are being made."""
        await asyncio.gather(*self._finals)

    async def close(self) -> None:
        """Ends what is being made, and takes the session's jobs out of the engine."""
        if self._turn is not None:
            await self._end_task(self._turn.partial)
            await self._end_task(self._turn.speculation)
        for final in list(self._finals):
            await self._end_task(final)
        self._recognition.forget()

    async def _end_task(self, task: "asyncio.Task[None] | asyncio.Task[Decoded] | None") -> None:
        if task is not None and not task.done():
            await self._owner.cancel_task(task)

    def segment_ended(self, at_sample: int) -> None:
        """Speech has ended there."""
        self._speaking = False
        self._last_speech = at_sample

    def hear(self, samples: NDArray[np.int16]) -> None:
        """Takes int16 mono at 16 kHz."""
        self._tape.append(int16_to_float(samples))
        turn = self._turn
        if turn is None or not turn.spoken:
            self._tape.forget_before(self._tape.end - _KEPT_SAMPLES)
        elif wants_second_final(turn, self._tape.end):
            self._decode_or_settle(turn)
        elif self._wants_partial(turn):
            turn.next_partial = self._tape.end + _PARTIAL_EVERY_SAMPLES
            turn.partial = self._owner.create_task(self._make_partial(turn))

    def _decode_or_settle(self, turn: TurnState) -> None:
        """Decodes once more what may hold soft last words; in silence the text stands as it is."""
        heard = turn.speculation.result() if turn.speculation else None
        if not isinstance(heard, Transcript) or sound_in_pause(turn, self._tape):
            self.may_end(turn.speculated_end, LONG_POST_ROLL_SAMPLES)
            return
        turn.speculated_post_roll = LONG_POST_ROLL_SAMPLES
        if self._recognition.config.partials is not False:
            end = turn.speculated_end + LONG_POST_ROLL_SAMPLES
            self._owner.create_task(self._show(turn, heard, end, at_pause=True))

    def _wants_partial(self, turn: TurnState) -> bool:
        return (
            self._recognition.config.partials is not False
            and self._tape.end >= turn.next_partial
            # quiet: the final is being made already
            and turn.speculation is None
            and not self._finals
            and (turn.partial is None or turn.partial.done())
        )

    def speech_started(self, start: int) -> None:
        """Speech began there, in a new turn or in the open one."""
        self._speaking = True
        if self._turn is None or not self._turn.spoken:
            # not into what the turn before has had
            self._open_turn(start, max(start - _PRE_ROLL_SAMPLES, self._last_end), spoken=True)
        else:
            self.goes_on()

    def _open_turn(self, start: int, audio_start: int, *, spoken: bool) -> TurnState:
        self._turns += 1
        self._turn = TurnState(
            id=self._turns,
            start=start,
            audio_start=max(audio_start, self._tape.start),
            next_partial=start + _FIRST_PARTIAL_SAMPLES,
            spoken=spoken,
        )
        return self._turn

    async def _make_partial(self, turn: TurnState) -> None:
        end = self._tape.end
        samples = self._tape.slice(turn.audio_start, end)
        transcript = await self._recognition.partial(turn.id, samples, turn.prefix.settled_s)
        await self._tell_degradations()
        if transcript is not None:
            await self._show(turn, transcript, end)

    async def _show(
        self, turn: TurnState, transcript: Transcript, end: int, *, at_pause: bool = False
    ) -> None:
        if turn is not self._turn or self._finals:
            return
        shown = turn.shown
        turn.prefix.separator = transcript.separator
        audio_s = (end - turn.audio_start) / _HZ
        settled = turn.prefix.update(transcript.words, audio_s, at_pause=at_pause)
        metrics.committed_words_total.inc(settled)
        text = turn.prefix.text
        turn.shown = (text, turn.prefix.committed_chars, at_pause and text != "")
        if turn.shown != shown:
            await self._owner.push_frame(
                PartialFrame(
                    text=text,
                    user_id=self._recognition.session_id,
                    timestamp=time_now_iso8601(),
                    committed_chars=turn.prefix.committed_chars,
                    confidence=transcript.confidence,
                    at_s=round(end / _HZ, 3),
                    at_pause=at_pause,
                )
            )

    async def _tell_degradations(self) -> None:
        for message in self._recognition.degradations():
            await self._owner.push_frame(ServerMessageFrame(message=message))

    def paused(self, end_sample: int) -> None:
        """Tells what is said until a pause that is sure now; begins to decode it if need be."""
        self._speaking = False
        turn = self._turn
        if turn is None or turn.speculation is None or turn.speculated_end != end_sample:
            self.may_end(end_sample)
        elif turn.speculation.done():
            self._tell_speculation(turn, turn.speculation, end_sample)

    def goes_on(self) -> None:
        """Speech is there again: what was begun at the pause is void."""
        if self._turn is not None and self._turn.speculation is not None:
            self._turn.speculation.cancel()
            self._turn.speculation = None

    def may_end(self, end_sample: int, post_roll: int = _POST_ROLL_SAMPLES) -> None:
        """Begins the final of a turn that may have ended there."""
        turn = self._turn
        if turn is None:
            return
        if turn.speculation is not None:
            turn.speculation.cancel()
        turn.speculated_end = end_sample
        turn.speculated_post_roll = post_roll
        turn.speculation = self._decode(turn, end_sample + post_roll)
        turn.speculation.add_done_callback(
            lambda decoding: self._tell_speculation(turn, decoding, end_sample)
        )

    def _tell_speculation(
        self, turn: TurnState, decoding: "asyncio.Task[Decoded]", end_sample: int
    ) -> None:
        if decoding.cancelled() or self._speaking:
            return  # told when the segment has ended
        heard = decoding.result()
        if not isinstance(heard, Transcript):
            return
        if turn.speculation is decoding and self._recognition.config.partials is not False:
            if turn.partial is not None:
                turn.partial.cancel()  # on less audio
                turn.partial = None
            end = min(self._tape.end, end_sample + turn.speculated_post_roll)
            self._owner.create_task(self._show(turn, heard, end, at_pause=True))
        text = PauseText(
            end_sample=end_sample,
            text=heard.text,
            language=heard.language,
            confidence=heard.confidence,
        )
        self._owner.create_task(
            self._owner.push_frame(PauseTextFrame(text=text), FrameDirection.UPSTREAM)
        )

    def _decode(self, turn: TurnState, end: int) -> "asyncio.Task[Decoded]":
        """Begins a final. Takes its audio now: the tape forgets it when the turn has ended."""
        samples = self._tape.slice(turn.audio_start, end)
        return self._owner.create_task(self._recognition.final(turn.id, samples))

    async def end_turn(self, frame: TurnEndFrame, *, proposes_stop: bool) -> None:
        """Has the final of the turn made, whether it was decoded already or not.

        Args:
            frame: Which turn.
            proposes_stop: Push `ProposedUserStoppedSpeakingFrame` behind the final.
        """
        turn = self._turn or self._open_turn(frame.start_sample, frame.end_sample, spoken=False)
        if not frame.complete:
            frame.end_sample = between_words(turn, frame.end_sample, self._tape)
        decoding, partial = turn.speculation, turn.partial
        # a cancelled task's traceback holds the turn and its audio: no cycle, no wait for the
        # garbage collector
        turn.speculation = turn.partial = None
        if partial is not None:
            partial.cancel()
        if decoding is None or turn.speculated_end != frame.end_sample:
            if decoding is not None:
                decoding.cancel()
            decoding = self._decode(turn, end_of_audio(turn, frame))
        self._turn = None
        self._last_end = frame.end_sample
        if not frame.complete:
            self._open_rest(turn, frame.end_sample)
        self._tape.forget_before(frame.end_sample - _PRE_ROLL_SAMPLES)
        if len(self._finals) >= _MAX_PENDING_FINALS:
            await asyncio.wait(self._finals[:1])
        before = self._finals[-1] if self._finals else None
        final = self._owner.create_task(
            self._make_final(turn, frame, decoding, before, proposes_stop)
        )
        self._finals.append(final)
        final.add_done_callback(self._finals.remove)

    def _open_rest(self, turn: TurnState, cut: int) -> None:
        """Opens the part after a cut, with what was settled of it already."""
        spoken = self._speaking or self._last_speech > cut
        rest = self._open_turn(cut, cut, spoken=spoken)
        rest.prefix = turn.prefix.split((cut - turn.audio_start) / _HZ)

    async def _make_final(
        self,
        turn: TurnState,
        frame: TurnEndFrame,
        decoding: "asyncio.Task[Decoded | None]",
        before: "asyncio.Task[None] | None",
        proposes_stop: bool,
    ) -> None:
        decided_ns = time.monotonic_ns()
        decoded = await decoding
        if decoded is None:
            return  # the task has failed, and the session with it
        if isinstance(decoded, VoiceAgentError):
            await self._owner.push_error(decoded.message, exception=decoded)
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._recognition.release(turn.id)
        await self._tell_degradations()
        await self._owner.push_frame(
            final_frame(
                turn,
                frame,
                decoded,
                session_id=self._recognition.session_id,
                config=self._recognition.config,
                decided_ns=decided_ns,
            )
        )
        if proposes_stop and turn.spoken and frame.complete:
            await self._owner.push_frame(ProposedUserStoppedSpeakingFrame())
