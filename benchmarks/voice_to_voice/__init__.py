"""How long a caller waits for an answer, and whether it was understood.

``make voice-to-voice [LLM=URL MODEL=NAME]`` or
``python -m benchmarks.voice_to_voice [--at-once 1 10] [--llm URL] [--llm-model NAME]``

Ten callers talk to the agent of a real `voice-agent up`, over the page's protocol and by
telephone, each alone and all at once. Their questions differ, and are spoken by the TTS service
at ten paces and levels. What is counted:

- delay: from the last sound of a question to the first sound of its answer (not of a filler).
- understood: the words in which the caller's question differs from the others came back. The
  built-in rules repeat, add and count; on the page their text is looked at, on the telephone
  the ASR service listens to what the caller heard, and its mistakes count too. With a language
  model the page's `final` is compared with what was said, and the telephone tells nothing.

Rows are kept (`build/benchmarks/voice_to_voice.jsonl`): an interrupted run goes on; `--fresh`
measures all anew.
"""
