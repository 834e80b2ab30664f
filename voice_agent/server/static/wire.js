import { Sent } from "./sent.js";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 5000;
const READY_WITHIN_MS = 10000;
const QUIET_BEFORE_PING_MS = 5000;
const QUIET_BEFORE_LOST_MS = 10000;
const WATCH_EVERY_MS = 2000;
const STEADY_AFTER_MS = 5000;
const RESUME_WITHIN_MS = 30000;
// 8 s of microphone: beyond it the network does not keep up, and old audio is worth nothing.
const MOST_UNSENT_BYTES = 256 * 1024;

const CLOSE_NORMAL = 1000;
const CLOSE_POLICY = 1008;
// Tells a server that still hears us that we come back.
const CLOSE_COMING_BACK = 4000;
const FINAL_CLOSES = new Set([CLOSE_NORMAL, CLOSE_POLICY]);
const FINAL_REASONS = new Set(["idle_timeout", "unauthorized"]);
// The other errors are about a request, and the connection goes on.
const CLOSING_REASONS = new Set([...FINAL_REASONS, "at_capacity"]);

function backoffMs(attempt) {
  const ceiling = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** attempt);
  return ceiling * (0.5 + 0.5 * Math.random());
}

function socketUrl(query) {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(query);
  return url;
}

/**
 * One conversation with the agent over as many sockets as it takes.
 *
 * onState gets "connecting", "open", "waiting" (with {retryInMs, reason}) or "closed" (with {reason}).
 */
export class Wire {
  constructor({ onState, onMessage, onBinary }) {
    this.onState = onState;
    this.onMessage = onMessage;
    this.onBinary = onBinary;
    this.state = "closed";
    this.socket = null;
    this.attempt = 0;
    this.session = null;
    this.announcedSeq = null;
    this.bytesSent = 0;
    this.timers = {};
  }

  get isOpen() {
    return this.state === "open";
  }

  /** A socket that is closing takes nothing more, though its end is not yet known here. */
  get canSend() {
    return this.isOpen && this.socket.readyState === WebSocket.OPEN;
  }

  connect() {
    if (this.state === "open" || this.state === "connecting") return;
    this.stopTimers();
    this.reason = null;
    this.retryAfterMs = null;
    this.lastHeardMs = performance.now();
    this.announcedSeq = null;
    const socket = new WebSocket(socketUrl(this.resumeQuery()));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket === this.socket && this.receive(data);
    socket.onclose = ({ code }) => socket === this.socket && this.lost(code);
    this.socket = socket;
    this.timers.ready = setTimeout(() => this.abandon(), READY_WITHIN_MS);
    this.setState("connecting");
  }

  /** Ends the conversation for good. */
  close() {
    this.forget();
    this.session = null;
    this.attempt = 0;
    this.setState("closed", { reason: "caller" });
  }

  send(message) {
    this.keep(JSON.stringify(message));
  }

  sendAudio(buffer) {
    if (!this.canSend || this.socket.bufferedAmount < MOST_UNSENT_BYTES) this.keep(buffer);
  }

  /** What finds no connection is sent when the session goes on, if it does. */
  keep(data) {
    if (!this.canSend && !this.mayResume) return;
    this.session.sent.add(data);
    if (this.canSend) this.transmit(data);
  }

  transmit(data) {
    this.socket.send(data);
    this.bytesSent += data.byteLength ?? data.length;
  }

  get mayResume() {
    const { token, lostMs } = this.session ?? {};
    return Boolean(token) && (lostMs === undefined || performance.now() - lostMs < RESUME_WITHIN_MS);
  }

  resumeQuery() {
    if (!this.mayResume) return {};
    return { resume: this.session.token, last_seq: this.session.lastSeq };
  }

  receive(data) {
    this.lastHeardMs = performance.now();
    if (typeof data !== "string") {
      this.count(this.announcedSeq);
      this.onBinary(data);
      return;
    }
    const message = parse(data);
    if (message === null) return;
    if (message.type === "ready") this.ready(message);
    if (message.type === "ping") this.send({ type: "pong", id: message.id });
    if (message.type === "error") this.noteError(message);
    // Sound is there when its bytes are.
    if (message.type === "audio_chunk") this.announcedSeq = message.seq;
    else this.count(message.seq);
    this.onMessage(message);
  }

  count(seq) {
    if (this.session && Number.isInteger(seq)) this.session.lastSeq = seq;
  }

  ready({ session_id: id, resume_token: token, resumed = false, received_frames: received = 0 }) {
    const { sent, lastSeq } = resumed ? this.session : { sent: new Sent(), lastSeq: 0 };
    this.session = { id, token, lastSeq, sent };
    this.reason = null;
    if (resumed) for (const frame of sent.missing(received)) this.transmit(frame);
    clearTimeout(this.timers.ready);
    this.timers.steady = setTimeout(() => { this.attempt = 0; }, STEADY_AFTER_MS);
    this.timers.watch = setInterval(() => this.watch(), WATCH_EVERY_MS);
    this.setState("open", { resumed });
  }

  noteError({ code, retry_after_ms: retryAfterMs }) {
    if (!CLOSING_REASONS.has(code)) return;
    this.reason = code;
    this.retryAfterMs = Number.isFinite(retryAfterMs) ? retryAfterMs : null;
  }

  /** A dead network closes no socket; silence tells. */
  watch() {
    const quietMs = performance.now() - this.lastHeardMs;
    if (quietMs > QUIET_BEFORE_LOST_MS) this.abandon();
    else if (quietMs > QUIET_BEFORE_PING_MS) this.send({ type: "ping", id: Math.round(this.lastHeardMs) });
  }

  abandon() {
    this.lost(null);
  }

  lost(code) {
    const wasOpen = this.isOpen;
    this.forget(CLOSE_COMING_BACK);
    if (this.session && wasOpen) this.session.lostMs = performance.now();
    if (FINAL_CLOSES.has(code) || FINAL_REASONS.has(this.reason)) {
      this.setState("closed", { reason: this.reason });
      return;
    }
    const atCapacity = this.reason === "at_capacity";
    const retryInMs = (atCapacity && this.retryAfterMs) || backoffMs(this.attempt);
    this.attempt += 1;
    this.timers.retry = setTimeout(() => this.connect(), retryInMs);
    this.setState("waiting", { retryInMs, reason: atCapacity ? "at_capacity" : "lost" });
  }

  forget(code = CLOSE_NORMAL) {
    this.stopTimers();
    const socket = this.socket;
    this.socket = null;
    socket?.close(code);
  }

  stopTimers() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
  }

  setState(state, details = {}) {
    this.state = state;
    this.onState(state, details);
  }
}

function parse(data) {
  try {
    const message = JSON.parse(data);
    if (typeof message?.type === "string") return message;
  } catch {
    // Told below, together with JSON that is not a message.
  }
  console.debug("not a message", data.slice(0, 200));
  return null;
}
