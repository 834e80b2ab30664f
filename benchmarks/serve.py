"""Serves a measured app: ``python -m benchmarks.serve ours|repeating|stock|stock_whisper PORT``."""

import sys

import uvicorn

from voice_agent.log import set_up_logging
from voice_agent.server.run import run_app
from voice_agent.settings import LogSettings, PrivacySettings, load_settings


def main(name: str, port: int) -> None:
    """Serves until it is told to stop."""
    set_up_logging(
        name, LogSettings(level="WARNING" if name == "ours" else "INFO"), PrivacySettings()
    )
    if name in ("ours", "repeating"):
        settings = load_settings(server={"max_sessions": 1000})
        run_app(f"benchmarks.apps.{name}:app", host="127.0.0.1", port=port, settings=settings)
    else:
        uvicorn.run(
            f"benchmarks.apps.{name}:app",
            port=port,
            loop="uvloop",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            log_config=None,
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
