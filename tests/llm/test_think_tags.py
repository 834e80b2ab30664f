import pytest

from voice_agent.llm.think_tags import ThinkTags

CASES = {
    "text": ("It is noon.", "It is noon."),
    "thought": ("<think>What time is it?</think>\n\nIt is noon.", "It is noon."),
    "white space first": ("\n<think>Hm.</think>It is noon.", "It is noon."),
    "other case": ("<THINK>Hm.</THINK>\n\nIt is noon.", "It is noon."),
    "thinking": ("<thinking>Hm.</thinking>It is noon.", "It is noon."),
    "thought tag": ("<thought>Hm.</thought>It is noon.", "It is noon."),
    "reasoning": ("<reasoning>Hm.</reasoning>It is noon.", "It is noon."),
    "in the middle": ("Let me see. <think>Hm.</think> It is noon.", "Let me see.  It is noon."),
    "never ends": ("<think>I never stop", ""),
    "ends only": ("It is</think> noon.", "It is noon."),
    "no tag": ("It is <thin ice> here, 3 < 4.", "It is <thin ice> here, 3 < 4."),
    "half a tag": ("It is <thi", "It is <thi"),
    "tokens": ("Hello there.<|im_end|><|eot_id|></s>", "Hello there."),
    "half a token": ("Hello there.<|im_e", "Hello there."),
    "call as text": ('One moment. <tool_call>{"name": "f"}</tool_call>', "One moment. "),
    "harmony": (
        "<|channel|>analysis<|message|>User says hi.<|end|><|start|>assistant"
        "<|channel|>final<|message|>Hello!<|return|>",
        "Hello!",
    ),
    "harmony call": (
        "<|channel|>commentary to=functions.f<|constrain|>json<|message|>{}<|call|>",
        "",
    ),
    "html": ("Use <b>bold</b> here.", "Use <b>bold</b> here."),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_only_the_answer_is_left(name: str, size: int) -> None:
    written, text = CASES[name]
    tags = ThinkTags()
    pieces = [written[at : at + size] for at in range(0, len(written), size)]
    assert "".join([*map(tags.feed, pieces), tags.flush()]) == text


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_thought_that_the_template_has_begun_is_left_out(size: int) -> None:
    written = "Okay, the user wants the time.</think>\n\nIt is noon."
    tags = ThinkTags(opened=True)
    pieces = [written[at : at + size] for at in range(0, len(written), size)]
    assert "".join([*map(tags.feed, pieces), tags.flush()]) == "It is noon."


def test_text_comes_as_it_is_written() -> None:
    tags = ThinkTags()
    assert [tags.feed(piece) for piece in ("It ", "is <", "3 and")] == ["It ", "is ", "<3 and"]
