import json
import sys
from typing import Any

import pytest
from pipecat.services.llm_service import FunctionCallParams

from processors.llm_backend import LLMBackend
from processors.tools import tool_of
from voice_agent.cli.setting_sources import as_json, origins
from voice_agent.errors import SettingsError
from voice_agent.settings import LlmSettings, Settings

URL = "http://127.0.0.1:9/v1"


def mind(**settings: Any) -> LLMBackend:
    llm = LlmSettings.model_validate({"base_url": URL, "model": "small", **settings})
    return LLMBackend(llm, log_text=False)


async def current_time(params: FunctionCallParams) -> str:
    """Another one of this name."""
    return "noon"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": ""}, "name the model"),
        ({"tools": "nowhere:TOOLS"}, "nowhere"),
    ],
)
def test_half_a_setting_is_refused_before_anybody_calls(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        mind(**settings)


def test_it_says_what_it_asks_and_may_do() -> None:
    other = {"base_url": "http://other/v1", "api_key": "hidden"}
    why = mind(fallbacks=[other], tools="examples.tools").info.why
    assert why == (
        f"chosen in the settings: {URL}; then http://other/v1; "
        "tools: current_time, order_status, end_call, transfer_call"
    )


def test_of_two_tools_with_a_name_the_first_counts() -> None:
    has = mind(tools="examples.tools")
    has.add([tool_of(current_time, timeout_s=1)])
    assert len(has.tools) == 4
    assert has.tools["current_time"].schema.description == "Tell the time and the date."


async def test_a_server_that_cannot_be_started_stops_nothing() -> None:
    has = mind(mcp_servers={"shop": {"command": sys.executable, "args": ["-c", "exit(1)"]}})
    await has.load()
    try:
        assert has.ready
        assert has.tools == {}
    finally:
        await has.close()
        await has.close()


def test_keys_in_lists_and_headers_are_not_printed() -> None:
    server = {"url": "http://x", "headers": {"Authorization": "hidden"}}
    llm = {
        "fallbacks": [{"base_url": URL, "api_key": "hidden"}],
        "mcp_servers": {"shop": server},
    }
    printed = as_json(origins(Settings.model_validate({"llm": llm})))
    assert "hidden" not in printed
    assert json.loads(printed)["llm.fallbacks"]["value"][0]["base_url"] == URL
