"""Log set-up; called once by entry points, never at import.

Text that was recognised or is to be spoken must not reach a log unless
``privacy.log_text`` says so. Our own code never logs it; Pipecat does at DEBUG (and bad
messages at WARNING), so its records below that are cut off here at the sink.
"""

import logging
import sys
from typing import TYPE_CHECKING

from loguru import logger

from voice_agent.settings import LogSettings, PrivacySettings

if TYPE_CHECKING:
    from loguru import Record

_FORMAT = (
    "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
    "<cyan>{extra[service]}</cyan> {message} <dim>{extra[details]}</dim>"
)
# Pipecat modules whose messages carry what a caller said or what a peer sent.
_TALKATIVE = ("pipecat.services", "pipecat.serializers", "pipecat.processors", "pipecat.turns")
# What tools answer is in its errors, too; who calls them says that they failed.
_QUOTES_IN_ERRORS = "pipecat.services.mcp_service"


def set_up_logging(service: str, log: LogSettings, privacy: PrivacySettings) -> None:
    """Routes all logs of the process to stderr, once.

    Args:
        service: Which service this process is; in every line.
        log: Level and format.
        privacy: Whether text may appear.
    """
    logger.remove()

    def keep(record: "Record") -> bool:
        name = record["name"] or ""
        if name.startswith("pipecat") and not privacy.log_text:
            floor = "ERROR" if name.startswith(_TALKATIVE) else "WARNING"
            if name == _QUOTES_IN_ERRORS:
                floor = "CRITICAL"
            if record["level"].no < logger.level(floor).no:
                return False
        shown = {k: v for k, v in record["extra"].items() if k not in ("service", "details")}
        record["extra"]["details"] = " ".join(f"{k}={v}" for k, v in shown.items())
        return True

    logger.configure(extra={"service": service, "details": ""})
    logger.add(
        sys.stderr,
        level=log.level,
        format=_FORMAT,
        filter=keep,
        serialize=log.json_lines,
        backtrace=False,
        # variables in tracebacks could hold text or audio
        diagnose=False,
    )
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    for chatty in ("uvicorn", "websockets", "httpx", "httpx2", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _ToLoguru(logging.Handler):
    """Hands the standard library's records to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        logger.opt(exception=record.exc_info, depth=6).log(level, record.getMessage())
