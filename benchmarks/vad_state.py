"""The state from which Silero listens best, from recordings.

``python -m benchmarks.vad_state SPEECH`` writes `voice_agent/engines/silero_ready.py`.

Silero's state decides how well it hears the next word: from zeros, as a stream begins, it
misses more soft words than after a sentence. The state written here is the mean over
sentences on a telephone line at four levels, 2.8 s after their end, the softest level
weighing as much as all four: soft words gain the most by it, loud ones lose nothing.
"""

import argparse
import asyncio
import base64
import textwrap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.speech import clips
from benchmarks.vad_line import at_level, over_line, silence, trimmed
from benchmarks.vad_scores import states
from voice_agent.audio.pcm import int16_to_float

_LEVELS_DB = (-20, -26, -32, -38)
_AFTER_S = 2.8
_SENTENCES = ("lv_0890.wav", "sb_birch.wav", "sb_spk1_snt2.wav", "jfk.wav")
_OUT = Path("voice_agent/engines/silero_ready.py")
_MODULE = '''"""Silero's state after speech, written by benchmarks/vad_state.py; do not edit."""

READY_STATE = (
{lines}
)
"""float16 [2, 128] in base64, for the model in pipecat-ai 1.14."""
'''


async def _measure(folder: Path) -> NDArray[np.float32]:
    spoken = [clip for clip in await clips(folder) if clip.name in _SENTENCES]
    rng = np.random.default_rng(1)
    means: list[NDArray[np.float32]] = []
    for level_db in _LEVELS_DB:
        rows = [
            over_line(
                np.concatenate(
                    [at_level(trimmed(int16_to_float(c.samples)), level_db), silence(_AFTER_S)]
                ),
                rng,
            )
            for c in spoken
        ]
        means.append(states(rows).mean(axis=1))
    return ((np.mean(means, axis=0) + means[-1]) / 2).astype(np.float32)


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path, help=f"folder with {', '.join(_SENTENCES)}")
    state = asyncio.run(_measure(parser.parse_args().speech))
    text = base64.b64encode(state.astype(np.float16).tobytes()).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(text, 90))
    _OUT.write_text(_MODULE.format(lines=lines))


if __name__ == "__main__":
    main()
