"""Errors as HTTP answers."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from voice_agent.errors import VoiceAgentError


async def answer_failure(request: Request, error: Exception) -> Response:
    """``{"error": {code, message, retryable}}`` with the status that fits."""
    del request
    if not isinstance(error, VoiceAgentError):
        raise error
    described = {"code": error.code, "message": error.message, "retryable": error.retryable}
    headers: dict[str, str] = {}
    if error.retry_after_ms is not None:
        # whole seconds, and never too early
        headers["Retry-After"] = str(-(-error.retry_after_ms // 1000))
    return JSONResponse({"error": described}, status_code=error.http_status, headers=headers)
