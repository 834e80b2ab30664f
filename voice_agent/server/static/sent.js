// 30 s of microphone: a session waits no longer for its page.
const MOST_KEPT_BYTES = 960_000;

function sizeOf(frame) {
  return frame.byteLength ?? frame.length;
}

/** What was sent in a session, or could not be, as far as it may have to be sent again. */
export class Sent {
  constructor() {
    this.frames = [];
    this.bytes = 0;
    this.before = 0;
  }

  add(frame) {
    this.frames.push(frame);
    this.bytes += sizeOf(frame);
    while (this.bytes > MOST_KEPT_BYTES && this.frames.length > 1) this.drop(1);
  }

  /** The frames that a session lacks which has received so many. */
  missing(received) {
    this.drop(Math.max(0, received - this.before));
    this.before = received;
    return this.frames;
  }

  drop(count) {
    for (const frame of this.frames.splice(0, count)) {
      this.bytes -= sizeOf(frame);
      this.before += 1;
    }
  }
}
