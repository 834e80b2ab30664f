"""Markup, emoji and characters that are no text."""

import pytest

from voice_agent.synthesis.text_normalization.normaliser import speakable

MARKDOWN = {
    "# Title": "Title",
    "## Title ##\nText": "Title. Text",
    "Title\n=====\nText": "Title Text",
    "**bold**, *slanted*, ***both***": "bold, slanted, both",
    "__bold__ and _slanted_": "bold and slanted",
    "snake_case_name": "snake case name",
    "~~gone~~": "gone",
    "`code` here": "code here",
    "2 * 3 * 4": "two times three times four",
    "- one\n- two": "one. two",
    "* one\n* two\n": "one. two.",
    "- [x] done\n- [ ] open\n": "done. open.",
    "- Is it?\n- Yes!\n": "Is it? Yes!",
    "1. Open it\n2. Close it\n": "one, Open it. two, Close it.",
    "> quoted\n> text": "quoted text",
    ">50%": "greater than fifty percent",
    "a\n\n---\n\nb": "a b",
    "[the docs](https://example.com/a?b=c)": "the docs",
    '[the docs](https://example.com "A title")': "the docs",
    "[a](b) and [c](d)": "a and c",
    "[a][1]": "a",
    "![a cat](https://example.com/cat.png)": "a cat",
    "[![build](a.svg)](https://example.com)": "build",
    "<https://example.com>": "example dot com",
    "A note[^1].": "A note.",
    "[laugh] hello": "[laugh] hello",
    "\\*not slanted\\*": "not slanted",
    "| Name | Age |\n|------|-----|\n| Ann | 30 |\n": "Name, Age. Ann, thirty.",
    "Look:\n```python\nprint(1)\n```\nDone.": "Look: code block. Done.",
    "~~~\n```\n~~~\nDone.": "code block. Done.",
    "a line\nthat goes on": "a line\nthat goes on",
}
HTML = {
    "<b>bold</b>": "bold",
    "a<br>b": "a b",
    "<p>one</p><p>two</p>": "one two",
    '<a href="https://example.com">text</a>': "text",
    "<!-- hidden -->shown": "shown",
    "Tom &amp; Jerry": "Tom and Jerry",
    "&lt;3": "less than three",
    "caf&eacute; &#233;": "café é",
    "a&nbsp;b": "a b",
    "AT&T;": "A T and T;",
    "1 < 2": "one less than two",
}
EMOJI = {
    "Hi 🙂!": "Hi!",
    "👩‍👩‍👧 family": "family",
    "👍🏽 ok": "ok",
    "🇩🇪 Germany": "Germany",
    "1️⃣ first": "one first",
    "❤️ love": "love",
    "ok :)": "ok",
    "ok ;-) yes": "ok yes",
    "✓ done": "done",
    "Brand™ and © 2024": "Brand and copyright twenty twenty-four",
}
CHARACTERS = {
    "a\x00b\u200bc": "abc",
    "tab\there": "tab here",
    "  two   spaces  ": "two spaces",
    "so ... yes": "so... yes",
    "Wow!!!!!!!!": "Wow!!!",
    "\U0001d407\U0001d41e\U0001d425\U0001d425\U0001d428": "Hello",
    "\uff21\uff22\uff11": "A B one",
    "soft\u00adhyphen": "softhyphen",
    "\ud800broken": "broken",
    "right\u202eleft": "rightleft",
}


@pytest.mark.parametrize(
    ("written", "said"),
    [pair for table in (MARKDOWN, HTML, EMOJI, CHARACTERS) for pair in table.items()],
)
def test_markup(written: str, said: str) -> None:
    assert speakable(written, "en").text == said


@pytest.mark.parametrize(
    ("text", "said", "written"),
    [
        ("It costs $5.30, **really**.", "thirty", "$5.30"),
        ("It costs $5.30, **really**.", "really", "really**"),
        ("See [the docs](http://x.com) now", "docs", "docs](http://x.com)"),
        ("Tom &amp; Jerry", "and", "&amp;"),
        ("a 🙂 cat", "cat", "cat"),
        ("On 1/15/2024 we met", "we met", "we met"),
    ],
)
def test_a_word_leads_back_to_what_was_written(text: str, said: str, written: str) -> None:
    spoken = speakable(text)
    at = spoken.text.index(said)
    start = text.index(written)
    assert start <= spoken.at(at) < spoken.at(at + len(said)) <= start + len(written)


def test_half_of_an_expansion_is_half_of_what_it_stands_for() -> None:
    spoken = speakable("Call 555-123-4567 now")
    half = spoken.text.index("one two three")
    assert 5 + 3 <= spoken.at(half) <= 5 + 6
