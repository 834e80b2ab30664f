"""The worker process: its start, its end, and what happens when it dies."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.engines.espeak.say import spoken
from voice_agent.engines.base import SpeakJob
from voice_agent.engines.espeak import protocol
from voice_agent.engines.espeak.process import WorkerProcess
from voice_agent.engines.espeak.protocol import (
    Frame,
    FrameBuffer,
    Kind,
    Mark,
    MarkKind,
    ProtocolError,
)
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.errors import EngineUnavailable

LONG = "This is a sentence of the long text that goes on. " * 100
SHORT = SpeakJob(session_id="b", text="Hello.")


@pytest.fixture
async def worker() -> AsyncIterator[WorkerProcess]:
    process = await WorkerProcess.start(lambda: None)
    yield process
    await process.end()


def kill_worker(speaker: EspeakSpeaker) -> int:
    worker = speaker._owner._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    return worker.pid


async def test_a_killed_worker_fails_the_running_job_and_the_next_one_works(
    speaker: EspeakSpeaker,
) -> None:
    speech = speaker.speak(SpeakJob(session_id="a", text=LONG))
    await anext(speech)
    killed = kill_worker(speaker)
    with pytest.raises(EngineUnavailable):
        async for _ in speech:
            pass
    assert len(await spoken(speaker, SHORT))
    assert speaker._owner.ready
    assert speaker._owner._worker is not None
    assert speaker._owner._worker.pid != killed


async def test_a_worker_killed_while_idle_is_replaced_before_the_next_job(
    speaker: EspeakSpeaker,
) -> None:
    for _ in range(3):
        kill_worker(speaker)
        assert len(await spoken(speaker, SHORT))


async def test_a_job_that_had_not_begun_survives_the_death_of_the_worker(
    speaker: EspeakSpeaker,
) -> None:
    before = await spoken(speaker, SHORT)
    kill_worker(speaker)
    jobs = [asyncio.create_task(spoken(speaker, SHORT)) for _ in range(5)]
    assert [len(samples) for samples in await asyncio.gather(*jobs)] == [len(before)] * 5


async def test_a_worker_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = EspeakSpeaker()
    for program in ("/bin/false", "/does/not/exist"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(EngineUnavailable, match="does not start"):
            await speaker.load()
    monkeypatch.undo()
    await speaker.load()
    assert len(await spoken(speaker, SHORT))
    await speaker.close()


async def test_while_no_worker_starts_jobs_are_refused_and_later_ones_work(
    speaker: EspeakSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    kill_worker(speaker)
    waiting = asyncio.create_task(spoken(speaker, SHORT))
    with pytest.raises(EngineUnavailable, match="does not start"):  # noqa: PT012
        while True:
            speaker._owner.require()
            await asyncio.sleep(0)
    assert not speaker.ready
    monkeypatch.undo()
    assert len(await waiting)
    assert len(await spoken(speaker, SHORT))


async def test_closing_ends_the_process_even_in_the_middle_of_speech() -> None:
    speaker = EspeakSpeaker(ahead_s=1000)
    await speaker.load()
    worker = speaker._owner._worker
    assert worker is not None
    speech = speaker.speak(SpeakJob(session_id="a", text=LONG))
    await anext(speech)
    await speaker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)
    await speech.aclose()


async def test_a_worker_that_hangs_is_ended_for_sure() -> None:
    process = await WorkerProcess.start(lambda: None)
    os.kill(process.pid, signal.SIGSTOP)
    await process.end()
    assert not process.alive


def test_the_worker_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
                import asyncio
                from voice_agent.engines.espeak.process import WorkerProcess

                async def main():
                    worker = await WorkerProcess.start(lambda: None)
                    print(worker.pid, flush=True)
                    await asyncio.Event().wait()

                asyncio.run(main())
            """),
        ],
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # ready when the process of that id has ended, whoever its parent is
        watched = os.pidfd_open(pid)
        parent.kill()
    try:
        ended = asyncio.run(_readable(watched))
    finally:
        os.close(watched)
    assert ended


async def _readable(descriptor: int) -> bool:
    event = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, event.set)
    async with asyncio.timeout(5):
        await event.wait()
    asyncio.get_running_loop().remove_reader(descriptor)
    return True


def test_neither_the_worker_nor_its_parent_loads_what_it_must_not() -> None:
    """The worker starts fast; the parent never loads the GPL library."""
    code = (
        "import sys, voice_agent.engines.espeak.worker;"
        "print(sorted({'numpy', 'pydantic', 'asyncio', 'loguru'} & set(sys.modules)))"
    )
    worker = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert worker.stdout.strip() == b"[]"
    code = "import sys, voice_agent.engines.espeak.speaker;print('espeakng_loader' in sys.modules)"
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert parent.stdout.strip() == b"False"


