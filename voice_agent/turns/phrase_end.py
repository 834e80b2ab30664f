"""What the words until a pause say about whether more follows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voice_agent.turns.phrase_words import PHRASE_WORDS, PhraseWords
from voice_agent.turns.short_answers import is_short_answer

_TOKEN = re.compile(r"[\w@][\w'’@.-]*[\w]|\w")
_LAST_SENTENCE = re.compile(r"[^.?!]*[.?!]*\s*$")
# letters dictated one by one, as recognisers write them: K-O-W, SCH, "K, O, W"
_SPELLED = re.compile(r"(?:[A-Za-z]-)+[A-Za-z]?|[B-HJ-Z]|[A-Z]{2,5}|[A-Z]?\d+[A-Z]\w*|[A-Z]+\d+")
_NUMERAL = re.compile(r"[\d.,-]*\d[\d.,-]*")
_DIGITS = re.compile(r"\d+")
# telephone numbers with area code, without and with a 1 before; cards
_FULL_NUMBERS = frozenset({10, 11, 16})
# fewer digits are a time, a price, an amount
_DICTATED_DIGITS = 3
# a clause without its main clause has no room for one yet
_LONGEST_OPEN_CLAUSE = 9
# words after which "and so …" has come to a point
_LONGEST_OPENER = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseEnd:
    """Signs in the text; most of them exclude one another.

    Attributes:
        n_words: Words of the turn so far.
        full_stop: The recogniser hears the end of a sentence.
        question: It hears a question, and that begins like one.
        open_mark: It ends with a comma, a dash or an ellipsis.
        hangs: The last word cannot be the last.
        may_hang: The last word seldom is the last.
        filler: The last word is one of somebody who thinks.
        leads_in: The last words open a sentence that has not come.
        clause_open: The last sentence is a clause that needs another one.
        short_answer: All of it is one, such as "yes".
        closing: The last words are those of somebody who is done.
        n_digits: Digits dictated at the end; 0 if it does not end with a number.
        spelled: It ends with letters dictated one by one.
    """

    n_words: int
    full_stop: bool = False
    question: bool = False
    open_mark: bool = False
    hangs: bool = False
    may_hang: bool = False
    filler: bool = False
    leads_in: bool = False
    clause_open: bool = False
    short_answer: bool = False
    closing: bool = False
    n_digits: int = 0
    spelled: bool = False

    @property
    def number_open(self) -> bool:
        """Digits are dictated, and they are no whole telephone or card number."""
        return self.n_digits >= _DICTATED_DIGITS and self.n_digits not in _FULL_NUMBERS

    @property
    def number_full(self) -> bool:
        """As many digits as a telephone or card number has."""
        return self.n_digits in _FULL_NUMBERS


def has_rules(language: str) -> bool:
    """Whether the words of a language can be judged."""
    return _words_of(language) is not None


def _words_of(language: str) -> PhraseWords | None:
    return PHRASE_WORDS.get(language.lower().split("-")[0])


def phrase_end(text: str, language: str) -> PhraseEnd | None:
    """The signs in a turn's text; None if there are no rules for its language, or no words.

    Args:
        text: As recognised, with its punctuation.
        language: Code.
    """
    known = _words_of(language)
    written = _TOKEN.findall(text)
    if known is None or not written:
        return None
    words = [word.lower().replace("’", "'").rstrip(".") for word in written]
    mark = text.rstrip(" \"'”’)")[-3:]
    question = mark[-1:] == "?" and _asks(text, known)
    hangs = words[-1] in known.hanging and not (question and words[-1] in known.stranded)
    elliptic = tuple(words[-2:]) in known.elliptic or tuple(words[-3:]) in known.elliptic
    answer = is_short_answer(text, language)
    closing = _ends_with(words, known.closings)
    leads_in = not answer and not closing and _leads_in(text, known)
    return PhraseEnd(
        n_words=len(words),
        full_stop=mark[-1:] in (".", "!") and not mark.endswith(".."),
        question=question,
        open_mark=mark[-1:] in (",", "-", "–", "—", ":", ";") or mark.endswith(("..", "…")),
        hangs=hangs,
        may_hang=words[-1] in known.often_hanging and not (hangs or elliptic or closing),
        filler=not answer and _thinks(words, text, known),
        leads_in=leads_in,
        clause_open=_clause_open(text, known),
        short_answer=answer,
        closing=closing,
        n_digits=_digits_at_end(words, known),
        spelled=_SPELLED.fullmatch(written[-1]) is not None and written[-1] not in ("A", "I"),
    )


def _ends_with(words: Sequence[str], phrases: frozenset[tuple[str, ...]]) -> bool:
    return any(tuple(words[-n:]) in phrases for n in range(1, 6) if n <= len(words))


def _thinks(words: Sequence[str], text: str, known: PhraseWords) -> bool:
    alone = len(words) == 1 or len(_clause(text)) == 1
    return words[-1] in known.fillers or (alone and words[-1] in known.weak_fillers)


def _clause(text: str) -> list[str]:
    """The words after the last mark but the one at the end."""
    last = re.split(r"[,.?!;:]\s+", text.rstrip(" .,?!…-;:"))[-1]
    return [word.lower().replace("’", "'") for word in _TOKEN.findall(last)]


def _leads_in(text: str, known: PhraseWords) -> bool:
    """A lead-in is alone in its sentence or its clause."""
    sentence = _sentence_words(text)
    if (
        1 < len(sentence) <= _LONGEST_OPENER
        and set(sentence[:2]) <= known.openers
        and not known.auxiliaries.union(known.subjects).intersection(sentence)
    ):
        return True
    clause = _clause(text)
    if clause[:1] and clause[0] in ("and", "so", "but", "well", "yes", "no", "okay", "oh"):
        clause = clause[1:] or clause
    return tuple(clause) in known.lead_ins


def _sentence_words(text: str) -> list[str]:
    found = _LAST_SENTENCE.search(text.rstrip())
    sentence = found.group() if found else text
    return [word.lower().replace("’", "'") for word in _TOKEN.findall(sentence)]


def _asks(text: str, known: PhraseWords) -> bool:
    return _sentence_words(text)[0] in known.askers


def _clause_open(text: str, known: PhraseWords) -> bool:
    words = _sentence_words(text)
    if words[:1] and words[0] in ("and", "so", "but"):
        words = words[1:]
    if len(words) < 2 or words[0] not in known.subordinators or words[1] in known.auxiliaries:
        return False
    return len(words) <= _LONGEST_OPEN_CLAUSE and "," not in text.rstrip(" ,.")


def _digits_at_end(words: Sequence[str], known: PhraseWords) -> int:
    n_digits, before_digit = 0, False
    for word in reversed(words):
        if word in known.digits:
            n_digits += 1
        elif word in known.numerals:
            n_digits += 1 if before_digit else 2
        elif _NUMERAL.fullmatch(word):
            n_digits += len("".join(_DIGITS.findall(word)))
        else:
            break
        before_digit = word in known.digits
    return n_digits
