"""Pictures in text: emoji, dingbats, boxes and arrows that have no word."""

import re
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

_PICTURES = (
    "\U0001f000-\U0001faff"  # emoji, skin tones, flags, cards
    "\u2300-\u23ff\u2460-\u24ff\u2500-\u25ff\u2600-\u27bf\u2b00-\u2bff"  # signs, boxes, dingbats
    "\u2190-\u21ff\u2900-\u297f\u3030\u303d\u3297\u3299\u00a9\u00ae\u2122"  # arrows, marks
)
_JOINED = "\ufe0e\ufe0f\u20e3\u200d\U000e0020-\U000e007f"
_EMOJI = re.compile(
    f"[{_PICTURES}][{_PICTURES}{_JOINED}]*|[\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]+"
)
_SMILEY = re.compile(r"(?<!\S)[:;=8xX]['’]?-?[)(DPpO3/\\|*](?=\s|[.,!?]|\Z)(?<!8[)(DPpO3/])")


def emoji(text: str, rules: Rules) -> Iterator[Edit]:
    """Leaves them out; signs that the language has a word for stay."""
    for found in _EMOJI.finditer(text):
        sign = found.group()
        if sign in rules.symbols:
            continue
        # the parts of a key cap or a variation belong to the character before
        yield Edit(found.start(), found.end(), "" if sign[0] in "\ufe0e\ufe0f\u20e3" else " ")


def smileys(text: str, rules: Rules) -> Iterator[Edit]:
    """Leaves out faces made of punctuation."""
    for found in _SMILEY.finditer(text):
        yield Edit(found.start(), found.end(), "")
