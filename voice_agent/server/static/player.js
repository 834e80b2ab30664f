import { decodePcm, rms } from "./pcm.js";
import { Recording } from "./recording.js";
import { Resampler } from "./resampler.js";

const ANSWER_RATE = 24000;
const RECORDED_S = 30;
const REPORT_EVERY_MS = 250;
const PLAYER_URL = new URL("./player.worklet.js", import.meta.url);

/** Plays answers and knows how much of the current one was really heard. */
export class Player {
  constructor({ onPlayed, onLevel, onActivity }) {
    this.onPlayed = onPlayed;
    this.onLevel = onLevel;
    this.onActivity = onActivity;
    this.recording = new Recording(RECORDED_S * ANSWER_RATE);
    this.node = null;
    this.context = null;
    this.answer = 0;
    this.playedMs = 0;
    this.lastReportMs = 0;
    this.active = false;
    this.resampler = null;
    this.resamplerRate = ANSWER_RATE;
  }

  /** Must first be called from a gesture: browsers keep audio silent until then. */
  async open() {
    this.opening ??= this.build();
    await this.opening;
    await this.context.resume();
  }

  async build() {
    this.context = new AudioContext({ sampleRate: ANSWER_RATE, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(PLAYER_URL);
    this.node = new AudioWorkletNode(this.context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this.heard(data);
    this.node.connect(this.context.destination);
  }

  beginAnswer() {
    this.answer += 1;
    this.playedMs = 0;
    this.lastReportMs = 0;
    this.resampler = null;
    this.resamplerRate = ANSWER_RATE;
  }

  /** False if the encoding is not one we play. */
  push(buffer, { encoding, sample_rate: rate = ANSWER_RATE }) {
    const decoded = decodePcm(buffer, encoding);
    if (!decoded || !this.node) return false;
    const samples = this.atPlayerRate(decoded, rate);
    this.node.port.postMessage({ type: "push", answer: this.answer, samples }, [samples.buffer]);
    return true;
  }

  atPlayerRate(samples, rate) {
    if (rate !== this.resamplerRate) {
      this.resampler = rate === ANSWER_RATE ? null : new Resampler(rate, ANSWER_RATE);
      this.resamplerRate = rate;
    }
    return this.resampler ? this.resampler.process(samples).slice() : samples;
  }

  clear() {
    this.resampler = null;
    this.resamplerRate = ANSWER_RATE;
    this.node?.port.postMessage({ type: "clear" });
  }

  heard({ answer, answerFrames, samples, idle, cleared }) {
    this.recording.add(samples);
    this.onLevel(rms(samples));
    if (answer === this.answer) this.playedMs = Math.round((answerFrames / ANSWER_RATE) * 1000);
    if (idle || this.playedMs - this.lastReportMs >= REPORT_EVERY_MS) {
      this.lastReportMs = this.playedMs;
      this.onPlayed(this.playedMs, { cleared });
    }
    this.setActive(!idle);
  }

  setActive(active) {
    if (active === this.active) return;
    this.active = active;
    this.onActivity(active);
  }
}
