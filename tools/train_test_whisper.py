"""Trains the small Whisper of the tests on espeak-ng speech, exports and measures it.

    .venv-train/bin/python -m tools.train_test_whisper --work DIR [--minutes 85]

What is in DIR already is used: speech is made once, training goes on from its checkpoint.
`--only export` and `--only measure` can be run while another process trains.
"""

import argparse
from pathlib import Path

from tests.phone_talk import MODEL
from tools.test_whisper import speech
from tools.test_whisper.model import Size
from tools.test_whisper.vocabulary import Vocabulary, make_tokenizer

_UTTERANCES = 14_000
_STEPS = ("speech", "train", "export", "measure")


def main() -> None:
    """Runs the steps that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="speech and checkpoint go here")
    parser.add_argument("--minutes", type=float, default=85.0, help="of training, in all")
    parser.add_argument("--model", type=Path, default=MODEL, help="where to export to")
    parser.add_argument("--only", choices=_STEPS, action="append", help="default: all steps")
    chosen = parser.parse_args()
    steps = chosen.only or _STEPS
    if "speech" in steps and not (chosen.work / "speech").exists():
        speech.make(_UTTERANCES, chosen.work / "speech")
    if "train" in steps:
        _train(chosen.work, chosen.minutes)
    if "export" in steps:
        _export(chosen.work, chosen.model)
    if "measure" in steps:
        _measure(chosen.model)


def _train(work: Path, minutes: float) -> None:
    from tools.test_whisper.training import Plan, Trainer

    vocabulary = Vocabulary(make_tokenizer())
    size = Size(vocabulary=vocabulary.tokenizer.get_vocab_size())
    pool = speech.load(work / "speech")
    Trainer(Plan(minutes=minutes, size=size), pool, vocabulary, work).run()


def _export(work: Path, directory: Path) -> None:
    from tools.test_whisper.export import export
    from tools.test_whisper.training import trained_model

    vocabulary = Vocabulary(make_tokenizer())
    size = Size(vocabulary=vocabulary.tokenizer.get_vocab_size())
    pool = speech.load(work / "speech")
    export(trained_model(size, pool, vocabulary, work), vocabulary.tokenizer, directory)


def _measure(directory: Path) -> None:
    from tools.test_whisper.evaluation import measure

    print(measure(directory))


if __name__ == "__main__":
    main()
