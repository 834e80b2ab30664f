/** Index in `text` after its first `count` characters: the wire counts code points, strings UTF-16 units. */
export function unitsOf(text, count) {
  let units = 0;
  for (const character of text) {
    if (count <= 0) break;
    units += character.length;
    count -= 1;
  }
  return units;
}

function replaceData(node, data) {
  if (node.data !== data) node.data = data;
}

function grow(node, data) {
  if (data.length > node.length && data.startsWith(node.data)) node.appendData(data.slice(node.length));
  else replaceData(node, data);
}

function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.append(text);
  return element;
}

/** What the caller says: settled finals, then a committed prefix that only grows, then a tentative tail. */
export class CallerTurn {
  constructor(paragraph) {
    this.settled = document.createTextNode("");
    this.committed = document.createTextNode("");
    this.tentative = document.createTextNode("");
    this.gap = document.createTextNode("");
    paragraph.append(this.settled, span("committed", this.committed), this.gap, span("tentative", this.tentative));
  }

  get text() {
    return (this.settled.data + this.unsettled).trim();
  }

  get unsettled() {
    return this.committed.data + this.gap.data + this.tentative.data;
  }

  partial(text, committedCount) {
    this.separate();
    const shown = this.committed.data;
    const units = unitsOf(text, committedCount);
    // A shorter prefix than the one shown would take words back that were promised to stay.
    const committed = units < shown.length && text.startsWith(shown) ? shown : text.slice(0, units);
    grow(this.committed, committed);
    const tail = text.slice(committed.length);
    const words = tail.trimStart();
    replaceData(this.gap, tail.slice(0, tail.length - words.length));
    replaceData(this.tentative, words);
  }

  final(text) {
    for (const node of [this.committed, this.gap, this.tentative]) replaceData(node, "");
    if (text) this.separate();
    this.settled.appendData(text);
  }

  /** The connection went before the final came. */
  abandon() {
    if (this.unsettled) this.final(this.unsettled);
  }

  separate() {
    if (/\S$/.test(this.settled.data)) this.settled.appendData(" ");
  }
}
