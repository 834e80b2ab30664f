"""The one place that speaks with a model hub.

It does so through huggingface_hub, which faster-whisper uses too: the list of files, their
sizes and checksums, addresses, headers and the connection are the library's. The transfer of
a file is ours, because `hf_hub_download` of huggingface_hub 2.4.0 writes to a file with a
random name and removes it when it is interrupted, so a new process begins at zero; and
because its `http_get` passes data on in pieces of 10 MB, which a broken connection loses.

The library is imported when it is needed: it costs most of a second, and comes with the extra
`whisper`.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from types import ModuleType
from typing import TYPE_CHECKING, Any

from voice_agent.errors import PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.manifest import Listing, ModelFile
from voice_agent.weights.names import Weights
from voice_agent.weights.store import missing_of

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

# a connection has to be made within this, and to bring something this often
_CONNECT_S = 10.0
SILENCE_S = 30.0
# what may pass by itself: timeouts, too many requests, servers that restart
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_WHAT = {
    "whisper": "a Whisper model for CTranslate2",
    "chatterbox": "a Chatterbox model",
    "piper": "a Piper voice",
    "gguf": "a language model in GGUF",
}
OFFLINE = (
    "nothing is downloaded because models.offline is set; unset it, or copy the"
    " model's folder here from another machine"
)
# it becomes the name of a folder
_REVISION = re.compile(r"\w[\w.-]{0,63}", re.ASCII)


class Dropped(PullFailed):
    """A transfer broke off; it may go on where it stopped. Never leaves this package."""


class Hub:
    """The hub that the settings name. Nothing is sent before a method is called.

    Args:
        settings: `models.hub_url` and `models.offline`.
        silence_s: A connection that brings nothing for this long is given up.

    Raises:
        PullFailed: Nothing may be downloaded, or huggingface_hub is not installed.
    """

    def __init__(self, settings: Settings, silence_s: float = SILENCE_S) -> None:
        if settings.models.offline:
            raise PullFailed(OFFLINE)
        library = _library()
        self._library = library
        # never a token that lies around on this machine: all models here are public
        self._api = library.HfApi(
            endpoint=settings.models.hub_url.rstrip("/") or None,
            token=False,
            library_name="voice-agent",
        )
        self._silence_s = silence_s

    @property
    def address(self) -> str:
        """Where the hub is."""
        return self._api.endpoint

    def listing(self, weights: Weights) -> Listing:
        """What the hub has of a model, at the pinned revision or now.

        Raises:
            PullFailed: The hub cannot be reached, has no such model, or what it has is no
                model of its family.
        """
        import httpx2

        pinned = weights.pins.revision if weights.pins else None
        timeout: Any = httpx2.Timeout(self._silence_s, connect=min(_CONNECT_S, self._silence_s))
        with self._plainly(weights):
            try:
                found = self._api.model_info(
                    weights.repository, revision=pinned, files_metadata=True, timeout=timeout
                )
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise self._no_hub() from error
        revision = pinned or found.sha or ""
        if not _REVISION.fullmatch(revision):
            raise self._no_hub()
        files = tuple(sorted(self._files(weights, found.siblings or []), key=lambda f: f.path))
        if missing := missing_of(weights, [file.path for file in files]):
            raise PullFailed(
                f"{weights.repository} has no {missing}: it is not {_WHAT[weights.family]}"
            )
        return Listing(revision=revision, files=files)

    def _files(self, weights: Weights, siblings: "list[RepoSibling]") -> Iterator[ModelFile]:
        for sibling in siblings:
            folder, _, path = sibling.rfilename.rpartition("/")
            # the patterns have no folders; a name with one could lead anywhere
            if folder != weights.subfolder:
                continue
            if re.search(r"[/\\]", path) or not any(fnmatchcase(path, p) for p in weights.files):
                continue
            n_bytes = sibling.lfs.size if sibling.lfs else sibling.size
            if n_bytes is None:
                raise self._no_hub()
            digest = f"git-sha1:{sibling.blob_id}" if sibling.blob_id else ""
            if sibling.lfs:
                digest = f"sha256:{sibling.lfs.sha256}"
            yield ModelFile(path=path, n_bytes=n_bytes, digest=digest)

    @contextmanager
    def body(
        self, weights: Weights, revision: str, path: str, start_byte: int
    ) -> Generator[tuple[int, Iterator[bytes]]]:
        """A file's bytes as they arrive, with the position of the first.

        Args:
            weights: The model.
            revision: Of its listing.
            path: The file.
            start_byte: Where to begin. A server that cannot do so begins at 0, so look at
                the position.

        Raises:
            Dropped: The connection or the server failed in a way that may pass; also
                raised while the bytes are read.
            PullFailed: It will not work the next time either.
        """
        import httpx2

        url = self._library.hf_hub_url(
            weights.repository,
            path,
            subfolder=weights.subfolder or None,
            revision=revision,
            endpoint=self.address,
        )
        # a compressed transfer could not be taken up in the middle
        headers = {**self._headers(), "Accept-Encoding": "identity"}
        if start_byte:
            headers["Range"] = f"bytes={start_byte}-"
        timeout = httpx2.Timeout(self._silence_s, connect=min(_CONNECT_S, self._silence_s))
        session: httpx2.Client = self._library.get_session()
        with self._plainly(weights, passing=True):
            try:
                with session.stream("GET", url, headers=headers, timeout=timeout) as response:
                    self._library.utils.hf_raise_for_status(response)
                    yield _position(response, start_byte), response.iter_bytes()
            except httpx2.TransportError as error:
                raise Dropped(_reason(error)) from error

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = self._library.utils.build_hf_headers(
            token=False, library_name="voice-agent"
        )
        return headers

    @contextmanager
    def _plainly(self, weights: Weights, *, passing: bool = False) -> Generator[None]:
        """Says in one sentence what the library raises.

        Args:
            weights: What is asked for.
            passing: Whether what may pass by itself becomes `Dropped`.
        """
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        try:
            yield
        except OfflineModeIsEnabled as error:
            raise PullFailed(
                "nothing is downloaded because HF_HUB_OFFLINE is set; unset it, or copy the"
                " model's folder here from another machine"
            ) from error
        except HfHubHTTPError as error:
            if passing and error.response.status_code in _PASSING_STATUS:
                raise Dropped(f"the hub answers {error.response.status_code}") from error
            raise PullFailed(_refusal(error, weights)) from error
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise PullFailed(
                f"cannot reach the model hub at {self.address} ({_reason(error)}); check the"
                " network and models.hub_url"
            ) from error

    def _no_hub(self) -> PullFailed:
        return PullFailed(
            f"what answers at {self.address} is not a model hub; check models.hub_url, and"
            " whether a proxy or a log-in page is in between"
        )


def _library() -> ModuleType:
    try:
        import huggingface_hub
        from huggingface_hub import constants
        from huggingface_hub.utils import logging
    except ImportError as error:
        raise PullFailed(
            "models are downloaded with huggingface_hub, which is not installed;"
            " run: pip install -e '.[whisper]'"
        ) from error
    # There is no argument for these. Without the first the library fetches a list of tools
    # from the hub and tells it which of them runs here, and the versions of other packages;
    # its environment variable would have no effect on a library that is imported already.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    # we say ourselves what goes wrong
    logging.set_verbosity_error()
    return huggingface_hub


def _position(response: "httpx2.Response", start_byte: int) -> int:
    """Where in the file a body begins."""
    if response.status_code != 206:
        return 0
    stated = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if stated is None or int(stated[1]) != start_byte:
        raise PullFailed("the hub sends another part of the file than it was asked for")
    return start_byte


def _refusal(error: "HfHubHTTPError", weights: Weights) -> str:
    status = error.response.status_code
    if status in (401, 403):
        return (
            f"the hub does not give {weights.repository} to everybody ({status}), or has no such"
            " repository; check the name, or copy the model's folder here by other means"
        )
    if status == 404:
        return f"the hub has no {weights.repository}, or not all of its files (404)"
    return f"the hub answers {status} to the question for {weights.repository}; try again later"


def _reason(error: Exception) -> str:
    return str(error).lower().rstrip(".") or type(error).__name__
