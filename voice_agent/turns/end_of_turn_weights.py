"""Weights of `end_of_turn.py`, written by `python -m benchmarks.turn_ends.fit`."""

WITH_TEXT = {
    "always": 0.34,
    "smart_turn": 0.24,
    "full_stop": 0.38,
    "question": 0.22,
    "open_mark": -1.27,
    "hangs": -1.1,
    "may_hang": -0.95,
    "filler": -0.45,
    "leads_in": -0.69,
    "clause_open": -0.49,
    "short_answer": 0.0,
    "closing": 1.19,
    "number_open": 0.0,
    "number_full": 0.99,
    "spelled": 0.0,
    "one_word": -1.05,
    "few_words": -1.47,
    "words": 0.01,
    "unsure_text": -1.17,
    "answers_yes_no": 0.37,
    "asked_number": 0.0,
    "asked_number_no_digits": -0.13,
}
"""What each sign adds to the log odds that a turn is complete, if there is a text."""

SOUND_ONLY = {
    "always": -0.27,
    "smart_turn": 0.28,
}
"""The same without one."""

WAITS_MS = (
    (-2.7, 3500),
    (-1.8, 2300),
    (-0.99, 1300),
    (0.27, 800),
    (1.62, 450),
    (2.99, 250),
    (3.4, 200),
)
"""Log odds, rising, and the silence that a turn with these odds waits for."""
