"""Whether the agent of `voice-agent up` uses the services beside it."""

from voice_agent.cli.services import ServiceName
from voice_agent.cli.up import agent_options
from voice_agent.settings import RemoteSettings, Settings

ALL = {ServiceName.AGENT: 8000, ServiceName.ASR: 8001, ServiceName.TTS: 8002}


def test_the_agent_uses_what_runs_beside_it() -> None:
    assert agent_options("0.0.0.0", ALL, Settings()) == [
        *("--asr-url", "http://127.0.0.1:8001"),
        *("--tts-url", "http://127.0.0.1:8002"),
    ]
    without_asr = {ServiceName.AGENT: 8000, ServiceName.TTS: 8002}
    assert agent_options("::1", without_asr, Settings()) == ["--tts-url", "http://[::1]:8002"]


def test_the_agent_has_engines_of_its_own_if_the_settings_say_so() -> None:
    settings = Settings(remote=RemoteSettings(share_engines=False))
    assert agent_options("127.0.0.1", ALL, settings) == []
