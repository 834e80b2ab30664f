const WORDS = {
  idle: "Ready",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  full: "Waiting for a line",
  ended: "Ended",
  typing: "Connected, microphone off",
  muted: "Muted",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
};

/** One word for where the conversation stands; what is heard matters more than what is set. */
export function stateOf({ wire, waitingFor, ended, microphone, muted, hearing, thinking, answering, speaking }) {
  if (wire === "connecting") return "connecting";
  if (wire === "waiting") return waitingFor === "at_capacity" ? "full" : "reconnecting";
  if (wire === "closed") return ended ? "ended" : "idle";
  if (hearing) return "hearing";
  if (speaking) return "speaking";
  if (thinking || answering) return "thinking";
  if (!microphone) return "typing";
  return muted ? "muted" : "listening";
}

export function statusWords(state) {
  return WORDS[state];
}
