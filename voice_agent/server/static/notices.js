const PASSING_MS = 12000;

function button(label, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = label;
  element.addEventListener("click", onClick);
  return element;
}

/** What the caller should know now: one line per key, gone when it no longer holds. */
export class Notices {
  constructor(list, announce) {
    this.list = list;
    this.announce = announce;
    this.shown = new Map();
  }

  /** Changing the words of a notice is silent: a countdown must not be read out each second. */
  show(key, words, { kind = "info", action = null } = {}) {
    const known = this.shown.get(key);
    if (known) {
      known.text.data = words;
      return;
    }
    const item = document.createElement("li");
    item.className = kind;
    const text = document.createTextNode(words);
    const paragraph = document.createElement("p");
    paragraph.append(text);
    item.append(paragraph, action ? button(action.label, action.run) : button("Dismiss", () => this.remove(key)));
    this.list.append(item);
    this.shown.set(key, { item, text });
    this.announce(words);
  }

  /** A notice about a single event: it leaves by itself. */
  pass(key, words, options) {
    clearTimeout(this.shown.get(key)?.timer);
    this.show(key, words, options);
    this.shown.get(key).timer = setTimeout(() => this.remove(key), PASSING_MS);
  }

  remove(key) {
    const known = this.shown.get(key);
    if (!known) return;
    clearTimeout(known.timer);
    known.item.remove();
    this.shown.delete(key);
  }

  removeAll(prefix) {
    for (const key of [...this.shown.keys()]) if (key.startsWith(prefix)) this.remove(key);
  }
}
