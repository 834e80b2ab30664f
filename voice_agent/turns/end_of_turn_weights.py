"""Weights of `end_of_turn.py`, written by `python -m benchmarks.turn_ends.fit`."""

WITH_TEXT = {
    "always": -1.61,
    "smart_turn": 0.21,
    "full_stop": 0.28,
    "question": 0.0,
    "open_mark": -1.12,
    "hangs": -2.14,
    "may_hang": -1.08,
    "filler": -1.0,
    "leads_in": -0.8,
    "clause_open": -1.14,
    "short_answer": 0.0,
    "closing": 1.12,
    "number_open": 0.0,
    "number_full": 1.54,
    "spelled": 0.0,
    "one_word": 1.1,
    "few_words": -0.91,
    "words": 1.65,
    "unsure_text": -1.16,
    "answers_yes_no": 0.73,
    "asked_number": 0.0,
    "asked_number_no_digits": -0.31,
}
"""What each sign adds to the log odds that a turn is complete, if there is a text."""

SOUND_ONLY = {
    "always": -0.05,
    "smart_turn": 0.34,
}
"""The same without one."""

WAITS_MS = (
    (-2.45, 3500),
    (-1.55, 2300),
    (-0.74, 1300),
    (0.52, 800),
    (1.87, 450),
    (3.24, 250),
    (3.65, 200),
)
"""Log odds, rising, and the silence that a turn with these odds waits for."""
