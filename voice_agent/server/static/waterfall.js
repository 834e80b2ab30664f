import { plain } from "./words.js";

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function inWords(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function row({ name, ms }, beforeMs, totalMs) {
  const bar = element("span", "bar");
  bar.style.setProperty("--from", beforeMs / totalMs);
  bar.style.setProperty("--share", ms / totalMs);
  const track = element("span", "track");
  track.setAttribute("aria-hidden", "true");
  track.append(bar);
  const item = document.createElement("li");
  item.append(element("span", "stage", plain(name)), track, element("span", "ms", inWords(ms)));
  return item;
}

/** Where the time went between the caller's last word and the first sound of the answer. */
export function waterfall(stages) {
  const known = (Array.isArray(stages) ? stages : []).filter(({ ms }) => Number.isFinite(ms) && ms >= 0);
  const totalMs = known.reduce((sum, { ms }) => sum + ms, 0);
  if (totalMs === 0) return null;
  const list = element("ol", "waterfall");
  let beforeMs = 0;
  for (const stage of known) {
    list.append(row(stage, beforeMs, totalMs));
    beforeMs += stage.ms;
  }
  const details = element("details", "latency");
  details.append(element("summary", "", `Answered in ${inWords(totalMs)}`), list);
  return details;
}
