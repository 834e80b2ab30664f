import { Conversation } from "./conversation.js";
import { Engines } from "./engines.js";
import { Levels } from "./levels.js";
import { Notices } from "./notices.js";
import { statusWords } from "./status.js";
import * as words from "./words.js";

const COUNTDOWN_STEP_MS = 1000;
const QUIET_STATES = new Set(["idle", "ended"]);

export function byId(id) {
  return document.getElementById(id);
}

/** Everything the caller sees. */
export class View {
  constructor() {
    const announce = (text) => this.announce(text);
    this.notices = new Notices(byId("notices"), announce);
    this.levels = new Levels(byId("levels"));
    this.engines = new Engines(byId("engine-list"), byId("service-line"));
    this.conversation = new Conversation({
      scroller: byId("log"),
      list: byId("turns"),
      welcome: byId("welcome"),
      announce,
    });
    this.countdown = null;
  }

  /** A new paragraph each time: the same words said twice are two pieces of news. */
  announce(text) {
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    byId("announcer").replaceChildren(paragraph);
  }

  show(state, { microphone, muted }, canInterrupt) {
    const busy = !QUIET_STATES.has(state);
    byId("status").textContent = statusWords(state);
    byId("status").dataset.state = state;
    byId("start").hidden = microphone;
    byId("mute").hidden = !microphone;
    byId("mute").textContent = muted ? "Unmute" : "Mute";
    byId("mute").setAttribute("aria-pressed", String(muted));
    byId("interrupt").hidden = !busy;
    byId("interrupt").disabled = !canInterrupt;
    byId("end").hidden = !busy;
    if (busy) this.levels.run();
    else this.levels.stop();
  }

  callerLevel(rms) {
    this.levels.caller(rms);
  }

  agentLevel(rms) {
    this.levels.agent(rms);
  }

  typed(text) {
    this.conversation.typed(text);
  }

  sessionOver() {
    this.conversation.sessionOver();
    this.notices.removeAll("degraded:");
    this.notices.remove("draining");
  }

  connection(state, { reason, retryInMs }) {
    clearInterval(this.countdown);
    if (state === "waiting") this.countDown(reason, retryInMs);
    else if (state !== "connecting") this.notices.remove("connection");
    if (state === "closed" && reason !== "caller") {
      this.notices.remove(`error:${reason}`);
      this.notices.show("connection", words.closedWords(reason), { kind: "info" });
    }
  }

  countDown(reason, retryInMs) {
    const dueMs = performance.now() + retryInMs;
    const action = { label: "Try now", run: () => this.retryNow() };
    const tell = () => {
      const remainingMs = Math.max(0, dueMs - performance.now());
      this.notices.show("connection", words.waitingWords(reason, remainingMs), { kind: "warning", action });
    };
    tell();
    this.countdown = setInterval(tell, COUNTDOWN_STEP_MS);
  }

  microphoneFailed(error) {
    this.notices.show("microphone", words.microphoneWords(error), { kind: "error" });
  }

  microphoneLost() {
    this.notices.show("microphone", words.microphoneLost, { kind: "error" });
  }

  forgetMicrophone() {
    this.notices.remove("microphone");
  }

  soundUnplayable() {
    this.notices.pass("sound", words.soundUnplayable, { kind: "error" });
  }

  on_ready({ engine }) {
    this.engines.add(engine);
  }

  on_partial({ text = "", committed = 0 }) {
    this.conversation.partial(text, committed);
  }

  on_final({ text = "", turn_complete: complete }) {
    this.conversation.final(text, complete !== false);
  }

  on_answer_start({ turn }) {
    this.conversation.startAnswer(turn);
  }

  on_answer_text({ turn, delta = "" }) {
    this.conversation.answerText(turn, delta);
  }

  on_audio_chunk({ phrase }) {
    if (phrase) this.conversation.answerPhrase(phrase);
  }

  on_answer_end({ turn, interrupted, heard_text: heard }) {
    this.conversation.endAnswer(turn, { interrupted: Boolean(interrupted), heard: heard ?? null });
  }

  on_latency({ turn, stages }) {
    this.conversation.latency(turn, stages);
  }

  on_degraded(message) {
    this.notices.show(`degraded:${message.what}`, words.degradedWords(message), { kind: "warning" });
  }

  on_restored({ what }) {
    this.notices.remove(`degraded:${what}`);
  }

  on_draining(message) {
    this.notices.show("draining", words.drainingWords(message), { kind: "warning" });
  }

  on_error(message) {
    // These two end the connection, and the notice about that says more.
    if (message.code === "at_capacity" || message.code === "idle_timeout") return;
    this.notices.pass(`error:${message.code}`, words.errorWords(message), { kind: "error" });
  }

  on_configured() {}

  on_synthesis_complete() {}

  on_pong() {}

  on_ping() {}
}
