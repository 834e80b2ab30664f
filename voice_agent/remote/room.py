"""The engines of an agent: its own, or the services'."""

from voice_agent.engines.catalogue import REMOTE, Picked
from voice_agent.engines.room import EngineRoom
from voice_agent.engines.silero import SileroVad
from voice_agent.remote.addresses import addresses
from voice_agent.remote.ears import RemoteEars
from voice_agent.remote.speaker import RemoteSpeaker
from voice_agent.settings import Settings

_WHY = "a service in a process of its own"


def agent_room(settings: Settings) -> EngineRoom:
    """What hears and speaks for an agent.

    Raises:
        SettingsError: An engine cannot run, or a service has no address.
    """
    room = _hearing(settings)
    speaking = _speaking(settings)
    room.speaker = speaking.speaker
    room.picked |= speaking.picked
    return room


def _hearing(settings: Settings) -> EngineRoom:
    if settings.asr.engine != REMOTE:
        return EngineRoom.hearing(settings)
    ears = RemoteEars(addresses("asr.url", settings.asr.url))
    # Silero: somebody has to know whether the caller speaks while the service is away
    return EngineRoom(
        elsewhere=ears, vad=SileroVad(), picked={"hears": Picked(engine=ears, why=_WHY)}
    )


def _speaking(settings: Settings) -> EngineRoom:
    if settings.tts.engine != REMOTE:
        return EngineRoom.speaking(settings)
    urls = addresses("tts.url", settings.tts.url)
    speaker = RemoteSpeaker(urls, give_up_s=settings.remote.give_up_s)
    return EngineRoom(speaker=speaker, picked={"speaks": Picked(engine=speaker, why=_WHY)})
