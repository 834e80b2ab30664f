import pytest

from voice_agent.llm.think_tags import ThinkTags


@pytest.mark.parametrize(
    ("deltas", "text"),
    [
        (["It is ", "noon."], "It is noon."),
        (["<think>", "What time ", "is it?", "</think>", "\n\nIt is noon."], "It is noon."),
        (["\n<th", "ink>Hm.</th", "ink>It is", " noon."], "It is noon."),
        (["<think>Hm.</think>", "\n\n", "It is noon."], "It is noon."),
        (["<think>I never stop"], ""),
        (["<thin ice>"], "<thin ice>"),
        (["<thi"], "<thi"),
        (["  ", "Well."], "  Well."),
        (["Say <think>", " and </think>."], "Say <think> and </think>."),
        ([], ""),
    ],
)
def test_thoughts_are_left_out(deltas: list[str], text: str) -> None:
    thoughts = ThinkTags()
    assert "".join([*map(thoughts.feed, deltas), thoughts.flush()]) == text
