// How a page of the API reference looks: what is asked, what it gives, what it throws, an example, each in a line or a table of
// its own. A heading is for what can be called or linked to.
import { ReflectionKind } from "typedoc";
import { MarkdownTheme, MarkdownThemeContext, ModuleRouter } from "typedoc-plugin-markdown";

/** @typedef {import("typedoc").SignatureReflection} Signature */

/** A page is at the path that it is about, though a member of another page may be called the same. */
export class ReferenceRouter extends ModuleRouter {
  /** @param {string} path */
  getFileName(path) {
    return `${path}${this.extension}`;
  }
}

/** A row of a table about a part of what the row above shows whole, with nothing told of it. */
const saidAbove = /^\| `[^`|]+\.[^`|]+` \|.*\| - \|\n/gm;

export class ReferenceTheme extends MarkdownTheme {
  /**
   * The page, with the name that the style sheet knows it by.
   * @param {import("typedoc-plugin-markdown").MarkdownPageEvent} page
   */
  render(page) {
    const text = super
      .render(page)
      .replaceAll(saidAbove, "")
      .replaceAll(/ \| - \|$/gm, " | |");
    return `---\npageClass: reference\n---\n\n${text}`;
  }

  /** @param {import("typedoc-plugin-markdown").MarkdownPageEvent<import("typedoc").Reflection>} page */
  getRenderContext(page) {
    return new ReferenceContext(this, page, this.application.options);
  }
}

class ReferenceContext extends MarkdownThemeContext {
  /** @param {ConstructorParameters<typeof MarkdownThemeContext>} given */
  constructor(...given) {
    super(...given);
    Object.assign(this.partials, {
      hierarchy: (/** @type {import("typedoc").DeclarationHierarchy} */ hierarchy) =>
        this.extended(hierarchy),
      inheritance: () => "",
      signatures: (/** @type {import("typedoc").DeclarationReflection} */ member) =>
        (member.signatures ?? []).map((signature) => this.signature(signature)).join("\n\n"),
      signature: (/** @type {Signature} */ signature, /** @type {{ hideTitle?: boolean }} */ { hideTitle }) =>
        this.signature(signature, hideTitle),
      typeParametersTable: () => "",
      declaration: this.withoutEmptyHeadings(this.partials.declaration),
      memberWithGroups: this.withoutEmptyHeadings(this.partials.memberWithGroups),
    });
  }

  /**
   * Headings above nothing are left out: type parameters are seen in what they are parameters of, and a form of a call is a block.
   * @template {readonly unknown[]} Given
   * @param {(...given: Given) => string} draw
   * @returns {(...given: Given) => string}
   */
  withoutEmptyHeadings(draw) {
    return (...given) => draw(...given).replaceAll(/^#+ (Type Parameters|Call Signature)\n\n/gm, "");
  }

  /** @param {import("typedoc").DeclarationHierarchy} hierarchy */
  extended({ isTarget, types }) {
    if (isTarget) return "";
    return `Extends ${types.map((type) => this.helpers.getHierarchyType(type)).join(", ")}.`;
  }

  /**
   * @param {Signature} signature
   * @param {boolean} [isTitled] whether it stands there already
   */
  signature(signature, isTitled = false) {
    const { comment, parameters = [] } = signature;
    const table = parameters.length === 0 ? "" : this.partials.parametersTable(parameters);
    const isTold = table.includes("](") || parameters.some(({ comment: told }) => told !== undefined);
    return [
      isTitled ? "" : this.partials.signatureTitle(signature),
      comment === undefined ? "" : this.helpers.getCommentParts(comment.summary),
      isTold ? table : "",
      this.given(signature),
      this.thrown(comment),
      this.examples(comment),
    ]
      .filter((part) => part !== "")
      .join("\n\n");
  }

  /**
   * What a call gives back, where that is explained, or is something of this reference.
   * @param {Signature} signature
   */
  given({ comment, type }) {
    const shown = this.helpers.getReturnType(type).replaceAll(/\s*\n\s*/g, " ");
    const told = comment?.getTag("@returns");
    if (told === undefined) return shown.includes("](") ? `Gives ${shown}.` : "";
    return `Gives ${shown}: ${this.helpers.getCommentParts(told.content)}`;
  }

  /** @param {import("typedoc").Comment | undefined} comment */
  thrown(comment) {
    const all = (comment?.getTags("@throws") ?? []).map(({ content }) =>
      this.helpers.getCommentParts(content),
    );
    if (all.length === 0) return "";
    const linked = all.map((text) => text.replaceAll(/\b[A-Z]\w+Error\b/g, (name) => this.link(name)));
    return `Throws\n\n${linked.map((text) => `- ${text}`).join("\n")}`;
  }

  /**
   * The name of an error, as a link to where that is told.
   * @param {string} name
   */
  link(name) {
    const error = this.page.project
      .getReflectionsByKind(ReflectionKind.Class)
      .find((one) => one.name === name);
    return error === undefined ? name : `[${name}](${this.urlTo(error)})`;
  }

  /** @param {import("typedoc").Comment | undefined} comment */
  examples(comment) {
    return (comment?.getTags("@example") ?? [])
      .map(({ content }) => this.helpers.getCommentParts(content))
      .join("\n\n");
  }
}
