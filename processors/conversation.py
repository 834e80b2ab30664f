"""Whose turn it is: asks for answers, interrupts them, remembers what was said and heard."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    StartFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.context_summary import remember
from processors.reminders import Reminders
from processors.timer import Timer
from voice_agent import metrics
from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerHeldFrame,
    AnswerOverFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    HangUpFrame,
    HoldFrame,
    KeyFrame,
    PartialFrame,
    PhraseFrame,
    PresenceFrame,
    ResumeFrame,
    SayFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    SpeculationFrame,
    SpeculativeContextFrame,
)
from voice_agent.settings import ConversationSettings
from voice_agent.turns.back_channels import BackChannels, normalize_words
from voice_agent.turns.barge_in import BargeIn, Verdict
from voice_agent.turns.memory import Memory, Message
from voice_agent.wire.agent import Interrupt, TypedText

# of the context: a long call at the pace of speech, and far from any model's limit
_MAX_MESSAGES = 80


class Conversation(FrameProcessor):
    """Stands before the language model and owns the state of the conversation.

    A final, or typed text, becomes a question to the model (`LLMContextFrame`). Speech
    while an answer is being made or heard holds it, and interrupts it unless it turns out
    to be a back-channel. A `TTSSpeakFrame` is said unasked. The context keeps of an answer
    only what was heard, as the `AnswerEndFrame` that comes back says.

    Args:
        session_id: Whose conversation it is.
        system_prompt: What the model is told about its job; may be empty.
        manners: What is said without being asked, and how turns are taken.
        max_context_chars: A longer conversation is summarised.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        session_id: str,
        system_prompt: str,
        policy: ConversationSettings,
        max_context_chars: int = 12_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name=f"Conversation#{session_id}", enable_direct_mode=True)
        self._policy = policy
        self._memory = Memory(system_prompt, _MAX_MESSAGES, max_context_chars)
        self._barge_in = BargeIn(BackChannels(policy.back_channel_words), clock)
        self._deciding = Timer(self, self._decide)
        self._reminders = Reminders(self, policy, self._say_unprompted)
        self._last_turn: int | None = None  # the answer after which the conversation ends
        self._said: list[str] = []  # parts of a turn that was too long for one final
        self._turn = 0
        self._answering = self._held = False
        self._speaking = False  # a segment is open
        self._guessed = ""  # the question that is answered, though it is not sure that it is one
        self._only_phrase = False  # the answer has nothing but a phrase yet
        # finals, typed text and speech come from different tasks: one change at a time
        self._changing = asyncio.Lock()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the caller and the answer; passes everything on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await remember(frame, self._memory, self)
        if direction is FrameDirection.UPSTREAM:
            await self._follow_answer(frame)
            return
        if isinstance(frame, TTSSpeakFrame):
            await self._say(frame)
            return
        await self.push_frame(frame, direction)
        match frame:
            case StartFrame() if self._policy.greeting:
                # aside: the pipeline has not started yet
                self.create_task(self._say_unprompted(self._policy.greeting))
            case FinalFrame():
                await self._on_final(frame)
            case ClientMessageFrame(message=TypedText() as message):
                await self._ask(message.text, typed=True)
            case ClientMessageFrame(message=Interrupt()):
                async with self._changing:
                    await self._interrupt()
            case _:
                await self._follow_speech(frame)

    async def cleanup(self) -> None:
        """Says and decides nothing any more."""
        await super().cleanup()
        await self._deciding.stop()
        await self._reminders.stop()

    async def _follow_answer(self, frame: Frame) -> None:
        match frame:
            case PhraseFrame():
                # aside: whoever pushed it may hold what a new answer needs
                self.create_task(self._say_phrase(frame))
                return
            case AnswerHeldFrame():
                self._barge_in.hear(frame.heard_text, frame.left_s)
            case AnswerOverFrame(turn=self._turn):
                self._only_phrase = False
            case AnswerEndFrame():
                await self._on_answer_end(frame)
            case _:
                pass
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def _on_answer_end(self, end: AnswerEndFrame) -> None:
        self._memory.heard(end.turn, end.heard_text)
        if end.turn != self._turn:
            return None
        self._answering = self._held = False
        if end.turn == self._last_turn and not end.interrupted:
            return await self.push_frame(HangUpFrame())
        return await self._wait_for_caller()

    async def _follow_speech(self, frame: Frame) -> None:
        match frame:
            case KeyFrame() | PresenceFrame(here=False):
                await self._reminders.stop()
            case PresenceFrame():
                await self._wait_for_caller()
            case SegmentStartFrame():
                self._speaking = True
                await self._reminders.stop()
                async with self._changing:
                    await self._drop_guess()
                    await self._on_speech()
            case SegmentPauseFrame():
                self._barge_in.pause()
            case SegmentEndFrame():
                self._speaking = False
                self._barge_in.pause()
                await self._deciding.set(self._barge_in.due_in_s)
            case PartialFrame() if self._barge_in.during_answer:
                text = " ".join([*self._said, frame.text])
                await self._act(self._barge_in.judge(text, settled=frame.at_pause))
            case PartialFrame(at_pause=True) if self._policy.speculative:
                await self._guess(" ".join([*self._said, frame.text]))
            case _:
                pass

    async def _say(self, frame: TTSSpeakFrame) -> None:
        """Says what somebody has asked for, in the middle of an answer if there is one."""
        if self._answering:
            await self.push_frame(PhraseFrame(text=frame.text))
        elif frame.append_to_context:
            await self._say_unprompted(frame.text)
        else:
            await self._say_phrase(PhraseFrame(text=frame.text))

    async def _on_speech(self) -> None:
        if not (self._answering and self._policy.back_channels):
            return await self._interrupt()
        self._barge_in.speak()
        if not self._held:
            self._held = True
            with metrics.barge_in_s.time():
                await self.push_frame(HoldFrame())
        return await self._deciding.set(self._barge_in.due_in_s)

    async def _on_final(self, final: FinalFrame) -> None:
        self._said += [final.text] if final.text.strip() else []
        text = " ".join(self._said)
        if not final.turn_complete:
            return
        self._said = []
        verdict = self._barge_in.judge(text, final.spoken_language, settled=True)
        is_turn = text and not (self._barge_in.during_answer and verdict is Verdict.RESUME)
        await self._act(verdict)
        self._barge_in.reset()
        if is_turn:
            await self._ask(text, typed=False)
        elif final.error_code and not text:  # silence would tell the caller that it was heard
            await self._say_phrase(PhraseFrame(phrase="apology"))
        async with self._changing:
            await self._drop_guess()
        await self._wait_for_caller()

    async def _decide(self) -> None:
        """No text has come in time."""
        if left_s := self._barge_in.due_in_s:
            await self._deciding.set(left_s)
        elif left_s is not None:
            await self._act(self._barge_in.overdue(speaking=self._speaking))

    async def _act(self, verdict: Verdict) -> None:
        async with self._changing:
            if not self._barge_in.during_answer:
                return  # something else has ended it meanwhile
            if verdict is Verdict.INTERRUPT:
                await self._interrupt()
            elif verdict is Verdict.RESUME and self._held:
                await self._release_hold()
                self._barge_in.resume()
                await self.push_frame(ResumeFrame())

    async def _ask(self, text: str, *, typed: bool) -> None:
        self._reminders.answered()
        async with self._changing:
            if self._answering and self._only_phrase and not self._held:
                self._only_phrase = False
                self._memory.ask(self._turn, text)
                await self.push_frame(AnswerContinuesFrame(turn=self._turn, typed=typed))
            else:
                # what was heard of the answer before is known after it
                await self._interrupt()
                await self._begin()
                self._memory.ask(self._turn, text)
                await self.push_frame(AnswerStartFrame(turn=self._turn, typed=typed))
            guessed, self._guessed = self._guessed, ""
            if guessed and guessed == normalize_words(text):
                await self.push_frame(SpeculationFrame(confirmed=True))
            else:
                await self.push_frame(LLMContextFrame(context=self._context()))
            if self._speaking and not typed:  # a late final: the caller has gone on since
                await self._on_speech()

    async def _guess(self, text: str) -> None:
        """Has an answer made for what may turn out to be the question."""
        async with self._changing:
            if self._answering or normalize_words(text) in ("", self._guessed):
                return
            self._guessed = normalize_words(text)
            context = self._context({"role": "user", "content": text})
            await self.push_frame(SpeculativeContextFrame(context=context))

    async def _drop_guess(self) -> None:
        if self._guessed:
            self._guessed = ""
            await self.push_frame(SpeculationFrame(confirmed=False))

    def _context(self, *more: Message) -> LLMContext:
        return LLMContext(cast(list[LLMContextMessage], [*self._memory.messages, *more]))

    async def _say_unprompted(self, text: str, *, last: bool = False) -> None:
        """Says something that is remembered, though nobody asked."""
        async with self._changing:
            if self._answering:
                return
            await self._begin()
            self._memory.speak(self._turn)
            self._last_turn = self._turn if last else None
            await self.push_frame(AnswerStartFrame(turn=self._turn, asked=False))
            await self.push_frame(SayFrame(text=text))

    async def _wait_for_caller(self) -> None:
        """Nobody speaks: after a while somebody should."""
        if not (self._speaking or self._answering):
            await self._reminders.wait()

    async def _say_phrase(self, frame: PhraseFrame) -> None:
        """Begins an answer for a phrase that found none."""
        text = frame.text or getattr(self._policy, frame.phrase, "")
        if not text:
            return
        async with self._changing:
            if self._answering:  # one has begun since
                await self.push_frame(frame)
                return
            await self._begin()
            self._only_phrase = True
            await self.push_frame(AnswerStartFrame(turn=self._turn, asked=False))
            await self.push_frame(SayFrame(text=text, told=False))

    async def _begin(self) -> None:
        await self._reminders.stop()
        await self._release_hold()
        self._turn += 1
        self._answering, self._only_phrase = True, False

    async def _interrupt(self) -> None:
        if self._answering:
            self._answering = False
            self._guessed = ""
            await self._release_hold()
            self._barge_in.reset()
            with metrics.barge_in_s.time():
                await self.broadcast_interruption()

    async def _release_hold(self) -> None:
        self._held = False
        await self._deciding.stop()
