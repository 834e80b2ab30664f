const ROLES = { hears: "Hears", judges_turns: "Judges turns", speaks: "Speaks", thinks: "Thinks" };

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function hint(words) {
  const paragraph = element("p", "hint", "To change it");
  const code = document.createElement("code");
  for (const part of String(words).split(/(?<==)/)) code.append(part, document.createElement("wbr"));
  paragraph.append(code);
  return paragraph;
}

function description(engine) {
  const { name, model, device, why, hint: change } = typeof engine === "string" ? { name: engine } : engine;
  const made = document.createElement("dd");
  made.append(element("p", "engine", name ?? "unnamed"));
  const where = [model, device].filter(Boolean).join(" \u00b7 ");
  if (where && where !== name) made.append(element("p", "fine", where));
  if (why) made.append(element("p", "why", why));
  if (change) made.append(hint(change));
  return made;
}

/** Which engines run, why, and the one command that would change each. */
export class Engines {
  constructor(list, serviceLine) {
    this.list = list;
    this.serviceLine = serviceLine;
    this.known = {};
  }

  async fetch() {
    try {
      const response = await fetch(new URL("v1/info", document.baseURI));
      const info = await response.json();
      this.serviceLine.textContent = [info.service, info.version].filter(Boolean).join(" ");
      this.add(info.engines);
    } catch (error) {
      console.debug("no engine information", error);
    }
  }

  /** Either one engine per role, or the description of a single one. */
  add(engines) {
    if (!engines || typeof engines !== "object") return;
    const roles = Object.keys(ROLES).filter((role) => engines[role]);
    if (roles.length === 0 && typeof engines.name === "string") this.known[engines.role ?? "engine"] = engines;
    for (const role of roles) this.known[role] = engines[role];
    this.show();
  }

  show() {
    const order = [...Object.keys(ROLES), ...Object.keys(this.known)];
    const roles = [...new Set(order)].filter((role) => this.known[role]);
    this.list.replaceChildren(
      ...roles.flatMap((role) => [element("dt", "", ROLES[role] ?? "Engine"), description(this.known[role])]),
    );
  }
}