async def test_a_cancel_stops_the_audio_of_a_long_text(worker: WorkerProcess) -> None:
    worker.send(Kind.SPEAK, 7, protocol.pack_speak(LONG, "gmw/en-US", 130))
    assert (await worker.receive(5)).kind == Kind.AUDIO
    worker.send(Kind.CANCEL, 7)
    n_bytes = 0
    while (frame := await worker.receive(5)).kind == Kind.AUDIO:
        n_bytes += len(frame.body)
    assert frame == (Kind.DONE, 7, b"\x01")
    # 5,000 characters are 20 MB; what was in the pipe before the cancel came is far less
    assert n_bytes < 2_000_000


async def test_a_cancel_of_a_job_that_is_over_does_nothing(worker: WorkerProcess) -> None:
    for number in (1, 2):
        worker.send(Kind.CANCEL, number - 1)
        worker.send(Kind.SPEAK, number, protocol.pack_speak("Hello.", "gmw/en-US+f2", 130))
        while (frame := await worker.receive(5)).kind == Kind.AUDIO:
            pass
        assert frame == (Kind.DONE, number, b"\x00")


async def test_a_voice_that_espeak_refuses_fails_the_job_only(worker: WorkerProcess) -> None:
    worker.send(Kind.SPEAK, 1, protocol.pack_speak("Hello.", "nobody", 130))
    frame = await worker.receive(5)
    assert frame.kind == Kind.FAILED
    assert b"nobody" in frame.body
    worker.send(Kind.SPEAK, 2, protocol.pack_speak("Hello.", "gmw/en-US", 130))
    assert (await worker.receive(5)).kind == Kind.AUDIO


def test_frames_come_out_whole_however_the_bytes_are_cut() -> None:
    marks = [Mark(MarkKind.WORD, 5, 0, 3), Mark(MarkKind.END, 9, 3, 0)]
    data = protocol.pack(Kind.AUDIO, 3, protocol.pack_audio(b"\x01\x02", marks))
    data += protocol.pack(Kind.DONE, 3, b"\x00")
    buffer = FrameBuffer()
    frames = [frame for byte in data for frame in buffer.feed(bytes([byte]))]
    assert [frame.kind for frame in frames] == [Kind.AUDIO, Kind.DONE]
    assert protocol.unpack_audio(frames[0].body) == (b"\x01\x02", marks)


def test_a_frame_of_impossible_length_is_an_error() -> None:
    with pytest.raises(ProtocolError):
        list(FrameBuffer().feed(b"\xff" * 16))


@pytest.mark.parametrize(
    ("kind", "body"),
    [(Kind.AUDIO, b"\1"), (Kind.AUDIO, b"\xff" * 40), (99, b"")],
    ids=["short", "marks without end", "no kind"],
)
async def test_a_corrupt_frame_costs_a_worker_and_nothing_else(
    speaker: EspeakSpeaker, monkeypatch: pytest.MonkeyPatch, kind: int, body: bytes
) -> None:
    expected = await spoken(speaker, SHORT)
    receive = WorkerProcess.receive
    corrupted: list[Frame] = []

    async def garbled(worker: WorkerProcess, timeout_s: float) -> Frame:
        frame = await receive(worker, timeout_s)
        if frame.kind == Kind.AUDIO and not corrupted:
            corrupted.append(frame)
            return Frame(kind, frame.job, body)
        return frame

    monkeypatch.setattr(WorkerProcess, "receive", garbled)
    assert np.array_equal(await spoken(speaker, SHORT), expected)
    assert corrupted
    assert speaker._owner.ready


@pytest.mark.parametrize("body", [b"no json", b"{}", b"\xff\xfe"])
async def test_a_corrupt_answer_costs_a_worker_and_nothing_else(
    speaker: EspeakSpeaker, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    expected = await speaker.phonemes("Hello.", "en-us", 30.0)
    receive = WorkerProcess.receive
    corrupted: list[Frame] = []

    async def garbled(worker: WorkerProcess, timeout_s: float) -> Frame:
        frame = await receive(worker, timeout_s)
        if frame.kind == Kind.SAID and not corrupted:
            corrupted.append(frame)
            return Frame(Kind.SAID, frame.job, body)
        return frame

    monkeypatch.setattr(WorkerProcess, "receive", garbled)
    assert await speaker.phonemes("Hello.", "en-us", 30.0) == expected
    assert corrupted
    assert speaker._owner.ready


async def test_an_engine_whose_owner_has_ended_is_not_ready_and_refuses(
    speaker: EspeakSpeaker,
) -> None:
    task = speaker._owner._task
    assert task is not None
    task.cancel()
    await asyncio.wait({task})
    assert not speaker._owner.ready
    with pytest.raises(EngineUnavailable, match="ended"):
        await spoken(speaker, SHORT)
