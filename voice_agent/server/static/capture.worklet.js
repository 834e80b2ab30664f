import { Resampler } from "./resampler.js";

const WIRE_RATE = 16000;
// 32 ms: the step the voice activity detector works in.
const FRAME_SAMPLES = 512;

function mixToMono(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
}

function toInt16(sample) {
  return Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
}

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = sampleRate === WIRE_RATE ? null : new Resampler(sampleRate, WIRE_RATE);
    this.startFrame();
  }

  startFrame() {
    this.frame = new Int16Array(FRAME_SAMPLES);
    this.filled = 0;
    this.energy = 0;
  }

  process([channels]) {
    if (channels.length === 0) return true;
    const mono = mixToMono(channels);
    for (const sample of this.resampler ? this.resampler.process(mono) : mono) this.add(sample);
    return true;
  }

  add(sample) {
    this.frame[this.filled] = toInt16(sample);
    this.energy += sample * sample;
    this.filled += 1;
    if (this.filled === FRAME_SAMPLES) this.deliver();
  }

  deliver() {
    const rms = Math.sqrt(this.energy / FRAME_SAMPLES);
    this.port.postMessage({ pcm: this.frame.buffer, rms }, [this.frame.buffer]);
    this.startFrame();
  }
}

registerProcessor("capture", Capture);
