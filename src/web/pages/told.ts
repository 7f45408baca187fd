// Sentences that were made elsewhere, with what is in them made into what it is: ids lead to their runs, times are the
// reader's own, commands are set as such.
//
// Before this file come explanations. After it come the pages that show them.
import { clock, type Html, html, type Site, short, to } from "./markup.js";

/** An id, or a moment. */
const thing =
  /\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)(?![\w-])/;
/** Boot and process namespace, which a host's name has so that processes can be compared. */
const bootText = /\/[0-9a-f-]{36}(?:\/pid:\[\d+\])?/g;

export function told(site: Site, sentence: string): Html {
  const pieces = sentence.replace(bootText, "").split("`");
  return html`${pieces.map((piece, place) => (place % 2 === 1 ? html`<code>${piece}</code>` : plain(site, piece)))}`;
}

function plain(site: Site, text: string): Html {
  const parts = text.split(thing);
  return html`${parts.map((part, place) => {
    if (place % 2 === 0) return part;
    if (part.endsWith("Z")) return clock(new Date(part));
    if (parts[place - 1]?.endsWith("worker ") === true)
      return html`<a href="${to(site, "/workers")}">${short(part)}</a>`;
    return html`<a href="${to(site, `/runs/${part}`)}">${short(part)}</a>`;
  })}`;
}
