const ZERO_CROSSINGS = 16;
const PASSBAND = 0.92;

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function blackman(x) {
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

function phaseTaps(fraction, half, cutoff) {
  const taps = new Float32Array(2 * half);
  let sum = 0;
  for (let k = 0; k < taps.length; k += 1) {
    const t = k - half + 1 - fraction;
    taps[k] = Math.abs(t) < half ? sinc(cutoff * t) * blackman(t / half) : 0;
    sum += taps[k];
  }
  return taps.map((tap) => tap / sum);
}

/** Windowed-sinc rate conversion of a stream: pieces in, the same signal out, without seams. */
export class Resampler {
  constructor(fromRate, toRate) {
    const divisor = gcd(fromRate, toRate);
    this.up = toRate / divisor;
    this.down = fromRate / divisor;
    const cutoff = PASSBAND * Math.min(1, toRate / fromRate);
    const half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.phases = Array.from({ length: this.up }, (_, p) => phaseTaps(p / this.up, half, cutoff));
    this.pending = new Float32Array(half - 1);
    this.phase = 0;
    this.skip = 0;
  }

  process(input) {
    const buffer = new Float32Array(this.pending.length + input.length);
    buffer.set(this.pending);
    buffer.set(input, this.pending.length);
    const output = new Float32Array(Math.ceil((buffer.length * this.up) / this.down) + 1);
    let start = this.skip;
    let written = 0;
    for (let taps = this.phases[this.phase]; start + taps.length <= buffer.length; taps = this.phases[this.phase]) {
      let sum = 0;
      for (let k = 0; k < taps.length; k += 1) sum += taps[k] * buffer[start + k];
      output[written] = sum;
      written += 1;
      this.phase += this.down;
      start += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    this.skip = Math.max(0, start - buffer.length);
    this.pending = buffer.slice(start);
    return output.subarray(0, written);
  }
}
