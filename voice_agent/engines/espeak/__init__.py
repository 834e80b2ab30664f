"""The embedded speaker: espeak-ng, alone in a process of its own.

Nothing is imported here, because the worker process passes through on its way to
`worker` and has to start fast; the engine is `voice_agent.engines.espeak.speaker`.
"""
