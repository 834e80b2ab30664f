"""The ASR service as what hears in the agent."""

from collections.abc import Sequence

from voice_agent.client.reconnecting.endpoints import Endpoints
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.remote.engine import RemoteEngine


class RemoteRecognizer(RemoteEngine):
    """The ASR service: finds turns and recognises them. Each session connects for itself.

    Args:
        urls: Where the service may be; the first that answers and has room is used.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__(service="asr", role="hears", urls=urls, sample_rate_hz=ASR_SAMPLE_RATE_HZ)
        self.endpoints = Endpoints(urls)
        """What all sessions know of the addresses."""

    @property
    def models(self) -> Sequence[str]:
        """The model of the service; empty until it has been seen."""
        return (self._watch.seen.model,) if self._watch.seen else ()

    def languages(self, model: str) -> Sequence[str]:
        """Codes that it understands."""
        del model
        return self._watch.seen.languages if self._watch.seen else ()
