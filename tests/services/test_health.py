import httpx2

from tests.services.conftest import RunningService


def test_a_running_service_is_alive_ready_and_says_what_it_runs(asr: RunningService) -> None:
    assert httpx2.get(f"{asr.http}/healthz").json() == {"status": "ok"}
    assert httpx2.get(f"{asr.http}/readyz").json()["ready"] is True
    info = httpx2.get(f"{asr.http}/v1/info").json()
    assert info["service"] == "asr"
    assert info["engines"]["hears"]["name"] == "whisper"
    assert "settings" in info["engines"]["hears"]["why"]
    assert "voice_agent_sessions_open" in httpx2.get(f"{asr.http}/metrics").text
