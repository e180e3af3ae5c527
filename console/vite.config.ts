import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Static files for the service to hand out below `/admin/` under a CSP without inline scripts, styles or data URLs. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/admin/",
  oxc: {
    jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" },
    jsxInject: `import { h, Fragment } from "preact"`,
  },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // WeCom's own browser on desktops lags behind: colours are written with light-dark(), which is translated for it.
    target: ["es2022", "chrome107", "safari16", "firefox115"],
    cssTarget: ["chrome107", "safari16", "firefox115"],
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
