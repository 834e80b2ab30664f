"""Finds a language's rules."""

from voice_agent.synthesis.text_normalization.languages import english, french, german, spanish
from voice_agent.synthesis.text_normalization.rules import Rules

_RULES = {rules.code: rules for rules in (english.RULES, german.RULES, french.RULES, spanish.RULES)}
_OTHER = Rules(code="")


def rules_for(language: str) -> Rules:
    """The rules of a language (`en`, `en-US`, `pt_BR`, …); for most there is only markup."""
    code = language.lower().replace("_", "-").split("-", 1)[0]
    return _RULES.get(code, _OTHER)
