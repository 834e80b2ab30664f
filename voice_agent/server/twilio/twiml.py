"""What Twilio is told to do with a call, as TwiML."""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def connect(stream_url: str, parameters: Mapping[str, str], status_url: str) -> str:
    """Connects the call with a stream; when it ends, so does the call.

    Args:
        stream_url: Where to; Twilio drops a query from it, hence the parameters.
        parameters: Come with the `start` of the stream.
        status_url: Told about the stream; empty for none.
    """
    passed = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>"
        for name, value in parameters.items()
    )
    status = f" statusCallback={quoteattr(status_url)}" if status_url else ""
    stream = f"<Stream url={quoteattr(stream_url)}{status}>{passed}</Stream>"
    return f"{_HEAD}<Response><Connect>{stream}</Connect></Response>"


def busy() -> str:
    """The caller hears a busy tone, and pays nothing."""
    return f'{_HEAD}<Response><Reject reason="busy"/></Response>'


def nothing() -> str:
    """Nothing more."""
    return f"{_HEAD}<Response/>"


def dial(to: str) -> str:
    """Connects the caller with somebody else."""
    to = escape(to)
    target = f"<Sip>{to}</Sip>" if to.startswith("sip:") else f"<Number>{to}</Number>"
    return f"{_HEAD}<Response><Dial>{target}</Dial></Response>"
