import { Microphone } from "./microphone.js";
import { Player } from "./player.js";
import { stateOf } from "./status.js";
import { Wire } from "./wire.js";

const CONFIG = { type: "config", sample_rate: 16000, encoding: "pcm_s16le" };

/**
 * The conversation without its looks: sound and messages in both directions.
 *
 * `view` gets a call per message type it has a method for, and `changed()` whenever the state may differ.
 */
export class Call {
  constructor(view) {
    this.view = view;
    this.facts = { wire: "closed", ended: false, microphone: false, muted: false };
    this.header = null;
    this.unsentTexts = [];
    this.stats = { chunksReceived: 0, clears: 0, clearMs: null };
    this.clearAtMs = null;
    this.player = new Player({
      onPlayed: (playedMs, { cleared }) => this.played(playedMs, cleared),
      onLevel: (rms) => view.agentLevel(rms),
      onActivity: (speaking) => this.set({ speaking, thinking: false }),
    });
    this.microphone = new Microphone({
      onFrame: (pcm, rms) => {
        view.callerLevel(rms);
        this.wire.sendAudio(pcm);
      },
      onLost: () => {
        this.set({ microphone: false, muted: false });
        view.microphoneLost();
      },
    });
    this.wire = new Wire({
      onState: (state, details) => this.wireChanged(state, details),
      onMessage: (message) => this.receive(message),
      onBinary: (buffer) => this.receiveSound(buffer),
    });
  }

  get state() {
    return stateOf(this.facts);
  }

  get canInterrupt() {
    const { speaking, thinking, answering } = this.facts;
    return this.wire.isOpen && Boolean(speaking || thinking || answering);
  }

  set(facts) {
    Object.assign(this.facts, facts);
    this.view.changed();
  }

  /** Throws what keeps the microphone from opening. */
  async start() {
    const speaker = this.player.open();
    await this.microphone.open();
    await speaker;
    this.set({ microphone: true, muted: false });
    if (this.wire.isOpen) this.wire.send(CONFIG);
    else this.wire.connect();
  }

  async say(text) {
    this.view.typed(text);
    this.unsentTexts.push(text);
    await this.player.open();
    if (this.wire.isOpen) this.sendTexts();
    else this.wire.connect();
  }

  sendTexts() {
    for (const text of this.unsentTexts) this.wire.send({ type: "text", text });
    this.unsentTexts = [];
    this.set({ thinking: true });
  }

  setMuted(muted) {
    this.microphone.setMuted(muted);
    // Sound time stands still while nothing is sent, so a turn left open would never end.
    if (muted && this.facts.hearing) this.wire.send({ type: "finalize" });
    this.set({ muted });
  }

  interrupt() {
    this.wire.send({ type: "interrupt" });
  }

  end() {
    this.microphone.close();
    this.player.clear();
    this.wire.close();
    this.unsentTexts = [];
    this.view.sessionOver();
    this.set({ microphone: false, muted: false, ended: false });
  }

  resumeSound() {
    this.microphone.resume();
    this.player.context?.resume();
  }

  wireChanged(state, details) {
    this.header = null;
    this.set({ wire: state, waitingFor: details.reason });
    if (state === "open") this.opened(details);
    if (state === "closed") this.forgetTurn();
    if (state === "closed" && details.reason !== "caller") this.closed();
    this.view.connection(state, details);
  }

  opened({ resumed }) {
    if (!resumed) this.begun();
    if (this.unsentTexts.length > 0) this.sendTexts();
  }

  /** Another session knows nothing of what was under way. */
  begun() {
    this.player.clear();
    this.forgetTurn();
    this.view.sessionOver();
    if (this.facts.microphone) this.wire.send(CONFIG);
  }

  forgetTurn() {
    this.set({ hearing: false, thinking: false, answering: false });
  }

  closed() {
    this.microphone.close();
    this.view.sessionOver();
    this.set({ microphone: false, muted: false, ended: true });
  }

  receive(message) {
    const own = this[`on_${message.type}`];
    const shown = this.view[`on_${message.type}`];
    if (own) own.call(this, message);
    if (shown) shown.call(this.view, message);
    if (!own && !shown) console.debug("unknown message", message);
  }

  on_speech_start() {
    this.set({ hearing: true });
  }

  on_speech_end({ turn_complete: complete }) {
    this.set({ hearing: false, thinking: Boolean(complete) });
  }

  on_final({ text, turn_complete: complete }) {
    if (complete !== false) this.set({ hearing: false, thinking: Boolean(text) });
  }

  on_answer_start() {
    this.player.beginAnswer();
    this.set({ answering: true, thinking: false });
  }

  on_answer_end() {
    this.set({ answering: false });
  }

  on_error() {
    this.set({ thinking: false });
  }

  on_audio_chunk(header) {
    this.header = header;
    // After a clear, an answer that was only paused goes on.
    if (!this.facts.answering) this.set({ answering: true, thinking: false });
  }

  on_clear() {
    this.stats.clears += 1;
    this.clearAtMs = performance.now();
    this.header = null;
    this.player.clear();
    this.set({ answering: false, thinking: false });
  }

  receiveSound(buffer) {
    const { header } = this;
    this.header = null;
    if (!header) {
      console.debug("sound without its header", buffer.byteLength);
      return;
    }
    this.stats.chunksReceived += 1;
    if (!this.player.push(buffer, header)) this.view.soundUnplayable();
  }

  played(playedMs, cleared) {
    if (cleared && this.clearAtMs !== null) {
      this.stats.clearMs = performance.now() - this.clearAtMs;
      this.clearAtMs = null;
    }
    this.wire.send({ type: "playback", played_ms: playedMs });
  }
}
