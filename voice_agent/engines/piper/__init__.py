"""Piper's voices (VITS) on a CPU, by our own inference: windows of a sentence, many at once.

espeak-ng puts the text into phonemes in its process, onnxruntime runs the model in threads
here. What the model cannot say (another script or language, a voice that cannot be used) is
spoken by espeak-ng within the same request.
"""
