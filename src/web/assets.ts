// The stylesheet and the script of the dashboard: two files beside this one, read once, served under names with their digest.
//
// A browser may keep them for ever, since another version has another name. They are made smaller where the browser can
// take that, once for all who ask.
//
// Before this file come the files. After it come the layout, which names them, and the routes, which serve them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

interface Asset {
  readonly name: string;
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly small: Uint8Array<ArrayBuffer>;
}

export interface Assets {
  readonly style: Asset;
  readonly script: Asset;
}

/** Reads them: when a dashboard is mounted, and not when it is imported. */
export function readAssets(): Assets {
  return {
    style: readAsset("duckdive.css", "text/css; charset=utf-8"),
    script: readAsset("duckdive.js", "text/javascript; charset=utf-8"),
  };
}

function readAsset(file: string, type: string): Asset {
  const body = new Uint8Array(readFileSync(fileURLToPath(new URL(`./assets/${file}`, import.meta.url))));
  const digest = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  return {
    name: file.replace(".", `-${digest}.`),
    type,
    body,
    small: new Uint8Array(gzipSync(body, { level: 9 })),
  };
}

/** What answers a request for one; undefined: there is no asset of that name. */
export function assetResponse(assets: Assets, name: string, accepts: string): Response | undefined {
  const asset = [assets.style, assets.script].find((one) => one.name === name);
  if (asset === undefined) return undefined;
  const isSmall = /\bgzip\b/.test(accepts);
  return new Response(isSmall ? asset.small : asset.body, {
    headers: {
      "content-type": asset.type,
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
      ...(isSmall ? { "content-encoding": "gzip" } : {}),
    },
  });
}
