"""Addresses: web, mail, and internet numbers."""

import re
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules, Web

_LONGEST_PATH_CHARS = 40  # nobody listens to more of it
_END = ".,;:!?)]}'\"*_~`…»”’"
_DOMAINS = "com|org|net|io|ai|dev|app|edu|gov|info|de|fr|es|it|eu|ch|uk|nl|co|biz|cloud|online|shop"
_URL = re.compile(
    r"(?<![\w@])(?:(?:https?|ftp|wss?)://(?P<full>[^\s<>\"`|\\^{}]{1,2000})"
    r"|(?P<bare>www\.[^\s<>\"`|\\^{}]{3,2000}"
    rf"|(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,4}}(?:{_DOMAINS})(?::\d{{1,5}})?"
    r"(?:/[^\s<>\"`|\\^{}]{0,2000}|(?![\w@-]|\.\w))))"
)
_MAIL = re.compile(
    r"(?<![\w.%+-])(?:mailto:)?(?P<local>[A-Za-z0-9][A-Za-z0-9._%+-]{0,63})"
    r"@(?P<host>(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24})(?![\w@])"
)
_IP = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?![\w]|\.\d)")
_PARTS = re.compile(r"[^\W_]+|[^\s]")


def addresses(text: str, rules: Rules) -> Iterator[Edit]:
    """`www.example.com/docs` is "example dot com slash docs"; long paths and queries go.

    In a language without words for the signs, what is left of an address stays as it is.
    """
    # a dot before a letter is rare in speech and in every address
    if "." not in text and "://" not in text:
        return
    mails = list(_MAIL.finditer(text)) if "@" in text else []
    for found in mails:
        said = f"{found['local']}@{found['host']}"
        yield Edit(*found.span(), _said(said, rules.web) if rules.web else said)
    taken = {place for found in mails for place in range(*found.span())}
    for found in _URL.finditer(text):
        if found.start() not in taken and (edit := _url(found, rules.web)):
            yield edit


def numbers_of_hosts(text: str, rules: Rules) -> Iterator[Edit]:
    """`192.168.0.1`, with a port or a prefix length."""
    if rules.numbers is None or rules.web is None:
        return
    for found in _IP.finditer(text):
        parts = re.findall(r"\d+|\D", found.group())
        words = [
            rules.numbers.cardinal(int(part)) if part.isdigit() else rules.web.names[part]
            for part in parts
        ]
        yield Edit(*found.span(), " ".join(words))


def _url(found: re.Match[str], web: Web | None) -> Edit | None:
    """The edit for an address, without the punctuation after it."""
    address = found["full"] or found["bare"]
    kept = address.rstrip(_END)
    if kept.count("(") > kept.count(")") and address.startswith(kept + ")"):
        kept += ")"
    if not kept:
        return None
    end = found.end() - (len(address) - len(kept))
    host, _, path = re.split("[?#]", kept, maxsplit=1)[0].partition("/")
    host = host.rpartition("@")[2].removeprefix("www.")
    path = path.strip("/")
    if len(path) > _LONGEST_PATH_CHARS or "%" in path or web is None:
        path = ""
    short = f"{host}/{path}" if path else host
    return Edit(found.start(), end, _said(short, web) if web else short)


def _said(address: str, web: Web) -> str:
    return " ".join(web.names.get(part, part) for part in _PARTS.findall(address))
