// Packages that Node itself loads, as they are installed; and nothing of the repository around it, such as its paths.
export default { serverExternalPackages: ["duckdive"], turbopack: { root: import.meta.dirname } };
