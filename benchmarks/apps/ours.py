"""The ASR service as it is, but for its recogniser."""

from benchmarks.apps.scripted import ScriptedRecognizer
from bots.asr import bot
from voice_agent.engines.engine_set import EngineSet
from voice_agent.engines.silero import SileroVad
from voice_agent.engines.smart_turn.engine import SmartTurn
from voice_agent.server.app import Service, create_app
from voice_agent.settings import Settings


def _engines(_: Settings) -> EngineSet:
    return EngineSet(recognizer=ScriptedRecognizer(), vad=SileroVad(), judge=SmartTurn())


app = create_app(Service(name="asr", bot=bot, engines=_engines))
