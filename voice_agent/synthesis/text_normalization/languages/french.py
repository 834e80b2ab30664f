"""French: numbers, money, dates, times, and the commonest abbreviations."""

from voice_agent.synthesis.text_normalization.languages.scales import groups
from voice_agent.synthesis.text_normalization.rules import Calendar, Coin, Numbers, Rules, Web

_UNITS = [
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
]
_TENS = [
    "-",
    "-",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "soixante",
    "quatre-vingt",
    "quatre-vingt",
]
_SCALES = ("", "mille", "million", "milliard", "billion")
_ENDINGS = {"cinq": "cinqu", "neuf": "neuv"}
MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]


def cardinal(n: int) -> str:
    """`quatre-vingt-un`, `deux cents`, `deux cent mille`."""
    if n == 0:
        return "zéro"
    parts: list[str] = []
    for group, power in groups(n):
        if power == 1:
            parts.append("mille" if group == 1 else f"{_below_1000(group, final=False)} mille")
        elif power == 0:
            parts.append(_below_1000(group, final=True))
        else:
            plural = "s" if group > 1 else ""
            parts.append(f"{_below_1000(group, final=True)} {_SCALES[power]}{plural}")
    return " ".join(parts)


def ordinal(n: int) -> str:
    """`premier`, `deuxième`, `vingt et unième`."""
    if n == 1:
        return "premier"
    said = cardinal(n)
    if said.endswith(("vingts", "cents", "millions")):
        said = said[:-1]
    for last, stem in _ENDINGS.items():
        if said.endswith(last):
            return said.removesuffix(last) + stem + "ième"
    return said.removesuffix("e") + "ième"


def _below_1000(n: int, *, final: bool) -> str:
    hundreds, rest = divmod(n, 100)
    parts: list[str] = []
    if hundreds:
        plural = "s" if hundreds > 1 and not rest and final else ""
        parts.append(f"{_UNITS[hundreds]} cent{plural}" if hundreds > 1 else "cent")
    if rest:
        parts.append(_below_100(rest, final=final))
    return " ".join(parts)


def _below_100(n: int, *, final: bool) -> str:
    if n < 20:
        return _UNITS[n]
    tens, unit = divmod(n, 10)
    if tens in (7, 9):
        unit += 10
    if n == 80:
        return "quatre-vingts" if final else "quatre-vingt"
    if unit == 0:
        return _TENS[tens]
    if unit in (1, 11) and tens < 8:
        return f"{_TENS[tens]} et {_UNITS[unit]}"
    return f"{_TENS[tens]}-{_UNITS[unit]}"


def _feminine(n: int) -> str:
    said = cardinal(n)
    return said + "e" if said.endswith("un") else said


def _date(day: int, month: int, year: int) -> str:
    said = f"{'premier' if day == 1 else cardinal(day)} {MONTHS[month - 1]}"
    return f"{said} {cardinal(year)}" if year else said


def _time(hour: int, minute: int, second: int) -> str:
    said = f"{_feminine(hour)} heure{'s' if hour > 1 else ''}"
    if minute > 0:
        said += f" {_feminine(minute)}"
    if second > 0:
        said += f" et {_feminine(second)} seconde{'s' if second > 1 else ''}"
    return said


def _money(whole: int, cents: int, coin: Coin) -> str:
    many = whole >= 10**6 and whole % 10**6 == 0
    said = f"{cardinal(whole)} {'d’' if many else ''}{coin.one if whole < 2 else coin.many}"
    if not cents:
        return said
    small = f"{cardinal(cents)} {coin.cent if cents == 1 else coin.cents}"
    return f"{said} {cardinal(cents)}" if whole else small


def _months() -> dict[str, int]:
    found = {"janv.": 1, "févr.": 2, "juil.": 7, "sept.": 9, "oct.": 10, "nov.": 11, "déc.": 12}
    return found | {name: number for number, name in enumerate(MONTHS, 1)}


_EURO = Coin(one="euro", many="euros", cent="centime", cents="centimes")
_DOLLAR = Coin(one="dollar", many="dollars", cent="cent", cents="cents")
_POUND = Coin(one="livre", many="livres", cent="penny", cents="pence")

RULES = Rules(
    code="fr",
    code_block="bloc de code",
    web=Web(
        names={
            ".": "point",
            "@": "arobase",
            "/": "slash",
            "-": "tiret",
            "_": "tiret bas",
            "+": "plus",
            ":": "deux points",
        }
    ),
    numbers=Numbers(
        cardinal=cardinal,
        counted=cardinal,
        ordinal=ordinal,
        year=cardinal,
        decimal_mark=",",
        point="virgule",
        minus="moins",
        to="à",
        over="sur",
        percent="pour cent",
        scales={
            "million": "million de",
            "millions": "millions de",
            "milliard": "milliard de",
            "milliards": "milliards de",
            "M": "millions de",
        },
        fractions={(1, 2): "un demi", (1, 4): "un quart", (3, 4): "trois quarts"},
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
        "CHF": Coin(one="franc suisse", many="francs suisses", cent="centime", cents="centimes"),
    },
    money=_money,
    units={
        "km": ("kilomètre", "kilomètres"),
        "m": ("mètre", "mètres"),
        "cm": ("centimètre", "centimètres"),
        "mm": ("millimètre", "millimètres"),
        "kg": ("kilogramme", "kilogrammes"),
        "g": ("gramme", "grammes"),
        "l": ("litre", "litres"),
        "km/h": ("kilomètre heure", "kilomètres heure"),
        "°C": ("degré Celsius", "degrés Celsius"),
        "°": ("degré", "degrés"),
        "m²": ("mètre carré", "mètres carrés"),
    },
    abbreviations={
        "M.": "Monsieur",
        "Mme": "Madame",
        "Mlle": "Mademoiselle",
        "Dr": "Docteur",
        "etc.": "et cetera",
        "p. ex.": "par exemple",
        "c.-à-d.": "c'est-à-dire",
        "n°": "numéro",
        "N°": "Numéro",
        "env.": "environ",
    },
    symbols={"&": "et", "+": "plus", "=": "égale", "%": "pour cent", "×": "fois", "≈": "environ"},
)
