"""A small language model behind a real OpenAI-compatible server, in a process of its own.

SmolLM2-135M-Instruct in llama.cpp's server for Python. `tools/setup_llm.sh` brings both; nothing
of them is imported here.
"""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.services import wait_until_ready
from voice_agent.cli.http_probe import free_port
from voice_agent.settings import load_settings
from voice_agent.weights.store import model_folder

NAME = "smollm2-135m-instruct"
_PROGRAM = Path(__file__).parent.parent / ".venv-llm" / "bin" / "python"
_EXIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A server that is ready.

    Attributes:
        process: Its process.
        port: Where it listens, on 127.0.0.1.
    """

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def base_url(self) -> str:
        """For `llm.base_url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def environment(self, **more: str) -> dict[str, str]:
        """Settings that make an agent ask it, by environment name.

        Args:
            more: Others, by name without prefix.
        """
        settings = {"LLM__BASE_URL": self.base_url, "LLM__MODEL": NAME, **more}
        return {f"VOICE_AGENT_{name}": value for name, value in settings.items()}


@contextmanager
def serving_model(
    *, threads: int = 1, context_tokens: int = 4_096, log: Path | None = None
) -> Generator[LanguageModel]:
    """Runs the server, and ends it afterwards.

    Args:
        threads: Of the model. More than one wait for each other at every layer, and for seconds
            where other programs have the cores.
        context_tokens: Question and answer, all of it.
        log: Where its output goes.

    Raises:
        RuntimeError: It is not installed, or does not start.
        ModelMissing: The model is not on this machine.
    """
    if not _PROGRAM.exists():
        raise RuntimeError("there is no server for the language model: run tools/setup_llm.sh")
    (weights,) = model_folder(NAME, "gguf", load_settings()).glob("*.gguf")
    port = free_port()
    command = [
        *(str(_PROGRAM), "-m", "llama_cpp.server", "--model", str(weights.absolute())),
        *("--model_alias", NAME, "--host", "127.0.0.1", "--port", str(port)),
        *("--n_ctx", str(context_tokens), "--verbose", "False"),
        *("--n_threads", str(threads), "--n_threads_batch", str(threads)),
        # otherwise the question of one caller ends the answer to another
        *("--interrupt_requests", "False"),
    ]
    with (log or Path(os.devnull)).open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            wait_until_ready(process, f"http://127.0.0.1:{port}/v1/models")
            yield LanguageModel(process, port)
        finally:
            process.terminate()
            try:
                process.wait(_EXIT_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
