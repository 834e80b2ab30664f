"""An ASR service whose Whisper fails as scripted: ``python -m tests.services.troubled_asr``.

A session gets into trouble by naming it in its prompt. The models, their thread, their queue
and the guards around them are the real ones.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bots.asr import bot
from tests.phone_talk import MODEL
from voice_agent.engines.engine_set import EngineSet
from voice_agent.engines.silero import SileroVad
from voice_agent.engines.smart_turn.engine import SmartTurn
from voice_agent.engines.whisper.engine import WhisperRecognizer
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import LoadedModel, Window
from voice_agent.log import set_up_logging
from voice_agent.server.app import Service, create_app
from voice_agent.server.run import run_app
from voice_agent.settings import LogSettings, PrivacySettings, Settings, load_settings

NO_MEMORY = "the large model has no memory"
FAILURE = "the model fails"
SLOW = "the model is slow"
BIG, SMALL = "big", "small"

_SLOW_S = 1.5
_FAILS_FOR_S = 4.0  # also when it is only tried out


class TroubledModel(LoadedModel):
    """Fails for windows whose prompt says so."""

    _fails_until_s = 0.0

    def decode(self, windows: Sequence[Window], **options: Any) -> list[Hypothesis]:
        prompts = {window.prompt for window in windows}
        if self.prompt(NO_MEMORY, ()) in prompts and self.name == BIG:
            raise MemoryError("scripted")
        if self.prompt(FAILURE, ()) in prompts:
            self._fails_until_s = time.monotonic() + _FAILS_FOR_S
        if time.monotonic() < self._fails_until_s:
            raise RuntimeError("scripted failure")
        if self.prompt(SLOW, ()) in prompts:
            time.sleep(_SLOW_S)
        return super().decode(windows, **options)


def _models(folder: Path) -> dict[str, Path]:
    """The test model twice; the first has a byte more and so is the larger one."""
    for name in (BIG, SMALL):
        shutil.copytree(MODEL, folder / name)
    with (folder / BIG / "model.bin").open("ab") as weights:
        weights.write(b"\0")
    return {name: folder / name for name in (BIG, SMALL)}


def _engines(settings: Settings) -> EngineSet:
    folder = Path(tempfile.mkdtemp())
    recognizer = WhisperRecognizer(_models(folder), settings.whisper, TroubledModel)
    return EngineSet(recognizer=recognizer, vad=SileroVad(), judge=SmartTurn())


app = create_app(Service(name="asr", bot=bot, engines=_engines))


def main() -> None:
    """Serves on a free port until it is told to stop."""
    set_up_logging("asr", LogSettings(), PrivacySettings())
    run_app("tests.services.troubled_asr:app", host="127.0.0.1", port=0, settings=load_settings())


if __name__ == "__main__":
    main()
