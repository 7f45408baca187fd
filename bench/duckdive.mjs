// What is measured: the package as users get it, built by `npm ci` or `npm run build`.
export { job, open } from "../dist/index.js";
