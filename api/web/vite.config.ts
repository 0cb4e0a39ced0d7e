import { defineConfig } from "vite";

// One page a client; each is built into api/static and served by api/routers/pages.py.
export default defineConfig({
  base: "/app/",
  publicDir: false,
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1300,
    rolldownOptions: {
      input: { map: "map.html", call: "call.html" },
      output: {
        // Libraries stand in files of their own: a change of our code leaves these as they are.
        codeSplitting: {
          groups: [
            { name: "maplibre", test: /node_modules[\\/](maplibre-gl|pmtiles|fflate)/ },
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
