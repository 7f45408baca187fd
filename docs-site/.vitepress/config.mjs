// The documentation as a site. It has no text of its own: its pages are the Markdown of the repository, where every snippet
// and every link is tested, at the paths that they have there.
import { defineConfig } from "vitepress";
import { sidebar } from "./sidebar.mjs";

/**
 * The anchor of a heading as repositories show it, so that a link leads to the same place in both.
 * @param {string} heading
 */
function slugify(heading) {
  const letters = heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "");
  return letters.replaceAll(" ", "-");
}

export default defineConfig({
  title: "duckdive",
  description: "Background jobs for TypeScript, in the database your application already has",
  srcDir: "pages", // made by gather.mjs
  rewrites: { "README.md": "index.md" },
  markdown: { anchor: { slugify } },
  vite: { build: { chunkSizeWarningLimit: 2_000 } }, // the index of the search is one chunk
  themeConfig: {
    nav: [
      { text: "Tutorial", link: "/docs/tutorial/index" },
      { text: "How to fail", link: "/docs/guide/how-to-fail" },
      { text: "Beside others", link: "/docs/compare/index" },
      { text: "API", link: "/api/index" },
      { text: "Changes", link: "/CHANGELOG" },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
  },
});
