const ERRORS = {
  bad_message: "The agent did not understand something this page sent.",
  bad_audio: "The agent could not read the sound from this microphone.",
  unsupported_format: "The agent cannot read this kind of sound.",
  too_large: "That was too large to send.",
  rate_limited: "Too many requests at once. Please wait a moment.",
  unauthorized: "This agent needs a key, and this page has none that it accepts.",
  at_capacity: "All lines are busy.",
  voice_not_found: "The chosen voice does not exist on this server.",
  voice_exists: "A voice of this name exists already.",
  text_too_long: "That text is too long to be spoken. Please send less at a time.",
  unsupported: "The engines running here cannot do that.",
  engine_timeout: "The agent took too long and gave up on this one. Please say it again.",
  engine_unavailable: "Part of the agent is not running at the moment.",
  resume_expired: "The connection was away too long: the agent has forgotten what was said before.",
  idle_timeout: "The line was closed because nobody spoke for a while.",
  internal: "Something went wrong inside the agent. Please say it again.",
};

const MICROPHONE = {
  NotAllowedError: "The microphone is blocked. Allow it for this page in the browser's address bar, then press Start. You can type meanwhile.",
  NotFoundError: "No microphone was found. Connect one and press Start, or type.",
  NotReadableError: "Another program is using the microphone. Close it there and press Start, or type.",
  InsecureContext: "Browsers give the microphone only to secure pages. Open this one over https or at localhost. You can type meanwhile.",
};

const LESS = {
  partials: "The server is busy: words appear with a delay.",
  tts: "The voice is running in a reduced way.",
  asr: "Listening is running in a reduced way.",
  llm: "Answers come from a simpler source.",
};

const REASONS = { load: "the server is busy", out_of_memory: "memory is short" };

export function plain(name) {
  return String(name ?? "").replaceAll(/[_-]+/g, " ").trim();
}

function seconds(ms) {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`;
}

export function errorWords({ code, message, retry_after_ms: retryAfterMs }) {
  const words = ERRORS[code] ?? message ?? `The agent reports a problem: ${plain(code) || "unknown"}.`;
  return Number.isFinite(retryAfterMs) ? `${words} Try again in ${seconds(retryAfterMs)}.` : words;
}

export function microphoneWords(error) {
  return MICROPHONE[error.name] ?? `The microphone could not be opened (${error.name}). You can type meanwhile.`;
}

export function degradedWords({ what, reason }) {
  if (LESS[what]) return LESS[what];
  const why = REASONS[reason] ?? plain(reason);
  return `Running in a reduced way: ${plain(what) || "one part"}${why && ` (${why})`}.`;
}

export function drainingWords({ deadline_ms: deadlineMs }) {
  const when = Number.isFinite(deadlineMs) ? ` within ${seconds(deadlineMs)}` : " soon";
  return `The server is restarting${when}. This page will connect again by itself.`;
}

export function waitingWords(reason, remainingMs) {
  const what = reason === "at_capacity" ? "All lines are busy, trying" : "The connection is lost, trying";
  return `${what} again in ${seconds(remainingMs)}.`;
}

export function closedWords(reason) {
  return reason ? ERRORS[reason] ?? "The agent ended the conversation." : "The agent ended the conversation.";
}

export const microphoneLost = "The microphone was disconnected. Press Start to use another one, or type.";
export const soundUnplayable = "The agent sent sound that this page cannot play.";
