"""Spanish: numbers, money, dates, times, and the commonest abbreviations."""

from voice_agent.synthesis.text_normalization.languages.scales import groups
from voice_agent.synthesis.text_normalization.rules import Calendar, Coin, Numbers, Rules, Web

_UNITS = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
]
_TENS = [
    "-",
    "-",
    "-",
    "treinta",
    "cuarenta",
    "cincuenta",
    "sesenta",
    "setenta",
    "ochenta",
    "noventa",
]
_HUNDREDS = [
    "-",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
]
_ORDINALS = [
    "-",
    "primero",
    "segundo",
    "tercero",
    "cuarto",
    "quinto",
    "sexto",
    "séptimo",
    "octavo",
    "noveno",
    "décimo",
    "undécimo",
    "duodécimo",
    "decimotercero",
    "decimocuarto",
    "decimoquinto",
    "decimosexto",
    "decimoséptimo",
    "decimoctavo",
    "decimonoveno",
    "vigésimo",
]
MONTHS = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]


def cardinal(n: int) -> str:
    """`veintiuno`, `treinta y uno`, `mil millones`."""
    if n == 0:
        return "cero"
    parts: list[str] = []
    # Spanish counts in groups of six digits: mil millones is 10^9
    for scale, word in ((10**12, "billón"), (10**6, "millón")):
        high, n = divmod(n, scale)
        if high == 1:
            parts.append(f"un {word}")
        elif high:
            parts.append(f"{counted(high)} {word.replace('ó', 'o')}es")
    if n:
        parts.append(_below_million(n))
    return " ".join(parts)


def counted(n: int) -> str:
    """The same before a masculine noun: `veintiún`, `un`."""
    said = cardinal(n)
    if said.endswith("veintiuno"):
        return said[:-4] + "iún"
    return said[:-1] if said.endswith("uno") else said


def ordinal(n: int) -> str:
    """Up to the twentieth; beyond that the cardinal is what people say."""
    return _ORDINALS[n] if 0 < n < len(_ORDINALS) else cardinal(n)


def _below_million(n: int) -> str:
    parts: list[str] = []
    for group, power in groups(n):
        said = _below_1000(group)
        if power == 1:
            said = "mil" if group == 1 else f"{_shortened(said)} mil"
        parts.append(said)
    return " ".join(parts)


def _shortened(said: str) -> str:
    if said.endswith("veintiuno"):
        return said[:-4] + "iún"
    return said[:-1] if said.endswith("uno") else said


def _below_1000(n: int) -> str:
    if n == 100:
        return "cien"
    hundreds, rest = divmod(n, 100)
    parts = [_HUNDREDS[hundreds]] if hundreds else []
    if rest >= 30:
        tens, unit = divmod(rest, 10)
        parts.append(_TENS[tens] + (f" y {_UNITS[unit]}" if unit else ""))
    elif rest:
        parts.append(_UNITS[rest])
    return " ".join(parts)


def _date(day: int, month: int, year: int) -> str:
    said = f"{cardinal(day)} de {MONTHS[month - 1]}"
    return f"{said} de {cardinal(year)}" if year else said


def _feminine(n: int) -> str:
    said = cardinal(n)
    return said[:-1] + "a" if said.endswith("uno") else said


def _time(hour: int, minute: int, second: int) -> str:
    said = _feminine(hour)
    if minute == 0:
        said += " en punto" if second < 0 else ""
    elif minute < 10:
        said += f" cero {cardinal(minute)}"
    else:
        said += f" {cardinal(minute)}"
    if second > 0:
        said += f" y {counted(second)} segundo{'s' if second != 1 else ''}"
    return said


def _money(whole: int, cents: int, coin: Coin) -> str:
    many = whole >= 10**6 and whole % 10**6 == 0
    said = f"{counted(whole)} {'de ' if many else ''}{coin.one if whole == 1 else coin.many}"
    if not cents:
        return said
    small = f"{counted(cents)} {coin.cent if cents == 1 else coin.cents}"
    return f"{said} con {cardinal(cents)}" if whole else small


def _months() -> dict[str, int]:
    found = {"setiembre": 9, "sept.": 9}
    for number, name in enumerate(MONTHS, 1):
        found |= {name: number, name[:3] + ".": number}
    return found


_EURO = Coin(one="euro", many="euros", cent="céntimo", cents="céntimos")
_DOLLAR = Coin(one="dólar", many="dólares", cent="centavo", cents="centavos")
_POUND = Coin(one="libra", many="libras", cent="penique", cents="peniques")

RULES = Rules(
    code="es",
    code_block="bloque de código",
    web=Web(
        names={
            ".": "punto",
            "@": "arroba",
            "/": "barra",
            "-": "guion",
            "_": "guion bajo",
            "+": "más",
            ":": "dos puntos",
        }
    ),
    numbers=Numbers(
        cardinal=cardinal,
        counted=counted,
        ordinal=ordinal,
        year=cardinal,
        decimal_mark=",",
        point="coma",
        minus="menos",
        to="a",
        over="sobre",
        percent="por ciento",
        scales={
            "millón": "millón de",
            "millones": "millones de",
            "M": "millones de",
        },
        fractions={(1, 2): "un medio", (1, 4): "un cuarto", (3, 4): "tres cuartos"},
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
        "MXN": Coin(one="peso mexicano", many="pesos mexicanos", cent="centavo", cents="centavos"),
    },
    money=_money,
    units={
        "km": ("kilómetro", "kilómetros"),
        "m": ("metro", "metros"),
        "cm": ("centímetro", "centímetros"),
        "mm": ("milímetro", "milímetros"),
        "kg": ("kilogramo", "kilogramos"),
        "g": ("gramo", "gramos"),
        "l": ("litro", "litros"),
        "km/h": ("kilómetro por hora", "kilómetros por hora"),
        "°C": ("grado Celsius", "grados Celsius"),
        "°": ("grado", "grados"),
        "m²": ("metro cuadrado", "metros cuadrados"),
    },
    abbreviations={
        "Sr.": "Señor",
        "Sra.": "Señora",
        "Srta.": "Señorita",
        "Dr.": "Doctor",
        "Dra.": "Doctora",
        "Ud.": "usted",
        "Uds.": "ustedes",
        "etc.": "etcétera",
        "p. ej.": "por ejemplo",
        "EE. UU.": "Estados Unidos",
        "n.º": "número",
        "aprox.": "aproximadamente",
    },
    symbols={"&": "y", "+": "más", "=": "igual a", "%": "por ciento", "×": "por"},
)
