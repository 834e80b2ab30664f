from voice_agent.cli.captions import cues, srt, vtt
from voice_agent.wire.asr import Final, Word


def final(words: list[tuple[str, float, float]], text: str = "") -> Final:
    return Final(
        text=text or " ".join(word for word, _, _ in words),
        start=words[0][1] if words else 1.0,
        end=words[-1][2] if words else 2.0,
        confidence=1,
        language="en",
        turn_complete=True,
        ended_by="smart_turn",
        revised=0,
        words=[Word(word=word, start=a, end=b, confidence=1) for word, a, b in words],
    )


def steady(n_words: int, every_s: float = 0.3) -> Final:
    return final([(f"word{n:03}", n * every_s, n * every_s + 0.25) for n in range(n_words)])


def test_lines_and_cues_are_not_too_long() -> None:
    found = cues([steady(200)])
    for cue in found:
        assert len(cue.lines) <= 2
        assert all(len(line) <= 42 for line in cue.lines)
        assert cue.end_s - cue.start_s <= 6
    assert " ".join(" ".join(cue.lines) for cue in found).split() == steady(200).text.split()


def test_cues_do_not_overlap() -> None:
    found = cues([final([("a", 0, 0.1)]), final([("b", 0.5, 0.6)]), final([("c", 9, 9.2)])])
    assert [(cue.start_s, cue.end_s) for cue in found] == [(0, 0.5), (0.5, 1.5), (9, 10)]


def test_a_pause_begins_a_new_cue() -> None:
    assert len(cues([final([("one", 0, 0.4), ("two", 0.5, 0.9), ("three", 2, 2.4)])])) == 2


def test_a_final_without_words_is_one_cue_and_an_empty_one_is_none() -> None:
    [cue] = cues([final([], text="hello there"), final([], text="")])
    assert (cue.start_s, cue.end_s, cue.lines) == (1, 2, ("hello there",))


def test_srt_and_vtt_are_written_as_they_are_defined() -> None:
    finals = [final([("a<b", 3661.5, 3662.75)]), final([("end", 3700, 3701)])]
    assert srt(finals) == (
        "1\n01:01:01,500 --> 01:01:02,750\na<b\n\n2\n01:01:40,000 --> 01:01:41,000\nend"
    )
    assert vtt(finals) == (
        "WEBVTT\n\n01:01:01.500 --> 01:01:02.750\na&lt;b\n\n01:01:40.000 --> 01:01:41.000\nend"
    )
