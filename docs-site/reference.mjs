// Writes the API reference from the docstrings of the sources, one page an import path, into `pages/api`. A public name that
// nothing is said about, or that is built from one which is not public, is an error.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Application, Comment, CommentTag, Converter, ReflectionKind } from "typedoc";
import { importPaths } from "./import-paths.mjs";
import { ReferenceRouter, ReferenceTheme } from "./reference-theme.mjs";

/** What a worker is made of inside, and what is met of neighbours: whoever needs one of these has it from elsewhere. */
const notPublic = [
  "AddFromRun",
  "Caller",
  "Composed",
  "Delay",
  "EnqueueFromRun",
  "Events",
  "Frames",
  "IsolateSource",
  "MustBeStorable",
  "Parts",
  "ScheduleDefinition",
];

/** @type {Partial<import("typedoc").TypeDocOptions> & Record<string, unknown>} */
const options = {
  entryPoints: importPaths.map(({ source }) => source),
  sortEntryPoints: false,
  tsconfig: fileURLToPath(new URL("../tsconfig.build.json", import.meta.url)),
  plugin: ["typedoc-plugin-markdown"],
  theme: "reference",
  router: "reference",
  out: fileURLToPath(new URL("pages/api", import.meta.url)),
  entryFileName: "index",
  name: "API",
  readme: "none",
  logLevel: "Warn",
  disableGit: true,
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  hidePageHeader: true,
  useCustomAnchors: true,
  useCodeBlocks: true,
  expandObjects: true,
  expandParameters: true,
  indexFormat: "table",
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  propertyMembersFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: { hideDefaults: true, hideInherited: true, hideModifiers: true, hideOverrides: true },
  // Anchored, since `duckdive` and its member `Duckdive` would have the same place.
  pageTitleTemplates: { index: "API", module: "{name} {#import}", member: "{name}" },
  groupOrder: ["Functions", "Variables", "Interfaces", "Type Aliases", "Classes", "Errors"],
  requiredToBeDocumented: ["Variable", "Function", "Class", "Interface", "TypeAlias"],
  intentionallyNotExported: notPublic,
  intentionallyNotDocumented: [
    "duckdive.Upgrade.__type.step",
    "duckdive/with/next.NextOptions.headers.__type.__type.get",
    "duckdive/with/resque.RedisClient.__type.call",
    "duckdive/with/resque.RedisClient.__type.sendCommand",
  ],
  validation: { notExported: true, invalidLink: true, notDocumented: true },
};

const introduction =
  "What can be imported, by the path that it is imported from, as the sources say it. All of it is there since 0.1.0, " +
  "where no other version is named.";

/**
 * What a source says of itself: the first paragraph of its story.
 * @param {string} source
 */
function storyOf(source) {
  const lines = readFileSync(source, "utf8").split("\n");
  const end = lines.findIndex((line) => !/^\/\/ /.test(line));
  return lines
    .slice(0, end)
    .map((line) => line.slice("// ".length))
    .join(" ");
}

/**
 * Calls each module as it is imported, and puts the errors together, without what nobody makes by hand.
 * @param {import("typedoc").ProjectReflection} project
 */
function arrange(project) {
  project.comment = new Comment([{ kind: "text", text: introduction }]);
  for (const [index, { path, source }] of importPaths.entries()) {
    const module = project.children?.[index];
    if (module === undefined) throw new Error(`${source} gave no page.`);
    module.name = path;
    module.comment = new Comment([{ kind: "text", text: storyOf(source) }]);
  }
  for (const error of project.getReflectionsByKind(ReflectionKind.Class)) {
    if (!error.isDeclaration() || !error.name.endsWith("Error")) continue;
    error.comment?.blockTags.push(new CommentTag("@group", [{ kind: "text", text: "Errors" }]));
    for (const made of error.getChildrenByKind(ReflectionKind.Constructor)) project.removeReflection(made);
  }
}

/** Members that types alone need, and disposal, which is the same everywhere. */
const unsaid = /^~|^\[asyncDispose\]$/;

/**
 * Leaves out what is said elsewhere: members that come from something which is on a page as well, those of other libraries, and
 * what nobody calls.
 * @param {import("typedoc").ProjectReflection} project
 */
function shorten(project) {
  for (const member of project.getReflectionsByKind(ReflectionKind.ClassMember)) {
    if (!member.isDeclaration()) continue;
    const from = member.inheritedFrom ?? member.implementationOf;
    const isShape = member.parent?.comment?.summary[0]?.text.startsWith("What is used of ");
    const isOwn = !member.flags.isStatic && !member.flags.isAbstract;
    const isSaidByClass = member.name === "code" && isOwn && !member.hasComment();
    if (isShape || isSaidByClass || from?.reflection !== undefined || unsaid.test(member.name))
      project.removeReflection(member);
  }
}

/** What is inherited is known by then, and members are not put into groups yet. */
const beforeGrouping = -50;

const application = await Application.bootstrapWithPlugins(options);
application.renderer.defineRouter("reference", ReferenceRouter);
application.renderer.defineTheme("reference", ReferenceTheme);
application.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => arrange(context.project));
application.converter.on(Converter.EVENT_RESOLVE_END, (context) => shorten(context.project), beforeGrouping);

const project = await application.convert();
if (project !== undefined) {
  application.validate(project);
  await application.generateOutputs(project);
}
if (project === undefined || application.logger.hasErrors() || application.logger.hasWarnings())
  process.exitCode = 1;
