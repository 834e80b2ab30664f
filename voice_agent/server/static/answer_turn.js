import { waterfall } from "./waterfall.js";

function squeeze(text) {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** Length of the part of `text` that reads like `heard`, whatever the spaces; null if it does not begin so. */
export function heardLength(text, heard) {
  const wanted = squeeze(heard);
  if (!squeeze(text).startsWith(wanted)) return null;
  let length = 0;
  while (length < text.length && squeeze(text.slice(0, length)) !== wanted) length += 1;
  return length;
}

/** What the agent says, and how much of it was heard. */
export class AnswerTurn {
  constructor(item, paragraph) {
    this.item = item;
    this.paragraph = paragraph;
    this.said = document.createTextNode("");
    paragraph.append(this.said);
    this.ended = false;
  }

  get text() {
    return this.said.data;
  }

  add(delta) {
    this.said.appendData(delta);
  }

  /** Said on the way, and no part of the answer. */
  phrase(words) {
    const aside = document.createElement("em");
    aside.className = "phrase fine";
    aside.textContent = words;
    this.said.before(aside, " ");
  }

  get empty() {
    return !this.paragraph.textContent.trim();
  }

  end({ interrupted, heard }) {
    this.ended = true;
    if (interrupted) this.markInterrupted(heard);
  }

  markInterrupted(heard) {
    const length = heard === null ? this.said.length : heardLength(this.said.data, heard);
    const unheard = length === null ? "" : this.said.data.slice(length);
    this.said.data = length === null ? heard : this.said.data.slice(0, length);
    if (unheard.trim()) {
      const struck = document.createElement("s");
      struck.textContent = unheard.trimStart();
      this.paragraph.append(unheard.slice(0, unheard.length - struck.textContent.length), struck);
    }
    const mark = document.createElement("p");
    mark.className = "mark-interrupted fine";
    mark.textContent = this.said.data.trim() ? "Interrupted here" : "Interrupted before a word was heard";
    this.paragraph.after(mark);
    this.item.classList.add("interrupted");
  }

  showLatency(stages) {
    const drawn = waterfall(stages);
    if (!drawn) return;
    const open = this.item.querySelector(".latency")?.open ?? false;
    this.item.querySelector(".latency")?.remove();
    drawn.open = open;
    this.item.append(drawn);
  }
}
