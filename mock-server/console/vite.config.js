import { defineConfig } from 'vite'

/** Three files with names that do not change: they are committed, and embedded by the Rust build. */
export default defineConfig({
  base: '/_mock/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'served',
    target: 'es2022',
    modulePreload: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'console.js',
        assetFileNames: 'console[extname]',
        codeSplitting: false,
      },
    },
  },
})
