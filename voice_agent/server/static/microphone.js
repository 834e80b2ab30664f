const WIRE_RATE = 16000;
const CAPTURE_URL = new URL("./capture.worklet.js", import.meta.url);
const CONSTRAINTS = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
};

function sourceAt(stream, options) {
  const context = new AudioContext(options);
  try {
    return context.createMediaStreamSource(stream);
  } catch (error) {
    context.close();
    throw error;
  }
}

function sourceFor(stream) {
  try {
    return sourceAt(stream, { sampleRate: WIRE_RATE });
  } catch {
    // Firefox refuses a context whose rate is not the device's; the worklet resamples then.
    return sourceAt(stream, {});
  }
}

/** The caller's voice as 16 kHz int16 frames of 32 ms. */
export class Microphone {
  constructor({ onFrame, onLost }) {
    this.onFrame = onFrame;
    this.onLost = onLost;
    this.stream = null;
    this.context = null;
    this.muted = false;
  }

  get isOpen() {
    return this.stream !== null;
  }

  /** Throws what getUserMedia throws, or an InsecureContext error where there is no such function. */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "InsecureContext");
    const stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
    try {
      await this.capture(stream);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw error;
    }
    this.stream = stream;
    this.setMuted(false);
    stream.getAudioTracks()[0].addEventListener("ended", () => {
      this.close();
      this.onLost();
    });
  }

  async capture(stream) {
    const source = sourceFor(stream);
    this.context = source.context;
    await this.context.audioWorklet.addModule(CAPTURE_URL);
    const node = new AudioWorkletNode(this.context, "capture", { outputChannelCount: [1] });
    node.port.onmessage = ({ data }) => {
      if (this.isOpen && !this.muted) this.onFrame(data.pcm, data.rms);
    };
    // Some browsers run only nodes that lead to the speakers; this one is silent there.
    source.connect(node).connect(this.context.destination);
    await this.context.resume();
  }

  setMuted(muted) {
    this.muted = muted;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  resume() {
    return this.context?.resume();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.context?.close();
    this.stream = null;
    this.context = null;
    this.muted = false;
  }
}
