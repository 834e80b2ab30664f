"""German, French and Spanish numbers, money, dates and times; other languages."""

import pytest

from voice_agent.synthesis.text_normalization.normaliser import speakable

GERMAN = {
    "1.234,56": "eintausendzweihundertvierunddreißig Komma fünf sechs",
    "3,14": "drei Komma eins vier",
    "-7": "minus sieben",
    "2.000.000": "zwei Millionen",
    "50 %": "fünfzig Prozent",
    "5-10 Minuten": "fünf bis zehn Minuten",
    "½": "ein halb",
    "5,30 €": "fünf Euro dreißig",
    "1 €": "ein Euro",
    "5,- €": "fünf Euro",
    "0,99 €": "neunundneunzig Cent",
    "2 Mio. €": "zwei Millionen Euro",
    "$5.30": "fünf Dollar dreißig",
    "am 3. Mai": "am dritten Mai",
    "3. Mai 1999": "dritte Mai neunzehnhundertneunundneunzig",
    "der 24.12.2024": "der vierundzwanzigste Dezember zweitausendvierundzwanzig",
    "2024-01-15": "fünfzehnte Januar zweitausendvierundzwanzig",
    "im 3. Stock": "im dritten Stock",
    "17:05 Uhr": "siebzehn Uhr fünf",
    "17:05": "siebzehn Uhr fünf",
    "17.30 Uhr": "siebzehn Uhr dreißig",
    "1 Uhr": "ein Uhr",
    "8 Uhr 15": "acht Uhr fünfzehn",
    "5 km": "fünf Kilometer",
    "120 km/h": "einhundertzwanzig Kilometer pro Stunde",
    "z. B. Brot": "zum Beispiel Brot",
    "Dr. Müller": "Doktor Müller",
    "030 1234567": "null drei null, eins zwei drei vier fünf sechs sieben",
    "a@b.de": "a ätt b Punkt de",
    "www.beispiel.de/hilfe": "beispiel Punkt de Schrägstrich hilfe",
    "Müller & Söhne": "Müller und Söhne",
}
FRENCH = {
    "1 234,56": "mille deux cent trente-quatre virgule cinq six",
    "1\u202f234": "mille deux cent trente-quatre",
    "3,14": "trois virgule un quatre",
    "80": "quatre-vingts",
    "91": "quatre-vingt-onze",
    "50 %": "cinquante pour cent",
    "5,30 €": "cinq euros trente",
    "1 €": "un euro",
    "0,99 €": "quatre-vingt-dix-neuf centimes",
    "2 millions €": "deux millions d’euros",
    "le 3 mai 2024": "le trois mai deux mille vingt-quatre",
    "1er janvier": "premier janvier",
    "14/07/1989": "quatorze juillet mille neuf cent quatre-vingt-neuf",
    "17h05": "dix-sept heures cinq",
    "17:05": "dix-sept heures cinq",
    "1 h": "une heure",
    "21h": "vingt et une heures",
    "le 2e étage": "le deuxième étage",
    "5 km": "cinq kilomètres",
    "01 23 45 67 89": "zéro un, deux trois, quatre cinq, six sept, huit neuf",
    "M. Dupont": "Monsieur Dupont",
    "a@b.fr": "a arobase b point fr",
}
SPANISH = {
    "1.234,56": "mil doscientos treinta y cuatro coma cinco seis",
    "21": "veintiuno",
    "50 %": "cincuenta por ciento",
    "5,30 €": "cinco euros con treinta",
    "21 €": "veintiún euros",
    "1 €": "un euro",
    "$5.30": "cinco dólares con treinta",
    "2 millones €": "dos millones de euros",
    "3 de mayo de 2024": "tres de mayo de dos mil veinticuatro",
    "15/01/2024": "quince de enero de dos mil veinticuatro",
    "a las 17:05": "a las diecisiete cero cinco",
    "a las 17:30": "a las diecisiete treinta",
    "a la 1:15": "a la una quince",
    "el 2º piso": "el segundo piso",
    "1.ª vez": "primera vez",
    "5 km": "cinco kilómetros",
    "Sr. García": "Señor García",
    "a@b.es": "a arroba b punto es",
}
OTHERS = [
    ("ru", "Цена **5,30** ₽ 🙂", "Цена 5,30 ₽"),
    ("ja", "# 見出し\n詳細は https://www.example.com/a_b?c=d を", "見出し. 詳細は example.com を"),
    ("ja", "日本語です。はい。", "日本語です。はい。"),
    ("ko", "안녕 **하세요** &amp; 네", "안녕 하세요 & 네"),
    ("hi", "नमस्ते। [लिंक](http://x.com) 5%", "नमस्ते। लिंक 5%"),
    ("hi", "क्\u200dष **ज्ञ**", "क्\u200dष ज्ञ"),
    ("it", "Costa $5", "Costa $5"),
    ("", "me@example.com <b>x</b>", "me@example.com x"),
]


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        *(("de", *pair) for pair in GERMAN.items()),
        *(("fr", *pair) for pair in FRENCH.items()),
        *(("es", *pair) for pair in SPANISH.items()),
        *OTHERS,
    ],
)
def test_other_languages(language: str, written: str, said: str) -> None:
    assert speakable(written, language).text == said
