// The wall between layers: imports go downward only. The list is in order, lowest first; a layer
// may import itself and the layers listed under `may`.
const layers = {
  base: [],
  model: ["base"],
  storage: ["base", "model"],
  evaluation: ["base", "model", "storage"],
  watch: ["base", "model", "storage"],
  decisions: ["base", "model", "storage", "evaluation"],
  audit: ["base", "model", "storage"],
  database: ["base", "model", "storage", "evaluation", "watch", "decisions", "audit"],
  client: ["base", "model"],
  server: ["base", "model", "storage", "evaluation", "watch", "decisions", "audit", "database"],
  cli: ["base", "model", "storage", "evaluation", "audit", "database", "client", "server"],
};

module.exports = {
  forbidden: [
    ...Object.entries(layers).map(([layer, may]) => ({
      name: `wall-${layer}`,
      comment: `src/${layer} may import ${["itself", ...may].join(", ")} and packages`,
      severity: "error",
      from: { path: `^src/${layer}/` },
      to: { path: "^src/", pathNot: `^src/(${[layer, ...may].join("|")})/` },
    })),
    { name: "level-stays-behind-the-store", severity: "error",
      comment: "nothing of LevelDB shows through the store contract, nor through the decision log",
      from: { path: "^src/", pathNot: "^src/(storage/level|audit/log)/" },
      to: { path: "node_modules/(level|classic-level|abstract-level)/" } },
    { name: "only-one-barrel", severity: "error", from: { path: "^src/", pathNot: "^src/cli/" }, to: { path: "^src/index\\.ts$" } },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    { name: "no-orphans", severity: "error", from: { orphan: true, pathNot: "(\\.d\\.ts|/usher-browser\\.js)$" }, to: {} },
    { name: "declared-packages", severity: "error", from: {}, to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"] } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default", "types"] },
  },
};
