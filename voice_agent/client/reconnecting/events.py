"""What a lasting client tells of its connection."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection is gone, and is being made again.

    Attributes:
        url: Where it led to.
        reason: For a log.
    """

    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionRestored:
    """There is a connection again.

    Attributes:
        url: Where it leads to.
        resumed: Whether the session goes on; else it is another one, and what was under way
            is asked again.
        away_s: How long there was none.
    """

    url: str
    resumed: bool
    away_s: float


@dataclass(frozen=True, slots=True)
class AudioDropped:
    """More audio came in while the service was away than is kept; the oldest is lost.

    Attributes:
        start_s: Where the lost audio began, in seconds of all audio.
        duration_s: How much it was.
    """

    start_s: float
    duration_s: float


ReconnectingEvent = ConnectionLost | ConnectionRestored | AudioDropped
