from pathlib import Path

from tools.env_example import text


def test_the_example_lists_every_setting_with_its_default() -> None:
    example = Path(__file__).parents[1] / ".env.example"
    assert example.read_text() == text(), "run: python -m tools.env_example > .env.example"
