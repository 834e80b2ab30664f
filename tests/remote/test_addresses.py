import pytest

from voice_agent.errors import SettingsError
from voice_agent.remote.addresses import addresses


def test_one_or_several_addresses_are_completed() -> None:
    assert addresses("asr.url", "localhost:8001") == ("ws://localhost:8001/ws",)
    assert addresses("asr.url", "ws://a:1/ws, https://b/asr/ws,") == (
        "ws://a:1/ws",
        "wss://b/asr/ws",
    )


@pytest.mark.parametrize("text", ["", " , "])
def test_no_address_names_the_setting(text: str) -> None:
    with pytest.raises(SettingsError, match=r"asr\.url is not set"):
        addresses("asr.url", text)


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(SettingsError, match="no address of a service"):
        addresses("tts.url", "ws://a:1/ws,ftp://b")
