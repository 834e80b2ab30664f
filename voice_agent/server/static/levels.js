const COLUMN_MS = 50;
const COLUMN_PX = 3;
const PITCH_PX = 5;
const FLOOR_DB = -55;
const CONTRAST = 1.7;
const QUIETEST = 0.02;
const CALM_EVERY_MS = 250;

function loudness(rms) {
  if (rms <= 0) return 0;
  const share = 1 - (20 * Math.log10(rms)) / FLOOR_DB;
  return Math.max(0, Math.min(1, share)) ** CONTRAST;
}

/** A strip chart of who speaks: the caller above the line, the agent below. */
export class Levels {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.columns = [];
    this.now = { caller: 0, agent: 0 };
    this.timer = null;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.fit());
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  caller(rms) {
    this.now.caller = Math.max(this.now.caller, loudness(rms));
  }

  agent(rms) {
    this.now.agent = Math.max(this.now.agent, loudness(rms));
  }

  run() {
    this.timer ??= setInterval(() => this.step(), this.calm.matches ? CALM_EVERY_MS : COLUMN_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.columns = [];
    this.draw();
  }

  step() {
    this.columns.push(this.now);
    this.now = { caller: 0, agent: 0 };
    this.columns = this.columns.slice(-this.capacity);
    this.draw();
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.capacity = Math.max(1, Math.floor(width / PITCH_PX));
    this.size = { width, height };
    const style = getComputedStyle(this.canvas);
    this.colours = {
      caller: style.getPropertyValue("--caller"),
      agent: style.getPropertyValue("--accent"),
      rest: style.getPropertyValue("--line"),
    };
    this.draw();
  }

  draw() {
    if (!this.size) return;
    this.pen.clearRect(0, 0, this.size.width, this.size.height);
    if (this.calm.matches) this.drawNow();
    else this.drawStrip();
  }

  drawStrip() {
    for (let i = 0; i < this.capacity; i += 1) {
      const column = this.columns[this.columns.length - this.capacity + i];
      const x = this.size.width - (this.capacity - i) * PITCH_PX;
      this.drawColumn(x, column ?? { caller: 0, agent: 0 });
    }
  }

  drawColumn(x, { caller, agent }) {
    const middle = this.size.height / 2;
    const reach = middle - 2;
    this.fill(this.colours.rest, x, middle - 1, COLUMN_PX, 2);
    if (caller > QUIETEST) this.fill(this.colours.caller, x, middle - 1 - caller * reach, COLUMN_PX, caller * reach + 1);
    if (agent > QUIETEST) this.fill(this.colours.agent, x, middle, COLUMN_PX, agent * reach + 1);
  }

  /** Two bars that stay where they are, for those whom scrolling disturbs. */
  drawNow() {
    const { caller, agent } = this.columns.at(-1) ?? { caller: 0, agent: 0 };
    const middle = this.size.height / 2;
    this.fill(this.colours.rest, 0, middle - 1, this.size.width, 2);
    this.fill(this.colours.caller, 0, middle - 8, caller * this.size.width, 6);
    this.fill(this.colours.agent, 0, middle + 2, agent * this.size.width, 6);
  }

  fill(colour, x, y, width, height) {
    this.pen.fillStyle = colour;
    this.pen.beginPath();
    this.pen.roundRect(x, y, width, height, 1.5);
    this.pen.fill();
  }
}
