"""Answers after which nobody goes on: the caller need not wait for them to count.

Smart Turn judges from the sound, and often takes a lone "yes" for a beginning.
"""

import re

_ANSWERS = {
    "en": "yes|yeah|yep|yes please|no|nope|no thanks|no thank you|okay|ok|sure|right|correct|"
    "that is right|that's right|thanks|thank you|bye|goodbye|mhm|mm hmm|uh huh|i see|got it|"
    "all right|alright",
    "de": "ja|ja bitte|nein|nein danke|okay|ok|gut|genau|richtig|stimmt|danke|tschüss|mhm|aha",
    "es": "sí|si|no|vale|claro|correcto|gracias|no gracias|adiós",
    "fr": "oui|non|d'accord|ok|merci|non merci|c'est ça|exact|au revoir",
    "it": "sì|si|no|va bene|certo|esatto|grazie|no grazie|ciao",
    "nl": "ja|nee|oké|goed|klopt|dank je|bedankt|doei",
    "pt": "sim|não|está bem|certo|obrigado|obrigada|tchau",
}
_BY_LANGUAGE = {language: frozenset(text.split("|")) for language, text in _ANSWERS.items()}


def is_short_answer(text: str, language: str) -> bool:
    """Whether this is all that a caller says when asked a question.

    Args:
        text: As recognised; punctuation and case do not matter.
        language: Code; none are known of most languages.
    """
    plain = " ".join(re.findall(r"[\w']+", text.lower()))
    return plain in _BY_LANGUAGE.get(language, frozenset())
