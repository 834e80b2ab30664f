"""What the engine says, as samples."""

import numpy as np

from voice_agent.engines.base import Samples, SpeakJob
from voice_agent.engines.espeak.speaker import EspeakSpeaker


async def spoken(speaker: EspeakSpeaker, job: SpeakJob) -> Samples:
    """All samples of a job."""
    return np.concatenate([chunk.samples async for chunk in speaker.speak(job)])
