import audioop

import numpy as np
import pytest

from voice_agent.audio import g711

EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)
EVERY_BYTE = bytes(range(256))


def test_mulaw_is_bit_exact_both_ways():
    assert g711.mulaw_encode(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE.tobytes(), 2)
    assert g711.mulaw_decode(EVERY_BYTE).tobytes() == audioop.ulaw2lin(EVERY_BYTE, 2)


def test_alaw_is_bit_exact_both_ways():
    assert g711.alaw_encode(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE.tobytes(), 2)
    assert g711.alaw_decode(EVERY_BYTE).tobytes() == audioop.alaw2lin(EVERY_BYTE, 2)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_what_was_decoded_encodes_to_a_code_of_the_same_sample(law: str):
    decode, encode = getattr(g711, f"{law}_decode"), getattr(g711, f"{law}_encode")
    samples = decode(EVERY_BYTE)
    assert np.array_equal(decode(encode(samples)), samples)


def test_no_samples_are_no_bytes():
    assert g711.mulaw_encode(EVERY_SAMPLE[:0]) == b""
    assert len(g711.alaw_decode(b"")) == 0
