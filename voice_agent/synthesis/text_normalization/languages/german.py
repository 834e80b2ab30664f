"""German: numbers, money, dates, times, and the commonest abbreviations."""

from voice_agent.synthesis.text_normalization.languages.scales import groups
from voice_agent.synthesis.text_normalization.rules import Calendar, Coin, Numbers, Rules, Web

_UNITS = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
_TENS = [
    "-",
    "-",
    "zwanzig",
    "dreißig",
    "vierzig",
    "fünfzig",
    "sechzig",
    "siebzig",
    "achtzig",
    "neunzig",
]
_SCALES = ("", "tausend", "Million", "Milliarde", "Billion")
_ORDINALS = {1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}
MONTHS = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]


def cardinal(n: int) -> str:
    """`einundzwanzig`, `zwei Millionen fünf`."""
    said = counted(n)
    return said + "s" if n % 100 == 1 else said


def counted(n: int) -> str:
    """The same before a noun: `ein Euro`, `einundzwanzig Euro`, `hundertein Euro`."""
    if n == 0:
        return "null"
    parts: list[str] = []
    small = ""
    for group, power in groups(n):
        if power < 2:
            small += _below_1000(group) + _SCALES[power]
        elif group == 1:
            parts.append(f"eine {_SCALES[power]}")
        else:
            plural = "n" if _SCALES[power].endswith("e") else "en"
            parts.append(f"{_below_1000(group)} {_SCALES[power]}{plural}")
    return " ".join([*parts, small] if small else parts)


def ordinal(n: int) -> str:
    """`dritte`, `einundzwanzigste`, weak form."""
    rest = n % 100
    if rest in _ORDINALS:
        head = cardinal(n - rest) if n > rest else ""
        return head + _ORDINALS[rest]
    return cardinal(n) + ("te" if 0 < rest < 20 else "ste")


def year(n: int) -> str:
    """`neunzehnhundertneunundneunzig`, `zweitausendvierundzwanzig`."""
    if 1100 <= n < 2000:
        rest = n % 100
        return f"{_below_1000(n // 100)}hundert{cardinal(rest) if rest else ''}"
    return cardinal(n)


def _below_1000(n: int) -> str:
    hundreds, rest = divmod(n, 100)
    said = f"{_UNITS[hundreds]}hundert" if hundreds else ""
    if rest < 20:
        return said + (_UNITS[rest] if rest else "")
    tens, unit = divmod(rest, 10)
    return said + (f"{_UNITS[unit]}und" if unit else "") + _TENS[tens]


def _date(day: int, month: int, year_: int) -> str:
    said = f"{ordinal(day)} {MONTHS[month - 1]}"
    return f"{said} {year(year_)}" if year_ else said


def _time(hour: int, minute: int, second: int) -> str:
    said = f"{counted(hour)} Uhr"
    if minute > 0:
        said += f" {cardinal(minute)}"
    if second > 0:
        said += f" und {counted(second)} Sekunde{'n' if second != 1 else ''}"
    return said


def _money(whole: int, cents: int, coin: Coin) -> str:
    said = f"{counted(whole)} {coin.one if whole == 1 else coin.many}"
    if not cents:
        return said
    return f"{said} {cardinal(cents)}" if whole else f"{counted(cents)} {coin.cents}"


def _months() -> dict[str, int]:
    found = {"jänner": 1, "sept.": 9, "mrz.": 3}
    for number, name in enumerate(MONTHS, 1):
        found |= {name.lower(): number, name.lower()[:3] + ".": number}
    return found


_EURO = Coin(one="Euro", many="Euro", cent="Cent", cents="Cent")
_DOLLAR = Coin(one="Dollar", many="Dollar", cent="Cent", cents="Cent")
_POUND = Coin(one="Pfund", many="Pfund", cent="Penny", cents="Pence")
_FRANC = Coin(one="Schweizer Franken", many="Schweizer Franken", cent="Rappen", cents="Rappen")

RULES = Rules(
    code="de",
    code_block="Codeblock",
    web=Web(
        names={
            ".": "Punkt",
            "@": "ätt",
            "/": "Schrägstrich",
            "-": "Minus",
            "_": "Unterstrich",
            "+": "Plus",
            ":": "Doppelpunkt",
        }
    ),
    numbers=Numbers(
        cardinal=cardinal,
        counted=counted,
        ordinal=ordinal,
        year=year,
        decimal_mark=",",
        point="Komma",
        minus="minus",
        to="bis",
        over="durch",
        percent="Prozent",
        scales={
            "Tsd.": "tausend",
            "Mio.": "Millionen",
            "Mrd.": "Milliarden",
            "Million": "Million",
            "Millionen": "Millionen",
            "Milliarde": "Milliarde",
            "Milliarden": "Milliarden",
        },
        fractions={(1, 2): "ein halb", (1, 4): "ein Viertel", (3, 4): "drei Viertel"},
    ),
    calendar=Calendar(
        months=_months(), names=tuple(MONTHS), month_first=False, date=_date, time=_time
    ),
    coins={
        "€": _EURO,
        "EUR": _EURO,
        "$": _DOLLAR,
        "USD": _DOLLAR,
        "£": _POUND,
        "GBP": _POUND,
        "CHF": _FRANC,
    },
    money=_money,
    units={
        "km": ("Kilometer", "Kilometer"),
        "m": ("Meter", "Meter"),
        "cm": ("Zentimeter", "Zentimeter"),
        "mm": ("Millimeter", "Millimeter"),
        "kg": ("Kilogramm", "Kilogramm"),
        "g": ("Gramm", "Gramm"),
        "l": ("Liter", "Liter"),
        "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"),
        "°C": ("Grad Celsius", "Grad Celsius"),
        "°": ("Grad", "Grad"),
        "m²": ("Quadratmeter", "Quadratmeter"),
        "kWh": ("Kilowattstunde", "Kilowattstunden"),
    },
    abbreviations={
        "z. B.": "zum Beispiel",
        "z.B.": "zum Beispiel",
        "d. h.": "das heißt",
        "d.h.": "das heißt",
        "usw.": "und so weiter",
        "bzw.": "beziehungsweise",
        "ca.": "circa",
        "Dr.": "Doktor",
        "Prof.": "Professor",
        "Nr.": "Nummer",
        "Str.": "Straße",
        "inkl.": "inklusive",
    },
    symbols={"&": "und", "+": "plus", "=": "gleich", "%": "Prozent", "×": "mal", "≈": "circa"},
)
