"""The engines of an agent: its own, or the services'."""

from voice_agent.engines.engine_set import EngineSet
from voice_agent.engines.registry import REMOTE, SelectedEngine
from voice_agent.engines.silero import SileroVad
from voice_agent.remote.addresses import addresses
from voice_agent.remote.recognizer import RemoteRecognizer
from voice_agent.remote.speaker import RemoteSpeaker
from voice_agent.settings import Settings

_WHY = "a service in a process of its own"


def agent_engines(settings: Settings) -> EngineSet:
    """What hears and speaks for an agent.

    Raises:
        SettingsError: An engine cannot run, or a service has no address.
    """
    engines = _hearing(settings)
    speaking = _speaking(settings)
    engines.speaker = speaking.speaker
    engines.picked |= speaking.picked
    return engines


def _hearing(settings: Settings) -> EngineSet:
    if settings.asr.engine != REMOTE:
        return EngineSet.hearing(settings)
    ears = RemoteRecognizer(addresses("asr.url", settings.asr.url))
    # Silero: somebody has to know whether the caller speaks while the service is away
    return EngineSet(
        elsewhere=ears, vad=SileroVad(), picked={"hears": SelectedEngine(engine=ears, why=_WHY)}
    )


def _speaking(settings: Settings) -> EngineSet:
    if settings.tts.engine != REMOTE:
        return EngineSet.speaking(settings)
    urls = addresses("tts.url", settings.tts.url)
    speaker = RemoteSpeaker(urls, give_up_s=settings.remote.give_up_s)
    return EngineSet(speaker=speaker, picked={"speaks": SelectedEngine(engine=speaker, why=_WHY)})
