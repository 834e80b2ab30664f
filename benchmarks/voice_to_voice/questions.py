"""What callers ask, and how one sees that they were understood."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from whisper_normalizer.english import EnglishTextNormalizer

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_TIMES = ("morning", "afternoon", "evening")
_CITIES = ("Berlin", "London", "Madrid", "Vienna", "Chicago", "Boston")
_PLACES = ("station", "market", "airport", "hotel", "library", "museum")
_COLOURS = ("red", "green", "blue", "black", "white", "yellow")
_THINGS = ("window", "table", "bicycle", "printer", "camera", "chair")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        text: As it is spoken.
        keys: What the answer of the built-in rules holds if all was heard.
    """

    text: str
    keys: tuple[str, ...]

    def answered_by(self, answer: str) -> bool:
        """Whether an answer shows that the question was understood."""
        said = _bare(answer)
        return all(_bare(key) in said for key in self.keys)


def _bare(text: str) -> str:
    """Without case, punctuation and spaces, numbers as digits."""
    joined = re.sub(r"(?<=\d)[-, ]+(?=\d)", "", text)  # Whisper writes 6-3-1-7 for four digits
    return re.sub(r"[^a-z0-9]", "", EnglishTextNormalizer()(joined).lower())


def questions(caller: int) -> Sequence[Question]:
    """Eight of a caller, unlike those of the others."""
    chance = random.Random(caller)
    pick = chance.choice
    first, second, last = chance.randrange(11, 60), chance.randrange(2, 30), chance.randrange(4, 9)
    day, part, city, place = pick(_DAYS), pick(_TIMES), pick(_CITIES), pick(_PLACES)
    colour, thing = pick(_COLOURS), pick(_THINGS)
    number = [chance.randrange(10) for _ in range(4)]
    spoken = " ".join(_DIGITS[digit] for digit in number)
    found = [
        Question(f"What is {first} plus {second}?", (str(first + second),)),
        Question(
            f"I would like to change my appointment to {day} {part}.", ("appointment", day, part)
        ),
        Question(f"Please count to {_DIGITS[last]}.", ("".join(map(str, range(1, last + 1))),)),
        Question(f"Can you tell me when the {place} opens?", ("when", place, "opens")),
        Question(f"The {colour} {thing} is broken, and I would like a refund.",
                 (colour, thing, "refund")),
        Question(f"My order number is {spoken}.", ("order", "".join(map(str, number)))),
        Question(f"Send the invoice to my office in {city}, please.", ("invoice", "office", city)),
        Question(f"The parcel was meant for {day}, but nothing has arrived yet.",
                 ("parcel", day, "arrived")),
    ]  # fmt: skip
    return chance.sample(found, len(found))
