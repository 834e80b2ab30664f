from voice_agent.turns.memory import Memory, Message

PROMPT = "Be brief."


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def agent(text: str) -> Message:
    return {"role": "assistant", "content": text}


def tool(result: str) -> list[Message]:
    function = {"name": "look", "arguments": "{}"}
    call = {"id": "1", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": result},
    ]


def talked(turns: int, *, max_chars: int = 12_000, max_messages: int = 80) -> Memory:
    """A memory of some turns of 20 characters each."""
    memory = Memory(PROMPT, max_messages, max_chars)
    for turn in range(1, turns + 1):
        memory.ask(turn, f"question {turn:2d}")
        memory.heard(turn, f"answer {turn:2d}")
    return memory


def test_the_context_is_the_prompt_and_what_was_said() -> None:
    assert talked(1).messages == [
        {"role": "system", "content": PROMPT},
        user("question  1"),
        agent("answer  1"),
    ]
    assert Memory("", 80).messages == []


def test_an_answer_stands_after_its_question_whatever_came_since() -> None:
    memory = Memory("", 80)
    memory.ask(1, "one")
    memory.ask(2, "two")
    memory.heard(1, "first")
    memory.heard(2, "second")
    memory.heard(3, "nobody asked")
    assert memory.messages == [user("one"), agent("first"), user("two"), agent("second")]


def test_what_the_agent_says_of_its_own_accord_stands_where_it_was_said() -> None:
    memory = Memory("", 80)
    memory.speak(1)
    memory.ask(2, "hello")
    memory.heard(1, "welcome")
    memory.heard(2, "")
    memory.speak(3)
    memory.heard(3, "are you there")
    assert memory.messages == [agent("welcome"), user("hello"), agent("are you there")]


def test_tools_stand_between_the_question_and_its_answer_even_if_they_were_late() -> None:
    memory = Memory("", 80)
    memory.ask(1, "one")
    memory.use_tool(1, tool("a"))
    memory.use_tool(1, tool("b"))
    memory.heard(1, "first")
    memory.ask(2, "two")
    memory.heard(2, "second")
    memory.use_tool(2, tool("c"))
    assert memory.messages == [
        *[user("one"), *tool("a"), *tool("b"), agent("first")],
        *[user("two"), *tool("c"), agent("second")],
    ]


def test_a_short_conversation_is_not_summarised() -> None:
    assert talked(20).due() == []


def test_the_oldest_turns_of_a_long_one_are_and_half_of_it_stays() -> None:
    memory = talked(11, max_chars=200)
    assert memory.due() == talked(6).messages[1:]
    assert memory.due() == []  # one at a time
    memory.summarised(" They talked. ")
    earlier = f"{PROMPT}\n\nEarlier in this conversation: They talked."
    assert memory.messages[0] == {"role": "system", "content": earlier}
    assert memory.messages[1:] == talked(11).messages[13:]


def test_the_next_summary_contains_the_one_before() -> None:
    memory = talked(11, max_chars=200)
    memory.due()
    memory.summarised("They talked.")
    for turn in range(12, 20):
        memory.ask(turn, "something of some length")
    assert memory.due()[0] == user("What was said before: They talked.")


def test_the_number_of_messages_counts_too() -> None:
    memory = talked(6, max_messages=10)
    assert len(memory.due()) == 8


def test_the_last_turns_are_never_summarised() -> None:
    memory = Memory("", 80, 1000)
    memory.ask(1, "short")
    memory.ask(2, "x" * 900)
    assert memory.due() == []
    memory.ask(3, "y" * 900)
    assert memory.due() == [user("short")]


def test_without_a_summary_the_oldest_turns_are_forgotten() -> None:
    memory = talked(11, max_chars=200)
    memory.due()
    memory.summarised("")
    assert memory.messages[0] == {"role": "system", "content": PROMPT}
    assert memory.messages[1:] == talked(11).messages[13:]


def test_what_is_said_while_a_summary_is_made_stays() -> None:
    memory = talked(10, max_chars=200)
    memory.ask(11, "question 11")
    memory.due()
    memory.use_tool(1, tool("late"))  # its question is about to go
    memory.heard(11, "yes")
    memory.ask(12, "and now")
    memory.summarised("They talked.")
    assert memory.messages[1] == user("question  7")
    assert memory.messages[-3:] == [user("question 11"), agent("yes"), user("and now")]
    memory.heard(1, "too late")
    assert agent("too late") not in memory.messages


def test_without_anybody_who_summarises_it_stays_within_twice_its_length() -> None:
    memory = talked(500, max_chars=200)
    n_chars = sum(len(message["content"]) for message in memory.messages[1:])
    assert 200 < n_chars <= 400
    assert memory.messages[1]["role"] == "user"


def test_a_call_never_stays_without_its_result() -> None:
    memory = Memory("", 8)
    for turn in range(60):
        memory.ask(turn, "look")
        memory.use_tool(turn, tool("seen"))
        memory.heard(turn, "there")
        roles = [message["role"] for message in memory.messages]
        assert roles[0] == "user"
        assert roles.count("tool") == sum("tool_calls" in m for m in memory.messages)
