const DECODERS = {
  pcm_f32le: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  pcm_s16le: { bytes: 2, read: (view, at) => view.getInt16(at, true) / 32768 },
};

/** Samples of a binary frame, or null if the encoding is not one we play. */
export function decodePcm(buffer, encoding = "pcm_f32le") {
  const decoder = DECODERS[encoding];
  if (!decoder) return null;
  const view = new DataView(buffer);
  const samples = new Float32Array(Math.floor(buffer.byteLength / decoder.bytes));
  for (let i = 0; i < samples.length; i += 1) samples[i] = decoder.read(view, i * decoder.bytes);
  return samples;
}

export function rms(samples) {
  if (samples.length === 0) return 0;
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return Math.sqrt(energy / samples.length);
}
