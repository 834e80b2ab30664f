import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media import encoded, tones, wav

from voice_agent.audio.detect import find_container, find_raw, find_tagged, starts_anew
from voice_agent.audio.magic import Kind
from voice_agent.audio.pcm import float_to_int16
from voice_agent.errors import UnsupportedFormat

FILES = {
    Kind.WAV: wav(),
    Kind.OGG: encoded("ogg-opus"),
    Kind.MATROSKA: encoded("webm"),
    Kind.FLAC: encoded("flac"),
}


@pytest.mark.parametrize("kind", FILES)
def test_containers_are_known_by_their_first_bytes(kind: Kind):
    assert find_container(FILES[kind][:12]) is kind
    assert find_container(FILES[kind][:2]) is Kind.MORE


def test_mp3_is_known_by_two_frames_and_after_a_tag_by_one():
    assert find_container(encoded("mp3")[:10]) is Kind.ID3
    assert find_tagged(encoded("mp3-bare")[:4]) is Kind.MP3
    bare = encoded("mp3-bare")
    assert find_container(bare[:2_000]) is Kind.MP3
    assert find_container(bare[:100]) is Kind.MORE
    assert find_container(bare[:10] + bytes(2_000)) is None


@pytest.mark.parametrize(
    "head",
    [
        b"%PDF-1.7 ...",
        b"FORM\0\0\0\0ILBM",
        b"RIFF\0\0\0\0AVI ",
        b"caff\0\1\0\0",
        b"PK\3\4\x14\0\0\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\0\0\0\x18stypmsdh",
        b"\x1f\x43\xb6\x75\1\xff\xff\xff",
        b"G\x40\0\x10".ljust(188, b"\0") * 3,
    ],
)
def test_other_files_are_refused_by_name(head: bytes):
    with pytest.raises(UnsupportedFormat):
        find_container(head)


@pytest.mark.parametrize(
    "text", ["hello, this is not audio", "Grüße aus Köln, ja wirklich", "日本語" * 90]
)
def test_text_is_refused(text: str):
    with pytest.raises(UnsupportedFormat):
        find_raw(text.encode())


def test_floats_and_integers_are_told_apart_from_20_ms():
    for first in range(0, 16_000, 320):
        sound = tones(1.0, 16_000)[first : first + 320]
        assert find_raw(sound.astype("<f4").tobytes()) is Kind.PCM_F32LE
        assert find_raw((sound * 0.003).astype("<f4").tobytes()) is Kind.PCM_F32LE
        assert find_raw(float_to_int16(sound).tobytes()) is Kind.PCM_S16LE


@given(st.lists(st.integers(0, 3), min_size=4, max_size=400).filter(any))
def test_the_faintest_integer_noise_is_not_taken_for_floats(noise: list[int]):
    even = noise[: len(noise) // 2 * 2]
    if any(even):
        assert find_raw(np.array(even, "<i2").tobytes()) is Kind.PCM_S16LE


def test_silence_is_undecided_unless_its_length_decides():
    assert find_raw(bytes(640)) is Kind.SILENCE
    assert find_raw(bytes(642)) is Kind.PCM_S16LE


def test_only_a_first_ogg_page_starts_anew():
    page = encoded("ogg-opus")
    assert starts_anew(page)
    assert not starts_anew(page[page.index(b"OggS", 4) :])
