"""Weights of `end_of_turn.py`, written by `python -m benchmarks.turn_ends.fit`."""

WITH_TEXT = {
    "always": -0.41,
    "smart_turn": 0.22,
    "full_stop": 0.92,
    "question": 0.74,
    "open_mark": -0.96,
    "hangs": -0.88,
    "may_hang": -0.77,
    "filler": -0.31,
    "leads_in": -0.55,
    "clause_open": -0.54,
    "short_answer": 0.04,
    "closing": 0.62,
    "number_open": 0.0,
    "number_full": 0.0,
    "spelled": 0.0,
    "one_word": -1.14,
    "few_words": -1.33,
    "words": 0.11,
    "unsure_text": -1.29,
    "answers_yes_no": 0.78,
    "asked_number": 0.0,
    "asked_number_no_digits": 0.0,
}
"""What each sign adds to the log odds that a turn is complete, if there is a text."""

SOUND_ONLY = {
    "always": -0.29,
    "smart_turn": 0.3,
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
