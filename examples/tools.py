"""Functions for a language model: VOICE_AGENT_LLM__TOOLS=examples.tools:TOOLS make run

The model is told a function's name, its docstring and the types of its arguments. What the
function returns is told to the model, and so is what an exception of it says. Through
`params.llm` it can push frames into the conversation.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from pipecat.adapters.llm.schemas.direct_function import tool_options
from pipecat.services.llm_service import FunctionCallParams

from voice_agent.frames import HangUpFrame, TransferFrame

_ORDERS = {"1017": "on its way, and arrives tomorrow", "1018": "waiting for a part"}
_STAFF = {"sales": "+15550100", "support": "+15550101"}


async def current_time(params: FunctionCallParams, time_zone: str = "UTC") -> str:
    """Tell the time and the date.

    Args:
        params: From Pipecat.
        time_zone: An IANA name such as Europe/Berlin.
    """
    return f"{datetime.now(ZoneInfo(time_zone)):%A, %d %B %Y, %H:%M}"


@tool_options(timeout_secs=5)
async def order_status(params: FunctionCallParams, number: int) -> str:
    """Look an order up.

    Args:
        params: From Pipecat.
        number: The number of the order, four digits.
    """
    return f"Order {number} is {_ORDERS.get(str(number), 'not known here')}."


async def end_call(params: FunctionCallParams) -> str:
    """End the call, when the caller has said goodbye or needs nothing more."""
    await params.llm.push_frame(HangUpFrame())
    return "The call ends once the caller has heard your answer. Say goodbye, briefly."


async def transfer_call(params: FunctionCallParams, department: str) -> str:
    """Connect the caller with a person.

    Args:
        params: From Pipecat.
        department: sales or support.
    """
    await params.llm.push_frame(TransferFrame(to=_STAFF[department]))
    return "The caller is connected after hearing your answer. Say so, briefly."


TOOLS = [current_time, order_status, end_call, transfer_call]
