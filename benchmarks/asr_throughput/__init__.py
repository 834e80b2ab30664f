"""Whisper for many at once: ours against what one would write first, and against others.

``make throughput`` or ``python -m benchmarks.asr_throughput [--speech DIR] [--model tiny]``

All contenders decode the same utterances of 2–5 s with the same model file, in the same run,
one after another in processes of their own, so that what else the machine does meets all of
them. The weights are random and the model follows a script (see `benchmarks.random_whisper`):
every contender decodes the same ten words of every utterance, about three tokens a second of
speech, and none can end early or loop.

Contenders (each is a file in `contenders`):

- ``ours-full``, ``ours-auto``: our engine; finals only, in windows of 30 s, as all others,
  or of the length that is safe for the model. With word times, greedy. ``ours-auto-alone``
  decodes one window at a time: what batching alone brings is the rest.
- ``sequential``: `WhisperModel.transcribe`, one call after another. Greedy, word times, no
  previous text; the checks and temperatures of faster-whisper as they stand.
- ``direct``: the calls of CTranslate2 that a final needs and nothing around them, one after
  another: what ours may be compared with at one session.
- ``pipecat``: `WhisperSTTService.run_stt`, one service and so one model a session. Its own
  values: beam of 5, no word times.
- ``whisper-live``: WhisperLive's server with its batches on, as a process of its own, from an
  environment of its own; see `contenders.whisper_live`. Left out unless ``--whisper-live``
  names its Python.

Load shapes: ``closed``, where each session hands in its next utterance when the last final
came (throughput), and ``paced``, where each session speaks an utterance in real time and
pauses for 2–4 s (latency: from the end of the utterance to its final).
"""
