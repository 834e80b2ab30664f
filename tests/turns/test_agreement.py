from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.base import TimedWord
from voice_agent.turns.agreement import MIN_NEW_AUDIO_S, CommittedPrefix


def words(
    text: str, start_s: float = 0.0, each_s: float = 0.3, confidence: float = 0.9
) -> list[TimedWord]:
    return [
        TimedWord(
            word=word,
            start_s=start_s + n * each_s,
            end_s=start_s + (n + 1) * each_s,
            confidence=confidence,
        )
        for n, word in enumerate(text.split())
    ]


def test_words_on_which_two_hypotheses_agree_are_settled() -> None:
    prefix = CommittedPrefix()
    assert prefix.update(words("please open"), 1.0) == 0
    assert prefix.update(words("please open the window"), 1.5) == 2
    assert prefix.text == "please open the window"
    assert prefix.text[: prefix.committed_chars] == "please open"


def test_case_and_punctuation_do_not_disagree() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("Please, open"), 1.0)
    assert prefix.update(words("please open!"), 1.5) == 2


def test_hypotheses_on_nearly_the_same_audio_settle_nothing() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please open"), 1.0)
    assert prefix.update(words("please open"), 1.0 + MIN_NEW_AUDIO_S / 2) == 0
    assert prefix.update(words("please open"), 1.01 + MIN_NEW_AUDIO_S) == 2


def test_a_hypothesis_at_a_pause_counts_though_little_of_its_audio_is_new() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please open"), 1.0)
    assert prefix.update(words("please open it"), 1.1, at_pause=True) == 2
    assert prefix.update(words("please open it"), 1.4, at_pause=True) == 1


def test_an_unlikely_word_and_what_follows_wait_for_a_third_hypothesis() -> None:
    def heard(text: str) -> list[TimedWord]:
        return [*words("please", confidence=0.3), *words(text, start_s=0.3)]

    prefix = CommittedPrefix()
    prefix.update(heard("open"), 1.0)
    assert prefix.update(heard("open the"), 1.5) == 0
    assert prefix.update(heard("open the window"), 2.0) == 3


def test_an_unlikely_word_that_changes_is_not_settled() -> None:
    prefix = CommittedPrefix()
    for at_s, heard in (1.0, "leaves"), (1.5, "leaves"), (2.0, "please"), (2.5, "please"):
        assert prefix.update(words(heard, confidence=0.3), at_s) == 0
    assert prefix.update(words("please", confidence=0.3), 3.0) == 1


def test_at_a_pause_too_an_unlikely_word_waits_for_a_third_hypothesis() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please", confidence=0.3), 1.0)
    assert prefix.update(words("please", confidence=0.3), 1.1, at_pause=True) == 0
    assert prefix.update(words("please", confidence=0.3), 1.4, at_pause=True) == 1


def test_a_settled_word_stays_when_later_hypotheses_change_it() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please open the"), 1.0)
    prefix.update(words("please open the window"), 1.5)
    prefix.update(words("leaves open the window now"), 2.0)
    assert prefix.text == "please open the window now"


def test_one_early_conflict_does_not_freeze_what_follows() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("ice cream for all"), 1.2)
    prefix.update(words("ice cream for all my friends"), 1.8)
    prefix.update(words("i scream for all my friends today"), 2.4)
    prefix.update(words("i scream for all my friends today too"), 2.9)
    assert prefix.text[: prefix.committed_chars] == "ice cream for all my friends today"


def test_a_settled_word_heard_again_at_the_seam_is_not_said_twice() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("open the"), 1.0)
    prefix.update(words("open the window"), 1.5)
    shifted = words("the window please", start_s=0.6)
    prefix.update(shifted, 2.0)
    assert prefix.text == "open the window please"


def test_a_word_that_reaches_beyond_the_audio_is_not_settled() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("a b c"), 0.4)
    assert prefix.update(words("a b c"), 0.85) == 2


def test_revised_counts_the_settled_words_that_the_final_changed() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please open the window"), 1.5)
    prefix.update(words("please open the window"), 2.0)
    assert prefix.revised_by(words("Please open the window now")) == 0
    assert prefix.revised_by(words("please close the window")) == 1
    assert prefix.revised_by([]) == 4


_HYPOTHESES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12),
        st.floats(0.1, 1.0),
        st.floats(0.0, 0.2),
    ),
    max_size=12,
)


@given(_HYPOTHESES)
def test_what_is_committed_is_a_prefix_of_all_later_texts(
    hypotheses: list[tuple[list[str], float, float]],
) -> None:
    prefix, audio_end_s, settled = CommittedPrefix(), 0.0, ""
    for said, more_s, shift_s in hypotheses:
        audio_end_s += more_s
        prefix.update(words(" ".join(said), start_s=shift_s), audio_end_s)
        assert prefix.text.startswith(settled)
        assert prefix.committed_chars >= len(settled)
        settled = prefix.text[: prefix.committed_chars]
        assert " ".join(w.word for w in prefix.committed) == settled


def test_words_behind_a_cut_move_to_the_next_part_with_its_clock() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please open the window now"), 1.6)
    prefix.update(words("please open the window and"), 2.1)
    rest = prefix.split(0.9)
    assert (prefix.text, prefix.words) == ("please open the", words("please open the"))
    assert rest.text == "window and"
    assert rest.committed == words("window")
    assert rest.settled_s == 0.3
    assert prefix.revised_by(words("please open the")) == 0


def test_the_next_part_goes_on_from_the_words_it_was_given() -> None:
    prefix = CommittedPrefix()
    prefix.update(words("please open the window"), 1.6)
    prefix.update(words("please open the window"), 2.1)
    rest = prefix.split(0.6)
    assert rest.update(words("the window and the"), 2.0) == 0
    assert rest.update(words("the window and the door"), 2.5) == 2
    assert rest.text == "the window and the door"
