import { AnswerTurn } from "./answer_turn.js";
import { CallerTurn } from "./caller_turn.js";

const NEAR_END_PX = 80;

/** The transcript on screen. It outlives connections; turn numbers do not. */
export class Conversation {
  constructor({ scroller, list, welcome, announce }) {
    this.scroller = scroller;
    this.list = list;
    this.welcome = welcome;
    this.announce = announce;
    this.caller = null;
    this.answers = new Map();
    this.earlyLatency = new Map();
    this.latest = null;
  }

  partial(text, committed) {
    if (!text && !this.caller) return;
    this.keepingEnd(() => this.openCaller().turn.partial(text, committed));
  }

  final(text, turnComplete) {
    if (!text && !this.caller) return;
    this.keepingEnd(() => {
      const { item, turn } = this.openCaller();
      turn.final(text);
      if (!turn.text) item.remove();
      if (turnComplete) this.caller = null;
    });
    if (text) this.announce(`You: ${text}`);
  }

  /** Leaves a spoken turn open: its final is still to come. */
  typed(text) {
    this.keepingEnd(() => this.addTurn("caller", "You").paragraph.append(text));
  }

  startAnswer(number) {
    this.keepingEnd(() => {
      const { item, paragraph } = this.addTurn("agent", "Agent");
      this.latest = new AnswerTurn(item, paragraph);
      this.answers.set(number, this.latest);
      const stages = this.earlyLatency.get(number);
      if (stages) this.latest.showLatency(stages);
      this.earlyLatency.delete(number);
    });
  }

  answerText(number, delta) {
    if (!this.answers.has(number)) this.startAnswer(number);
    this.keepingEnd(() => this.answers.get(number).add(delta));
  }

  answerPhrase(words) {
    if (!this.latest || this.latest.ended) return;
    this.keepingEnd(() => this.latest.phrase(words));
    this.announce(`Agent: ${words}`);
  }

  endAnswer(number, { interrupted, heard }) {
    const answer = this.answers.get(number);
    if (!answer || answer.ended) return;
    this.keepingEnd(() => answer.end({ interrupted, heard }));
    if (answer.empty && !interrupted) answer.item.remove();
    else if (answer.text.trim() || interrupted) this.announce(`Agent: ${answer.text}${interrupted ? " (interrupted)" : ""}`);
  }

  latency(number, stages) {
    const answer = this.answers.get(number);
    if (answer) this.keepingEnd(() => answer.showLatency(stages));
    else this.earlyLatency.set(number, stages);
  }

  /** The next session numbers its turns anew and will not finish the old ones. */
  sessionOver() {
    this.closeCaller();
    for (const answer of this.answers.values()) {
      if (!answer.ended) answer.end({ interrupted: true, heard: null });
    }
    this.answers.clear();
    this.earlyLatency.clear();
  }

  closeCaller() {
    this.caller?.turn.abandon();
    this.caller = null;
  }

  openCaller() {
    if (!this.caller) {
      const { item, paragraph } = this.addTurn("caller", "You");
      this.caller = { item, turn: new CallerTurn(paragraph) };
    }
    return this.caller;
  }

  addTurn(kind, who) {
    this.welcome.hidden = true;
    const item = document.createElement("li");
    item.className = kind;
    const name = document.createElement("p");
    name.className = "who";
    name.textContent = who;
    const paragraph = document.createElement("p");
    paragraph.className = "words";
    paragraph.dir = "auto";
    item.append(name, paragraph);
    this.list.append(item);
    return { item, paragraph };
  }

  /** Follows the end, unless the reader has scrolled back. */
  keepingEnd(change) {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const following = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    change();
    if (following) this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}
