"""Real people on a telephone, with transcripts: folders for the benchmarks.

    apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav   # also es, fr, it, ru
    python -m tools.telephone_corpus en OUT/en-sentences
    python -m tools.telephone_corpus en OUT/en-words --kind words --limit 200

Writes OUT/transcripts.tsv (columns `file` and `text`) and copies the recordings (8 kHz, 16 bit,
mono). `sentences` have three words or more, `words` one or two (digits, letters, "Goodbye").
English is spoken by Allison Smith, CC-BY-SA 3.0; of the others see
/usr/share/doc/asterisk-core-sounds-*/copyright. Music on hold is in asterisk-moh-opsound-wav.
"""

import argparse
import gzip
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

_LEAST_WORDS_OF_A_SENTENCE = 3
_STAGE_DIRECTION = re.compile(r"[\[\]<>(]")


def prompts(language: str, root: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of a language's prompts, in an order that does not depend on their names."""
    packed = root / f"usr/share/doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz"
    lines = gzip.decompress(packed.read_bytes()).decode("utf-8-sig", "replace").splitlines()
    found: dict[str, str] = {}
    for line in lines:
        name, _, said = line.partition(":")
        if said.strip() and not line.startswith(";") and not _STAGE_DIRECTION.search(said):
            found[name.strip()] = said.strip()
    yield from sorted(found.items(), key=lambda item: zlib.crc32(item[0].encode()))


def main() -> None:
    """Makes one folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("language")
    parser.add_argument("out", type=Path)
    parser.add_argument("--kind", choices=["sentences", "words"], default="sentences")
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--root", type=Path, default=Path("/"), help="where Debian is installed")
    options = parser.parse_args()
    sounds = options.root / "usr/share/asterisk/sounds"
    folder = next(sounds.glob(f"{options.language}_*"))
    options.out.mkdir(parents=True, exist_ok=True)
    rows = ["file\ttext"]
    for name, said in prompts(options.language, options.root):
        recording = folder / f"{name}.wav"
        is_sentence = len(said.split()) >= _LEAST_WORDS_OF_A_SENTENCE
        wanted = is_sentence == (options.kind == "sentences")
        if recording.is_file() and wanted and len(rows) <= options.limit:
            target = options.out / f"{name.replace('/', '_')}.wav"
            shutil.copyfile(recording, target)
            rows.append(f"{target.name}\t{said}")
    (options.out / "transcripts.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows) - 1} recordings in {options.out}")


if __name__ == "__main__":
    main()
