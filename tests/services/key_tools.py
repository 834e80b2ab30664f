"""Functions for the scripted model: it presses keys, hangs up after that, or takes its time."""

import asyncio

from pipecat.services.llm_service import FunctionCallParams

from voice_agent.frames import HangUpFrame, SendKeysFrame


async def press_keys(params: FunctionCallParams, keys: str) -> str:
    """Press keys of the telephone.

    Args:
        params: From Pipecat.
        keys: 0 to 9, * and #.
    """
    await params.llm.push_frame(SendKeysFrame(keys=keys))
    return "They are pressed when you have finished speaking."


async def press_keys_and_hang_up(params: FunctionCallParams, keys: str) -> str:
    """Press keys of the telephone, and end the call.

    Args:
        params: From Pipecat.
        keys: 0 to 9, * and #.
    """
    await params.llm.push_frame(SendKeysFrame(keys=keys))
    await params.llm.push_frame(HangUpFrame())
    return "Say goodbye."


async def think_long(params: FunctionCallParams) -> str:
    """Look something up."""
    del params
    await asyncio.sleep(50)
    return "Nothing was found."


TOOLS = [press_keys, press_keys_and_hang_up, think_long]
