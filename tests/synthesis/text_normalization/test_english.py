"""English: what is written, and what is said."""

import pytest

from voice_agent.synthesis.text_normalization.normaliser import speakable

NUMBERS = {
    "0": "zero",
    "7 cats": "seven cats",
    "1,234,567": "one million two hundred thirty-four thousand five hundred sixty-seven",
    "12,34,567": "one million two hundred thirty-four thousand five hundred sixty-seven",
    "3.14": "three point one four",
    ".5": "point five",
    "-7 and −7": "minus seven and minus seven",
    "007": "zero zero seven",
    "2.5M users": "two point five million users",
    "10k": "ten thousand",
    "5 million": "five million",
    "1000000000000001": f"one {'zero ' * 14}one",
    "a1b2": "a1b2",
    "I have 3.": "I have three.",
    "3, 4 and 5": "three, four and five",
}
ORDINALS_AND_FRACTIONS = {
    "1st, 2nd, 3rd, 4th": "first, second, third, fourth",
    "the 21st and the 112th": "the twenty-first and the one hundred twelfth",
    "½ cup": "one half cup",
    "1½ cups": "one and one half cups",
    "1 1/2 cups": "one and one half cups",
    "2/3 of it": "two thirds of it",
    "3/4": "three quarters",
    "24/7": "twenty-four seven",
    "11/40": "eleven over forty",
}
RANGES_AND_SIGNS = {
    "5-10 people": "five to ten people",
    "5–10": "five to ten",
    "1990-1995": "nineteen ninety to nineteen ninety-five",
    "They won 3-2.": "They won three to two.",
    "7 - 2 = 5": "seven minus two equals five",
    "2 * 3 = 6": "two times three equals six",
    "#5": "number five",
    "No. 5": "number five",
    "3x faster": "three times faster",
    "1920x1080": "one thousand nine hundred twenty by one thousand eighty",
    "x² + y³": "x squared plus y cubed",
    "10^6": "ten to the power of six",
    "16:9": "sixteen to nine",
    "5'11\" tall": "five foot eleven tall",
    "foo==1.2": "foo equals one point two",
    "Version 2.0": "Version two point zero",
    "~5 minutes": "approximately five minutes",
    "R & B": "R and B",
    "and/or": "and or",
    "a -> b": "a to b",
    "x >= 5": "x greater than or equal to five",
    "#winning": "hashtag winning",
}
PERCENT_AND_UNITS = {
    "50%": "fifty percent",
    "12.5 %": "twelve point five percent",
    "10-20%": "ten to twenty percent",
    "5 kg": "five kilograms",
    "1 kg": "one kilogram",
    "1.5kg": "one point five kilograms",
    "-5°C": "minus five degrees Celsius",
    "72°F": "seventy-two degrees Fahrenheit",
    "60 km/h": "sixty kilometers per hour",
    "20 m²": "twenty square meters",
    "5 ft": "five feet",
    "16 GB": "sixteen gigabytes",
    "100ms": "one hundred milliseconds",
    "3 A": "three A",
    "5 min.": "five minutes.",
    "20°–25°C": "twenty to twenty-five degrees Celsius",
    "0.5 mg/ml": "zero point five milligrams per milliliter",
    "$20/hr": "twenty dollars per hour",
}
MONEY = {
    "$5": "five dollars",
    "$1": "one dollar",
    "$5.30": "five dollars and thirty cents",
    "$5.5": "five dollars and fifty cents",
    "$0.99": "ninety-nine cents",
    "$1.01": "one dollar and one cent",
    "$5.00": "five dollars",
    "-$5": "minus five dollars",
    "$1,234.56": "one thousand two hundred thirty-four dollars and fifty-six cents",
    "$2.5 million": "two point five million dollars",
    "$3B": "three billion dollars",
    "$5-10": "five to ten dollars",
    "$5–$10": "five to ten dollars",
    "€3/month": "three euros per month",
    "£2.50": "two pounds and fifty pence",
    "¥500": "five hundred yen",
    "20 USD": "twenty US dollars",
    "5 €": "five euros",
    "99¢": "ninety-nine cents",
    "$0.005": "zero point zero zero five dollars",
    "It was $5.": "It was five dollars.",
}
DATES = {
    "2024-01-15": "January fifteenth, twenty twenty-four",
    "1/15/2024": "January fifteenth, twenty twenty-four",
    "15/1/2024": "January fifteenth, twenty twenty-four",
    "1/15/24": "January fifteenth, twenty twenty-four",
    "January 5, 2024": "January fifth, twenty twenty-four",
    "Jan. 5": "January fifth",
    "5 January 2024": "January fifth, twenty twenty-four",
    "the 4th of July": "the fourth of July",
    "May 5th, 1999": "May fifth, nineteen ninety-nine",
    "You may 5 times": "You may five times",
    "in 1984": "in nineteen eighty-four",
    "in 1815": "in eighteen fifteen",
    "1815 apples": "one thousand eight hundred fifteen apples",
    "in 2024 and 2005": "in twenty twenty-four and two thousand five",
    "Jan 2024": "January twenty twenty-four",
    "the 1990s": "the nineteen nineties",
    "the '80s": "the eighties",
    "2024-01-15T09:30:00Z": "January fifteenth, twenty twenty-four, nine thirty",
}
TIMES = {
    "5:30 pm": "five thirty P M",
    "5:05 a.m. today": "five oh five A M today",
    "at 5 p.m.": "at five P M.",
    "5pm": "five P M",
    "17:05": "seventeen oh five",
    "9:00": "nine o'clock",
    "00:00": "midnight",
    "12:34:56": "twelve thirty-four and fifty-six seconds",
    "9:00-17:00": "nine o'clock to seventeen hundred",
    "9-5pm": "nine to five P M",
    "10:15:30": "ten fifteen and thirty seconds",
}
CONTACTS = {
    "+1 (555) 123-4567": "plus one, five five five, one two three, four five six seven",
    "555-123-4567": "five five five, one two three, four five six seven",
    "(555) 123-4567": "five five five, one two three, four five six seven",
    "555-1234": "five five five, one two three four",
    "+49 30 1234567": "plus four nine, three zero, one two three four five six seven",
    "4111 1111 1111 1111": ", ".join(["four one one one", *["one one one one"] * 3]),
    "john.doe@example.com": "john dot doe at example dot com",
    "first_last@example.co.uk.": "first underscore last at example dot co dot uk.",
    "https://www.example.com": "example dot com",
    "Go to http://example.com/docs, now": "Go to example dot com slash docs, now",
    "https://example.com/a/b?x=1#y": "example dot com slash a slash b",
    "https://example.com/" + "very-long/" * 20: "example dot com",
    "(see https://example.com/a_(b))": "(see example dot com slash a underscore ( b ))",
    "example.com": "example dot com",
    "example.com/x.": "example dot com slash x.",
    "localhost": "localhost",
    "978-3-16-148410-0": "nine seven eight, three, one six, one four eight four one zero, zero",
    "192.168.0.1": "one hundred ninety-two dot one hundred sixty-eight dot zero dot one",
    "v1.2.3": "version one point two point three",
    "1.2.3": "one point two point three",
    "I said so.Then": "I said so.Then",
}
WORDS = {
    "Dr. Smith": "Doctor Smith",
    "(incl. tax)": "(including tax)",
    "C++ and C#": "C plus plus and C sharp",
    "On 9/11": "On nine eleven",
    "Mr. and Mrs. Jones": "Mister and Missis Jones",
    "St. John lives on Main St.": "Saint John lives on Main Street.",
    "e.g. this": "for example this",
    "apples, etc.": "apples, et cetera.",
    "A vs. B": "A versus B",
    "the FBI": "the F B I",
    "NASA": "NASA",
    "PDFs and HTML": "P D Fs and H T M L",
    "AT&T": "A T and T",
    "the U.S. Army": "the U S Army",
    "GPT-4": "G P T four",
    "MP3": "M P three",
    "COVID-19": "COVID nineteen",
    "5G": "five G",
    "World War II": "World War two",
    "Henry VIII": "Henry the eighth",
    "Chapter IV": "Chapter four",
    "Malcolm X": "Malcolm X",
    "I am": "I am",
}
ALL = (
    *(NUMBERS, ORDINALS_AND_FRACTIONS, RANGES_AND_SIGNS, PERCENT_AND_UNITS, MONEY),
    *(DATES, TIMES, CONTACTS, WORDS),
)


@pytest.mark.parametrize(("written", "said"), [pair for table in ALL for pair in table.items()])
def test_english(written: str, said: str) -> None:
    assert speakable(written, "en").text == said


@pytest.mark.parametrize(("written", "said"), [pair for table in ALL for pair in table.items()])
def test_in_a_sentence_it_is_said_the_same(written: str, said: str) -> None:
    # a full stop of its own may end the sentence
    if not written.endswith("."):
        assert speakable(f"Well, {written} indeed", "en").text == f"Well, {said} indeed"


def test_nothing_is_spelt_in_a_text_that_is_all_capitals() -> None:
    assert speakable("THIS IS AN ID").text == "THIS IS AN ID"


def test_a_date_that_is_none_is_read_as_numbers() -> None:
    assert speakable("2/30/2024").text == "two/thirty/twenty twenty-four".replace("/", " ")


@pytest.mark.parametrize("language", ["en-US", "en_GB", "EN"])
def test_variants_of_a_language_share_its_rules(language: str) -> None:
    assert speakable("$5", language).text == "five dollars"
