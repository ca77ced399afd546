// Bundles viewer.js and three.js into viewer_bundle.js: npm install && npm run build.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

// In the order in which the test of the bundle reads them.
const SOURCES = ["body.js", "package.json", "panels.js", "placing.js", "space.js", "track.js", "viewer.js"];
const hash = createHash("sha256");
for (const name of SOURCES) hash.update(readFileSync(name));
const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim().replace(/\s*\n\s*\n\s*/g, "\n\n");
const { version } = JSON.parse(readFileSync("node_modules/three/package.json", "utf8"));
await build({
  entryPoints: ["viewer.js"],
  outfile: "viewer_bundle.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  banner: { js: `/*! Kinesynth viewer, made by \`npm run build\` from sources ${hash.digest("hex")}.\nHolds three.js ${version}, https://threejs.org:\n\n${licence}\n*/` },
});
