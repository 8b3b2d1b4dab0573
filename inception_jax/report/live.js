// A page that `report --watch` serves: asks the server for a newer page, and takes over what changed.

const PAUSE = 2000; // milliseconds between two questions

class Live {
  constructor() {
    this.tag = null;
    this.texts = new Map(); // the parts of the page as they were served, by id
    this.ask();
  }

  async ask() {
    const began = performance.now();
    try {
      const headers = this.tag ? { "If-None-Match": this.tag } : {};
      const answer = await fetch(location.pathname, { headers, cache: "no-store" });
      if (answer.ok) this.take(await answer.text(), answer.headers.get("ETag"));
      else if (answer.status !== 304) throw new Error(answer.statusText);
      this.say(`live, ${new Date().toTimeString().slice(0, 8)}`);
    } catch (error) {
      this.say(error instanceof TypeError ? "the server has ended" : `not updated: ${error.message}`);
    }
    // A long page keeps neither the server nor the browser busy.
    setTimeout(() => this.ask(), Math.max(PAUSE, 5 * (performance.now() - began)));
  }

  say(text) {
    document.getElementById("live").textContent = text;
  }

  take(text, tag) {
    const page = new DOMParser().parseFromString(text, "text/html");
    this.tag = tag;
    for (const part of ["header", "#results", "#differences", "#attempts", "#config"])
      this.part(part, page.querySelector(part));
    show(page);
  }

  /** Takes over a part of the page that the server has rendered anew. */
  part(selector, served) {
    const text = served?.innerHTML ?? "";
    if (this.texts.get(selector) === text) return;
    this.texts.set(selector, text);
    if (!served) return;
    const shown = document.querySelector(selector);
    if (shown) shown.replaceWith(served);
    else document.getElementById("config").before(served);
    copyButtons(served);
    served.querySelectorAll("table.sortable.results").forEach(sortable);
  }
}

new Live();
