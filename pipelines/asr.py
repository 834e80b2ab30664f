"""Speech to text: audio → turns → partials and finals."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.run import over_wire
from processors.remote_hearing import RemoteHearing
from processors.remote_outage import OutageHandler
from processors.speech_to_text import SpeechToText
from processors.stock_transcripts import StockTranscripts
from processors.turn_detector import TurnDetector
from transports.asr_wire import AsrSerializer
from transports.wire import WireTransport
from voice_agent.engines.base import Recognizer
from voice_agent.errors import EngineUnavailable
from voice_agent.remote.recognizer import RemoteRecognizer
from voice_agent.remote.speaker import RemoteSpeaker
from voice_agent.server.sessions import Session
from voice_agent.turns.config import AsrConfig
from voice_agent.turns.turn import TurnRules


def recognizer_of(session: Session) -> Recognizer | RemoteRecognizer:
    """The session's recogniser, or the service that is it.

    Raises:
        EngineUnavailable: This process hears nothing.
    """
    if isinstance(session.engines.elsewhere, RemoteRecognizer):
        return session.engines.elsewhere
    if session.engines.recognizer is None:
        raise EngineUnavailable("this process has no recogniser")
    return session.engines.recognizer


def hearing(
    session: Session, *, by_telephone: bool = False, stt: FrameProcessor | None = None
) -> list[FrameProcessor]:
    """The processors that turn a session's audio into finals, here or through the services.

    Args:
        session: Whose audio it is.
        by_telephone: There is no other way to speak with the caller.
        stt: Hears instead of the process's recogniser; turns are found here all the same.
    """
    if stt is not None:
        detector = _turn_detector(session, session.settings.asr.language)
        return [detector, stt, StockTranscripts(session_id=session.id)]
    recognizer, speaker = recognizer_of(session), session.engines.speaker
    remote_speaker = speaker if isinstance(speaker, RemoteSpeaker) else None
    guard = OutageHandler(
        session_id=session.id,
        settings=session.settings.remote,
        speaker=remote_speaker,
        phrases=session.phrases,
        ends_call=by_telephone,
    )
    if isinstance(recognizer, RemoteRecognizer):
        return [_hearing_elsewhere(session, recognizer, guard), guard]
    return [*_hearing_here(session, recognizer), *([guard] if remote_speaker else [])]


def _hearing_elsewhere(
    session: Session, ears: RemoteRecognizer, guard: OutageHandler
) -> RemoteHearing:
    values = asr_config(session).values
    if session.engines.vad is None:
        raise EngineUnavailable("this process does not find speech")
    return RemoteHearing(
        session_id=session.id,
        ears=ears,
        config={"language": values.language, "silence_ms": values.silence_ms},
        settings=session.settings.remote,
        absence=guard.recognition,
        vad=session.engines.vad,
        final_timeout_s=session.settings.asr.final_timeout_s,
    )


def _hearing_here(session: Session, recognizer: Recognizer) -> tuple[TurnDetector, SpeechToText]:
    asr = session.settings.asr
    initial = asr_config(session).values
    stt = SpeechToText(
        recognizer,
        model=initial.model,
        language=initial.language,
        final_timeout_s=asr.final_timeout_s,
        audio_passthrough=False,
        session_id=session.id,
    )
    return _turn_detector(session, initial.language), stt


def _turn_detector(session: Session, language: str) -> TurnDetector:
    engines, asr = session.engines, session.settings.asr
    if engines.vad is None or engines.judge is None:
        raise EngineUnavailable("this process does not judge turns")
    return TurnDetector(
        vad=engines.vad,
        judge=engines.judge,
        rules=TurnRules(silence_ms=asr.silence_ms, max_turn_s=asr.max_turn_s),
        language=language,
        session_id=session.id,
    )


def asr_config(session: Session) -> AsrConfig:
    """The values a session starts with."""
    recognizer = recognizer_of(session)
    return AsrConfig(
        models=recognizer.models,
        languages=recognizer.languages,
        language=session.settings.asr.language,
        silence_ms=session.settings.asr.silence_ms,
    )


def listening(session: Session, kind: type[AsrSerializer]) -> WireTransport:
    """The wire of a session that hears."""
    server = session.settings.server
    serializer = kind(
        service=session.service,
        config=asr_config(session),
        gather_ms=session.settings.asr.gather_ms,
        max_frame_bytes=server.max_frame_bytes,
        max_expansion_s=server.max_unprocessed_audio_s,
    )
    return over_wire(session, serializer)


def build(session: Session) -> tuple[Pipeline, WireTransport]:
    """The pipeline of an ASR session on the wire protocol."""
    transport = listening(session, AsrSerializer)
    return Pipeline([transport.input(), *hearing(session), transport.output()]), transport
