import os
import signal
import stat
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voice_agent.records.wav import StereoFile

HZ = 16_000
# writes a second at a time and says so, for ever
_WRITER = """
import sys
from pathlib import Path
import numpy as np
from voice_agent.records.wav import StereoFile

file = StereoFile(Path(sys.argv[1]), 16_000)
second = np.tile(np.array([[1000, -1000]], np.int16), (16_000, 1))
while True:
    file.write(second)
    print("written", flush=True)
"""


def read(path: Path) -> tuple[int, np.ndarray[tuple[int, ...], np.dtype[np.int16]]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, HZ)
        return file.getnframes(), np.frombuffer(file.readframes(1 << 30), np.int16).reshape(-1, 2)


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    file = StereoFile(path, HZ)
    frames = np.stack([np.arange(1000), -np.arange(1000)], axis=1).astype(np.int16)
    for count in range(1, 4):
        file.write(frames)
        n_frames, samples = read(path)
        assert n_frames == len(samples) == 1000 * count
        np.testing.assert_array_equal(samples[-1000:], frames)
    file.close()
    file.close()
    assert soundfile.info(path).frames == 3000


def test_nothing_said_is_a_sound_without_length(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    file = StereoFile(path, HZ)
    file.write(np.zeros((0, 2), np.int16))
    file.close()
    assert read(path)[0] == 0


def test_a_writer_that_is_killed_leaves_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    for _ in range(20):
        assert writer.stdout.readline() == "written\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()
    n_frames, samples = read(path)
    assert n_frames >= 20 * HZ
    # of the second that was being written there may be a part behind
    assert len(samples) >= n_frames
    assert set(map(tuple, samples[:n_frames].tolist())) == {(1000, -1000)}
    assert os.path.getsize(path) - 44 - 4 * n_frames <= 4 * HZ
    assert soundfile.info(path).frames == n_frames


def test_it_belongs_to_its_owner_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    StereoFile(path, HZ).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        StereoFile(path, HZ)
