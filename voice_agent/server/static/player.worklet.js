// Enough to ride out network jitter, small enough not to be felt as a delay.
const PREBUFFER_MS = 60;
const REPORT_FRAMES = 512;

/**
 * Plays queued samples and says exactly which were played.
 *
 * In: {type: "push", answer, samples}, {type: "clear"}.
 * Out: {answer, answerFrames, samples, rms, idle, cleared}; `samples` are those played since the last report.
 */
class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.prebufferFrames = Math.round((PREBUFFER_MS / 1000) * sampleRate);
    this.answer = null;
    this.answerFrames = 0;
    this.report = new Float32Array(REPORT_FRAMES);
    this.reported = 0;
    this.clearing = false;
    this.drop();
    this.port.onmessage = ({ data }) => (data.type === "clear" ? this.clear() : this.push(data));
  }

  drop() {
    this.queue = [];
    this.headOffset = 0;
    this.queuedFrames = 0;
    this.waitedFrames = 0;
    this.playing = false;
  }

  push({ answer, samples }) {
    if (samples.length === 0) return;
    this.queue.push({ answer, samples });
    this.queuedFrames += samples.length;
  }

  clear() {
    // What is audible fades over the next quantum, since a hard cut clicks; only that much is kept.
    if (this.playing) this.clearing = true;
    else this.finishClear();
  }

  finishClear() {
    this.drop();
    this.clearing = false;
    this.send({ idle: true, cleared: true });
  }

  process(_inputs, [[out]]) {
    if (!this.shouldPlay(out.length)) return true;
    const written = this.take(out);
    if (this.clearing) {
      for (let i = 0; i < out.length; i += 1) out[i] *= 1 - (i + 1) / out.length;
    }
    this.record(out.subarray(0, written));
    if (this.clearing) this.finishClear();
    else if (written < out.length) this.runDry();
    return true;
  }

  shouldPlay(quantum) {
    if (this.playing) return true;
    if (this.queuedFrames === 0) return false;
    this.waitedFrames += quantum;
    // The wait is bounded, so that an answer shorter than the buffer is played too.
    this.playing = this.queuedFrames >= this.prebufferFrames || this.waitedFrames >= this.prebufferFrames;
    return this.playing;
  }

  take(out) {
    let written = 0;
    while (written < out.length && this.queue.length > 0) {
      const { answer, samples } = this.queue[0];
      // One quantum holds one answer, so that counts never mix.
      if (answer !== this.answer && written > 0) break;
      this.beginAnswer(answer);
      const count = Math.min(out.length - written, samples.length - this.headOffset);
      out.set(samples.subarray(this.headOffset, this.headOffset + count), written);
      written += count;
      this.headOffset += count;
      if (this.headOffset === samples.length) {
        this.queue.shift();
        this.headOffset = 0;
      }
    }
    this.queuedFrames -= written;
    return written;
  }

  beginAnswer(answer) {
    if (answer === this.answer) return;
    if (this.reported > 0) this.send({ idle: false });
    this.answer = answer;
    this.answerFrames = 0;
  }

  runDry() {
    if (this.queue.length > 0) return;
    this.playing = false;
    this.waitedFrames = 0;
    this.send({ idle: true });
  }

  record(played) {
    this.answerFrames += played.length;
    for (const sample of played) {
      this.report[this.reported] = sample;
      this.reported += 1;
      if (this.reported === REPORT_FRAMES) this.send({ idle: false });
    }
  }

  send({ idle, cleared = false }) {
    const samples = this.report.slice(0, this.reported);
    this.reported = 0;
    const { answer, answerFrames } = this;
    this.port.postMessage({ answer, answerFrames, samples, idle, cleared }, [samples.buffer]);
  }
}

registerProcessor("player", Player);
