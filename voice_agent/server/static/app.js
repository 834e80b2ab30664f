import { Call } from "./call.js";
import { View, byId } from "./view.js";

const WIDE = matchMedia("(min-width: 60rem)");

const view = new View();
const call = new Call(view);

view.changed = () => view.show(call.state, call.facts, call.canInterrupt);
view.retryNow = () => call.wire.connect();

async function start() {
  byId("start").disabled = true;
  view.forgetMicrophone();
  try {
    await call.start();
  } catch (error) {
    console.debug("microphone", error);
    view.microphoneFailed(error);
  } finally {
    byId("start").disabled = false;
  }
  if (call.facts.microphone) byId("mute").focus();
}

function end() {
  call.end();
  byId("start").focus();
}

function submit(event) {
  event.preventDefault();
  const text = byId("say").value.trim();
  if (!text) return;
  byId("say").value = "";
  call.say(text);
}

function escape(event) {
  if (event.key === "Escape" && !byId("interrupt").disabled) call.interrupt();
}

function layEngines() {
  byId("engines").open = WIDE.matches;
}

byId("start").addEventListener("click", start);
byId("mute").addEventListener("click", () => call.setMuted(!call.facts.muted));
byId("interrupt").addEventListener("click", () => call.interrupt());
byId("end").addEventListener("click", end);
byId("form").addEventListener("submit", submit);
document.addEventListener("keydown", escape);
// Phones suspend sound when the page is hidden or a call comes in.
document.addEventListener("visibilitychange", () => document.hidden || call.resumeSound());
addEventListener("online", () => call.facts.wire === "waiting" && call.wire.connect());
addEventListener("pagehide", () => call.wire.close());
WIDE.addEventListener("change", layEngines);

layEngines();
view.changed();
view.engines.fetch();

/** For end-to-end tests: what was sent, and what was really played. */
window.voiceAgent = {
  get state() {
    return call.state;
  },
  get stats() {
    const { total: samplesPlayed, peak: peakPlayed } = call.player.recording;
    return { ...call.stats, bytesSent: call.wire.bytesSent, samplesPlayed, peakPlayed };
  },
  get recorded() {
    return call.player.recording.samples();
  },
};
