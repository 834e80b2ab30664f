/** The last seconds of a signal. */
export class Recording {
  constructor(capacity) {
    this.ring = new Float32Array(capacity);
    this.total = 0;
    this.peak = 0;
  }

  add(samples) {
    for (const sample of samples) {
      this.ring[this.total % this.ring.length] = sample;
      this.total += 1;
      this.peak = Math.max(this.peak, Math.abs(sample));
    }
  }

  samples() {
    if (this.total <= this.ring.length) return this.ring.slice(0, this.total);
    const oldest = this.total % this.ring.length;
    const ordered = new Float32Array(this.ring.length);
    ordered.set(this.ring.subarray(oldest));
    ordered.set(this.ring.subarray(0, oldest), this.ring.length - oldest);
    return ordered;
  }
}
