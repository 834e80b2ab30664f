"""Signs what is posted, as standardwebhooks.com describes it: libraries check it."""

import base64
import binascii
import hmac
from hashlib import sha256

_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 after `whsec_`, else its own bytes.

    Raises:
        ValueError: What follows `whsec_` is no base64.
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("after whsec_ comes base64") from None


def signed(key: bytes, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
    """The headers of a message.

    Args:
        key: Empty for no signature.
        message_id: The same for every try.
        now_s: Seconds since 1970; a receiver refuses what is old.
        body: What is posted.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(now_s)}
    if key:
        text = f"{message_id}.{now_s}.".encode() + body
        digest = hmac.new(key, text, sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers
