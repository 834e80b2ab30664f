"""A pipeline whose conversation is written down."""

from pipecat.processors.frame_processor import FrameProcessor

from processors.recorder import AgentRecorder, CallerRecorder
from voice_agent.records.session import SessionRecord


def recorded(
    record: SessionRecord | None, processors: list[FrameProcessor]
) -> list[FrameProcessor]:
    """The processors between a transport's input and output, with what writes them down.

    Args:
        record: Of the session; None changes nothing.
        processors: From the caller's audio to the agent's.
    """
    if record is None:
        return processors
    return [CallerRecorder(record), *processors, AgentRecorder(record)]
